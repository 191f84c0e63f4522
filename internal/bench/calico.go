package bench

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// calicoTier is the tier before all others. What none of its rules match goes on to the next.
const calicoTier = "platform"

func calicoTierTree() *object.Value {
	return head("projectcalico.org/v3", "Tier", "", calicoTier, tree(field("order", number(100)), field("defaultAction", text("Pass"))))
}

// calico is a NetworkPolicy or GlobalNetworkPolicy of projectcalico.org/v3.
func (p *Policy) calico() *object.Value {
	kind, name, tier := "NetworkPolicy", p.Name, "default"
	if p.Tier == AdminTier {
		tier, name = calicoTier, calicoTier+"."+p.Name
	}
	spec := tree(field("tier", text(tier)), field("order", number(p.Priority)))
	if len(p.Subject.Pods) > 0 {
		spec.Fields = append(spec.Fields, field("selector", text(calicoSelector(p.Subject.Pods))))
	} else {
		spec.Fields = append(spec.Fields, field("selector", text("all()")))
	}
	if p.Subject.Namespace == "" {
		kind = "GlobalNetworkPolicy"
		spec.Fields = append(spec.Fields, field("namespaceSelector", text(calicoSelector(p.Subject.Namespaces))))
	}
	types := p.isolates()
	if len(types) == 0 {
		for d, name := range []string{"Ingress", "Egress"} {
			if len(p.rules(Direction(d))) > 0 {
				types = append(types, name)
			}
		}
	}
	spec.Fields = append(spec.Fields, field("types", texts(types...)))
	for d, s := range sections {
		var rules []*object.Value
		for _, r := range p.rules(Direction(d)) {
			rules = append(rules, p.calicoRules(r)...)
		}
		if len(rules) > 0 {
			spec.Fields = append(spec.Fields, field(s.rules, list(rules...)))
		}
	}
	return head("projectcalico.org/v3", kind, p.Subject.Namespace, name, spec)
}

// calicoRules is one rule for each peer and protocol.
func (p *Policy) calicoRules(r Rule) []*object.Value {
	peers := r.Peers
	if len(peers) == 0 {
		peers = []Peer{{}}
	}
	var out []*object.Value
	for _, x := range peers {
		var entity []object.Field
		switch {
		case len(r.Peers) == 0:
		case x.CIDR != "":
			entity = append(entity, field("nets", texts(x.CIDR)))
			if len(x.Except) > 0 {
				entity = append(entity, field("notNets", texts(x.Except...)))
			}
		default:
			pods := "all()"
			if len(x.Pods) > 0 {
				pods = calicoSelector(x.Pods)
			}
			entity = append(entity, field("selector", text(pods)))
			if x.Namespace == "" {
				entity = append(entity, field("namespaceSelector", text(calicoSelector(x.Namespaces))))
			}
		}
		for _, ports := range byProtocol(r.Ports) {
			src, dst := entity, []object.Field(nil)
			if r.Direction == Egress {
				src, dst = nil, append(dst, entity...)
			}
			rule := tree(field("action", text(string(r.Action))))
			if len(ports) > 0 {
				rule.Fields = append(rule.Fields, field("protocol", text(ports[0].Protocol)))
				dst = append(dst, field("ports", list(each(ports, calicoPort)...)))
			}
			if len(src) > 0 {
				rule.Fields = append(rule.Fields, field("source", tree(src...)))
			}
			if len(dst) > 0 {
				rule.Fields = append(rule.Fields, field("destination", tree(dst...)))
			}
			out = append(out, rule)
		}
	}
	return out
}

// byProtocol groups ports; no ports are one group without any.
func byProtocol(ports []PortRange) [][]PortRange {
	if len(ports) == 0 {
		return [][]PortRange{nil}
	}
	var out [][]PortRange
	for _, proto := range []string{"TCP", "UDP", "SCTP"} {
		var group []PortRange
		for _, x := range ports {
			if x.Protocol == proto {
				group = append(group, x)
			}
		}
		if len(group) > 0 {
			out = append(out, group)
		}
	}
	return out
}

func calicoPort(x PortRange) *object.Value {
	switch {
	case x.Name != "":
		return text(x.Name)
	case x.Lo == x.Hi:
		return number(x.Lo)
	}
	return text(fmt.Sprintf("%d:%d", x.Lo, x.Hi))
}

func calicoSelector(s Selector) string {
	if len(s) == 0 {
		return "all()"
	}
	return strings.Join(each(s, func(r Requirement) string {
		values := "{" + strings.Join(each(r.Values, func(v string) string { return fmt.Sprintf("%q", v) }), ", ") + "}"
		switch r.Op {
		case "In":
			if len(r.Values) == 1 {
				return fmt.Sprintf("%s == %q", r.Key, r.Values[0])
			}
			return r.Key + " in " + values
		case "NotIn":
			return r.Key + " not in " + values
		case "Exists":
			return "has(" + r.Key + ")"
		}
		return "!has(" + r.Key + ")"
	}), " && ")
}
