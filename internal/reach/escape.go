package reach

import (
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Escape says whether a pod that does not exist yet could run without being isolated. The labels are an
// example; it is proved over all label sets, not sampled.
type Escape struct {
	Found           enforcer.Answer
	PodLabels       map[string]string // of the example, when Found is Yes or possible
	NamespaceLabels map[string]string
	Policies        []*policy.Policy // that isolate some label set in this place
	Reasons         []Reason         // why Found is Unknown
}

// Text describes the example: "a pod without labels", "a pod labelled app=x".
func (e Escape) Text() string {
	if len(e.PodLabels) == 0 {
		return "a pod without labels"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(e.PodLabels)) {
		parts = append(parts, k+"="+e.PodLabels[k])
	}
	return "a pod labelled " + strings.Join(parts, ",")
}

// Escape looks for labels of a pod in ns that no policy isolates in a direction. With ns nil it looks at
// a namespace that does not exist yet, with any labels. The labels are found by an exact search over the
// requirements of the selectors; when that search would take too long Found is Unknown.
func (m *Model) Escape(ns *cluster.Namespace, d policy.Direction) Escape {
	var certain, possible [][]literal
	var out Escape
	for i := range m.inOrder() {
		q := &m.policies[i]
		if q.Layer != policy.Network || !q.Isolates[d] && len(q.Doubts) == 0 {
			continue
		}
		binds := false
		for j := range q.Subjects {
			lits, bind := m.termLiterals(&q.Subjects[j], ns)
			if bind == enforcer.No {
				continue
			}
			binds = true
			possible = append(possible, lits)
			if q.sure && bind == enforcer.Yes {
				certain = append(certain, lits)
				continue
			}
			out.Reasons = append(out.Reasons, doubtReasons(q.Doubts)...)
			if len(q.Doubts) == 0 {
				out.Reasons = append(out.Reasons, Reason{Code: "kind-not-sure", Msg: "it is not certain that " + q.Ref.String() + " binds pods here", Pos: q.Pos, Ref: q.Ref})
			}
		}
		if binds {
			out.Policies = append(out.Policies, q.Policy)
		}
	}
	opaque := false
	for _, o := range m.opaque {
		if !o.Restricts && !o.Hosts && (o.Namespace == "" || (ns != nil && o.Namespace == ns.Name)) {
			opaque = true
			out.Reasons = append(out.Reasons, opaqueReason(o))
		}
	}
	off := m.maybeOff[d] && len(possible) > 0
	if off {
		out.Reasons = append(out.Reasons, m.offReason(d))
	}
	free, done := avoid(possible)
	switch {
	case !done:
		out.Found = enforcer.Unknown
		out.Reasons = append(out.Reasons, Reason{Code: "search-too-long", Msg: "the selectors in this namespace combine in too many ways to search them all"})
	case free != nil && !opaque:
		out.Found = enforcer.Yes
		out.fill(free)
	default:
		free, done = avoid(certain)
		if done && free == nil && !off && !opaque {
			out.Found = enforcer.No
		} else if free != nil {
			out.fill(free)
		}
	}
	if out.Found != enforcer.Unknown {
		out.Reasons = nil
	}
	out.Reasons = sortReasons(out.Reasons)
	return out
}

func (e *Escape) fill(labels map[string]string) {
	e.PodLabels, e.NamespaceLabels = map[string]string{}, map[string]string{}
	for k, v := range labels {
		if key, ok := strings.CutPrefix(k, nsKey); ok {
			e.NamespaceLabels[key] = v
		} else {
			e.PodLabels[k] = v
		}
	}
}

// literal is one requirement of a selector. Keys of other things than the pod's own labels carry a prefix.
type literal = cluster.Requirement

const (
	nsKey      = "namespace\x00"
	accountKey = "account\x00"
	factKey    = "fact\x00"
)

func prefixed(prefix string, s cluster.Selector) []literal {
	out := slices.Clone([]literal(s))
	for i := range out {
		out[i].Key = prefix + out[i].Key
	}
	return out
}

// termLiterals gives what a pod in ns must fulfil to be selected. It is No when no pod there can be, and
// Unknown when it hangs on labels of the namespace that are not known.
func (m *Model) termLiterals(t *policy.Term, ns *cluster.Namespace) ([]literal, enforcer.Answer) {
	lits, bind := literals(t, ns)
	if bind == enforcer.Yes && slices.ContainsFunc(t.Pods, func(r literal) bool { return m.profile.Sees(r.Key) != enforcer.Yes }) {
		return lits, enforcer.Unknown
	}
	return lits, bind
}

func literals(t *policy.Term, ns *cluster.Namespace) ([]literal, enforcer.Answer) {
	if t.Namespace != "" && (ns == nil || ns.Name != t.Namespace) {
		return nil, enforcer.No
	}
	lits := slices.Concat([]literal(t.Pods), prefixed(accountKey, t.ServiceAccounts), prefixed(factKey, t.Facts))
	switch {
	case t.Namespace != "":
		return lits, enforcer.Yes
	case ns != nil:
		return lits, matchNamespace(t.NamespaceSelector, ns)
	}
	return append(lits, prefixed(nsKey, t.NamespaceSelector)...), enforcer.Yes
}

// domain is what a label may still be: absent, or present with a value of (in) or outside (notIn) a list that
// meets all of parts.
type domain struct {
	absent, present bool
	in              []string // when not nil, only these
	notIn           []string
	parts           []literal // on what values contain, start or end with; in is already narrowed by them
}

// negated narrows the domain so that r does not hold; ok is false when nothing is left.
func (d domain) negated(r literal) (domain, bool) {
	switch n := r.Not(); n.Op {
	case cluster.NotIn: // absent, or another value
		d = d.without(n.Values)
	case cluster.In:
		d.absent = false
		d = d.only(n.Values)
	case cluster.DoesNotExist:
		d.present = false
	case cluster.Exists:
		d.absent = false
	case cluster.Contains, cluster.StartsWith, cluster.EndsWith:
		d.absent = false
		d = d.narrowed(n)
	case cluster.NotContains, cluster.NotStartsWith, cluster.NotEndsWith:
		d = d.narrowed(n)
	}
	return d, d.absent || d.present
}

func (d domain) narrowed(part literal) domain {
	if d.in == nil {
		d.parts = append(slices.Clone(d.parts), part)
		return d
	}
	d.in = slices.DeleteFunc(slices.Clone(d.in), func(v string) bool { return !part.MatchesValue(v, true) })
	d.present = d.present && len(d.in) > 0
	return d
}

func (d domain) without(values []string) domain {
	if d.in == nil {
		d.notIn = slices.Concat(d.notIn, values)
		return d
	}
	d.in = slices.DeleteFunc(slices.Clone(d.in), func(v string) bool { return slices.Contains(values, v) })
	d.present = d.present && len(d.in) > 0
	return d
}

func (d domain) only(values []string) domain {
	keep := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
		return slices.Contains(d.notIn, v) || (d.in != nil && !slices.Contains(d.in, v)) || !d.meets(v)
	})
	d.in, d.present = keep, d.present && len(keep) > 0
	return d
}

func (d domain) meets(v string) bool {
	return !slices.ContainsFunc(d.parts, func(r literal) bool { return !r.MatchesValue(v, true) })
}

// value picks a member; present is false for "absent", which is preferred as it makes the simplest example.
// It reports ok false when it finds no value that meets all of parts, although there may be one.
func (d domain) value() (v string, present, ok bool) {
	if d.absent {
		return "", false, true
	}
	if d.in != nil {
		return d.in[0], true, true
	}
	// A value that starts, holds and ends as asked, if the parts do not exclude each other.
	start, middle, end := "", "", ""
	for _, r := range d.parts {
		switch r.Op {
		case cluster.StartsWith:
			start = longer(start, r.Values[0])
		case cluster.Contains:
			middle += r.Values[0]
		case cluster.EndsWith:
			end = longer(end, r.Values[0])
		default: // what the value must not be: meets tells
		}
	}
	for i := range 20 {
		v := start + middle + end
		if i > 0 || v == "" {
			v = start + middle + "any" + strings.Repeat("x", i) + end
		}
		if !slices.Contains(d.notIn, v) && d.meets(v) {
			return v, true, true
		}
	}
	return "", false, false
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}

// avoidSteps bounds the search. It is far above what the selectors of any namespace need.
const avoidSteps = 200_000

// avoid finds labels that none of the selectors matches: for each selector at least one requirement must
// fail. It gives nil labels when there are none, and done=false when it gave up.
func avoid(selectors [][]literal) (labels map[string]string, done bool) {
	selectors = slices.Clone(selectors)
	// Few alternatives first: an empty selector ends the search at once.
	slices.SortStableFunc(selectors, func(a, b []literal) int { return len(a) - len(b) })
	steps := avoidSteps
	missed := false // labels were there to find, and value did not find them
	domains := map[string]domain{}
	var search func(i int) bool
	search = func(i int) bool {
		if i == len(selectors) {
			for _, d := range domains {
				if _, _, ok := d.value(); !ok {
					missed = true
					return false
				}
			}
			return true
		}
		for _, r := range selectors[i] {
			if steps--; steps < 0 {
				return false
			}
			old, known := domains[r.Key]
			if !known {
				old = domain{absent: true, present: true}
			}
			next, ok := old.negated(r)
			if !ok {
				continue
			}
			domains[r.Key] = next
			if search(i + 1) {
				return true
			}
			if known {
				domains[r.Key] = old
			} else {
				delete(domains, r.Key)
			}
		}
		return false
	}
	if !search(0) {
		return nil, steps >= 0 && !missed
	}
	labels = map[string]string{}
	for k, d := range domains {
		if v, present, _ := d.value(); present {
			labels[k] = v
		}
	}
	return labels, true
}
