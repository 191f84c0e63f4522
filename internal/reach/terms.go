package reach

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// termIndex finds the pod classes that terms match. Namespaces have their classes side by side, so a whole
// namespace is one run; selectors of pods look where the rarest of their labels occurs.
type termIndex struct {
	spaces   []space // in order of classes
	byName   map[string]int
	postings map[string][]int32     // "key\x00value", and "key\x01" for labels that come later, to classes; sorted
	found    map[string]matched     // by termKey
	inSpaces map[string]spacesMatch // by namespace selector
}

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
	x.byName, x.postings, x.found, x.inSpaces = map[string]int{}, map[string][]int32{}, map[string]matched{}, map[string]spacesMatch{}
	for c := range m.hosts {
		pod := m.points[c].pod
		if n := len(x.spaces); n == 0 || x.spaces[n-1].ns != pod.Namespace {
			x.byName[pod.Namespace.Name] = n
			x.spaces = append(x.spaces, space{pod.Namespace, c, c})
		}
		x.spaces[len(x.spaces)-1].hi = c + 1
		for key, value := range pod.Labels {
			if _, seen := v.labels[key]; seen {
				at := key + "\x00" + value
				x.postings[at] = append(x.postings[at], int32(c))
			}
		}
		if pod.Template {
			for _, key := range runTimeLabels {
				if _, seen := v.labels[key]; seen && addedLater(key, pod) {
					x.postings[key+"\x01"] = append(x.postings[key+"\x01"], int32(c))
				}
			}
		}
	}
}

// termKey tells terms apart.
func termKey(t *policy.Term) string {
	var b strings.Builder
	b.WriteString(t.Namespace)
	for _, s := range [4]cluster.Selector{t.NamespaceSelector, t.Pods, t.ServiceAccounts, t.Facts} {
		b.WriteByte(0)
		for _, r := range s {
			b.WriteByte('0' + byte(r.Op))
			b.WriteString(r.Key)
			for _, v := range r.Values {
				b.WriteByte(1)
				b.WriteString(v)
			}
			b.WriteByte(2)
		}
	}
	return b.String()
}

// termSet is the classes that a term matches.
func (m *Model) termSet(t *policy.Term) matched {
	x := &m.terms
	key := termKey(t)
	if s, ok := x.found[key]; ok {
		return s
	}
	var certain, possible setBuilder
	add := func(lo, hi int, a enforcer.Answer) {
		if a != enforcer.No {
			possible.add(lo, hi)
		}
		if a == enforcer.Yes {
			certain.add(lo, hi)
		}
	}
	any := len(t.Pods)+len(t.ServiceAccounts)+len(t.Facts) == 0
	scan := func(sp space, a enforcer.Answer) {
		if any {
			add(sp.lo, sp.hi, a)
			return
		}
		for c := sp.lo; c < sp.hi; c++ {
			add(c, c+1, m.selects(t, m.points[c].pod))
		}
	}
	if t.Namespace != "" {
		if i, ok := x.byName[t.Namespace]; ok {
			scan(x.spaces[i], enforcer.Yes)
		}
	} else {
		in := m.matchSpaces(t.NamespaceSelector)
		if list, ok := x.rarest(t.Pods, in.classes); ok {
			at := 0
			for _, c := range list {
				for x.spaces[at].hi <= int(c) {
					at++
				}
				if in.answers[at] != enforcer.No {
					add(int(c), int(c)+1, m.selects(t, m.points[c].pod))
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
	s := m.makeMatched(&certain, &possible)
	x.found[key] = s
	return s
}

func (m *Model) matchSpaces(s cluster.Selector) spacesMatch {
	x := &m.terms
	key := termKey(&policy.Term{NamespaceSelector: s})
	if in, ok := x.inSpaces[key]; ok {
		return in
	}
	in := spacesMatch{answers: make([]enforcer.Answer, len(x.spaces))}
	for i, sp := range x.spaces {
		if in.answers[i] = matchNamespace(s, sp.ns); in.answers[i] != enforcer.No {
			in.classes += sp.hi - sp.lo
		}
	}
	x.inSpaces[key] = in
	return in
}

// rarest gives the classes, sorted, that alone can match a selector, by the rarest of its values; ok is
// false when looking through the given number of classes costs less.
func (x *termIndex) rarest(s cluster.Selector, classes int) (list []int32, ok bool) {
	best := classes / 2
	for _, r := range s {
		if r.Op != cluster.In {
			continue
		}
		later := x.postings[r.Key+"\x01"]
		n := len(later)
		for _, v := range r.Values {
			n += len(x.postings[r.Key+"\x00"+v])
		}
		if n >= best {
			continue
		}
		best, ok = n, true
		list = append([]int32{}, later...)
		for _, v := range r.Values {
			list = append(list, x.postings[r.Key+"\x00"+v]...)
		}
	}
	if ok {
		slices.Sort(list)
	}
	return list, ok
}
