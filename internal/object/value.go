package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// ValueKind is what a Value holds.
type ValueKind uint8

// The kinds of YAML's JSON schema. Null is the zero value: a key without a value.
const (
	Null ValueKind = iota
	Bool
	Number
	String
	List
	Map
)

// String names the kind in the user's words.
func (k ValueKind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Number:
		return "number"
	case String:
		return "string"
	case List:
		return "list"
	case Map:
		return "map"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Value is one node of an object's tree. All methods accept a nil Value, which stands for "not there".
// Values are immutable once read and may be shared (YAML anchors).
type Value struct {
	Kind   ValueKind
	Line   int      // counts from 1
	Text   string   // Bool, Number, String: the scalar; "true" or "false" for Bool
	Items  []*Value // List
	Fields []Field  // Map: in source order, names unique
}

// Field is one entry of a map; Line is the line of its name.
type Field struct {
	Name  string
	Line  int
	Value *Value
}

// Get follows field names; nil when one is not there or is not a map.
func (v *Value) Get(path ...string) *Value {
	for _, name := range path {
		if v == nil || v.Kind != Map {
			return nil
		}
		fields := v.Fields
		v = nil
		for i := range fields {
			if fields[i].Name == name {
				v = fields[i].Value
				break
			}
		}
	}
	return v
}

// IsSet tells whether v is there and not null.
func (v *Value) IsSet() bool { return v != nil && v.Kind != Null }

// Str is the scalar's text, "" for anything else.
func (v *Value) Str() string {
	if v == nil || v.Kind == List || v.Kind == Map {
		return ""
	}
	return v.Text
}

// True tells whether v is the boolean true.
func (v *Value) True() bool { return v != nil && v.Kind == Bool && v.Text == "true" }

// Int is the number v holds, also when it is written as a string.
func (v *Value) Int() (n int, ok bool) {
	if v == nil || (v.Kind != Number && v.Kind != String) {
		return 0, false
	}
	n, err := strconv.Atoi(v.Text)
	return n, err == nil
}

// List is the items of a list, nil for anything else.
func (v *Value) List() []*Value {
	if v == nil || v.Kind != List {
		return nil
	}
	return v.Items
}

// Map is the fields of a map, nil for anything else.
func (v *Value) Map() []Field {
	if v == nil || v.Kind != Map {
		return nil
	}
	return v.Fields
}

// Strings reads a map of scalars (labels, annotations), or nil.
func (v *Value) Strings() map[string]string {
	if v == nil || v.Kind != Map {
		return nil
	}
	m := make(map[string]string, len(v.Fields))
	for _, f := range v.Fields {
		m[f.Name] = f.Value.Str()
	}
	return m
}

// AppendJSON appends v as canonical JSON: map keys sorted, no spaces, numbers as they were written when
// that is valid JSON and as strings otherwise. nil is null.
func (v *Value) AppendJSON(b []byte) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	switch v.Kind {
	case Null:
		return append(b, "null"...)
	case Bool:
		return append(b, v.Text...)
	case Number:
		if json.Valid([]byte(v.Text)) {
			return append(b, v.Text...)
		}
		return appendString(b, v.Text)
	case String:
		return appendString(b, v.Text)
	case List:
		b = append(b, '[')
		for i, it := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = it.AppendJSON(b)
		}
		return append(b, ']')
	case Map:
		fields := slices.SortedFunc(slices.Values(v.Fields), func(x, y Field) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
		b = append(b, '{')
		for i, f := range fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, f.Name), ':')
			b = f.Value.AppendJSON(b)
		}
		return append(b, '}')
	}
	return b
}

// MarshalJSON gives the canonical form of AppendJSON.
func (v *Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s) // never fails on a string; invalid UTF-8 becomes U+FFFD
	if err != nil {
		return append(b, `""`...)
	}
	return append(b, q...)
}
