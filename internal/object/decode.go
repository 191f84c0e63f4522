package object

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Unknown is something Decode could not put into the struct: a field it has no place for, or a value of the
// wrong type.
type Unknown struct {
	Path string // "spec.ingress[0].from[1].podSelectr"
	Line int
	Msg  string // "unknown field", or "want a string, got a list"
}

// Decode fills the struct into (a pointer) from v by its json tags and returns all that did not fit, in
// source order. Types with their own UnmarshalJSON are given the value's canonical JSON. It is strict:
// names match by case, numbers never become strings. What did not fit is left at its zero value, so
// callers must treat a non-empty result as "not understood".
func Decode(v *Value, into any) []Unknown {
	d := decoder{}
	d.value(v, reflect.ValueOf(into).Elem(), "")
	return d.unknown
}

type decoder struct{ unknown []Unknown }

func (d *decoder) fail(v *Value, path, format string, args ...any) {
	d.unknown = append(d.unknown, Unknown{Path: strings.TrimPrefix(path, "."), Line: v.Line, Msg: fmt.Sprintf(format, args...)})
}

func (d *decoder) value(v *Value, into reflect.Value, path string) {
	if !v.IsSet() {
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		d.value(v, into.Elem(), path)
		return
	}
	if into.CanAddr() {
		switch u := into.Addr().Interface().(type) {
		case json.Unmarshaler:
			if err := u.UnmarshalJSON(v.AppendJSON(nil)); err != nil {
				d.fail(v, path, "%v", err)
			}
			return
		case encoding.TextUnmarshaler:
			if v.Kind != String {
				d.fail(v, path, "want a string, got a %s", v.Kind)
			} else if err := u.UnmarshalText([]byte(v.Str())); err != nil {
				d.fail(v, path, "%v", err)
			}
			return
		}
	}
	switch into.Kind() {
	case reflect.Struct:
		d.structure(v, into, path)
	case reflect.Slice:
		if v.Kind != List {
			d.fail(v, path, "want a list, got a %s", v.Kind)
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(v.Items), len(v.Items)))
		for i, it := range v.Items {
			d.value(it, into.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		if v.Kind != Map {
			d.fail(v, path, "want a map, got a %s", v.Kind)
			return
		}
		m := reflect.MakeMapWithSize(into.Type(), len(v.Fields))
		for _, f := range v.Fields {
			e := reflect.New(into.Type().Elem()).Elem()
			d.value(f.Value, e, path+"."+f.Name)
			m.SetMapIndex(reflect.ValueOf(f.Name).Convert(into.Type().Key()), e)
		}
		into.Set(m)
	case reflect.String:
		if v.Kind != String {
			d.fail(v, path, "want a string, got a %s", v.Kind)
			return
		}
		into.SetString(v.Text)
	case reflect.Bool:
		if v.Kind != Bool {
			d.fail(v, path, "want true or false, got a %s", v.Kind)
			return
		}
		into.SetBool(v.Text == "true")
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		if v.Kind != Number {
			d.fail(v, path, "want a number, got a %s", v.Kind)
			return
		}
		if err := json.Unmarshal(v.AppendJSON(nil), into.Addr().Interface()); err != nil {
			d.fail(v, path, "want a number of type %s, got %s", into.Kind(), v.Text)
		}
	case reflect.Interface:
		var x any
		if json.Unmarshal(v.AppendJSON(nil), &x) == nil && x != nil {
			into.Set(reflect.ValueOf(x))
		}
	default:
		d.fail(v, path, "no way to read a %s", into.Kind())
	}
}

func (d *decoder) structure(v *Value, into reflect.Value, path string) {
	if v.Kind != Map {
		d.fail(v, path, "want a map, got a %s", v.Kind)
		return
	}
	index := fieldIndex(into.Type())
	for _, f := range v.Fields {
		i, ok := index[f.Name]
		if !ok {
			d.unknown = append(d.unknown, Unknown{Path: strings.TrimPrefix(path+"."+f.Name, "."), Line: f.Line, Msg: "unknown field"})
			continue
		}
		d.value(f.Value, into.FieldByIndex(i), path+"."+f.Name)
	}
}

var fieldIndexes sync.Map // reflect.Type to map[string][]int, a cache: same result whoever fills it

func fieldIndex(t reflect.Type) map[string][]int {
	if m, ok := fieldIndexes.Load(t); ok {
		return m.(map[string][]int)
	}
	m := map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && (name == "" || strings.Contains(opts, "inline")) && f.Type.Kind() == reflect.Struct {
			for n, rest := range fieldIndex(f.Type) {
				m[n] = append([]int{i}, rest...)
			}
			continue
		}
		if f.IsExported() && name != "" && name != "-" {
			m[name] = []int{i}
		}
	}
	fieldIndexes.Store(t, m)
	return m
}
