package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// lineError is an error at a line; 0 when the line is not known.
type lineError struct {
	line int
	msg  string
	hint string
}

func (e *lineError) Error() string { return e.msg }

func errorAt(line int, format string, args ...any) *lineError {
	return &lineError{line: line, msg: fmt.Sprintf(format, args...)}
}

// parseYAML reads one YAML document whose first line is line number first. A nil value with a nil error is
// an empty document. Duplicate keys are reported through dup, and the last one is kept, as kubectl does.
func (c *collector) parseYAML(text []byte, first int, dup func(line int, key string)) (*object.Value, error) {
	if v, dups, ok := c.plainYAML(text, first); ok {
		for _, k := range dups {
			dup(k.line, k.key)
		}
		return v, nil
	}
	return c.fullYAML(text, first, dup)
}

// fullYAML reads a document with the YAML library.
func (c *collector) fullYAML(text []byte, first int, dup func(line int, key string)) (*object.Value, error) {
	if line := tooDeep(text); line > 0 {
		return nil, errorAt(first+line-1, "nested deeper than the YAML reader can follow")
	}
	node, err := decodeNode(text)
	if err != nil {
		return nil, yamlError(err, first)
	}
	if node == nil || node.Kind == 0 {
		return nil, nil
	}
	y := yamlTree{c: c, offset: first - 1, dup: dup, done: map[*yaml.Node]*sized{}}
	s, err := y.value(node, 0)
	if err != nil {
		return nil, err
	}
	return s.value, nil
}

// decodeNode guards against the panics that yaml.v3 keeps for states it believes impossible; odd comments
// reach some of them, so a document that panics is read once more without its comment lines.
func decodeNode(text []byte) (*yaml.Node, error) {
	node, err := decodeNodeOnce(text)
	if errors.Is(err, errYAMLPanic) {
		return decodeNodeOnce(commentLine.ReplaceAll(text, nil))
	}
	return node, err
}

var errYAMLPanic = errors.New("the YAML reader gave up on this document")

var commentLine = regexp.MustCompile(`(?m)^[ \t]*#.*$`)

func decodeNodeOnce(text []byte) (node *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			node, err = nil, errYAMLPanic
		}
	}()
	node = &yaml.Node{}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(node); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return node, nil
}

// yamlError turns yaml.v3's message into ours: its line is relative to the document.
func yamlError(err error, first int) *lineError {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if n, text, ok := strings.Cut(rest, ": "); ok {
			if k, err := strconv.Atoi(n); err == nil {
				line, msg = k, text
			}
		}
	}
	if strings.HasPrefix(msg, "did not find expected") {
		line++ // yaml.v3 counts from 0 in this kind of error
	}
	hint := ""
	switch {
	case strings.Contains(msg, "cannot start any token"):
		hint = "YAML does not allow tabs for indentation: use spaces"
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "mapping values are not allowed"):
		hint = "check the indentation around this line, and quote values that contain a colon"
	case strings.Contains(msg, "unknown anchor"):
		hint = "an anchor is known only inside its own document"
	}
	return &lineError{line: first + line - 1, msg: "not valid YAML: " + msg, hint: hint}
}

// tooDeep finds the line where text opens more flow brackets or block indents than any real document does,
// or 0. The reader would survive, but it takes time that grows with the square of the depth. Brackets in
// strings count too, which is harmless at this bound: they close again.
func tooDeep(text []byte) int {
	const bound = 2000
	depth, line := 0, 1
	for i, b := range text {
		switch b {
		case '\n':
			line++
		case '[', '{':
			if depth++; depth > bound {
				return line
			}
		case ']', '}':
			depth = max(0, depth-1)
		case '-', '?':
			// "- - - -" opens a block sequence with every dash.
			if n := dashes(text[i:], bound); n > bound {
				return line
			}
		}
	}
	return 0
}

func dashes(text []byte, bound int) int {
	n := 0
	for len(text) > 1 && (text[0] == '-' || text[0] == '?') && text[1] == ' ' && n <= bound {
		text, n = text[2:], n+1
	}
	return n
}

// yamlTree turns nodes into values.
type yamlTree struct {
	c       *collector
	offset  int // added to the line numbers of the document
	dup     func(line int, key string)
	done    map[*yaml.Node]*sized // values of anchored nodes; nil while one is being made
	aliased int
}

// sized is a value with the number of values in it and its height, aliases expanded.
type sized struct {
	value         *object.Value
	nodes, height int
}

func (y *yamlTree) value(n *yaml.Node, depth int) (*sized, error) {
	line := n.Line + y.offset
	if depth > y.c.lim.Depth {
		return nil, errorAt(line, "nested deeper than %d levels", y.c.lim.Depth)
	}
	switch n.Kind { //nolint:exhaustive // the other kinds are handled below
	case yaml.DocumentNode:
		return y.value(n.Content[0], depth)
	case yaml.AliasNode:
		return y.alias(n, depth)
	}
	if n.Anchor != "" {
		y.done[n] = nil
	}
	s, err := y.own(n, line, depth)
	if err == nil && n.Anchor != "" {
		y.done[n] = s
	}
	return s, err
}

// own is the value of a node that is no alias.
func (y *yamlTree) own(n *yaml.Node, line, depth int) (*sized, error) {
	s := &sized{value: &object.Value{Line: line}, nodes: 1}
	switch n.Kind { //nolint:exhaustive // the other kinds are handled below
	case yaml.ScalarNode:
		var err error
		s.value.Kind, s.value.Text, err = scalar(n)
		if err != nil {
			return nil, errorAt(line, "%v", err)
		}
		return s, nil
	case yaml.SequenceNode:
		s.value.Kind = object.List
		s.value.Items = make([]*object.Value, 0, len(n.Content))
		for _, item := range n.Content {
			t, err := y.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			s.value.Items = append(s.value.Items, t.value)
			s.nodes, s.height = s.nodes+t.nodes, max(s.height, t.height+1)
		}
		return s, nil
	}
	s.value.Kind = object.Map
	return s, y.fields(n, s, depth)
}

func (y *yamlTree) alias(n *yaml.Node, depth int) (*sized, error) {
	line := n.Line + y.offset
	s := y.done[n.Alias]
	if s == nil {
		return nil, errorAt(line, "the alias *%s stands inside its own anchor", n.Value)
	}
	if y.aliased += s.nodes; y.aliased > y.c.lim.AliasNodes {
		return nil, errorAt(line, "aliases make more than %d values out of this document", y.c.lim.AliasNodes)
	}
	if depth+s.height > y.c.lim.Depth {
		return nil, errorAt(line, "nested deeper than %d levels", y.c.lim.Depth)
	}
	return s, nil
}

// fields reads a map. Merge keys act where they stand: fields before one are overridden, fields after one
// override it. That is what kubectl's YAML reader does, whatever the merge-key draft says.
func (y *yamlTree) fields(n *yaml.Node, s *sized, depth int) error {
	m := fieldSet{fields: make([]object.Field, 0, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		line := k.Line + y.offset
		if isMerge(k) {
			if err := y.merge(v, &m, s, depth); err != nil {
				return err
			}
			continue
		}
		name, err := keyName(k)
		if err != nil {
			return errorAt(line, "%v", err)
		}
		t, err := y.value(v, depth+1)
		if err != nil {
			return err
		}
		s.nodes, s.height = s.nodes+t.nodes, max(s.height, t.height+1)
		if m.set(object.Field{Name: y.c.arena.name(name), Line: line, Value: t.value}) {
			y.dup(line, name)
		}
	}
	s.value.Fields = m.fields
	return nil
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Tag == "!!merge"
}

func (y *yamlTree) merge(v *yaml.Node, m *fieldSet, s *sized, depth int) error {
	maps := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		maps = v.Content
	}
	for _, m0 := range slices.Backward(maps) { // the first of a list of maps is the strongest
		t, err := y.value(m0, depth)
		if err != nil {
			return err
		}
		if t.value.Kind != object.Map {
			return errorAt(m0.Line+y.offset, "<< wants a map or a list of maps")
		}
		for _, f := range t.value.Fields {
			m.merge(f)
		}
		s.nodes, s.height = s.nodes+t.nodes, max(s.height, t.height)
	}
	return nil
}

func keyName(k *yaml.Node) (string, error) {
	if k.Kind == yaml.AliasNode {
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		return "", errors.New("a key is a list or a map; Kubernetes wants a name")
	}
	if k.Style == 0 {
		return plainKey(k.Value)
	}
	_, text, err := scalar(k)
	return text, err
}

func scalar(n *yaml.Node) (object.ValueKind, string, error) {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return tagged(n.Tag, n.Value, quoted)
	case quoted:
		return object.String, n.Value, nil
	}
	kind, text := plainScalar(n.Value)
	return kind, text, nil
}

// fieldSet is a map under construction: names unique, in the order of their last appearance in source.
type fieldSet struct {
	fields []object.Field
	index  map[string]int // only when there are many fields
	merged map[string]bool
}

func (m *fieldSet) find(name string) int {
	if m.index != nil {
		if i, ok := m.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range m.fields {
		if m.fields[i].Name == name {
			return i
		}
	}
	return -1
}

// set puts f, and tells whether it replaced a field written in the same map.
func (m *fieldSet) set(f object.Field) bool {
	if i := m.find(f.Name); i >= 0 {
		m.fields[i] = f
		again := !m.merged[f.Name]
		delete(m.merged, f.Name)
		return again
	}
	if m.fields = append(m.fields, f); m.index != nil {
		m.index[f.Name] = len(m.fields) - 1
	} else if len(m.fields) == 16 {
		m.index = make(map[string]int, 64)
		for i := range m.fields {
			m.index[m.fields[i].Name] = i
		}
	}
	return false
}

// merge puts a field that came through <<; writing it again afterwards is no mistake.
func (m *fieldSet) merge(f object.Field) {
	m.set(f)
	if m.merged == nil {
		m.merged = map[string]bool{}
	}
	m.merged[f.Name] = true
}
