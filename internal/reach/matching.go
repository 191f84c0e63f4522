package reach

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// both is three-valued "and".
func both(a, b enforcer.Answer) enforcer.Answer {
	switch {
	case a == enforcer.No || b == enforcer.No:
		return enforcer.No
	case a == enforcer.Yes && b == enforcer.Yes:
		return enforcer.Yes
	}
	return enforcer.Unknown
}

// selects tells whether a pod (not host-network) meets a term. It is unknown when that hangs on labels of
// a namespace or account that the input only names, on labels that a controller puts on pods when it makes
// them, or on facts that are not known.
func (m *Model) selects(t *policy.Term, p *cluster.Pod) enforcer.Answer {
	answer := m.matchPod(t.Pods, p)
	if answer == enforcer.No {
		return enforcer.No
	}
	if t.Namespace != "" {
		if p.Namespace.Name != t.Namespace {
			return enforcer.No
		}
	} else {
		answer = both(answer, matchNamespace(t.NamespaceSelector, p.Namespace))
	}
	if answer != enforcer.No && len(t.ServiceAccounts) > 0 {
		answer = both(answer, m.matchAccount(t.ServiceAccounts, p))
	}
	if answer != enforcer.No && len(t.Facts) > 0 {
		answer = both(answer, m.matchFacts(t.Facts, p))
	}
	return answer
}

// runTimeLabels are put on pods by the controllers that make them; templates do not have them (Kubernetes
// "Well-Known Labels", and the Deployment, StatefulSet, DaemonSet and Job pages).
var runTimeLabels = []string{
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
	"batch.kubernetes.io/job-name", "controller-revision-hash", "controller-uid", "job-name", "pod-template-generation",
	"pod-template-hash", "statefulset.kubernetes.io/pod-name",
}

// addedLater tells whether the pod stands for a template and the label comes with the real pods.
func addedLater(key string, p *cluster.Pod) bool {
	if !p.Template || !slices.Contains(runTimeLabels, key) {
		return false
	}
	_, has := p.Labels[key]
	return !has
}

// unseen tells whether it matters that the engine may not look at the label.
func (m *Model) unseen(r *cluster.Requirement, p *cluster.Pod) bool {
	return r.Matches(p.Labels) != r.MatchesValue("", false) && m.profile.Sees(r.Key) != enforcer.Yes
}

func (m *Model) matchPod(s cluster.Selector, p *cluster.Pod) enforcer.Answer {
	answer := enforcer.Yes
	for i := range s {
		r := &s[i]
		if addedLater(r.Key, p) {
			answer = enforcer.Unknown
			continue
		}
		value, has := p.Labels[r.Key]
		matches := r.MatchesValue(value, has)
		switch { // as unseen has it
		case has && m.profile.Sees(r.Key) != enforcer.Yes && matches != r.MatchesValue("", false):
			answer = enforcer.Unknown
		case !matches:
			return enforcer.No
		}
	}
	return answer
}

// matchNamespace matches a selector against a namespace whose labels may not be known.
func matchNamespace(s cluster.Selector, ns *cluster.Namespace) enforcer.Answer {
	return matchKnown(s, ns.Labels, ns.Declared, cluster.NameLabel)
}

func (m *Model) matchAccount(s cluster.Selector, p *cluster.Pod) enforcer.Answer {
	labels, declared := m.cluster.AccountLabels(p)
	return matchKnown(s, labels, declared, cluster.AccountName)
}

// matchKnown matches labels of which, unless all are known, only the one named always is.
func matchKnown(s cluster.Selector, labels map[string]string, known bool, always string) enforcer.Answer {
	answer := enforcer.Yes
	for i := range s {
		switch r := &s[i]; {
		case !known && r.Key != always:
			answer = enforcer.Unknown
		case !r.Matches(labels):
			return enforcer.No
		}
	}
	return answer
}

func (m *Model) matchFacts(s cluster.Selector, p *cluster.Pod) enforcer.Answer {
	answer := enforcer.Yes
	for _, r := range s {
		switch f, has := m.set.Facts[p][r.Key]; {
		case f.Unknown:
			answer = enforcer.Unknown
		case !r.MatchesValue(f.Value, has):
			return enforcer.No
		}
	}
	return answer
}

// subject tells whether p binds a pod. Whether the engine binds pods without an owner is not asked here.
func (m *Model) subject(p *policy.Policy, pod *cluster.Pod) enforcer.Answer {
	answer := enforcer.No
	for i := range p.Subjects {
		switch m.selects(&p.Subjects[i], pod) {
		case enforcer.Yes:
			return enforcer.Yes
		case enforcer.Unknown:
			answer = enforcer.Unknown
		case enforcer.No:
		}
	}
	return answer
}

// termReasons says what is not known when it is not known whether a pod meets a term.
func (m *Model) termReasons(ref object.Ref, t *policy.Term, pod *cluster.Pod, pos object.Pos) []Reason {
	if m.selects(t, pod) != enforcer.Unknown {
		return nil
	}
	var out []Reason
	add := func(code, format string, args ...any) {
		out = append(out, Reason{Code: code, Ref: ref, Pos: pos, Msg: fmt.Sprintf(format, args...)})
	}
	for _, r := range t.Pods {
		if addedLater(r.Key, pod) {
			add("run-time-labels", "label %s is put on the pods of %s when they are made, so the template does not tell whether they match %s", r.Key, pod.Workload.Ref, t.Pods)
			break
		}
		if m.unseen(&r, pod) {
			add("label-not-seen", "Cilium leaves label %s out of what it knows of a pod unless it is told otherwise, so a selector that asks for it may bind nobody", r.Key)
			break
		}
	}
	if t.Namespace == "" && matchNamespace(t.NamespaceSelector, pod.Namespace) == enforcer.Unknown {
		add("namespace-labels", "the labels of namespace %s are not in the input, so it is not known whether it matches %s; add its Namespace object", pod.Namespace.Name, t.NamespaceSelector)
	}
	if m.matchAccount(t.ServiceAccounts, pod) == enforcer.Unknown {
		add("account-labels", "the labels of service account %s/%s are not in the input, so it is not known whether it matches %s; add its ServiceAccount object", pod.Namespace.Name, pod.ServiceAccount, t.ServiceAccounts)
	}
	for _, r := range t.Facts {
		if f := m.set.Facts[pod][r.Key]; f.Unknown {
			add("fact-not-known", "%s", f.Because)
		}
	}
	return out
}

// SubjectPods gives the pods a policy certainly and possibly selects, whether or not it is in force.
func (m *Model) SubjectPods(p *policy.Policy) (certain, possible []*cluster.Pod) {
	byFacts := slices.ContainsFunc(p.Subjects, func(t policy.Term) bool { return len(t.Facts) > 0 })
	return m.podsWhere(m.podsNear(p.Subjects), !byFacts, func(pod *cluster.Pod) enforcer.Answer { return m.subject(p, pod) })
}

// PeerPods gives the pods that a peer certainly and possibly matches, which may be one list and must not be changed. For address peers that goes by the
// pods' addresses and the enforcer. A NodePeer matches no pod here, although host-network pods come with
// their nodes.
func (m *Model) PeerPods(q *policy.Peer) (certain, possible []*cluster.Pod) {
	pods, alike := m.cluster.Pods, false
	if q.Kind == policy.PodPeer {
		pods, alike = m.podsNear([]policy.Term{q.Term}), q.Within == nil && len(q.Facts) == 0
	}
	certain, possible = m.podsWhere(pods, alike, func(pod *cluster.Pod) enforcer.Answer { return m.peerPod(q, pod) })
	switch {
	case q.Kind == policy.DoubtPeer:
		return nil, m.cluster.Pods
	case q.Doubt != nil:
		return nil, possible
	}
	return certain, possible
}

func (m *Model) peerPod(q *policy.Peer, pod *cluster.Pod) enforcer.Answer {
	switch q.Kind {
	case policy.AnyPeer, policy.DoubtPeer:
		return enforcer.Yes
	case policy.PodPeer:
		answer := m.selects(&q.Term, pod)
		if q.Within != nil {
			answer = both(answer, m.anyFamily(pod, *q.Within, enforcer.Yes))
		}
		return answer
	case policy.AddrPeer:
		return m.anyFamily(pod, q.Addrs, m.podsBy(q.Reach))
	case policy.NodePeer:
	}
	return enforcer.No
}

// anyFamily tells whether the pod's address of some family is in set; by is whether addresses of pods count.
func (m *Model) anyFamily(pod *cluster.Pod, set netset.Addrs, by enforcer.Answer) enforcer.Answer {
	answer := enforcer.No
	for _, f := range m.families {
		switch a := both(by, m.podIn(pod, f, set)); a {
		case enforcer.Yes:
			return a
		case enforcer.Unknown:
			answer = a
		case enforcer.No:
		}
	}
	return answer
}

// podIn tells whether the pod's address lies in any set, also one that no rule has.
func (m *Model) podIn(pod *cluster.Pod, f family, set netset.Addrs) enforcer.Answer {
	if len(pod.IPs) == 0 {
		return m.inAddrs(m.podAddr(pod, f), set)
	}
	in, out := 0, 0
	for _, a := range pod.IPs {
		switch {
		case familyOf(a) != f:
		case set.Contains(a):
			in++
		default:
			out++
		}
	}
	switch {
	case in == 0:
		return enforcer.No
	case out == 0:
		return enforcer.Yes
	}
	return enforcer.Unknown
}

// podsNear is the pods in namespaces that some term may mean, in the order of the cluster.
func (m *Model) podsNear(terms []policy.Term) []*cluster.Pod {
	if m.podsIn == nil {
		m.podsIn = &podsIn{of: map[*cluster.Namespace][]int{}, known: map[string][]*cluster.Namespace{}}
		for i, pod := range m.cluster.Pods {
			if _, known := m.podsIn.of[pod.Namespace]; !known {
				m.podsIn.order = append(m.podsIn.order, pod.Namespace)
			}
			m.podsIn.of[pod.Namespace] = append(m.podsIn.of[pod.Namespace], i)
		}
	}
	var found []int
	if len(terms) == 1 && terms[0].Namespace != "" {
		found = m.podsIn.of[m.cluster.Namespace(terms[0].Namespace)]
	} else {
		near := map[*cluster.Namespace]bool{}
		for i := range terms {
			for _, ns := range m.podsIn.near(&terms[i], m.cluster) {
				if !near[ns] {
					near[ns] = true
					found = append(found, m.podsIn.of[ns]...)
				}
			}
		}
		if !slices.IsSorted(found) {
			slices.Sort(found)
		}
	}
	out := make([]*cluster.Pod, len(found))
	for k, i := range found {
		out[k] = m.cluster.Pods[i]
	}
	return out
}

// podsIn knows the pods of each namespace, and which namespaces selectors ask for: many terms ask alike.
type podsIn struct {
	of    map[*cluster.Namespace][]int // numbers in Cluster.Pods
	order []*cluster.Namespace         // of their first pods
	known map[string][]*cluster.Namespace
	key   []byte
}

// near gives the namespaces with pods that a term may ask for.
func (x *podsIn) near(t *policy.Term, c *cluster.Cluster) []*cluster.Namespace {
	if t.Namespace != "" {
		return []*cluster.Namespace{c.Namespace(t.Namespace)}
	}
	x.key = x.key[:0]
	for _, r := range t.NamespaceSelector { // lengths, because anything may be written in them
		x.key = append(x.key, byte(r.Op))
		x.key = binary.AppendUvarint(x.key, uint64(len(r.Values)))
		x.key = append(binary.AppendUvarint(x.key, uint64(len(r.Key))), r.Key...)
		for _, v := range r.Values {
			x.key = append(binary.AppendUvarint(x.key, uint64(len(v))), v...)
		}
	}
	list, ok := x.known[string(x.key)]
	if !ok {
		for _, ns := range x.order {
			if matchNamespace(t.NamespaceSelector, ns) != enforcer.No {
				list = append(list, ns)
			}
		}
		x.known[string(x.key)] = list
	}
	return list
}

// podsWhere sorts pods by what match says of them. With alike it says the same of pods of one workload with the same
// labels.
func (m *Model) podsWhere(pods []*cluster.Pod, alike bool, match func(*cluster.Pod) enforcer.Answer) (certain, possible []*cluster.Pod) {
	var last *cluster.Pod
	answer := enforcer.No
	doubt := false // until something is in doubt both are one
	for _, pod := range pods {
		if pod.HostNetwork {
			continue
		}
		if !alike || last == nil || pod.Workload != last.Workload || pod.Template != last.Template || pod.ServiceAccount != last.ServiceAccount || !pod.SharesLabels(last) {
			answer, last = match(pod), pod
		}
		if answer == enforcer.Unknown && !doubt {
			doubt, possible = true, slices.Clone(certain)
		}
		if answer == enforcer.Yes {
			certain = append(certain, pod)
		}
		if doubt && answer != enforcer.No {
			possible = append(possible, pod)
		}
	}
	if !doubt {
		certain = slices.Clip(certain)
		possible = certain
	}
	return certain, possible
}
