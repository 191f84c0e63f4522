package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// stream reads all documents of one file.
func (c *collector) stream(data []byte, file string) {
	data, ok := text(data)
	if !ok {
		c.skip(object.Pos{File: file}, "not text")
		c.problem(object.Error, object.Pos{File: file}, "not text; not read", "manifests are UTF-8 or UTF-16 with a byte order mark")
		return
	}
	if c.onlyJSON(data, file) {
		return
	}
	if !utf8.Valid(data) {
		c.badText(file)
	}
	if isPacketFilter(data) {
		d := document{c: c, file: file, chunk: chunk{text: data, line: 1}}
		d.one(d.packetFilter())
		return
	}
	chunks := c.transcript(data, file)
	largest := 0
	for _, ch := range chunks {
		largest = max(largest, len(ch.text))
	}
	read := func(c *collector, i int) {
		d := document{c: c, file: file, chunk: chunks[i]}
		d.read()
	}
	if largest > len(data)/2 { // its items are what can be shared out
		for i := 0; i < len(chunks) && c.ctx.Err() == nil; i++ {
			read(c, i)
		}
		return
	}
	c.inOrder(len(chunks), func(i int) int { return len(chunks[i].text) }, read)
}

// onlyJSON reads a stream that is JSON from end to end, if it is. No line of such a stream can be taken for a
// separator, for a terminal's or for another tool's, so it need not be looked at line by line.
func (c *collector) onlyJSON(data []byte, file string) bool {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return false
	}
	read, err := c.parseJSON(data, 1)
	if err != nil {
		return false
	}
	if read.badText {
		c.badText(file)
	}
	d := document{c: c, file: file, chunk: chunk{text: data, line: 1}, dups: read.dups, marks: no, trimmed: !read.whole}
	if read.braces {
		d.marks = yes
	}
	d.settle()
	for _, v := range read.values {
		d.object(v)
	}
	return true
}

func (c *collector) badText(file string) {
	c.problem(object.Warning, object.Pos{File: file}, "not valid UTF-8; documents with other bytes in them cannot be read",
		"save the file as UTF-8")
}

// text gives data as UTF-8 without a byte order mark. PowerShell writes UTF-16 when output is redirected.
// ok is false for binary data.
func text(data []byte) (out []byte, ok bool) {
	if rest, bom := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); bom {
		data = rest
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data, bytes.IndexByte(data[:min(len(data), 8192)], 0) < 0
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units))), true
}

// document is one chunk of a file being read.
type document struct {
	c     *collector
	file  string
	chunk chunk
	dups  []lineKey // duplicate keys met by the current way of reading the chunk
	marks answer    // whether the chunk may have variables of a template

	trimmed bool // what nobody reads is out of its objects already
}

type answer uint8

const (
	unknown answer = iota
	no
	yes
)

type lineKey struct {
	line int
	key  string
}

func (d *document) at(line int) object.Pos { return object.Pos{File: d.file, Line: line} }

func (d *document) problem(s object.Severity, line int, msg, hint string) {
	d.c.problem(s, d.at(line), msg, hint)
}

// duplicate notes a key that stands twice in one map. It is reported only once it is settled which way of
// cutting the chunk is the right one.
func (d *document) duplicate(line int, key string) { d.dups = append(d.dups, lineKey{line, key}) }

// settle reports the duplicate keys of the reading that is used.
func (d *document) settle() {
	for _, k := range d.dups {
		d.problem(object.Error, k.line, fmt.Sprintf("key %q is given twice in one map; the last one is used", k.key),
			"remove one of the two: kubectl refuses this file")
	}
	d.dups = nil
}

func (d *document) read() {
	body := withoutComments(d.chunk.text)
	if len(body) == 0 {
		return
	}
	if d.template() {
		return
	}
	if body[0] == '{' || body[0] == '[' {
		d.readJSON()
		return
	}
	if head, items, tail, ok := listParts(d.chunk); ok {
		d.readList(head, items, tail)
		return
	}
	v, err := d.yaml(d.chunk)
	d.settle()
	if err != nil {
		d.broken(d.chunk, err)
		return
	}
	d.object(v)
}

// yaml reads a chunk within the document limit.
func (d *document) yaml(ch chunk) (*object.Value, error) {
	if int64(len(ch.text)) > d.c.lim.DocBytes {
		return nil, &lineError{line: ch.line, msg: "document larger than the limit of " + size(d.c.lim.DocBytes) + "; not read"}
	}
	return d.c.parseYAML(ch.text, ch.line, d.duplicate)
}

// readJSON reads the chunk as JSON values, or as YAML in flow style when it is that.
func (d *document) readJSON() {
	read, err := d.c.parseJSON(d.chunk.text, d.chunk.line)
	if err != nil && len(read.values) == 0 {
		v, yerr := d.yaml(d.chunk)
		if yerr == nil {
			d.settle()
			d.object(v)
			return
		}
		if !looksLikeJSON(d.chunk.text) {
			err = yerr
		}
	}
	d.dups = read.dups
	d.settle()
	for _, v := range read.values {
		d.object(v)
	}
	if err != nil {
		d.broken(d.chunk, err)
	}
}

// looksLikeJSON tells which of two errors helps more: a JSON text starts with a quote or another bracket
// after its first bracket.
func looksLikeJSON(text []byte) bool {
	rest := bytes.TrimSpace(withoutComments(text)[1:])
	return len(rest) == 0 || bytes.IndexByte([]byte(`"{[]}`), rest[0]) >= 0
}

// readList reads a kubectl List item by item. When an item cannot be read alone, the cuts may have been
// wrong, so the document is read whole; when that fails too, the items that can be read are kept.
func (d *document) readList(head chunk, items []chunk, tail chunk) {
	values, errs := make([]*object.Value, len(items)), make([]error, len(items))
	dups := make([][]lineKey, len(items))
	d.c.inOrder(len(items), func(i int) int { return len(items[i].text) }, func(c *collector, i int) {
		c.progress(int64(items[i].line), 0, d.file)
		part := document{c: c, file: d.file}
		values[i], errs[i] = part.yaml(items[i])
		dups[i] = part.dups
		if errs[i] == nil && (values[i] == nil || values[i].Kind != object.List || len(values[i].Items) != 1) {
			errs[i] = errorAt(items[i].line, "not an item of a list")
		}
	})
	if d.c.ctx.Err() != nil {
		return
	}
	failed := false
	for i := range items {
		d.dups = append(d.dups, dups[i]...)
		failed = failed || errs[i] != nil
	}
	frame, err := d.frame(head, tail)
	if failed || err != nil {
		parts := d.dups
		d.dups = nil
		if v, werr := d.yaml(d.chunk); werr == nil {
			d.settle()
			d.object(v)
			return
		}
		d.dups = parts
	}
	d.settle()
	if err != nil {
		d.broken(d.chunk, err)
		frame = &object.Value{Kind: object.Map, Line: d.chunk.line}
	}
	for i := range items {
		if errs[i] != nil {
			d.broken(items[i], errs[i])
			continue
		}
		d.item(values[i].Items[0], frame)
	}
	d.truncated(frame)
}

// frame is the List object around the items.
func (d *document) frame(head, tail chunk) (*object.Value, error) {
	frame := &object.Value{Kind: object.Map, Line: d.chunk.line}
	for _, part := range []chunk{head, tail} {
		v, err := d.yaml(part)
		if err != nil {
			return nil, err
		}
		if v != nil && v.Kind != object.Map {
			return nil, errorAt(part.line, "not the fields of a List")
		}
		frame.Fields = append(frame.Fields, v.Map()...)
	}
	return frame, nil
}

// broken reports a chunk that cannot be read.
func (d *document) broken(ch chunk, err error) {
	var le *lineError
	if !errors.As(err, &le) {
		le = &lineError{line: ch.line, msg: err.Error()}
	}
	if ch.output && !bytes.Contains(ch.text, []byte("apiVersion")) {
		d.c.skip(d.at(ch.line), "text of a command, not objects")
		return
	}
	if bytes.Contains(ch.text, []byte("{{")) {
		d.goTemplate(d.at(ch.line), ch.text)
		return
	}
	d.c.skip(d.at(ch.line), "cannot be read")
	d.problem(object.Error, le.line, le.msg, le.hint)
}

// withoutComments is text without leading blank lines, comments and document marks.
func withoutComments(text []byte) []byte {
	for {
		text = bytes.TrimSpace(text)
		switch {
		case bytes.HasPrefix(text, []byte("---")) && (len(text) == 3 || bytes.IndexByte([]byte(" \t\r\n"), text[3]) >= 0):
			text = text[3:]
		case len(text) > 0 && text[0] == '#', len(text) > 0 && text[0] == '%':
			i := bytes.IndexByte(text, '\n')
			if i < 0 {
				return nil
			}
			text = text[i:]
		default:
			return text
		}
	}
}
