package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// termIndex finds the pod classes that terms match. Namespaces have their classes side by side, so a whole
// namespace is one run; selectors of pods look where the rarest of their labels occurs.
type termIndex struct {
	spaces   []space // in order of classes
	byName   map[string]int
	columns  [3]map[string]*column  // of classes: labels, account labels, facts; by key
	ofSpaces map[string]*column     // of namespaces, by label key
	found    map[string]int         // by termKey: places in Model.peers
	inSpaces map[string]spacesMatch // by namespace selector
	words    *termWords             // while the model is compiled

	// Scratch, of one question:
	conditions        []condition
	values            []uint32 // of conditions
	certain, possible setBuilder
}

// The columns of classes.
const (
	podLabels = iota
	accountLabels
	podFacts
)

// space is the classes of one namespace.
type space struct {
	ns     *cluster.Namespace
	lo, hi int
}

// spacesMatch is what a namespace selector says of every space.
type spacesMatch struct {
	answers []enforcer.Answer // by space
	classes int               // in spaces that may match
}

func (m *Model) indexTerms(v *vocabulary) {
	x := &m.terms
	x.byName, x.found, x.inSpaces = map[string]int{}, map[string]int{}, map[string]spacesMatch{}
	for i := range x.columns {
		x.columns[i] = map[string]*column{}
	}
	col := func(kind int, key string) *column {
		c := x.columns[kind][key]
		if c == nil {
			c = newColumn(m.hosts)
			x.columns[kind][key] = c
		}
		return c
	}
	for c := range m.hosts {
		pod := m.points[c].pod
		if n := len(x.spaces); n == 0 || x.spaces[n-1].ns != pod.Namespace {
			x.byName[pod.Namespace.Name] = n
			x.spaces = append(x.spaces, space{pod.Namespace, c, c})
		}
		x.spaces[len(x.spaces)-1].hi = c + 1
		for key, value := range pod.Labels {
			if _, seen := v.labels[key]; seen {
				col(podLabels, key).set(c, value)
			}
		}
		for _, key := range v.later {
			if addedLater(key, pod) {
				col(podLabels, key).setUnknown(c)
			}
		}
		if len(v.accounts) > 0 {
			labels, declared := m.cluster.AccountLabels(pod)
			for _, key := range v.accounts {
				if value, has := labels[key]; has {
					col(accountLabels, key).set(c, value)
				} else if !declared {
					col(accountLabels, key).setUnknown(c)
				}
			}
		}
		for _, key := range v.facts {
			if f, has := m.set.Facts[pod][key]; f.Unknown {
				col(podFacts, key).setUnknown(c)
			} else if has {
				col(podFacts, key).set(c, f.Value)
			}
		}
	}
	x.ofSpaces = map[string]*column{}
	for _, key := range v.spaces {
		x.ofSpaces[key] = m.spaceColumn(key)
	}
}

// spaceColumn is the values of namespaces under a label.
func (m *Model) spaceColumn(key string) *column {
	c := newColumn(len(m.terms.spaces))
	for i, sp := range m.terms.spaces {
		if value, has := sp.ns.Labels[key]; has {
			c.set(i, value)
		} else if !sp.ns.Declared && key != cluster.NameLabel {
			c.setUnknown(i)
		}
	}
	return c
}

// termKey tells terms apart.
func termKey(t *policy.Term) string { return string(appendTerm(nil, t)) }

func appendTerm(b []byte, t *policy.Term) []byte {
	b = append(b, t.Namespace...)
	for _, s := range [4]cluster.Selector{t.NamespaceSelector, t.Pods, t.ServiceAccounts, t.Facts} {
		b = append(b, 0)
		for i := range s {
			r := &s[i]
			b = append(append(b, '0'+byte(r.Op)), r.Key...)
			for _, v := range r.Values {
				b = append(append(b, 1), v...)
			}
			b = append(b, 2)
		}
	}
	return b
}

// termSet is the classes that a term matches. It says the same as selects, for all of them at once.
func (m *Model) termSet(t *policy.Term) matched { return m.peers[m.termNumber(t)] }

// termNumber is the number of termSet.
func (m *Model) termNumber(t *policy.Term) int {
	x := &m.terms
	var buf [256]byte
	key := appendTerm(buf[:0], t)
	if s, ok := x.found[string(key)]; ok {
		return s
	}
	certain, possible := &x.certain, &x.possible
	certain.runs, possible.runs = certain.runs[:0], possible.runs[:0]
	conditions := m.conditions(t)
	scan := func(sp space, in enforcer.Answer) {
		if len(conditions) == 0 {
			addPoint(certain, possible, sp.lo, sp.hi, in)
			return
		}
		for c := sp.lo; c < sp.hi; c++ {
			if a := all(conditions, c); a != enforcer.No {
				addPoint(certain, possible, c, c+1, both(in, a))
			}
		}
	}
	if t.Namespace != "" {
		if i, ok := x.byName[t.Namespace]; ok {
			scan(x.spaces[i], enforcer.Yes)
		}
	} else {
		in := m.matchSpaces(t.NamespaceSelector)
		if x.words != nil && len(conditions) > 0 && fewest(conditions, in.classes) > m.hosts/256+32 {
			if s, ok := m.termBits(in, conditions); ok {
				i := m.newPeer(s)
				x.found[string(key)] = i
				return i
			}
		}
		if list, ok := rarest(conditions, in.classes); ok {
			at := 0
			for _, c := range list {
				for x.spaces[at].hi <= int(c) {
					at++
				}
				if in.answers[at] == enforcer.No {
					continue
				}
				if a := all(conditions, int(c)); a != enforcer.No {
					addPoint(certain, possible, int(c), int(c)+1, both(in.answers[at], a))
				}
			}
		} else {
			for i, sp := range x.spaces {
				if in.answers[i] != enforcer.No {
					scan(sp, in.answers[i])
				}
			}
		}
	}
	if x.words != nil && t.Namespace == "" && len(conditions) > 0 && len(possible.runs) > wideRuns {
		if s, ok := m.termBits(m.matchSpaces(t.NamespaceSelector), conditions); ok { // wide, and made of shared parts
			i := m.newPeer(s)
			x.found[string(key)] = i
			return i
		}
	}
	i := m.newPeer(m.makeMatched(certain, possible))
	x.found[string(key)] = i
	return i
}

// conditions is what a term asks of a class besides its namespace. They hold until the next call.
func (m *Model) conditions(t *policy.Term) []condition {
	out := m.terms.conditions[:0]
	m.terms.values = m.terms.values[:0]
	for kind, s := range [3]cluster.Selector{podLabels: t.Pods, accountLabels: t.ServiceAccounts, podFacts: t.Facts} {
		for i := range s {
			seen := kind != podLabels || m.profile.Sees(s[i].Key) == enforcer.Yes
			out = append(out, conditionOf(&s[i], m.terms.columns[kind][s[i].Key], seen, &m.terms.values))
		}
	}
	m.terms.conditions = out
	return out
}

func (m *Model) matchSpaces(s cluster.Selector) spacesMatch {
	x := &m.terms
	var buf [256]byte
	key := appendTerm(buf[:0], &policy.Term{NamespaceSelector: s})
	if in, ok := x.inSpaces[string(key)]; ok {
		return in
	}
	conditions := make([]condition, len(s))
	for i := range s {
		conditions[i] = conditionOf(&s[i], x.ofSpaces[s[i].Key], true, &x.values)
	}
	in := spacesMatch{answers: make([]enforcer.Answer, len(x.spaces))}
	if list, ok := rarest(conditions, len(x.spaces)); ok {
		for i := range in.answers {
			in.answers[i] = enforcer.No
		}
		for _, i := range list {
			in.answers[i] = all(conditions, int(i))
		}
	} else {
		for i := range in.answers {
			in.answers[i] = all(conditions, i)
		}
	}
	for i, sp := range x.spaces {
		if in.answers[i] != enforcer.No {
			in.classes += sp.hi - sp.lo
		}
	}
	x.inSpaces[string(key)] = in
	return in
}

// fewest is how many of a number of classes may meet the conditions, by the one that fewest can.
func fewest(cs []condition, classes int) int {
	for i := range cs {
		if n, named := cs[i].candidates(); named {
			classes = min(classes, n)
		}
	}
	return classes
}

// rarest gives the classes, sorted, that alone can meet the conditions, by the one that fewest can; ok is false
// when looking through the given number of classes costs less.
func rarest(cs []condition, classes int) (list []int32, ok bool) {
	best, at := classes/2, -1
	for i := range cs {
		if n, named := cs[i].candidates(); named && n < best {
			best, at = n, i
		}
	}
	if at < 0 {
		return nil, false
	}
	return cs[at].list(), true
}
