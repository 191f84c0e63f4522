package istio

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// client is one condition on the client, by the key that when has for it: one of the positive values, and
// none of the negative ones.
func (k *compiler) client(key string, v *object.Value, positive, negative []string) source {
	s := anySource()
	if len(positive)+len(negative) == 0 {
		return s
	}
	pos := k.Object.At(v)
	switch key {
	case "source.ip":
		if len(positive) > 0 {
			s.within = k.addrs(v, positive)
		}
		s.within = s.within.Subtract(k.addrs(v, negative))
		return s
	case "remote.ip":
		k.addrs(v, positive)
		k.addrs(v, negative)
		s.l7 = append(s.l7, k.limit(pos, "remote addresses are what a proxy in front says they are, which is not modelled: %s", shown(positive, negative)))
		return s
	case "source.principal":
		s = k.identified(key, pos, positive, negative, k.principals)
		for _, text := range slices.Concat(positive, negative) {
			if len(k.principals(text)) > 1 {
				s.lost = append(s.lost, k.limit(pos, "the ambient agent takes trust domains as they are written: %s", text))
			}
			if strings.HasPrefix(text, "spiffe://") {
				k.Warn(v, "leave out spiffe://", "%+q matches no principal", text)
			}
		}
		return s
	case "source.namespace":
		return k.identified(key, pos, positive, negative, k.namespaces)
	case "source.serviceAccount":
		s = k.identified(key, pos, positive, negative, k.accounts)
		for _, text := range slices.Concat(positive, negative) {
			if ns, name, ok := strings.Cut(text, "/"); strings.Contains(text, "*") || ok && (ns == "" || name == "" || strings.Contains(name, "/")) {
				k.Refused(v, "Istio refuses the object; write ACCOUNT or NAMESPACE/ACCOUNT", "%+q is no service account", text)
			}
		}
		return s
	case "source.trustDomain":
		for _, text := range slices.Concat(positive, negative) {
			if strings.Contains(text, "/") || strings.Count(text, "*") > 1 || text != "*" && strings.Contains(strings.Trim(text, "*"), "*") {
				k.Refused(v, "Istio refuses the object", "%+q is no trust domain", text)
			}
		}
		s = k.identified(key, pos, positive, negative, k.trustDomains)
		s.lost = append(s.lost, k.limit(pos, "the ambient agent does not look at trust domains: %s", shown(positive, negative)))
		return s
	}
	s.http = append(s.http, key+" "+shown(positive, negative))
	return s
}

// condition is one value of an identity condition: on the name of the namespace or on the principal.
type condition struct {
	namespace bool
	cluster.Requirement
}

// identified makes a source of a condition on identity. Any of the positive values will do, so each operator
// and label makes a term; the negative ones exclude together. Without a positive value a connection that has
// no identity fits as well. Values whose meaning is not known are taken for the wider one, under a limit.
func (k *compiler) identified(key string, pos object.Pos, positive, negative []string, read func(string) []condition) source {
	s := anySource()
	s.identified, s.plain = true, len(positive) == 0
	if len(positive) > 0 {
		s.ids = nil
		for _, c := range together(positive, read) {
			s.ids = append(s.ids, c.term())
		}
	}
	for _, text := range positive {
		if why := k.open(key, text); why != "" {
			s.ids = []policy.Term{{Facts: cluster.NewSelector(cluster.Requirement{Key: FactPrincipal, Op: cluster.Exists})}}
			s.limits = append(s.limits, k.limit(pos, "%s", why))
		}
	}
	sure := negative[:0:0]
	for _, text := range negative {
		if why := k.open(key, text); why != "" {
			s.limits = append(s.limits, k.limit(pos, "%s", why))
		} else {
			sure = append(sure, text)
		}
	}
	except := policy.Term{}
	for _, c := range together(sure, read) {
		c.Requirement = c.Not()
		t := c.term()
		except.Facts = cluster.NewSelector(slices.Concat(except.Facts, t.Facts)...)
		except.NamespaceSelector = cluster.NewSelector(slices.Concat(except.NamespaceSelector, t.NamespaceSelector)...)
	}
	return s.and(source{ids: []policy.Term{except}, identified: true, plain: true, within: netset.AllAddrs()})
}

// open says why the meaning of a value is not known, or "".
func (k *compiler) open(key, text string) string {
	switch domain, rest, _ := strings.Cut(text, "/"); {
	case key == "source.namespace" && strings.Contains(strings.TrimPrefix(strings.TrimSuffix(text, "*"), "*"), "*"),
		key == "source.namespace" && strings.Count(text, "*") > 1:
		return "sidecars and the ambient agent differ on wildcards inside the name of a namespace: " + text
	case k.mesh.stated || domain == localDomain || strings.Contains(domain, "*"):
	case key == "source.trustDomain", key == "source.principal" && strings.Count(rest, "/") == 3:
		return "the trust domain of the mesh is not in the input, and may be " + domain
	}
	return ""
}

// together joins values that ask the same way about the same thing.
func together(values []string, read func(string) []condition) []condition {
	var out []condition
	for _, text := range values {
		for _, c := range read(text) {
			i := slices.IndexFunc(out, func(d condition) bool {
				return d.namespace == c.namespace && d.Key == c.Key && d.Op == c.Op && c.Op != cluster.Exists
			})
			if i < 0 {
				out = append(out, c)
			} else {
				out[i].Values = append(out[i].Values, c.Values...)
			}
		}
	}
	return out
}

func (c condition) term() policy.Term {
	if c.namespace {
		return policy.Term{NamespaceSelector: cluster.NewSelector(c.Requirement)}
	}
	return policy.Term{Facts: cluster.NewSelector(c.Requirement)}
}

// pattern reads what Istio takes for a wildcard: "*" alone, at the end, or at the beginning.
func pattern(key, text string) cluster.Requirement {
	switch {
	case text == "*":
		return cluster.Requirement{Key: key, Op: cluster.Exists}
	case strings.HasPrefix(text, "*"):
		return cluster.Requirement{Key: key, Op: cluster.EndsWith, Values: []string{text[1:]}}
	case strings.HasSuffix(text, "*"):
		return cluster.Requirement{Key: key, Op: cluster.StartsWith, Values: []string{text[:len(text)-1]}}
	}
	return cluster.Requirement{Key: key, Op: cluster.In, Values: []string{text}}
}

// principals reads TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT. "cluster.local" and the aliases stand for the trust
// domain of the mesh (trustdomain.Bundle ReplaceTrustDomainAliases).
func (k *compiler) principals(text string) []condition {
	out := []condition{{false, pattern(FactPrincipal, text)}}
	parts := strings.Split(text, "/")
	if len(parts) != 5 || parts[0] == "*" {
		return out
	}
	domains := append([]string{localDomain, k.mesh.trustDomain}, k.mesh.aliases...)
	td := pattern("", parts[0])
	if slices.ContainsFunc(domains, func(d string) bool { return td.MatchesValue(d, true) }) {
		own := k.mesh.trustDomain + "/" + strings.Join(parts[1:], "/")
		if own != text {
			out = append(out, condition{false, pattern(FactPrincipal, own)})
		}
	}
	return out
}

func (k *compiler) namespaces(text string) []condition {
	r := pattern(cluster.NameLabel, text)
	if r.Op == cluster.Exists { // every namespace has its name; what counts is that there is an identity
		return []condition{{false, cluster.Requirement{Key: FactPrincipal, Op: cluster.Exists}}}
	}
	return []condition{{true, r}}
}

func (k *compiler) accounts(text string) []condition {
	if !strings.Contains(text, "/") {
		text = k.Object.Ref.Namespace + "/" + text
	}
	ns, name, _ := strings.Cut(text, "/")
	return []condition{{false, cluster.Requirement{Key: FactPrincipal, Op: cluster.EndsWith, Values: []string{"/ns/" + ns + "/sa/" + name}}}}
}

func (k *compiler) trustDomains(text string) []condition {
	domains := []string{text}
	if slices.Contains(append(k.mesh.aliases, k.mesh.trustDomain), text) {
		domains = append(domains, k.mesh.trustDomain)
	}
	var out []condition
	for _, d := range domains {
		r := pattern(FactPrincipal, d)
		switch {
		case !strings.Contains(d, "*"):
			r = cluster.Requirement{Key: FactPrincipal, Op: cluster.StartsWith, Values: []string{d + "/"}}
		case strings.HasPrefix(d, "*") && d != "*":
			r = cluster.Requirement{Key: FactPrincipal, Op: cluster.Contains, Values: []string{d[1:] + "/ns/"}}
		}
		out = append(out, condition{false, r})
	}
	return out
}

// strangers are all that are outside the mesh: pods, addresses and nodes. With deny they are so only as far
// as nothing shows that some of them have identities.
func (k *compiler) strangers(pos object.Pos, action policy.Action) []policy.Peer {
	out := []policy.Peer{
		{Kind: policy.PodPeer, Term: policy.Term{Facts: cluster.NewSelector(cluster.Requirement{Key: FactMesh, Op: cluster.DoesNotExist})}, Pos: pos},
		{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly, Pos: pos},
		{Kind: policy.NodePeer, Pos: pos},
	}
	if action == policy.Deny {
		k.alone = k.alone || k.mesh.foreign == ""
		if k.mesh.foreign != "" {
			d := k.limit(pos, "%s", k.mesh.foreign)
			out[1].Doubt = &d
		}
		if k.mesh.hostProxies {
			d := k.limit(pos, "%s", hostProxy)
			out[2].Doubt = &d
		}
	}
	return out
}

const hostProxy = "a pod on the host network runs a proxy of the mesh, so a node may have an identity"
