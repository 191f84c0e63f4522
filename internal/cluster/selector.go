package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Operator relates a label to values, as in metav1.LabelSelectorRequirement.
type Operator uint8

// The operators of Kubernetes, of which NotIn and DoesNotExist also match objects without the key
// (apimachinery labels.Requirement), and those that other selector languages have besides: Contains,
// StartsWith and EndsWith match values that hold one of Values so; each Not form matches everything else,
// objects without the key too.
const (
	In Operator = iota
	NotIn
	Exists
	DoesNotExist
	Contains
	NotContains
	StartsWith
	NotStartsWith
	EndsWith
	NotEndsWith
)

// operators is by Operator: the name in the API or the language, and the operator that matches just what
// this one does not.
var operators = [...]struct {
	name     string
	opposite Operator
}{
	In: {"In", NotIn}, NotIn: {"NotIn", In}, Exists: {"Exists", DoesNotExist}, DoesNotExist: {"DoesNotExist", Exists},
	Contains: {"Contains", NotContains}, NotContains: {"NotContains", Contains},
	StartsWith: {"StartsWith", NotStartsWith}, NotStartsWith: {"NotStartsWith", StartsWith},
	EndsWith: {"EndsWith", NotEndsWith}, NotEndsWith: {"NotEndsWith", EndsWith},
}

// AccountName is the pseudo-label that stands for the name of a service account where accounts are
// selected. No real label has it, as it is no valid key.
const AccountName = "name()"

// String is the operator's name.
func (o Operator) String() string {
	if int(o) < len(operators) {
		return operators[o].name
	}
	return fmt.Sprintf("operator(%d)", uint8(o))
}

// Requirement is one condition on one label. Values are sorted, and not used by Exists and DoesNotExist.
type Requirement struct {
	Key    string
	Op     Operator
	Values []string
}

// Not is the requirement that matches just what r does not.
func (r Requirement) Not() Requirement {
	if int(r.Op) < len(operators) {
		r.Op = operators[r.Op].opposite
	}
	return r
}

// Matches tells whether labels meet r.
func (r Requirement) Matches(labels map[string]string) bool {
	v, has := labels[r.Key]
	return r.MatchesValue(v, has)
}

// MatchesValue tells whether a label of value v, or the lack of one, meets r.
func (r Requirement) MatchesValue(v string, has bool) bool {
	switch r.Op {
	case In:
		return has && slices.Contains(r.Values, v)
	case Exists:
		return has
	case Contains:
		return has && slices.ContainsFunc(r.Values, func(part string) bool { return strings.Contains(v, part) })
	case StartsWith:
		return has && slices.ContainsFunc(r.Values, func(part string) bool { return strings.HasPrefix(v, part) })
	case EndsWith:
		return has && slices.ContainsFunc(r.Values, func(part string) bool { return strings.HasSuffix(v, part) })
	case NotIn, DoesNotExist, NotContains, NotStartsWith, NotEndsWith:
		return !r.Not().MatchesValue(v, has)
	}
	return false
}

// String gives kubectl's form: "a=b", "a in (b,c)", "a notin (b)", "a", "!a"; and for the operators that
// kubectl lacks "a contains (b)".
func (r Requirement) String() string {
	values := "(" + strings.Join(r.Values, ",") + ")"
	switch r.Op {
	case In:
		if len(r.Values) == 1 {
			return r.Key + "=" + r.Values[0]
		}
		return r.Key + " in " + values
	case NotIn:
		return r.Key + " notin " + values
	case Exists:
		return r.Key
	case DoesNotExist:
		return "!" + r.Key
	case Contains:
		return r.Key + " contains " + values
	case StartsWith:
		return r.Key + " starts with " + values
	case EndsWith:
		return r.Key + " ends with " + values
	case NotContains, NotStartsWith, NotEndsWith:
		return "!(" + r.Not().String() + ")"
	}
	return ""
}

// Selector is a label selector: all requirements must hold, none means everything. It is sorted, so equal
// selectors have equal String forms.
type Selector []Requirement

// Matches tells whether labels meet every requirement.
func (s Selector) Matches(labels map[string]string) bool {
	for _, r := range s {
		if !r.Matches(labels) {
			return false
		}
	}
	return true
}

// String gives kubectl's form, or "everything" for the empty selector.
func (s Selector) String() string {
	if len(s) == 0 {
		return "everything"
	}
	parts := make([]string, len(s))
	for i, r := range s {
		parts[i] = r.String()
	}
	return strings.Join(parts, ",")
}

// NewSelector sorts the requirements and their values, and drops what is there twice.
func NewSelector(rs ...Requirement) Selector {
	s := make(Selector, 0, len(rs))
	for _, r := range rs {
		r.Values = slices.Compact(slices.Sorted(slices.Values(r.Values)))
		s = append(s, r)
	}
	return slices.CompactFunc(s.sorted(), func(a, b Requirement) bool { return a.String() == b.String() })
}

// MatchLabels makes a selector of equalities.
func MatchLabels(labels map[string]string) Selector {
	s := make(Selector, 0, len(labels))
	for k, v := range labels {
		s = append(s, Requirement{Key: k, Op: In, Values: []string{v}})
	}
	return s.sorted()
}

func (s Selector) sorted() Selector {
	slices.SortFunc(s, func(a, b Requirement) int { return strings.Compare(a.String(), b.String()) })
	return s
}

// ParseSelector reads a metav1.LabelSelector. What it does not understand is returned; the selector is
// then not to be trusted. A missing or null value is the empty selector: callers that give "missing" a
// meaning of its own ask v.IsSet first.
func ParseSelector(v *object.Value) (Selector, []object.Unknown) {
	var bad []object.Unknown
	fail := func(v *object.Value, path, format string, args ...any) {
		bad = append(bad, object.Unknown{Path: path, Line: v.Line, Msg: fmt.Sprintf(format, args...)})
	}
	if !v.IsSet() {
		return nil, nil
	}
	if v.Kind != object.Map {
		fail(v, "", "want a label selector, got a %s", v.Kind)
		return nil, bad
	}
	var s Selector
	for _, f := range v.Fields {
		switch f.Name {
		case "matchLabels":
			if f.Value.IsSet() && f.Value.Kind != object.Map {
				fail(f.Value, "matchLabels", "want a map, got a %s", f.Value.Kind)
			}
			for _, l := range f.Value.Map() {
				if l.Value.Kind != object.String {
					fail(l.Value, "matchLabels."+l.Name, "want a string, got a %s", l.Value.Kind)
				}
				s = append(s, Requirement{Key: l.Name, Op: In, Values: []string{l.Value.Str()}})
			}
		case "matchExpressions":
			if f.Value.IsSet() && f.Value.Kind != object.List {
				fail(f.Value, "matchExpressions", "want a list, got a %s", f.Value.Kind)
			}
			for i, e := range f.Value.List() {
				r, err := parseRequirement(e)
				if err != nil {
					fail(e, fmt.Sprintf("matchExpressions[%d]", i), "%v", err)
					continue
				}
				s = append(s, r)
			}
		default:
			fail(f.Value, f.Name, "unknown field")
		}
	}
	return s.sorted(), bad
}

func parseRequirement(e *object.Value) (Requirement, error) {
	var r Requirement
	for _, f := range e.Map() {
		switch f.Name {
		case "key", "operator":
			if f.Value.Kind != object.String {
				return r, fmt.Errorf("%s: want a string, got a %s", f.Name, f.Value.Kind)
			}
		case "values":
			if f.Value.IsSet() && f.Value.Kind != object.List {
				return r, fmt.Errorf("values: want a list, got a %s", f.Value.Kind)
			}
			for _, x := range f.Value.List() {
				if x.Kind != object.String {
					return r, fmt.Errorf("values: want strings, got a %s", x.Kind)
				}
				r.Values = append(r.Values, x.Str())
			}
		default:
			return r, fmt.Errorf("unknown field %q", f.Name)
		}
	}
	if r.Key = e.Get("key").Str(); r.Key == "" {
		return r, fmt.Errorf("no key")
	}
	slices.Sort(r.Values)
	r.Values = slices.Compact(r.Values)
	switch op := e.Get("operator").Str(); op {
	case "In", "NotIn":
		if op == "NotIn" {
			r.Op = NotIn
		}
		if len(r.Values) == 0 {
			return r, fmt.Errorf("operator %s needs values", op)
		}
	case "Exists", "DoesNotExist":
		r.Op = Exists
		if op == "DoesNotExist" {
			r.Op = DoesNotExist
		}
		if len(r.Values) > 0 {
			return r, fmt.Errorf("operator %s takes no values", op)
		}
	default:
		return r, fmt.Errorf("operator %q: want In, NotIn, Exists or DoesNotExist", op)
	}
	return r, nil
}
