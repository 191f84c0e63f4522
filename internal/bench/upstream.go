package bench

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// sections names the two directions in the spelling of the upstream APIs.
var sections = [2]struct{ rules, peers string }{{"ingress", "from"}, {"egress", "to"}}

func (p *Policy) networkPolicy() *object.Value {
	spec := tree(field("podSelector", selectorTree(p.Subject.Pods)), field("policyTypes", texts(p.isolates()...)))
	for d, s := range sections {
		rules := p.rules(Direction(d))
		if len(rules) == 0 {
			continue
		}
		spec.Fields = append(spec.Fields, field(s.rules, list(each(rules, func(r Rule) *object.Value {
			out := tree()
			if len(r.Peers) > 0 {
				out.Fields = append(out.Fields, field(s.peers, list(each(r.Peers, p.netpolPeer)...)))
			}
			if len(r.Ports) > 0 {
				out.Fields = append(out.Fields, field("ports", list(each(r.Ports, netpolPort)...)))
			}
			return out
		})...)))
	}
	return head("networking.k8s.io/v1", "NetworkPolicy", p.Subject.Namespace, p.Name, spec)
}

func (p *Policy) netpolPeer(x Peer) *object.Value {
	if x.CIDR != "" {
		block := tree(field("cidr", text(x.CIDR)))
		if len(x.Except) > 0 {
			block.Fields = append(block.Fields, field("except", texts(x.Except...)))
		}
		return tree(field("ipBlock", block))
	}
	out := tree()
	switch {
	case x.Namespace == "":
		out.Fields = append(out.Fields, field("namespaceSelector", selectorTree(x.Namespaces)))
	case x.Namespace != p.Subject.Namespace:
		out.Fields = append(out.Fields, field("namespaceSelector", selectorTree(Selector{equals(nameLabel, x.Namespace)})))
	}
	if len(x.Pods) > 0 || x.Namespace == p.Subject.Namespace {
		out.Fields = append(out.Fields, field("podSelector", selectorTree(x.Pods)))
	}
	return out
}

func netpolPort(x PortRange) *object.Value {
	out := tree(field("protocol", text(x.Protocol)))
	switch {
	case x.Name != "":
		out.Fields = append(out.Fields, field("port", text(x.Name)))
	case x.Lo == x.Hi:
		out.Fields = append(out.Fields, field("port", number(x.Lo)))
	default:
		out.Fields = append(out.Fields, field("port", number(x.Lo)), field("endPort", number(x.Hi)))
	}
	return out
}

// groupTree is a subject or peer of the admin APIs.
func groupTree(g Group) *object.Value {
	if len(g.Pods) == 0 {
		return tree(field("namespaces", selectorTree(g.Namespaces)))
	}
	return tree(field("pods", tree(field("namespaceSelector", selectorTree(g.Namespaces)), field("podSelector", selectorTree(g.Pods)))))
}

func adminPeer(x Peer) *object.Value {
	if x.CIDR != "" {
		return tree(field("networks", texts(x.CIDR)))
	}
	return groupTree(x.Group)
}

// adminPolicy is AdminNetworkPolicy, or BaselineAdminNetworkPolicy, of which there can be only one.
func (p *Policy) adminPolicy() *object.Value {
	spec := tree(field("subject", groupTree(p.Subject)))
	if p.API == AdminNetworkPolicy {
		spec.Fields = append(spec.Fields, field("priority", number(p.Priority)))
	}
	p.adminRules(spec, "ports", func(a Action) string { return string(a) }, func(x PortRange) *object.Value {
		if x.Lo == x.Hi {
			return tree(field("portNumber", tree(field("protocol", text(x.Protocol)), field("port", number(x.Lo)))))
		}
		return tree(field("portRange", tree(field("protocol", text(x.Protocol)), field("start", number(x.Lo)), field("end", number(x.Hi)))))
	})
	return head("policy.networking.k8s.io/v1alpha1", string(p.API), "", p.Name, spec)
}

func (p *Policy) adminRules(spec *object.Value, ports string, action func(Action) string, port func(PortRange) *object.Value) {
	for d, s := range sections {
		rules := p.rules(Direction(d))
		if len(rules) == 0 {
			continue
		}
		var items []*object.Value
		for i, r := range rules {
			v := tree(field("name", text(fmt.Sprintf("%s-%d", strings.ToLower(string(r.Action)), i))), field("action", text(action(r.Action))),
				field(s.peers, list(each(r.Peers, adminPeer)...)))
			if len(r.Ports) > 0 {
				v.Fields = append(v.Fields, field(ports, list(each(r.Ports, port)...)))
			}
			items = append(items, v)
		}
		spec.Fields = append(spec.Fields, field(s.rules, list(items...)))
	}
}

func (p *Policy) clusterPolicy() *object.Value {
	tier, name := "Admin", p.Name
	if p.Tier == BaselineTier {
		tier = "Baseline"
	}
	spec := tree(field("tier", text(tier)), field("priority", number(p.Priority)), field("subject", groupTree(p.Subject)))
	accept := func(a Action) string {
		if a == Allow {
			return "Accept"
		}
		return string(a)
	}
	p.adminRules(spec, "protocols", accept, func(x PortRange) *object.Value {
		to := tree(field("number", number(x.Lo)))
		if x.Lo != x.Hi {
			to = tree(field("range", tree(field("start", number(x.Lo)), field("end", number(x.Hi)))))
		}
		return tree(field(strings.ToLower(x.Protocol), tree(field("destinationPort", to))))
	})
	return head("policy.networking.k8s.io/v1alpha2", string(p.API), "", name, spec)
}
