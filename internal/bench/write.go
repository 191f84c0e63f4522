package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// WriteJSON writes trees as "kubectl get -o json" does: one List, indented by four spaces.
func WriteJSON(w io.Writer, trees iter.Seq[*object.Value]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	b.WriteString("{\n    \"apiVersion\": \"v1\",\n    \"items\": [")
	between := "\n        "
	var line []byte
	var shown bytes.Buffer
	for v := range trees {
		line = v.AppendJSON(line[:0])
		shown.Reset()
		if err := json.Indent(&shown, line, "        ", "    "); err != nil {
			return err
		}
		b.WriteString(between)
		b.Write(shown.Bytes())
		between = ",\n        "
	}
	b.WriteString("\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\"resourceVersion\": \"\"}\n}\n")
	return b.Flush()
}

// WriteLine writes trees as one List on one line, as the API server does and as "jq -c" makes of WriteJSON.
func WriteLine(w io.Writer, trees iter.Seq[*object.Value]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	b.WriteString(`{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[`)
	between := ""
	var line []byte
	for v := range trees {
		line = v.AppendJSON(line[:0])
		b.WriteString(between)
		b.Write(line)
		between = ","
	}
	b.WriteString("]}\n")
	return b.Flush()
}

// WriteYAML writes trees as "kubectl get -o yaml" does, each as a document of its own: keys in order, block
// style, lists no deeper than their key.
func WriteYAML(w io.Writer, trees iter.Seq[*object.Value]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	y := yamlWriter{b}
	first := true
	for v := range trees {
		if !first {
			b.WriteString("---\n")
		}
		first = false
		y.fields(v, 0, false)
	}
	return b.Flush()
}

type yamlWriter struct{ *bufio.Writer }

func (y yamlWriter) indent(n int) {
	for range n {
		y.WriteString("  ")
	}
}

// fields writes a map at a depth. With begun the first key follows a dash on the line.
func (y yamlWriter) fields(v *object.Value, depth int, begun bool) {
	sorted := slices.Clone(v.Fields)
	slices.SortFunc(sorted, func(a, b object.Field) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range sorted {
		if !begun {
			y.indent(depth)
		}
		begun = false
		y.WriteString(yamlText(f.Name))
		y.WriteByte(':')
		switch {
		case f.Value.Kind == object.Map && len(f.Value.Fields) > 0:
			y.WriteByte('\n')
			y.fields(f.Value, depth+1, false)
		case f.Value.Kind == object.List && len(f.Value.Items) > 0:
			y.WriteByte('\n')
			y.items(f.Value, depth)
		default:
			y.WriteByte(' ')
			y.scalar(f.Value)
		}
	}
}

func (y yamlWriter) items(v *object.Value, depth int) {
	for _, item := range v.Items {
		y.indent(depth)
		y.WriteString("- ")
		if item.Kind == object.Map && len(item.Fields) > 0 {
			y.fields(item, depth+1, true)
			continue
		}
		y.scalar(item)
	}
}

// scalar writes a scalar, or an empty map or list.
func (y yamlWriter) scalar(v *object.Value) {
	switch v.Kind {
	case object.Map:
		y.WriteString("{}")
	case object.List:
		y.WriteString("[]")
	case object.String:
		y.WriteString(yamlText(v.Text))
	case object.Null:
		y.WriteString("null")
	case object.Bool, object.Number:
		y.WriteString(v.Text)
	}
	y.WriteByte('\n')
}

// yamlText quotes what YAML would read as something else.
func yamlText(s string) string {
	plain := s != "" && !strings.ContainsAny(s, "\"'#{}[],&*!|>%@`\\\n\t") && !strings.Contains(s, ": ") && !strings.HasSuffix(s, ":") &&
		s[0] != ' ' && s[0] != '-' && s[0] != '?' && s[0] != ':' && s[0] != '='
	if plain {
		_, err := strconv.ParseFloat(s, 64)
		plain = err != nil && (s[0] < '0' || s[0] > '9' || strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz/"))
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "~", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}
