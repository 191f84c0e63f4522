package report

import (
	"bytes"
	"encoding/json"

	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// linkTable is the table of "list" as text: names and sets are put into words once, rows are joined of them.
type linkTable struct {
	x      *links
	notes  footnotes
	why    reasons
	names  []string // by number of a peer, once it is used
	known  []bool
	ends   [2][]bool // by side and number of a peer: it stands in the column
	bounds [][2]string
	used   []bool // by number of bounds
	widths [3]int
	log    linkLog
}

// measure takes one connection into account.
func (t *linkTable) measure(k *link) bool {
	if n := len(t.x.peers); n > len(t.known) {
		t.known = append(t.known, make([]bool, n-len(t.known))...)
		t.names = append(t.names, make([]string, n-len(t.names))...)
		for side := range t.ends {
			t.ends[side] = append(t.ends[side], make([]bool, n-len(t.ends[side]))...)
		}
	}
	if n := len(t.x.bounds); n > len(t.used) {
		t.used = append(t.used, make([]bool, n-len(t.used))...)
		t.bounds = append(t.bounds, make([][2]string, n-len(t.bounds))...)
	}
	if !t.ends[0][k.src] {
		t.end(0, k.src)
	}
	if !t.ends[1][k.dst] {
		t.end(1, k.dst)
	}
	if !t.used[k.bounds] {
		b := &t.x.bounds[k.bounds]
		t.used[k.bounds], t.bounds[k.bounds] = true, [2]string{line(blank(b.certain)), line(blank(b.open))}
		t.widths[2] = max(t.widths[2], len(t.bounds[k.bounds][0]))
	}
	if k.why != (reach.Why{}) {
		t.why.add(k.why)
	}
	t.log.add(k)
	return true
}

func (t *linkTable) end(side, peer int) {
	t.ends[side][peer] = true
	if !t.known[peer] {
		t.known[peer], t.names[peer] = true, line(t.notes.short(t.x.peers[peer]))
	}
	t.widths[side] = max(t.widths[side], len(t.names[peer]))
}

// write gives the rows.
func (t *linkTable) write(p *printer) {
	heading := [4]string{"SOURCE", "DESTINATION", "ALLOWED", "UNDECIDED"}
	for i := range t.widths {
		t.widths[i] = max(t.widths[i], len(heading[i]))
	}
	pad := func(b []byte, s string, width int) []byte {
		b = append(b, s...)
		for range width - len(s) + 2 {
			b = append(b, ' ')
		}
		return b
	}
	var b []byte
	for i := range t.widths {
		b = pad(b, heading[i], t.widths[i])
	}
	p.line("%s", p.bold(string(b)+heading[3]))
	// The first column and the rest of a row are each the same for many.
	var src []byte
	last := -1
	dst := make([][]byte, len(t.names))
	rest := make([][]byte, len(t.bounds))
	buf := make([]byte, 0, 2*writeSize)
	row := func(k *link) bool {
		if k.src != last {
			last, src = k.src, pad(src[:0], t.names[k.src], t.widths[0])
		}
		if dst[k.dst] == nil {
			dst[k.dst] = pad(nil, t.names[k.dst], t.widths[1])
		}
		if rest[k.bounds] == nil {
			words := &t.bounds[k.bounds]
			rest[k.bounds] = append(append(pad(nil, words[0], t.widths[2]), words[1]...), '\n')
		}
		buf = append(append(append(buf, src...), dst[k.dst]...), rest[k.bounds]...)
		if len(buf) < writeSize {
			return true
		}
		_, err := p.w.Write(buf)
		buf = buf[:0]
		return err == nil
	}
	if t.log.full {
		t.x.each(noWhys, row)
	} else {
		t.log.each(row)
	}
	p.w.Write(buf)
}

// linkWords is the JSON of the parts of connections.
type linkWords struct {
	x       *links
	peers   [][]byte
	bounds  [][]byte
	because map[reach.Why][]byte
	err     error
}

// manyReasons bounds what is kept.
const manyReasons = 1 << 14

func (j *linkWords) peer(n int) []byte {
	for n >= len(j.peers) {
		j.peers = append(j.peers, nil)
	}
	if j.peers[n] == nil {
		j.peers[n] = j.encode(j.x.peers[n])
	}
	return j.peers[n]
}

func (j *linkWords) bound(n int) []byte {
	for n >= len(j.bounds) {
		j.bounds = append(j.bounds, nil)
	}
	if j.bounds[n] == nil {
		b := &j.x.bounds[n]
		j.bounds[n] = bytes.Join([][]byte{[]byte(`,"must":`), j.encode(b.must), []byte(`,"may":`), j.encode(b.may), []byte(`,"because":`)}, nil)
	}
	return j.bounds[n]
}

func (j *linkWords) why(w reach.Why) []byte {
	text, ok := j.because[w]
	if !ok {
		if len(j.because) >= manyReasons {
			clear(j.because)
		}
		text = j.encode(j.x.why(w))
		j.because[w] = text
	}
	return text
}

// encode gives the JSON of v in one line.
func (j *linkWords) encode(v any) []byte {
	var one bytes.Buffer
	enc := json.NewEncoder(&one)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil && j.err == nil {
		j.err = err
	}
	return escapeUnsafe(bytes.TrimRight(one.Bytes(), "\n"))
}
