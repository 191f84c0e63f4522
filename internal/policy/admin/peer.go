package admin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// peer reads one entry of from or to. It reports false when none of the fields is known; the peer then has
// a Doubt.
func (c *compiler) peer(v *object.Value, d policy.Direction, a policy.Action, path string) (policy.Peer, bool) {
	fields := []string{"namespaces", "pods"}
	if d == policy.Egress {
		fields = append(fields, "nodes", "networks")
		if c.domains {
			fields = append(fields, "domainNames")
		}
	}
	p := policy.Peer{Kind: policy.PodPeer, Pos: c.Object.At(v)}
	doubts := c.Fields(v, path, fields...)
	var set []string
	for _, f := range fields {
		if v.Get(f).IsSet() {
			set = append(set, f)
		}
	}
	switch {
	case len(set) > 1:
		c.Refused(v, "the API server refuses the object; make them entries of their own", "%s: want one field, got %s", path, strings.Join(set, " and "))
	case len(set) == 1 || len(doubts) > 0 || v.Kind != object.Map:
	case !c.Stored():
		c.Refused(v, "the API server refuses the object; write namespaces: {} for every pod", "%s: the peer is empty", path)
	default:
		// The server dropped a field that its CRD does not have.
		doubts = append(doubts, c.Unclear(v, "%s: the peer is empty, so the CRD lacks the field that was meant", path))
	}
	var more []policy.Doubt
	switch {
	case len(set) != 1:
	case set[0] == "nodes":
		c.served(v, d, path, "nodes")
		p.Kind = policy.NodePeer
		p.Nodes, more = c.selector(v.Get("nodes"), path+".nodes")
	case set[0] == "networks":
		c.served(v, d, path, "networks")
		p.Kind = policy.AddrPeer
		p.Addrs = c.networks(v.Get("networks"), path+".networks")
	case set[0] == "domainNames":
		c.served(v, d, path, "domainNames")
		p = c.domainNames(v.Get("domainNames"), a, path+".domainNames")
	default:
		p.Term, more = c.term(v.Get("namespaces"), v.Get("pods"), path)
	}
	if doubts = append(doubts, more...); len(doubts) > 0 || len(set) == 0 {
		q := policy.Peer{Kind: policy.DoubtPeer, Pos: p.Pos, Doubt: &policy.Doubt{Pos: p.Pos, Ref: c.Object.Ref, Msg: path + ": the peer is not understood"}}
		if len(doubts) > 0 {
			q.Doubt = &doubts[0]
		}
		return q, len(set) > 0
	}
	return p, true
}

// term reads the two forms that select pods, in subjects and in peers. At most one is set.
func (c *compiler) term(namespaces, pods *object.Value, path string) (policy.Term, []policy.Doubt) {
	var t policy.Term
	at := path + ".namespaces"
	var doubts, more []policy.Doubt
	if pods.IsSet() {
		at = path + ".pods.namespaceSelector"
		doubts = c.Fields(pods, path+".pods", "namespaceSelector", "podSelector")
		namespaces = pods.Get("namespaceSelector")
		if pods.Kind == object.Map && !pods.Get("podSelector").IsSet() {
			c.Refused(pods, "the API server refuses the object; write podSelector: {} for all pods", "%s.pods.podSelector is missing", path)
		}
		if pods.Kind == object.Map && !namespaces.IsSet() && c.version == "v1alpha1" {
			c.Refused(pods, "the API server refuses the object; write namespaceSelector: {} for all namespaces", "%s is missing", at)
		}
		t.Pods, more = c.selector(pods.Get("podSelector"), path+".pods.podSelector")
		doubts = append(doubts, more...)
	}
	t.NamespaceSelector, more = c.selector(namespaces, at)
	t.Namespace, t.NamespaceSelector = policy.OneNamespace(t.NamespaceSelector)
	return t, append(doubts, more...)
}

// selector reads a metav1.LabelSelector. The schema checks the types only; what is wrong beyond them is
// refused by engines, one way or other. With doubts the selector must not be used.
func (c *compiler) selector(v *object.Value, path string) (cluster.Selector, []policy.Doubt) {
	const hint = "the API server or the engine refuses the object"
	doubts := c.Fields(v, path, "matchLabels", "matchExpressions")
	for i, e := range v.Get("matchExpressions").List() {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		doubts = append(doubts, c.Fields(e, at, "key", "operator", "values")...)
		c.List(e.Get("values"), at+".values")
		if !e.IsSet() {
			c.Refused(e, hint, "%s is null", at)
		}
	}
	s, bad := cluster.ParseSelector(v)
	for _, b := range bad {
		// Unknown fields were told above, with their doubts, and so was a selector that is no map.
		if strings.Contains(b.Msg, "unknown field") || b.Path == "" {
			continue
		}
		c.Refused(&object.Value{Line: b.Line}, hint, "%s.%s: %s", path, b.Path, b.Msg)
	}
	for _, r := range s {
		msgs := policy.LabelErrors(r.Key, r.Values)
		if len(msgs) > 0 {
			c.Refused(v, hint, "%s: %.200s: %s", path, r, strings.Join(slices.Compact(msgs), "; "))
		}
	}
	return s, doubts
}

// networks is what all the blocks of one peer hold together.
func (c *compiler) networks(list *object.Value, path string) netset.Addrs {
	var all netset.Addrs
	seen := map[string]bool{}
	for i, v := range c.entries(list, path, 1, 25) {
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := c.Text(v, at)
		if !ok {
			continue
		}
		if seen[text] {
			c.Refused(v, "the API server refuses the object; remove one", "%s: %+.80q is there twice", at, text)
		}
		seen[text] = true
		p, hostBits, err := netset.PrefixFrom(text)
		switch {
		case err != nil:
			c.Refused(v, "the API server refuses the object; write a block like 10.0.0.0/8 or fd00::/8, one address as 10.0.0.5/32", "%s: %v", at, err)
			continue
		case strings.Contains(text, ":") && p.Addr().Is4():
			c.Refused(v, "the API server refuses the object; write "+p.String(), "%s: %s is IPv4 written as IPv6", at, text)
			continue
		case hostBits:
			c.Warn(v, "write "+p.String()+", or the one address with its full length", "%s: %s has bits set behind its prefix length and is read as %s", at, text, p)
		}
		all = all.Union(netset.AddrsOf(p))
	}
	return all
}

// domainName is the pattern of the CRD, with its A-z.
var domainName = regexp.MustCompile(`^(\*\.)?([a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$`)

// domainNames may be any address, because nobody but the DNS knows which: also one of a pod, which NPEP-133
// counts as supported ("analogous to selecting the Pod by its IP address using the Network selector").
func (c *compiler) domainNames(list *object.Value, a policy.Action, path string) policy.Peer {
	seen := map[string]bool{}
	var names []string
	for i, v := range c.entries(list, path, 1, 25) {
		at := fmt.Sprintf("%s[%d]", path, i)
		name, ok := c.Text(v, at)
		switch {
		case !ok:
		case !domainName.MatchString(name):
			c.Refused(v, "the API server refuses the object; write a name like example.com or *.example.com", "%s: %+.80q is no domain name", at, name)
		case seen[name]:
			c.Refused(v, "the API server refuses the object; remove one", "%s: %+.80q is there twice", at, name)
		default:
			names = append(names, fmt.Sprintf("%.80s", name))
		}
		seen[name] = true
	}
	if a != policy.Allow {
		c.NotModelled(list, "%s: domain names are defined for %s rules only, so each engine makes something else of them here", path, c.allow)
	}
	d := c.Unclear(list, "%s: the addresses of %s are not known", path, someOf(names))
	return policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Pos: c.Object.At(list), Doubt: &d}
}

// someOf names the first few.
func someOf(names []string) string {
	const few = 3
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}
