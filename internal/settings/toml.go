package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// TOML reads one document. Tables that have a header know its line, what stands in them has that line too, and
// everything else is at line 1. Keys are in order of their names.
func TOML(text string) (*object.Value, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	if strings.Count(text, "[")+strings.Count(text, "{") > 20*maxDepth*maxDepth {
		return nil, errors.New("too many brackets")
	}
	var doc map[string]any
	if _, err := toml.Decode(text, &doc); err != nil {
		if at, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("not valid TOML: line %d", at.Position.Line)
		}
		return nil, errors.New("not valid TOML")
	}
	t := table{left: maxNodes, lines: map[string]int{}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		head, ok := strings.CutPrefix(strings.TrimSpace(line), "[")
		if head, _, end := strings.Cut(strings.TrimPrefix(head, "["), "]"); ok && end {
			t.lines[strings.NewReplacer(" ", "", `"`, "", "'", "").Replace(head)] = n
		}
	}
	return t.value(doc, "", 1, 0)
}

type table struct {
	left  int
	lines map[string]int // of headers, by their dotted names
}

func (t *table) value(v any, name string, line, depth int) (*object.Value, error) {
	if t.left--; t.left < 0 {
		return nil, errors.New("too many values")
	}
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	if at := t.lines[name]; at > 0 {
		line = at
	}
	out := &object.Value{Line: line}
	switch v := v.(type) {
	case map[string]any:
		out.Kind = object.Map
		for _, key := range slices.Sorted(maps.Keys(v)) {
			under := strings.TrimPrefix(name+"."+key, ".")
			item, err := t.value(v[key], under, line, depth+1)
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, object.Field{Name: key, Line: item.Line, Value: item})
		}
	case []map[string]any:
		out.Kind = object.List
		for _, item := range v {
			got, err := t.value(item, name, line, depth+1)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, got)
		}
	case []any:
		out.Kind = object.List
		for _, item := range v {
			got, err := t.value(item, name, line, depth+1)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, got)
		}
	case bool:
		out.Kind, out.Text = object.Bool, strconv.FormatBool(v)
	case int64:
		out.Kind, out.Text = object.Number, strconv.FormatInt(v, 10)
	case float64:
		out.Kind, out.Text = object.Number, strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		out.Kind, out.Text = object.String, v
	default: // how a date is written would hang on the place of this machine
		out.Kind, out.Text = object.String, "a date"
	}
	return out, nil
}
