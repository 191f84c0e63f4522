package reach

import (
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// profile is what all classes that the same policies select have in common in one direction.
type profile struct {
	dir     policy.Direction
	picks   []pick
	opaque  []int        // indexes into Model.opaque
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
	for _, d := range policy.Directions {
		index := map[string]int{}
		m.byClass[d] = make([]int, m.hosts)
		// Policies bound to one namespace are looked at from there only.
		byNS := map[string][]int{}
		var wide []int
		for i := range m.policies {
			if ns := m.policies[i].Subject.Namespace; ns != "" {
				byNS[ns] = append(byNS[ns], i)
			} else {
				wide = append(wide, i)
			}
		}
		for c := range m.hosts {
			pod := m.points[c].pod
			pr := &profile{dir: d, subject: pod}
			usesNames := false
			for _, i := range mergeSorted(byNS[pod.Namespace.Name], wide) {
				p := &m.policies[i]
				sel := m.subject(p.Policy, pod)
				if sel == enforcer.No || !acts(p.Policy, d) {
					continue
				}
				pr.picks = append(pr.picks, pick{i, p.sure && sel == enforcer.Yes})
				for j := range p.Rules {
					usesNames = usesNames || (p.Rules[j].Direction == d && len(p.Rules[j].Named) > 0)
				}
			}
			for i, o := range m.opaque {
				if o.Namespace == "" || o.Namespace == pod.Namespace.Name {
					pr.opaque = append(pr.opaque, i)
				}
			}
			key := pr.key()
			if usesNames && d == policy.Ingress {
				key += "#" + portsOf(pod)
			}
			i, ok := index[key]
			if !ok {
				i = len(m.profiles[d])
				index[key] = i
				m.profiles[d] = append(m.profiles[d], pr)
			}
			m.byClass[d][c] = i
		}
	}
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
		if m.maybeOff[p.dir] {
			r.may = filled(len(m.points), allConns)
		}
		p.rows[f] = r
	}
	return p.rows[f]
}

// Warm computes every row, so that the model may be shared between goroutines.
func (m *Model) Warm() {
	for _, d := range policy.Directions {
		for _, p := range m.profiles[d] {
			for _, f := range m.families {
				m.row(p, f)
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
			if r.Direction == p.dir && (r.Action != policy.Allow || len(r.Doubts) > 0) {
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
				if len(r.Named) == 0 {
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

// ruleConns is the ports of a rule when the other end is point i.
func (m *Model) ruleConns(p *profile, r *policy.Rule, i int) netset.Conns {
	if len(r.Named) == 0 {
		return r.Conns
	}
	dst := p.subject
	if p.dir == policy.Egress {
		if m.points[i].kind != podPoint { // names are declared by pods; addresses and nodes have none
			return r.Conns
		}
		dst = m.points[i].pod
	}
	return r.Conns.Union(named(r, dst))
}

func (m *Model) tieredRow(p *profile, f family) *row {
	r := &row{must: make([]uint32, len(m.points)), may: make([]uint32, len(m.points))}
	for i := range m.points {
		b := m.eval(p, f, i)
		r.must[i], r.may[i] = m.conns.id(b.Must), m.conns.id(b.May)
	}
	return r
}

// match is what a rule matches at a point, certainly and possibly.
func (m *Model) match(p *profile, k pick, j int, f family, i int) Bounds {
	q := &m.policies[k.policy]
	r, s := &q.Rules[j], &q.rules[j]
	if len(r.Doubts) > 0 {
		return Bounds{May: netset.All()}
	}
	if !s.possible[f].has(i) {
		return Bounds{}
	}
	b := Bounds{May: m.ruleConns(p, r, i)}
	if k.sure && s.certain[f].has(i) {
		b.Must = b.May
	}
	return b
}

// eval runs the tiers for one point, keeping four sets (docs/design/0002): out is the answer so far; live is
// what certainly (Must) and possibly (May) still waits for a decision in this tier, where Must also counts
// what a rule may already have allowed; passed likewise for the next tier.
func (m *Model) eval(p *profile, f family, i int) Bounds {
	var out Bounds
	live := allBounds
	for at := 0; at < len(p.picks); {
		tier := m.policies[p.picks[at].policy].Tier
		var passed Bounds
		isolated, maybeIsolated := false, false
		for ; at < len(p.picks) && m.policies[p.picks[at].policy].Tier == tier; at++ {
			k := p.picks[at]
			q := &m.policies[k.policy]
			isolated = isolated || (k.sure && q.Isolates[p.dir])
			maybeIsolated = maybeIsolated || q.Isolates[p.dir]
			if len(q.Doubts) > 0 {
				maybeIsolated = true
				out.May = out.May.Union(live.May)
				if q.Ref.Group != "networking.k8s.io" { // NetworkPolicy can only allow; others may deny
					live.Must = netset.Conns{}
				}
				continue
			}
			for j := range q.Rules {
				if q.Rules[j].Direction != p.dir {
					continue
				}
				b := m.match(p, k, j, f, i)
				switch q.Rules[j].Action {
				case policy.Allow:
					out.Must = out.Must.Union(live.Must.Intersect(b.Must))
					out.May = out.May.Union(live.May.Intersect(b.May))
				case policy.Deny:
					live.Must = live.Must.Subtract(b.May)
				case policy.Pass:
					passed.Must = passed.Must.Union(live.Must.Intersect(b.Must))
					passed.May = passed.May.Union(live.May.Intersect(b.May))
					live.Must = live.Must.Subtract(b.May)
				}
				live.May = live.May.Subtract(b.Must)
			}
		}
		if maybeIsolated {
			live.Must = netset.Conns{}
		}
		if isolated {
			live.May = netset.Conns{}
		}
		live = live.union(passed)
	}
	out = out.union(live)
	for _, o := range p.opaque {
		out.Must = netset.Conns{}
		if !m.opaque[o].Restricts {
			out.May = netset.All()
		}
	}
	return out
}
