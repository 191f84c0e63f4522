package bench

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Cilium knows the namespace of a pod, and its labels, as labels of the pod.
const (
	ciliumNamespace = "k8s:io.kubernetes.pod.namespace"
	ciliumLabels    = "k8s:io.cilium.k8s.namespace.labels."
)

// ciliumKeys is a selector of namespaces as one of pods.
func ciliumKeys(s Selector) Selector {
	return each(s, func(r Requirement) Requirement {
		if r.Key == nameLabel {
			return Requirement{ciliumNamespace, r.Op, r.Values}
		}
		return Requirement{ciliumLabels + r.Key, r.Op, r.Values}
	})
}

// cilium is a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy. Denials isolate nobody.
func (p *Policy) cilium() *object.Value {
	kind := "CiliumNetworkPolicy"
	subject := p.Subject.Pods
	if p.Subject.Namespace == "" {
		kind = "CiliumClusterwideNetworkPolicy"
		subject = append(ciliumKeys(p.Subject.Namespaces), subject...)
	}
	spec := tree(field("endpointSelector", selectorTree(subject)))
	for d, s := range sections {
		var allow, deny []*object.Value
		for _, r := range p.rules(Direction(d)) {
			if r.Action == Deny {
				deny = append(deny, p.ciliumRules(r)...)
			} else {
				allow = append(allow, p.ciliumRules(r)...)
			}
		}
		if p.Isolates[d] && len(allow) == 0 {
			allow = append(allow, tree())
		}
		if len(allow) > 0 {
			spec.Fields = append(spec.Fields, field(s.rules, list(allow...)))
		}
		if len(deny) > 0 {
			spec.Fields = append(spec.Fields, field(s.rules+"Deny", list(deny...)), field("enableDefaultDeny", tree(field(s.rules, truth(p.Isolates[d])))))
		}
	}
	return head("cilium.io/v2", kind, p.Subject.Namespace, p.Name, spec)
}

// ciliumRules is one rule for the pods and one for the networks.
func (p *Policy) ciliumRules(r Rule) []*object.Value {
	var pods, nets []*object.Value
	for _, x := range r.Peers {
		switch {
		case x.CIDR != "" && len(x.Except) > 0:
			nets = append(nets, tree(field("cidr", text(x.CIDR)), field("except", texts(x.Except...))))
		case x.CIDR != "":
			nets = append(nets, tree(field("cidr", text(x.CIDR))))
		case x.Namespace != "":
			pods = append(pods, selectorTree(x.Pods))
		default:
			pods = append(pods, selectorTree(append(ciliumKeys(x.Namespaces), x.Pods...)))
		}
	}
	side := sections[r.Direction].peers
	var out []*object.Value
	add := func(name string, peers []*object.Value) {
		v := tree()
		if len(peers) > 0 {
			v.Fields = append(v.Fields, field(side+name, list(peers...)))
		}
		if len(r.Ports) > 0 {
			ports := list(each(r.Ports, ciliumPort)...)
			v.Fields = append(v.Fields, field("toPorts", list(tree(field("ports", ports)))))
		}
		out = append(out, v)
	}
	if len(pods) > 0 || len(r.Peers) == 0 {
		add("Endpoints", pods)
	}
	if len(nets) > 0 {
		add("CIDRSet", nets)
	}
	return out
}

func ciliumPort(x PortRange) *object.Value {
	port := x.Name
	if port == "" {
		port = fmt.Sprint(x.Lo)
	}
	v := tree(field("port", text(port)))
	if x.Name == "" && x.Lo != x.Hi {
		v.Fields = append(v.Fields, field("endPort", number(x.Hi)))
	}
	v.Fields = append(v.Fields, field("protocol", text(x.Protocol)))
	return v
}
