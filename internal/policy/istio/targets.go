package istio

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// target is what a policy is attached to in place of pods: a gateway, or what a waypoint serves.
type target struct {
	kind, name string
	pos        object.Pos
}

// targets reads targetRefs, and the one targetRef that came before them.
func (k *compiler) targets(spec *object.Value) []target {
	var out []target
	read := func(v *object.Value, path string) {
		k.Whole(k.Fields(v, path, "group", "kind", "name", "namespace"))
		group, _ := k.Text(v.Get("group"), path+".group")
		kind, _ := k.Text(v.Get("kind"), path+".kind")
		name, _ := k.Text(v.Get("name"), path+".name")
		switch group + "/" + kind {
		case "gateway.networking.k8s.io/Gateway", "gateway.networking.k8s.io/GatewayClass", "/Service", "core/Service", networkingGroup + "/ServiceEntry":
		default:
			k.Refused(v, "the API server or Istio refuses the object", "%s: %+q of group %+q is nothing to attach to", path, kind, group)
		}
		if name == "" || v.Get("namespace").Str() != "" {
			k.Refused(v, "Istio refuses the object", "%s: want a name and no namespace", path)
		}
		out = append(out, target{kind, name, k.Object.At(v)})
	}
	for i, v := range k.List(spec.Get("targetRefs"), "spec.targetRefs") {
		read(v, fmt.Sprintf("spec.targetRefs[%d]", i))
	}
	one := spec.Get("targetRef")
	if one.IsSet() {
		read(one, "spec.targetRef")
	}
	if len(out) > 1 && one.IsSet() || len(out) > 0 && spec.Get("selector").IsSet() {
		k.Refused(spec, "the API server refuses the object", "spec: only one of selector, targetRef and targetRefs may be set")
	}
	return out
}

// targeted makes policies of an object that is attached to something. A gateway of this cluster is a
// workload like others. What a waypoint does is not modelled: connections may go past it, so it certainly
// stops nothing.
func (k *compiler) targeted(targets []target, tier policy.Tier, fill func(*policy.Policy, *server)) []policy.Policy {
	ns := k.Object.Ref.Namespace
	var out []policy.Policy
	for _, t := range targets {
		if t.kind == "Gateway" {
			pods := cluster.NewSelector(equals(gatewayLabel, t.name))
			if class := k.mesh.classOfGateway(ns, t.name); class != "" && class != waypointClass {
				out = append(out, k.policies(policy.Term{Namespace: ns, Pods: pods}, tier, []string{Gateway}, fill)...)
				continue
			}
			out = append(out, k.atWaypoint(policy.Term{Namespace: ns, Pods: pods, Facts: cluster.NewSelector(meshIn(Gateway, Waypoint))}, t, tier))
		}
		scope := policy.Term{Namespace: ns, Facts: cluster.NewSelector(meshIn(Ambient))}
		if t.kind == "GatewayClass" {
			scope.Namespace = ""
		}
		for _, svc := range k.mesh.c.Services {
			if t.kind == "Service" && svc.Ref.Namespace == ns && svc.Ref.Name == t.name && svc.Selector != nil {
				scope.Pods = cluster.MatchLabels(svc.Selector)
			}
		}
		out = append(out, k.atWaypoint(scope, t, tier))
	}
	return out
}

func (k *compiler) atWaypoint(scope policy.Term, t target, tier policy.Tier) policy.Policy {
	return policy.Policy{
		Ref: k.Object.Ref, Pos: k.Object.Pos, Layer: policy.Mesh, Tier: tier, Subjects: []policy.Term{scope},
		Rules: []policy.Rule{{
			Direction: policy.Ingress, Action: policy.Deny, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: t.pos}}, Conns: netset.Of(netset.TCP),
			Pos: t.pos, Path: "spec.targetRefs",
			Limits: []policy.Doubt{k.limit(t.pos, "what is attached to %s %s acts at a waypoint, which is not modelled", t.kind, t.name)},
		}},
	}
}
