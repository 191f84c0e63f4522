package pci

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// LetThrough names, for both ends and in all layers, the rules that allow a connection, or says that nothing isolates the
// end.
func LetThrough(m *reach.Model, src, dst reach.Peer, conns netset.Conns) []Because {
	t := m.Explain(onePod(m, src, dst, conns, true), onePod(m, dst, src, conns, false), conns)
	var out []Because
	for _, d := range []policy.Direction{policy.Egress, policy.Ingress} {
		side, end := t.Egress, src
		if d == policy.Ingress {
			side, end = t.Ingress, dst
		}
		switch {
		case end.Workload == nil:
		case !side.Applies:
			out = append(out, Because{Ref: end.Workload.Ref, Pos: end.Workload.Pos, Msg: side.Note})
		case side.Isolated == enforcer.No:
			out = append(out, Because{Ref: end.Workload.Ref, Pos: end.Workload.Pos, Msg: "nothing isolates it for " + d.String()})
		default:
			out = append(out, Deciding(side)...)
		}
	}
	for _, side := range t.Mesh {
		out = append(out, Deciding(side)...)
	}
	return out
}

// Deciding lists the allowing rules of one side that some of the query comes to and matches.
func Deciding(side reach.Side) []Because {
	var out []Because
	for _, p := range side.Policies {
		for _, r := range p.Rules {
			if some := r.Possible.Subtract(r.Late); r.Rule.Action == policy.Allow && !some.IsEmpty() {
				out = append(out, Because{Ref: p.Policy.Ref, Pos: r.Rule.Pos, Msg: fmt.Sprintf("%s allows %s", r.Rule.Path, some)})
			}
		}
	}
	return out
}

// onePod picks the pod of a workload that the connection concerns, because an explanation is of one pod.
func onePod(m *reach.Model, p, other reach.Peer, conns netset.Conns, isSrc bool) reach.Peer {
	if p.Workload == nil {
		return p
	}
	for _, pod := range p.Workload.Pods {
		src, dst := reach.OfPod(pod), other
		if !isSrc {
			src, dst = other, reach.OfPod(pod)
		}
		if m.Between(src, dst).May.Overlaps(conns) {
			return reach.OfPod(pod)
		}
	}
	return p
}
