package istio

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// source is conditions on the client: one entry of from, with what when says of the client.
type source struct {
	// ids are the pods whose identity fits, any of them; one zero term when identity does not matter.
	ids []policy.Term
	// identified says that there are conditions on identity; plain, that a connection without any meets them.
	identified, plain bool
	within            netset.Addrs // addresses, all when not restricted
	common
}

// operation is conditions on what is asked for: one entry of to, with what when says of that.
type operation struct {
	conns netset.Conns // TCP ports
	common
}

// common is what both kinds of conditions may hold besides.
type common struct {
	http   []string       // conditions on HTTP requests, for the reader
	limits []policy.Doubt // conditions that are not modelled
	// l7 are limits that the ambient agent, which knows no more than connections, treats as it does HTTP.
	l7 []policy.Doubt
	// lost are conditions that the ambient agent forgets.
	lost []policy.Doubt
}

func (c common) with(d common) common {
	return common{slices.Concat(c.http, d.http), slices.Concat(c.limits, d.limits), slices.Concat(c.l7, d.l7), slices.Concat(c.lost, d.lost)}
}

func anySource() source {
	return source{ids: []policy.Term{{}}, plain: true, within: netset.AllAddrs()}
}

func anyOperation() operation { return operation{conns: netset.Of(netset.TCP)} }

func (s source) and(t source) source {
	out := source{
		identified: s.identified || t.identified, plain: s.plain && t.plain,
		within: s.within.Intersect(t.within), common: s.with(t.common),
	}
	for _, a := range s.ids {
		for _, b := range t.ids {
			if len(out.ids) > mostTerms {
				return out
			}
			out.ids = append(out.ids, policy.Term{
				NamespaceSelector: cluster.NewSelector(slices.Concat(a.NamespaceSelector, b.NamespaceSelector)...),
				Facts:             cluster.NewSelector(slices.Concat(a.Facts, b.Facts)...),
			})
		}
	}
	return out
}

func (o operation) and(p operation) operation {
	return operation{o.conns.Intersect(p.conns), o.common.with(p.common)}
}

// mostTerms bounds how many ways the lists of one entry can be combined.
const mostTerms = 64

// mostPairs bounds the pairs of from and to in one rule.
const mostPairs = 4096

// rule is one entry of spec.rules. It matches when one source and one operation do.
type rule struct {
	sources    []source
	operations []operation
	pos        object.Pos
	path       string
	doubts     []policy.Doubt
}

// hasHTTP tells whether any part of the rule speaks of HTTP: an ALLOW rule then counts on HTTP ports only,
// as a whole (authz/model Generate). In ambient mode more counts as HTTP.
func (r *rule) hasHTTP(ambient bool) bool {
	check := func(c common) bool { return len(c.http) > 0 || ambient && len(c.l7) > 0 }
	return slices.ContainsFunc(r.sources, func(s source) bool { return check(s.common) }) ||
		slices.ContainsFunc(r.operations, func(o operation) bool { return check(o.common) })
}

func (k *compiler) rules(list *object.Value) []rule {
	var out []rule
	for i, v := range k.List(list, "spec.rules") {
		r := rule{pos: k.Object.At(v), path: fmt.Sprintf("spec.rules[%d]", i)}
		if !v.IsSet() {
			k.Refused(v, "the API server refuses the object; write {} for a rule that always matches", "%s is null", r.path)
		}
		r.doubts = k.Fields(v, r.path, "from", "to", "when")
		who, what := k.when(v.Get("when"), &r)
		if r.sources = k.from(v.Get("from"), r.path+".from", &r); len(r.sources) == 0 {
			r.sources = []source{anySource()}
		}
		if r.operations = k.to(v.Get("to"), r.path+".to", &r); len(r.operations) == 0 {
			r.operations = []operation{anyOperation()}
		}
		for j := range r.sources {
			if r.sources[j] = r.sources[j].and(who); len(r.sources[j].ids) > mostTerms {
				r.doubts = append(r.doubts, k.Unclear(v, "%s has too many combinations of wildcards", r.path))
			}
		}
		for j := range r.operations {
			r.operations[j] = r.operations[j].and(what)
		}
		if n := len(r.sources) * len(r.operations); n > mostPairs {
			r.doubts = append(r.doubts, k.Unclear(v, "%s has %d pairs of from and to, more than %d", r.path, n, mostPairs))
		}
		out = append(out, r)
	}
	return out
}

func (k *compiler) from(list *object.Value, path string, r *rule) []source {
	var out []source
	if list.IsSet() && list.Kind == object.List && len(list.Items) == 0 {
		k.Refused(list, "Istio refuses the object; leave from out for everyone", "%s is empty", path)
	}
	for i, v := range k.List(list, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.doubts = append(r.doubts, k.Fields(v, at, "source")...)
		src := v.Get("source")
		r.doubts = append(r.doubts, k.Fields(src, at+".source", sourceFields...)...)
		if len(src.Map()) == 0 {
			k.Refused(either(src, v), "Istio refuses the object; leave from out for everyone", "%s.source is empty", at)
		}
		s := anySource()
		for _, f := range []struct{ field, key string }{
			{"principals", "source.principal"},
			{"namespaces", "source.namespace"},
			{"serviceAccounts", "source.serviceAccount"},
			{"trustDomains", "source.trustDomain"},
			{"ipBlocks", "source.ip"},
			{"remoteIpBlocks", "remote.ip"},
			{"requestPrincipals", "request.auth.principal"},
		} {
			not := "not" + strings.ToUpper(f.field[:1]) + f.field[1:]
			positive, negative := k.texts(src.Get(f.field), at+".source."+f.field), k.texts(src.Get(not), at+".source."+not)
			s = s.and(k.client(f.key, src.Get(f.field), positive, negative))
		}
		has := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return src.Get(n).IsSet() })
		}
		if has("serviceAccounts", "notServiceAccounts") && has("principals", "notPrincipals", "namespaces", "notNamespaces") {
			k.Refused(src, "the API server refuses the object", "%s.source: service accounts together with principals or namespaces", at)
		}
		out = append(out, s)
	}
	return out
}

var sourceFields = []string{
	"principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals", "namespaces", "notNamespaces",
	"serviceAccounts", "notServiceAccounts", "trustDomains", "notTrustDomains",
	"ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks",
}

func (k *compiler) to(list *object.Value, path string, r *rule) []operation {
	var out []operation
	if list.IsSet() && list.Kind == object.List && len(list.Items) == 0 {
		k.Refused(list, "Istio refuses the object; leave to out for everything", "%s is empty", path)
	}
	for i, v := range k.List(list, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.doubts = append(r.doubts, k.Fields(v, at, "operation")...)
		op := v.Get("operation")
		r.doubts = append(r.doubts, k.Fields(op, at+".operation", "hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths")...)
		if len(op.Map()) == 0 {
			k.Refused(either(op, v), "Istio refuses the object; leave to out for everything", "%s.operation is empty", at)
		}
		o := operation{conns: k.ports(op.Get("ports"), k.texts(op.Get("ports"), at+".operation.ports"), k.texts(op.Get("notPorts"), at+".operation.notPorts"))}
		for _, f := range []string{"hosts", "methods", "paths"} {
			not := "not" + strings.ToUpper(f[:1]) + f[1:]
			if list := k.texts(op.Get(f), at+".operation."+f); len(list) > 0 {
				o.http = append(o.http, "HTTP "+f+" "+strings.Join(list, ", "))
			}
			if list := k.texts(op.Get(not), at+".operation."+not); len(list) > 0 {
				o.http = append(o.http, "HTTP "+f+" other than "+strings.Join(list, ", "))
			}
		}
		out = append(out, o)
	}
	return out
}

// when reads the conditions of a rule, apart for the client and for what is asked.
func (k *compiler) when(list *object.Value, r *rule) (source, operation) {
	who, what := anySource(), anyOperation()
	for i, v := range k.List(list, r.path+".when") {
		at := fmt.Sprintf("%s.when[%d]", r.path, i)
		r.doubts = append(r.doubts, k.Fields(v, at, "key", "values", "notValues")...)
		key, _ := k.Text(v.Get("key"), at+".key")
		positive, negative := k.texts(v.Get("values"), at+".values"), k.texts(v.Get("notValues"), at+".notValues")
		if len(positive)+len(negative) == 0 {
			k.Refused(v, "Istio refuses the object", "%s has no values", at)
			continue
		}
		condition := key + " " + shown(positive, negative)
		pos := k.Object.At(v)
		switch {
		case slices.Contains(clientKeys, key), strings.HasPrefix(key, "request.headers["), strings.HasPrefix(key, "request.auth.claims["):
			who = who.and(k.client(key, v, positive, negative))
			if key == "source.serviceAccount" || key == "source.trustDomain" {
				who.lost = append(who.lost, k.limit(pos, "the ambient agent does not know this condition: %s", condition))
			}
		case key == "destination.port":
			what.conns = what.conns.Intersect(k.ports(v, positive, negative))
		case key == "destination.ip":
			k.addrs(v, positive)
			k.addrs(v, negative)
			what.limits = append(what.limits, k.limit(pos, "%s is not modelled: %s", at, condition))
		case key == "connection.sni":
			what.l7 = append(what.l7, k.limit(pos, "%s is not modelled: %s", at, condition))
		case strings.HasPrefix(key, "experimental.envoy.filters."):
			what.l7 = append(what.l7, k.limit(pos, "%s is not modelled: %s", at, condition))
		default:
			// Istio refuses such an object, and leaves out the rule if it meets one all the same.
			k.Refused(v.Get("key"), "Istio refuses the object", "%s: %+q is no attribute", at, key)
		}
	}
	return who, what
}

var clientKeys = []string{
	"source.ip", "remote.ip", "source.namespace", "source.principal", "source.serviceAccount", "source.trustDomain",
	"request.auth.principal", "request.auth.audiences", "request.auth.presenter",
}

func shown(positive, negative []string) string {
	var parts []string
	if len(positive) > 0 {
		parts = append(parts, strings.Join(positive, ", "))
	}
	if len(negative) > 0 {
		parts = append(parts, "other than "+strings.Join(negative, ", "))
	}
	return strings.Join(parts, " and ")
}

// texts reads a list of strings that are not empty.
func (k *compiler) texts(v *object.Value, path string) []string {
	var out []string
	for i, it := range k.List(v, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch text, ok := k.Text(it, at); {
		case ok && text != "":
			out = append(out, text)
		case ok || !it.IsSet():
			k.Refused(it, "Istio refuses the object", "%s is empty", at)
		}
	}
	return out
}

// ports reads ports and notPorts.
func (k *compiler) ports(v *object.Value, positive, negative []string) netset.Conns {
	read := func(list []string) (out netset.Conns) {
		for _, text := range list {
			n, ok := port(text)
			if !ok && text != "0" {
				k.Refused(v, "Istio refuses the object", "%+q is no port", text)
			}
			out = out.Union(netset.Ports(netset.TCP, n, n))
		}
		return out
	}
	conns := netset.Of(netset.TCP)
	if len(positive) > 0 {
		conns = read(positive)
	}
	return conns.Subtract(read(negative))
}

// addrs reads addresses and blocks.
func (k *compiler) addrs(v *object.Value, list []string) netset.Addrs {
	var out netset.Addrs
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
			out = out.Union(netset.OneAddr(a))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			k.Refused(v, "Istio refuses the object; write an address or a block like 10.0.0.0/8", "%+q is no address and no block", text)
			continue
		}
		out = out.Union(netset.AddrsOf(p))
	}
	return out
}

// either is v, or where it should be.
func either(v, parent *object.Value) *object.Value {
	if v == nil {
		return parent
	}
	return v
}
