package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Reader is the strict reader of one policy object that the kinds share. It never skips anything in
// silence: what it does not understand becomes a problem, and a doubt of the smallest part for which that
// is sound.
type Reader struct {
	Object   *object.Object
	Doubts   []Doubt          // of the object as a whole
	Problems []object.Problem // in the order met
}

// NewReader begins to read o.
func NewReader(o *object.Object) *Reader { return &Reader{Object: o} }

// Stored tells whether the object was read back from an API server, which gives every object it keeps a
// uid. Such an object certainly exists; a manifest that the server refuses does not.
func (r *Reader) Stored() bool { return r.Object.Root.Get("metadata", "uid").Str() != "" }

// Refused reports that the API server does not take the object because of v. It may therefore not exist at
// all, so the doubt is of the whole object. v may be nil for something that is missing.
func (r *Reader) Refused(v *object.Value, hint, format string, args ...any) {
	r.Doubts = append(r.Doubts, r.problem(object.Error, v, hint, format, args...))
}

// NotModelled reports that v means something that is not modelled, which leaves the whole object in doubt.
func (r *Reader) NotModelled(v *object.Value, format string, args ...any) {
	r.Doubts = append(r.Doubts, r.Unclear(v, format, args...))
}

// Unclear reports that v is not understood, and returns the doubt for the caller to put where it belongs.
func (r *Reader) Unclear(v *object.Value, format string, args ...any) Doubt {
	return r.problem(object.Error, v, "answers that depend on it are undecided", format, args...)
}

// Warn reports something that is understood and looks like a mistake.
func (r *Reader) Warn(v *object.Value, hint, format string, args ...any) {
	r.problem(object.Warning, v, hint, format, args...)
}

// Note reports something that is worth knowing and no mistake. The doubt it returns is for what hangs on it, if anything.
func (r *Reader) Note(v *object.Value, hint, format string, args ...any) Doubt {
	return r.problem(object.Note, v, hint, format, args...)
}

func (r *Reader) problem(sev object.Severity, v *object.Value, hint, format string, args ...any) Doubt {
	p := object.Problem{Severity: sev, Pos: r.Object.At(v), Ref: r.Object.Ref, Msg: fmt.Sprintf(format, args...), Hint: hint}
	r.Problems = append(r.Problems, p)
	return Doubt{Pos: p.Pos, Ref: p.Ref, Msg: p.Msg}
}

// Fields checks that v is a map of no other fields than the known ones, and returns a doubt for each other
// one. In a manifest that nobody has applied yet an unknown field also puts the whole object in doubt:
// kubectl refuses it, other clients drop the field. An object read back from a server exists, and its field
// is one that a newer API knows, so the caller may keep the doubt small. A v that is not set has no fields.
func (r *Reader) Fields(v *object.Value, path string, known ...string) []Doubt {
	if !v.IsSet() {
		return nil
	}
	if v.Kind != object.Map {
		r.Refused(v, "the API server refuses the object", "%s: want a map, got a %s", path, v.Kind)
		return nil
	}
	var doubts []Doubt
	for _, f := range v.Fields {
		if slices.Contains(known, f.Name) {
			continue
		}
		at := &object.Value{Line: f.Line}
		name := f.Name
		if path != "" {
			name = path + "." + f.Name
		}
		hint := "kubectl refuses the object, other clients drop the field"
		if near := nearest(f.Name, known); near != "" {
			hint += "; " + near + " was probably meant"
		}
		d := r.problem(object.Error, at, hint, "%s: unknown field", name)
		doubts = append(doubts, d)
		if !r.Stored() {
			r.Doubts = append(r.Doubts, d)
		}
	}
	return doubts
}

// Whole puts doubts that Fields returned on the object as a whole, if Fields has not done so itself.
func (r *Reader) Whole(doubts []Doubt) {
	if r.Stored() {
		r.Doubts = append(r.Doubts, doubts...)
	}
}

// List is the items of v, nil when v is not set. Anything but a list is refused.
func (r *Reader) List(v *object.Value, path string) []*object.Value {
	if v.IsSet() && v.Kind != object.List {
		r.Refused(v, "the API server refuses the object", "%s: want a list, got a %s", path, v.Kind)
	}
	return v.List()
}

// Text is the string v holds. It reports false when v is not set, and refuses anything but a string.
func (r *Reader) Text(v *object.Value, path string) (string, bool) {
	if !v.IsSet() {
		return "", false
	}
	if v.Kind != object.String {
		r.Refused(v, "the API server refuses the object; quote the value", "%s: want a string, got a %s", path, v.Kind)
		return "", false
	}
	return v.Text, true
}

// nearest is the known name that is at most two typing errors away from name, "" when there is none.
func nearest(name string, known []string) string {
	best := slices.MinFunc(append([]string{""}, known...), func(a, b string) int {
		return cmp.Compare(typingErrors(name, a), typingErrors(name, b))
	})
	if typingErrors(name, best) > 2 {
		return ""
	}
	return best
}

// typingErrors counts the letters to add, drop or change (Levenshtein distance). Long names count as far.
func typingErrors(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// OneNamespace gives the only namespace that s can select, and no selector, when s asks for the name label
// alone; otherwise "" and s itself. Both forms mean the same, as every namespace has that label.
func OneNamespace(s cluster.Selector) (string, cluster.Selector) {
	if len(s) == 1 && s[0].Key == cluster.NameLabel && s[0].Op == cluster.In && len(s[0].Values) == 1 && s[0].Values[0] != "" {
		return s[0].Values[0], nil
	}
	return "", s
}
