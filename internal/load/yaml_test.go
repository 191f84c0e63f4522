package load

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"
)

// sameYAML reads text without the YAML library, and when that works, compares with what the library makes of
// it: the trees with their lines, and the names that stand twice. It tells whether it worked.
func sameYAML(tb testing.TB, text []byte) bool {
	tb.Helper()
	c := newCollector(context.Background(), Options{}) //nolint:forbidigo // nothing to cancel
	v, dups, ok := c.plainYAML(text, 3)
	if len(c.arena.fieldStack)+len(c.arena.itemStack) != 0 {
		tb.Errorf("%.2000q: the stacks are not empty", text)
	}
	if !ok {
		return false
	}
	var got, want strings.Builder
	tree(&got, v, 0)
	fmt.Fprint(&got, dups)
	var again []lineKey
	full, err := c.fullYAML(text, 3, func(line int, key string) { again = append(again, lineKey{line, key}) })
	if err != nil || full == nil {
		tb.Errorf("%.2000q: read, but the library says %v", text, err)
		return true
	}
	tree(&want, full, 0)
	fmt.Fprint(&want, again)
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		tb.Errorf("%.2000q: -library +plain\n%s", text, diff)
	}
	return true
}

// manifests gives every document of YAML in the repository: in examples, and in the archives of tests.
func manifests(tb testing.TB, yield func(name string, text []byte)) {
	tb.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		var files []txtar.File
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files = []txtar.File{{Data: data}}
		case ".txtar":
			a, err := txtar.ParseFile(path)
			if err != nil {
				return err
			}
			files = a.Files
		}
		for _, f := range files {
			for _, ch := range split(f.Data) {
				yield(path+" "+f.Name, ch.text)
				_, items, _, _ := listParts(ch)
				for _, item := range items {
					yield(path+" "+f.Name, item.text)
				}
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func TestYAMLIsReadAsTheLibraryDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	docs, read, changed, broken := 0, 0, 0, 0
	manifests(t, func(_ string, text []byte) {
		if t.Failed() {
			return
		}
		docs++
		if sameYAML(t, text) {
			read++
		}
		if len(text) > 2000 || testing.Short() || docs%3 != 0 { // the rest is the fuzzer's
			return
		}
		for range 2 {
			changed++
			if !sameYAML(t, damaged(rng, text)) {
				broken++
			}
		}
	})
	t.Logf("%d of %d documents read without the library, %d of %d after a change", read, docs, changed-broken, changed)
	if docs < 1000 || read < docs*3/4 {
		t.Errorf("only %d of %d documents were read without the library", read, docs)
	}
}

// damaged is text with one to three small changes.
func damaged(rng *rand.Rand, text []byte) []byte {
	text = bytes.Clone(text)
	bits := []string{
		" ", "  ", "\n", ":", ": ", "- ", "#", " #", "'", "\"", "\\", "{", "}", "[", "]", ",", "|", ">", "|\n", ">-\n", "&a ", "*a", "!", "?", "? ",
		"%", "@", "`", "\t", "~", "<<: ", "---\n", "...", "x", "\r\n", "\u00e9", "\u2028", "0x1", "yes", "\n\n", "\n ", "''", "\\n", "-", "|+\n",
	}
	for range 1 + rng.IntN(3) {
		i := rng.IntN(len(text) + 1)
		switch rng.IntN(4) {
		case 0: // without a byte
			if i < len(text) {
				text = append(text[:i], text[i+1:]...)
			}
		case 1: // a line moved
			if n := bytes.LastIndexByte(text[:i], '\n') + 1; rng.IntN(2) == 0 {
				text = bytes.Join([][]byte{text[:n], text[n:]}, bytes.Repeat([]byte(" "), 1+rng.IntN(3)))
			} else if n < len(text) && text[n] == ' ' {
				text = append(text[:n], text[n+1:]...)
			}
		default:
			text = bytes.Join([][]byte{text[:i], text[i:]}, []byte(bits[rng.IntN(len(bits))]))
		}
	}
	return text
}

// TestYAMLWithoutTheLibrary: these must not need the library, and mean the same in both.
func TestYAMLWithoutTheLibrary(t *testing.T) {
	for _, text := range []string{
		"a: b\n", "---\na: b\n", "--- # x\na: b\n", "# x\n\na: b # y\n# z\n", "  a: b\n  c: d\n", "a:\nb:\n", "a:\n- b\n- c\nd: e\n", "a:\n  - b\n  -\n  - c: d\n    e: f\n",
		"- - a\n  - b\n- c\n", "-   a: b\n    c: d\n", "a : b\n", "a:   b   \n", "\"a\": b\n'c d': e\n", "a: 'b''c'\nb: \"x\\ty\\u00e9\\\"\"\n", "a: \"x\n\n  y\"\n", "a: 'x \n   y'\n",
		"a: b\n  c\n\n  d\ne: f\n", "- b\n c\n", "a: |\n  x\n   y\n\n  z\n\n\nb: c\n", "a: |-\n  x\n\nb: |+\n  x\n\nc: d\n", "a: >\n  x\n  y\n\n  z\n   w\n  v\n\nb: >-\n  x\n",
		"a: |\n\n\n  x\n", "- |\n x\n-  >-\n   y\n   z\n", "a: |\n  # no remark\n  \tx\n# remark\nb: c\n", "a: []\nb: {}\nc: [a, 'b', \"c\", 1, true]\nd: {a: b, c: [d], \"e\": {f: g}}\n",
		"a: [ b , c d ]  # x\n", "- [a]\n- {b: c}\n", "on: off\n1: 2\n010: 1.50\n~x: y\n", "a: http://x:80/y#z\nb: a#b\nc: -x\nd: --x=y\ne: 10.0.0.0/8\n", "a: 1\na: 2\nb: {c: 1, c: 2}\n",
		"f:metadata:\n  k:{\"a\":\"b\"}:\n    .: {}\n", "a: \"\"\nb: ''\nc: ~\nd: null\n", "a: é\nb: \"日本\"\n", "a:\n  # x\n  b: c\n  # y\nd:\n# z\n- e\n", "a: [x:y, a:80]\n", "a: x]y\n", "a: [\"*\", '*']\n",
		"a: - \n"[:0] + "a: b-\n", "a: =\nb: <<\n", "a: 2001-01-01\nb: 1e3\nc: 0x1F\nd: 1_000\ne: .5\n", "a: \"b\"  # c\n", "a: |\n    x\n  # between\nb: c\n", "key with spaces: x\n", "a: \\n\n",
	} {
		if !sameYAML(t, []byte(text)) {
			t.Errorf("%q needs the library", text)
		}
	}
	for doc := range bytes.SplitSeq(shop(3), []byte("---\n")) {
		if len(doc) > 0 && !sameYAML(t, doc) {
			t.Errorf("%q needs the library", doc)
		}
	}
}

// TestYAMLForTheLibrary: these are left to it.
func TestYAMLForTheLibrary(t *testing.T) {
	for _, text := range []string{
		"", "\n", "# x\n", "a", "a\n", "a: b", "a: &x b\n", "a: *x\n", "a: !!str b\n", "<<: {a: b}\n", "? a\n: b\n", "a:\tb\n", "a: b\tc\n", "\ta: b\n", "a: b\r\n", "a: \u2028b\n", "a: \u0085\n",
		"%YAML 1.1\n---\na: b\n", "a: b\n---\nc: d\n", "a: b\n...\n", "a: [b,\n c]\n", "a: [b: c]\n", "a: [b,]\n", "a: {b}\n", "a: |2\n   x\n", "a: |\nb: c\n", "a: b: c\n", "a: b\n  c: d\n", "a: b\n c\n  d: e\n",
		"a: b\n  # x\n  c\n", " a: b\nc: d\n", "a:\n   b: c\n  d: e\n", "- a\nb: c\n", "a: b\n- c\n", "a: 'b\n", "a: \"\\x41\"\n", "a: \"b\\\n  c\"\n", "a: \"\\ud83d\"\n", "a: 'b'c\n", "a: 'b'#c\n", "a: \x7f\n", "a: \x00\n", "a: \xff\n",
		"a: |\n    \n  x\n", "a: |\n \tx\n", "\"a\nb\": c\n", "a: @b\n", "a: `b`\n", "a: %b\n", "--- a\n", "~: b\n", "a: 'b\nc'\n", "[a, b]\n", "{a: b}\n", "a: - b\n", "a:\n  b\n", strings.Repeat("- ", 99) + "a\n" + strings.Repeat("- ", 200) + "b\n",
	} {
		if sameYAML(t, []byte(text)) {
			t.Errorf("%q was read without the library", text)
		}
	}
}

// FuzzYAML compares the two readers on any bytes.
func FuzzYAML(f *testing.F) {
	seeds(f, func(_ string, data []byte) {
		for _, ch := range split(data) {
			f.Add(ch.text)
		}
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<14 {
			sameYAML(t, text)
		}
	})
}

// TestNoNumber: what is said to be no number is none for the functions that would read it.
func TestNoNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+.]?[0-9a-fxobpinyNEe_.+:TZ-]{1,8}`).Draw(t, "scalar")
		plain := strings.ReplaceAll(s, "_", "")
		_, err := strconv.ParseInt(plain, 0, 64)
		_, uerr := strconv.ParseUint(plain, 0, 64)
		f, ferr := strconv.ParseFloat(s, 64)
		point := s[0] == '.' && ferr == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
		if noNumber(s) && (err == nil || uerr == nil || point || yamlFloat(plain)) {
			t.Errorf("%q is a number", s)
		}
	})
}
