package reach

import (
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// profile is what all classes that the same policies of a layer select have in common in one direction.
type profile struct {
	layer   policy.Layer
	dir     policy.Direction
	picks   []pick
	opaque  []int        // indexes into Model.opaque, in the network layer
	subject *cluster.Pod // a member: named ports of ingress rules resolve on it
	rows    [2]*row      // by family, made on first use
}

// pick is one policy that selects the class.
type pick struct {
	policy int
	sure   bool // it certainly selects the class and is certainly in force
}

// row is the answer for each point as the other end. may is the same slice as must when nothing is open.
type row struct{ must, may []uint32 }

func (r *row) at(i int) ids2 {
	if r == nil {
		return allIDs
	}
	return ids2{r.must[i], r.may[i]}
}

func (m *Model) makeProfiles() {
	// Policies bound to one namespace are looked at from there only.
	byNS := map[string][]int{}
	var wide []int
	for i := range m.policies {
		m.layered[m.policies[i].Layer] = true
		if ns := m.policies[i].Namespace(); ns != "" {
			byNS[ns] = append(byNS[ns], i)
		} else {
			wide = append(wide, i)
		}
	}
	m.layered[policy.Network] = true
	for _, l := range policy.Layers {
		if !m.layered[l] {
			continue
		}
		for _, d := range policy.Directions {
			index := map[string]int{}
			m.byClass[l][d] = make([]int, m.hosts)
			for c := range m.hosts {
				pod := m.points[c].pod
				pr, key := m.profileOf(l, d, pod, mergeSorted(byNS[pod.Namespace.Name], wide))
				i, ok := index[key]
				if !ok {
					i = len(m.profiles[l][d])
					index[key] = i
					m.profiles[l][d] = append(m.profiles[l][d], pr)
				}
				m.byClass[l][d][c] = i
			}
		}
	}
}

// profileOf is the profile of a pod among the candidate policies, with a key that equal profiles share.
func (m *Model) profileOf(l policy.Layer, d policy.Direction, pod *cluster.Pod, candidates []int) (*profile, string) {
	pr := &profile{layer: l, dir: d, subject: pod}
	usesNames := false
	for _, i := range candidates {
		p := &m.policies[i]
		if p.Layer != l || !acts(p.Policy, d) {
			continue
		}
		sel := m.subject(p.Policy, pod)
		if sel == enforcer.No {
			continue
		}
		pr.picks = append(pr.picks, pick{i, p.sure && sel == enforcer.Yes})
		for j := range p.Rules {
			r := &p.Rules[j]
			usesNames = usesNames || r.Direction == d && len(r.Named)+len(r.NotNamed) > 0
		}
	}
	if l == policy.Network {
		for i, o := range m.opaque {
			if !o.Hosts && (o.Namespace == "" || o.Namespace == pod.Namespace.Name) {
				pr.opaque = append(pr.opaque, i)
			}
		}
	}
	key := pr.key()
	if usesNames && d == policy.Ingress {
		key += "#" + portsOf(pod)
	}
	return pr, key
}

func mergeSorted(a, b []int) []int {
	if len(b) == 0 {
		return a
	}
	out := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// acts tells whether p says anything about a direction.
func acts(p *policy.Policy, d policy.Direction) bool {
	if p.Isolates[d] || len(p.Doubts) > 0 {
		return true
	}
	for i := range p.Rules {
		if p.Rules[i].Direction == d {
			return true
		}
	}
	return false
}

func (p *profile) key() string {
	var b strings.Builder
	for _, k := range p.picks {
		b.WriteString(strconv.Itoa(k.policy))
		if k.sure {
			b.WriteByte('!')
		}
		b.WriteByte(',')
	}
	for _, o := range p.opaque {
		b.WriteString("o" + strconv.Itoa(o))
	}
	return b.String()
}

func portsOf(p *cluster.Pod) string {
	var b strings.Builder
	for _, q := range p.Ports {
		if q.Name != "" {
			b.WriteString(q.Name + "/" + q.Protocol.String() + "/" + strconv.Itoa(q.Number) + ",")
		}
	}
	return b.String()
}

// open tells whether nothing restricts the profile, so that it needs no row.
func (p *profile) open() bool { return len(p.picks) == 0 && len(p.opaque) == 0 }

// row gives the row of a profile in a family, nil for "everything".
func (m *Model) row(p *profile, f family) *row {
	if p.open() {
		return nil
	}
	if p.rows[f] == nil {
		r := m.additiveRow(p, f)
		if r == nil {
			r = m.tieredRow(p, f)
		}
		if p.layer == policy.Network && m.maybeOff[p.dir] {
			r.may = filled(len(m.points), allConns)
		}
		p.rows[f] = r
	}
	return p.rows[f]
}

// Warm computes every row, so that the model may be shared between goroutines.
func (m *Model) Warm() {
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			for _, p := range m.profiles[l][d] {
				for _, f := range m.families {
					m.row(p, f)
				}
			}
		}
	}
}

func filled(n int, id uint32) []uint32 {
	s := make([]uint32, n)
	for i := range s {
		s[i] = id
	}
	return s
}

// additiveRow is the fast way for the common case: one tier whose policies are all certain, isolate, and
// only allow. The row is then the plain union of the rules. It gives nil in any other case.
func (m *Model) additiveRow(p *profile, f family) *row {
	if len(p.opaque) > 0 {
		return nil
	}
	same := true
	for _, k := range p.picks {
		q := &m.policies[k.policy]
		if !k.sure || q.Tier != m.policies[p.picks[0].policy].Tier || !q.Isolates[p.dir] {
			return nil
		}
		for j := range q.Rules {
			r := &q.Rules[j]
			if r.Direction == p.dir && (r.Action != policy.Allow || len(r.Doubts)+len(r.Limits) > 0) {
				return nil
			}
		}
	}
	must, may := make([]uint32, len(m.points)), make([]uint32, len(m.points))
	for _, k := range p.picks {
		q := &m.policies[k.policy]
		for j := range q.Rules {
			r, s := &q.Rules[j], &q.rules[j]
			if r.Direction != p.dir {
				continue
			}
			add := func(to []uint32) func(int) {
				if len(r.Named)+len(r.NotNamed) == 0 {
					return func(i int) { to[i] = m.conns.union(to[i], s.conns) }
				}
				return func(i int) { to[i] = m.conns.union(to[i], m.conns.id(m.ruleConns(p, r, i))) }
			}
			s.certain[f].each(add(must))
			s.possible[f].each(add(may))
		}
	}
	for i := range must {
		same = same && must[i] == may[i]
	}
	if same {
		may = must
	}
	return &row{must: must, may: may}
}

func (m *Model) tieredRow(p *profile, f family) *row {
	r := &row{must: make([]uint32, len(m.points)), may: make([]uint32, len(m.points))}
	for i := range m.points {
		b := m.eval(p, f, i)
		r.must[i], r.may[i] = m.conns.id(b.Must), m.conns.id(b.May)
	}
	return r
}
