package reach

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

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
	picks  []pick  // of all tiers, in evaluation order; nil where Live has changed tiers (allPicks)
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
	key    string // tells tiers of a layer and direction apart
	number uint32 // likewise, and is never used again
	picks  []pick
	iso    isolation
	of     policy.Tier
	rows   [2]*row // by family, made on first use

	// Of a model that follows changes:
	uses   int        // by profiles
	twin   bool       // there is another one of the same policies
	group  *tierGroup // while an event is followed
	adding bool       // what adds tells
	late   []run      // where the rows have to be brought up to date
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
	made     uint32        // how many tiers there ever were
	split    []*tier       // of the picks at hand
	twins    int           // how many tiers are
	kept     []policy.Tier // those that every profile has, if only without policies

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
	b.cut(pod, picks)
	b.buf = b.keyOf(b.buf[:0], b.split, pr.opaque)
	if i, ok := b.profiles[string(b.buf)]; ok {
		return i
	}
	i := len(m.profiles[b.layer][b.dir])
	pr.key = string(b.buf)
	b.profiles[pr.key] = i
	pr.subject, pr.picks = pod, slices.Clone(picks)
	pr.tiers = slices.Clone(b.split)
	at := 0
	for _, t := range pr.tiers {
		if len(t.picks) > 0 && &t.picks[0] == &picks[at] { // the tier is new
			t.picks = pr.picks[at : at+len(t.picks)]
		}
		at += len(t.picks)
	}
	b.readLate(&pr)
	kept := new(profile)
	*kept = pr
	m.profiles[b.layer][b.dir] = append(m.profiles[b.layer][b.dir], kept)
	return i
}

// surelyIsolated tells whether some policy certainly binds and isolates in a direction.
func (m *Model) surelyIsolated(picks []pick, dir policy.Direction) bool {
	return slices.ContainsFunc(picks, func(k pick) bool { return k.sure && m.policies[k.policy].Isolates[dir] })
}

// keyOf tells lists of tiers apart, with the kinds in doubt that bear on a profile.
func (b *profileBuilder) keyOf(buf []byte, tiers []*tier, opaque []int) []byte {
	for _, t := range tiers {
		buf = binary.AppendUvarint(buf, uint64(t.number))
	}
	for i, o := range opaque {
		if i == 0 {
			buf = append(buf, 0) // no tier has this number
		}
		buf = binary.AppendUvarint(buf, uint64(o))
	}
	return buf
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

// cut cuts picks into tiers, in split. Tiers of equal picks are one.
func (b *profileBuilder) cut(pod *cluster.Pod, picks []pick) {
	b.split = b.split[:0]
	kept := b.kept
	for at := 0; at < len(picks); {
		end := at
		of := &b.m.policies[picks[at].policy].Tier
		for end < len(picks) && b.m.policies[picks[end].policy].Tier == *of {
			end++
		}
		for ; len(kept) > 0 && inOrder(kept[0], *of) <= 0; kept = kept[1:] {
			if kept[0] != *of {
				b.split = append(b.split, b.tier(pod, nil, atOnce, kept[0]))
			}
		}
		b.split = append(b.split, b.tier(pod, picks[at:end], atOnce, *of))
		at = end
	}
	for _, of := range kept {
		b.split = append(b.split, b.tier(pod, nil, atOnce, of))
	}
}

// inOrder orders tiers as they are evaluated.
func inOrder(a, b policy.Tier) int {
	return cmp.Or(cmp.Compare(a.Rank, b.Rank), strings.Compare(a.Name, b.Name))
}

// readLate gives a profile its tiers as they are evaluated where NetworkPolicy does not isolate before the baseline tier.
func (b *profileBuilder) readLate(pr *profile) {
	m := b.m
	over := m.profile.BaselineOverIsolation
	if over == enforcer.No || b.layer != policy.Network || over == enforcer.Unknown && pr.open {
		return // where everything is possible the other reading adds nothing
	}
	if !slices.ContainsFunc(pr.tiers, func(t *tier) bool { return t.of == policy.BaselineTier }) {
		return
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
		if t.of != policy.NetworkPolicyTier {
			out = append(out, t)
			continue
		}
		out = append(out, b.tier(pr.subject, t.picks, never, t.of))
		end = append(end, b.tier(pr.subject, t.picks, alone, t.of))
	}
	return append(out, end...)
}

// tier is the tier of some policies, made when there is none yet; it keeps the picks then.
func (b *profileBuilder) tier(pod *cluster.Pod, picks []pick, iso isolation, of policy.Tier) *tier {
	b.buf = b.tierKey(b.buf[:0], pod, picks, iso, of)
	t := b.tiers[string(b.buf)]
	if t == nil {
		b.made++
		t = &tier{binding: b.binding, picks: picks, iso: iso, key: string(b.buf), number: b.made, of: of}
		t.subject = pod
		b.tiers[t.key] = t
	}
	return t
}

func (b *profileBuilder) tierKey(buf []byte, pod *cluster.Pod, picks []pick, iso isolation, of policy.Tier) []byte {
	if len(picks) == 0 {
		return append(append(buf, '-'), of.Name...)
	}
	return b.key(append(buf, '0'+byte(iso)), pod, picks)
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
