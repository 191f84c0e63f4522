package reach

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// labelReason says which labels are not known when a selection is not.
func labelReason(ref object.Ref, nsSel, podSel cluster.Selector, pod *cluster.Pod, pos object.Pos) Reason {
	for _, r := range podSel {
		if addedLater(r.Key, pod) {
			return Reason{
				Code: "run-time-labels", Ref: ref, Pos: pos,
				Msg: fmt.Sprintf("label %s is put on the pods of %s when they are made, so the template does not tell whether they match %s", r.Key, pod.Workload.Ref, podSel),
			}
		}
	}
	return namespaceReason(ref, nsSel, pod.Namespace, pos.File, pos.Line)
}

func namespaceReason(ref object.Ref, sel cluster.Selector, ns *cluster.Namespace, file string, line int) Reason {
	return Reason{
		Code: "namespace-labels", Ref: ref, Pos: object.Pos{File: file, Line: line},
		Msg: fmt.Sprintf("the labels of namespace %s are not in the input, so it is not known whether it matches %s; add its Namespace object", ns.Name, sel),
	}
}

// SubjectPods gives the pods a policy certainly and possibly selects, whether or not it is in force.
func (m *Model) SubjectPods(p *policy.Policy) (certain, possible []*cluster.Pod) {
	return m.podsWhere(func(pod *cluster.Pod) enforcer.Answer { return m.subject(p, pod) })
}

// PeerPods gives the pods that a peer certainly and possibly matches. For address peers that goes by the
// pods' addresses and the enforcer.
func (m *Model) PeerPods(q *policy.Peer) (certain, possible []*cluster.Pod) {
	switch q.Kind {
	case policy.AnyPeer:
		return m.podsWhere(func(*cluster.Pod) enforcer.Answer { return enforcer.Yes })
	case policy.DoubtPeer:
		return nil, m.cluster.Pods
	case policy.PodPeer:
		return m.podsWhere(func(pod *cluster.Pod) enforcer.Answer {
			return m.selects(q.Namespace, q.NamespaceSelector, q.Pods, pod)
		})
	case policy.AddrPeer:
		return m.podsWhere(func(pod *cluster.Pod) enforcer.Answer { return m.addrAnswer(q, pod) })
	}
	return nil, nil
}

func (m *Model) addrAnswer(q *policy.Peer, pod *cluster.Pod) enforcer.Answer {
	if m.profile.PodsByAddr == enforcer.No {
		return enforcer.No
	}
	answer := enforcer.No
	for _, f := range m.families {
		must, may := m.inAddrs(m.podAddr(pod, f), q.Addrs)
		switch {
		case must && m.profile.PodsByAddr == enforcer.Yes:
			return enforcer.Yes
		case may:
			answer = enforcer.Unknown
		}
	}
	return answer
}

func (m *Model) podsWhere(match func(*cluster.Pod) enforcer.Answer) (certain, possible []*cluster.Pod) {
	for _, pod := range m.cluster.Pods {
		if pod.HostNetwork {
			continue
		}
		switch match(pod) {
		case enforcer.Yes:
			certain = append(certain, pod)
			possible = append(possible, pod)
		case enforcer.Unknown:
			possible = append(possible, pod)
		case enforcer.No:
		}
	}
	return certain, possible
}
