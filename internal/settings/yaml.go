// Package settings is the reader of the configuration texts that objects carry inside: YAML, JSON
// and TOML, and the forms of Fluent Bit, Fluentd and Grafana Alloy.
//
// It reads structure and decides nothing. Lines count from 1 inside the text. What it cannot read is an error,
// never an empty result.
package settings

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Limits of what one text may cost. A ConfigMap holds at most a mebibyte.
const (
	maxText  = 1 << 20
	maxDepth = 60
	maxNodes = 100_000
)

// YAML reads one document of YAML or JSON. An empty text is nil without an error.
func YAML(text string) (v *object.Value, err error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	if strings.Count(text, "[")+strings.Count(text, "{") > 20*maxDepth*maxDepth {
		return nil, errors.New("too many brackets")
	}
	defer func() {
		if recover() != nil { // the YAML reader keeps panics for states that it believes impossible
			v, err = nil, errors.New("not valid YAML")
		}
	}()
	d := yaml.NewDecoder(strings.NewReader(text))
	var n, more yaml.Node
	if err := d.Decode(&n); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, errors.New("not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	t := tree{left: maxNodes}
	return t.value(&n, 0)
}

type tree struct{ left int }

func (t *tree) value(n *yaml.Node, depth int) (*object.Value, error) {
	if t.left--; t.left < 0 {
		return nil, errors.New("too many values")
	}
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	v := &object.Value{Line: n.Line}
	switch n.Kind {
	case yaml.DocumentNode:
		return t.value(n.Content[0], depth)
	case yaml.AliasNode:
		return t.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		v.Kind = object.List
		for _, c := range n.Content {
			item, err := t.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			v.Items = append(v.Items, item)
		}
	case yaml.MappingNode:
		v.Kind = object.Map
		return v, t.fields(v, n, depth)
	default:
		v.Text = n.Value
		switch n.ShortTag() {
		case "!!null":
			v.Text = ""
		case "!!bool":
			v.Kind, v.Text = object.Bool, strings.ToLower(n.Value)
		case "!!int", "!!float":
			v.Kind = object.Number
		default:
			v.Kind = object.String
		}
	}
	return v, nil
}

// fields reads a map. A key that stands twice is an error: programs differ in which of the two they take. What
// is merged in ("<<") counts where the map does not say otherwise.
func (t *tree) fields(v *object.Value, n *yaml.Node, depth int) error {
	var merged []object.Field
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		item, err := t.value(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, mergedFields(item)...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return errors.New("a key is no name")
		}
		if v.Get(key.Value) != nil {
			return fmt.Errorf("%s is given twice in one map", key.Value)
		}
		v.Fields = append(v.Fields, object.Field{Name: key.Value, Line: key.Line, Value: item})
	}
	for _, f := range merged {
		if v.Get(f.Name) == nil {
			v.Fields = append(v.Fields, f)
		}
	}
	return nil
}

func mergedFields(v *object.Value) []object.Field {
	out := append([]object.Field{}, v.Map()...)
	for _, it := range v.List() {
		out = append(out, it.Map()...)
	}
	return out
}
