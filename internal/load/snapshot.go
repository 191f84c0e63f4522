package load

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const (
	snapshotVersion = "bulkhead.dev/v1alpha1"
	snapshotKind    = "Snapshot"
)

// Snapshot is the header of a saved input: one JSON file with all objects, the place each stood at, and the
// problems and coverage of the reading that made it. Secrets have no content in it.
type Snapshot struct {
	APIVersion string           `json:"apiVersion"` // "bulkhead.dev/v1alpha1"
	Kind       string           `json:"kind"`       // "Snapshot"
	Coverage   Coverage         `json:"coverage"`
	Problems   []object.Problem `json:"problems"`
	Objects    []SnapshotObject `json:"objects"`
}

// SnapshotObject is one object with its positions.
type SnapshotObject struct {
	File string `json:"file"`
	// Lines are the lines of the object's values, each followed, for a map, by the line of every name and
	// then that field's values: the tree walked in the order of Object's canonical JSON. Each number is the
	// difference to the one before. Objects of a live cluster have none.
	Lines  string        `json:"lines,omitempty"`
	Object *object.Value `json:"object"`
}

// WriteSnapshot writes r so that Load gives the same objects, positions, problems and coverage back. Equal
// results give equal bytes.
func WriteSnapshot(w io.Writer, r *Result) error {
	b := bufio.NewWriter(w)
	cov := r.Coverage
	cov.fill()
	head, err := json.Marshal(cov)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	problems, err := json.Marshal(append([]object.Problem{}, r.Problems...))
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	fmt.Fprintf(b, "{\"apiVersion\":%q,\"kind\":%q,\n\"coverage\":%s,\n\"problems\":%s,\n\"objects\":[", snapshotVersion, snapshotKind, visible(head), visible(problems))
	for i, o := range r.Objects {
		root := redact(o)
		line, err := json.Marshal(SnapshotObject{File: o.Pos.File, Lines: packLines(root), Object: root})
		if err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
		sep := ",\n"
		if i == 0 {
			sep = "\n"
		}
		b.WriteString(sep)
		b.Write(visible(line))
	}
	b.WriteString("\n]}\n")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// visible is JSON in which characters that a terminal acts on, or a reader does not see, are escaped: snapshots are
// printed, too. Outside of strings JSON is ASCII, and below U+0020 it is escaped already.
func visible(data []byte) []byte {
	if !slices.ContainsFunc(data, func(b byte) bool { return b >= 0x7f }) {
		return data
	}
	out := make([]byte, 0, len(data)+len(data)/8)
	for _, r := range string(data) {
		if r < 0x7f || !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, u)
		}
	}
	return out
}

// packLines writes the lines of a tree as differences in base 36, with a space between.
func packLines(root *object.Value) string {
	var b strings.Builder
	last, all := 0, 0
	put := func(n int) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatInt(int64(n-last), 36))
		last, all = n, all|n
	}
	var walk func(v *object.Value)
	walk = func(v *object.Value) {
		if v == nil {
			put(0)
			return
		}
		put(v.Line)
		for _, it := range v.Items {
			walk(it)
		}
		for _, f := range sortedFields(v) {
			put(f.Line)
			walk(f.Value)
		}
	}
	walk(root)
	if all == 0 {
		return ""
	}
	return b.String()
}

// snapshot takes the objects of a snapshot as if they were read from their files again.
func (d *document) snapshot(v *object.Value) {
	var head struct {
		Coverage Coverage         `json:"coverage"`
		Problems []object.Problem `json:"problems"`
	}
	for _, f := range v.Fields {
		var err error
		switch f.Name {
		case "coverage":
			err = json.Unmarshal(f.Value.AppendJSON(nil), &head.Coverage)
		case "problems":
			err = json.Unmarshal(f.Value.AppendJSON(nil), &head.Problems)
		case "apiVersion", "kind", "objects":
		default:
			err = fmt.Errorf("unknown field")
		}
		if err != nil {
			d.problem(object.Error, f.Line, fmt.Sprintf("snapshot: %s: %v", f.Name, err), "it was made by another version, or edited")
		}
	}
	c := d.c
	c.problems = append(c.problems, head.Problems...)
	c.cov.Skipped = append(c.cov.Skipped, head.Coverage.Skipped...)
	c.cov.Missing = append(c.cov.Missing, head.Coverage.Missing...)
	c.cov.Live = c.cov.Live || head.Coverage.Live
	c.snapshots++
	c.liveFull = head.Coverage.Complete
	marks := no
	if d.marked() {
		marks = yes
	}
	for _, item := range v.Get("objects").List() {
		root := item.Get("object")
		file := item.Get("file").Str()
		if root == nil || root.Kind != object.Map || file == "" {
			d.problem(object.Error, item.Line, "snapshot: an entry has no file or no object; not read", "")
			continue
		}
		if !unpackLines(root, item.Get("lines").Str()) {
			d.problem(object.Warning, item.Line, "snapshot: the lines of this object do not fit it; its places are not known", "")
			clearLines(root)
		}
		inner := document{c: c, file: file, marks: marks}
		inner.one(root)
	}
}

// unpackLines gives a tree the lines that packLines wrote. An empty text means no lines are known. When it does not
// fit, the tree has some of them.
func unpackLines(root *object.Value, text string) bool {
	if text == "" {
		clearLines(root)
		return true
	}
	u := lineReader{text: text}
	u.relined(root)
	return !u.bad && u.text == ""
}

func clearLines(root *object.Value) {
	u := lineReader{bad: true}
	u.relined(root)
}

// lineReader reads lines one after the other. Once one is bad all are 0.
type lineReader struct {
	text string
	last int
	bad  bool
}

// next reads a number in base 36 and the space behind it.
func (u *lineReader) next() int {
	if u.bad {
		return 0
	}
	text := u.text
	i, n, minus := 0, 0, false
	if text != "" && text[0] == '-' {
		i, minus = 1, true
	}
	start := i
	for ; i < len(text) && text[i] != ' '; i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			n = n*36 + int(c-'0')
		case c >= 'a' && c <= 'z':
			n = n*36 + int(c-'a') + 10
		default:
			u.bad = true
		}
		u.bad = u.bad || i-start > 6 // more than any line of a file has
	}
	if minus {
		n = -n
	}
	u.last += n
	if u.bad = u.bad || i == start || u.last < 0 || u.last > 1<<31; u.bad {
		return 0
	}
	u.text = text[min(i+1, len(text)):]
	return u.last
}

// relined asks for the line of each value and name in canonical order, and puts the fields in it.
func (u *lineReader) relined(v *object.Value) {
	v.Line = u.next()
	for _, it := range v.Items {
		u.relined(it)
	}
	byName := func(x, y object.Field) int { return cmp.Compare(x.Name, y.Name) }
	if !slices.IsSortedFunc(v.Fields, byName) {
		slices.SortFunc(v.Fields, byName)
	}
	for i := range v.Fields {
		v.Fields[i].Line = u.next()
		u.relined(v.Fields[i].Value)
	}
}

// sortedFields is a map's fields in the order of canonical JSON.
func sortedFields(v *object.Value) []object.Field {
	return slices.SortedFunc(slices.Values(v.Fields), func(x, y object.Field) int { return cmp.Compare(x.Name, y.Name) })
}
