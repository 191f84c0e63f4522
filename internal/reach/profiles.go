package reach

import (
	"encoding/binary"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// binding is a layer and direction, with a pod on which named ports of ingress rules resolve.
type binding struct {
	layer   policy.Layer
	dir     policy.Direction
	subject *cluster.Pod
}

// profile is what all classes that the same policies of a layer select have in common in one direction.
type profile struct {
	binding
	key    string  // tells profiles of a layer and direction apart
	picks  []pick  // of all tiers, in evaluation order
	tiers  []*tier // the picks by tier
	alt    []*tier // the tiers as they are evaluated if what they may deny is less; nil when that is known
	opaque []int   // indexes into Model.opaque, in the network layer
	// lost says that nothing is certain, open that everything is possible, whatever the tiers say.
	lost, open bool
}

// pick is one policy that selects the class.
type pick struct {
	policy int
	sure   bool // it certainly selects the class and is certainly in force
}

// isolation says when a tier denies what its rules leave over.
type isolation uint8

const (
	atOnce isolation = iota // at its end, as the API says
	never                   // not at all, because another tier does so later
	alone                   // this tier does only that
)

// tier is the policies of one tier that select a class.
type tier struct {
	binding
	key   string // tells tiers of a layer and direction apart
	picks []pick
	iso   isolation
	rows  [2]*row // by family, made on first use

	// Of a model that follows changes:
	adding bool  // what adds tells
	late   []run // where the rows have to be brought up to date
}

func (m *Model) makeProfiles() {
	for i := range m.policies {
		m.layered[m.policies[i].Layer] = true
	}
	m.layered[policy.Network] = true
	for i := range m.policies {
		m.policies[i].whom = m.subjects(m.policies[i].Policy)
	}
	for _, l := range policy.Layers {
		if !m.layered[l] {
			continue
		}
		for _, d := range policy.Directions {
			b := &profileBuilder{m: m, binding: binding{layer: l, dir: d}, profiles: make(map[string]int, m.hosts/4), tiers: make(map[string]*tier, m.hosts/4)}
			b.build()
			if m.room {
				m.builders[l][d] = b
			}
		}
	}
}

// profileBuilder makes the profiles of one layer and direction.
type profileBuilder struct {
	m *Model
	binding
	profiles map[string]int
	tiers    map[string]*tier
	buf      []byte

	lastPorts []cluster.Port // of the pod before, and what portKey says of them
	lastKey   string
}

func (b *profileBuilder) build() {
	m := b.m
	isolated := b.isolatedOtherwise()
	// Twice over the policies, first to count: then the picks of all classes lie in one piece of memory.
	ends := make([]int, m.hosts+1)
	b.eachPick(isolated, func(c int, _ pick) { ends[c+1]++ })
	for c := range m.hosts {
		ends[c+1] += ends[c]
	}
	picks, next := make([]pick, ends[m.hosts]), slices.Clone(ends)
	b.eachPick(isolated, func(c int, k pick) {
		picks[next[c]] = k
		next[c]++
	})
	m.byClass[b.layer][b.dir] = make([]int, m.hosts)
	for c := range m.hosts {
		m.byClass[b.layer][b.dir][c] = b.profile(m.points[c].pod, picks[ends[c]:ends[c+1]])
	}
}

// eachPick goes over the policies in order and gives the classes that each selects.
func (b *profileBuilder) eachPick(isolated bitset, f func(class int, k pick)) {
	m := b.m
	for i := range m.policies {
		p := &m.policies[i]
		if p.Layer != b.layer || !p.acts[b.dir] || p.whom.possible.empty() {
			continue
		}
		p.whom.possible.each(func(lo, hi uint32) {
			for c := int(lo); c < int(hi); c++ {
				if k, ok := m.pick(i, c, isolated != nil && isolated.has(c)); ok {
					f(c, k)
				}
			}
		})
	}
}

// pick is policy i as it selects class c, which it possibly does; isolated is isolatedOtherwise of the class.
func (m *Model) pick(i, c int, isolated bool) (k pick, ok bool) {
	p := &m.policies[i]
	k = pick{i, p.sure && (p.whom.certain == p.whom.possible || p.whom.certain.has(c))}
	if m.points[c].bare && p.Layer == policy.Network {
		if m.profile.BarePods == enforcer.No {
			return k, false
		}
		k.sure = false
	}
	if isolated && p.Tier == policy.BaselineTier {
		if m.profile.BaselineByDirection == enforcer.No {
			return k, false
		}
		k.sure = false
	}
	return k, true
}

// isolatedOtherwise is the classes that some NetworkPolicy may bind, where that may end the evaluation for both
// directions before the baseline tier (enforcer.Profile.BaselineByDirection); nil where it may not.
func (b *profileBuilder) isolatedOtherwise() bitset {
	m := b.m
	if b.layer != policy.Network || m.profile.BaselineByDirection == enforcer.Yes {
		return nil
	}
	out := newBitset(m.hosts)
	for i := range m.policies {
		if p := &m.policies[i]; p.Ref.Group == "networking.k8s.io" {
			p.whom.possible.each(func(lo, hi uint32) { out.fill(int(lo), int(hi)) })
		}
	}
	return out
}

// subjects is the classes that a policy binds.
func (m *Model) subjects(p *policy.Policy) matched {
	if len(p.Subjects) == 1 {
		return m.termSet(&p.Subjects[0])
	}
	var certain, possible setBuilder
	for i := range p.Subjects {
		s := m.termSet(&p.Subjects[i])
		certain.addSet(s.certain)
		possible.addSet(s.possible)
	}
	return m.makeMatched(&certain, &possible)
}

// profile is the number of the profile with the given picks, of a pod.
func (b *profileBuilder) profile(pod *cluster.Pod, picks []pick) int {
	m := b.m
	pr := profile{binding: b.binding}
	if b.layer == policy.Network {
		for i, o := range m.opaque {
			if o.idle && m.surelyIsolated(picks, b.dir) {
				continue
			}
			if o.Namespace == "" || o.Namespace == pod.Namespace.Name {
				pr.opaque = append(pr.opaque, i)
				pr.lost = true
				pr.open = pr.open || !o.Restricts
			}
		}
		pr.open = pr.open || m.maybeOff[b.dir] && (len(picks) > 0 || pr.lost)
	}
	b.buf = b.key(b.buf[:0], pod, picks)
	for _, o := range pr.opaque {
		b.buf = binary.AppendUvarint(append(b.buf, 'o'), uint64(o))
	}
	if i, ok := b.profiles[string(b.buf)]; ok {
		return i
	}
	i := len(m.profiles[b.layer][b.dir])
	pr.key = string(b.buf)
	b.profiles[pr.key] = i
	pr.subject, pr.picks = pod, slices.Clone(picks)
	kept := new(profile)
	*kept = pr
	m.profiles[b.layer][b.dir] = append(m.profiles[b.layer][b.dir], kept)
	b.split(kept)
	return i
}

// surelyIsolated tells whether some policy certainly binds and isolates in a direction.
func (m *Model) surelyIsolated(picks []pick, dir policy.Direction) bool {
	return slices.ContainsFunc(picks, func(k pick) bool { return k.sure && m.policies[k.policy].Isolates[dir] })
}

// key tells lists of picks apart, with the ports of the pod where some rule asks for them by name.
func (b *profileBuilder) key(buf []byte, pod *cluster.Pod, picks []pick) []byte {
	usesNames := false
	for _, k := range picks {
		n := uint64(k.policy) << 1
		if k.sure {
			n |= 1
		}
		buf = binary.AppendUvarint(buf, n)
		usesNames = usesNames || b.m.policies[k.policy].named[b.dir]
	}
	if usesNames && b.dir == policy.Ingress {
		buf = append(append(buf, '#'), b.portsOf(pod)...)
	}
	return buf
}

// split cuts the picks of a profile into tiers. Tiers of equal picks are one.
func (b *profileBuilder) split(pr *profile) {
	m := b.m
	var baseline bool
	pr.tiers = make([]*tier, 0, 4)
	for at := 0; at < len(pr.picks); {
		end := at
		of := m.policies[pr.picks[at].policy].Tier
		for end < len(pr.picks) && m.policies[pr.picks[end].policy].Tier == of {
			end++
		}
		baseline = baseline || of == policy.BaselineTier
		pr.tiers = append(pr.tiers, b.tier(pr, pr.picks[at:end], atOnce))
		at = end
	}
	over := m.profile.BaselineOverIsolation
	if !baseline || over == enforcer.No || b.layer != policy.Network || over == enforcer.Unknown && pr.open {
		return // where everything is possible the other reading adds nothing
	}
	late := b.late(pr)
	if over == enforcer.Yes {
		pr.tiers = late
	} else {
		pr.alt = late
	}
}

// late is the tiers with the isolation of the NetworkPolicy tier moved behind all of them
// (enforcer.Profile.BaselineOverIsolation).
func (b *profileBuilder) late(pr *profile) []*tier {
	var out, end []*tier
	for _, t := range pr.tiers {
		if b.m.policies[t.picks[0].policy].Tier != policy.NetworkPolicyTier {
			out = append(out, t)
			continue
		}
		out = append(out, b.tier(pr, t.picks, never))
		end = append(end, b.tier(pr, t.picks, alone))
	}
	return append(out, end...)
}

func (b *profileBuilder) tier(pr *profile, picks []pick, iso isolation) *tier {
	b.buf = b.key(append(b.buf[:0], '0'+byte(iso)), pr.subject, picks)
	t := b.tiers[string(b.buf)]
	if t == nil {
		t = &tier{binding: pr.binding, picks: picks, iso: iso, key: string(b.buf)}
		b.tiers[t.key] = t
	}
	return t
}

// membersOf lists, by profile of the network layer, the classes that have it.
func (m *Model) membersOf(d policy.Direction) [][]int {
	out := make([][]int, len(m.profiles[policy.Network][d]))
	for c, p := range m.byClass[policy.Network][d] {
		out[p] = append(out[p], c)
	}
	return out
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

// portsOf is portKey of a pod with all its ports.
func (b *profileBuilder) portsOf(p *cluster.Pod) string {
	if !samePorts(b.lastPorts, p.Ports) {
		b.lastPorts, b.lastKey = p.Ports, portKey(p, nil)
	}
	return b.lastKey
}
