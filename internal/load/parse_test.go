package load

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// sameAsKubectl compares what we read of one document with what kubectl's own YAML reader makes of it.
// Where that fails, ours may too; where it reads, ours must read the same or say why not.
func sameAsKubectl(t interface {
	Helper()
	Errorf(string, ...any)
}, doc []byte,
) {
	t.Helper()
	theirs, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return
	}
	c := newCollector(context.Background(), Options{}) //nolint:forbidigo // shared with rapid, which has no context
	complained := false
	v, err := c.parseYAML(doc, 1, func(int, string) { complained = true })
	if err != nil {
		return // stricter is fine: it is a Problem with a line
	}
	if complained {
		return // a key twice: kubectl keeps any one of 0, 0.0 and "0"
	}
	var want, got any
	if json.Unmarshal(theirs, &want) != nil || json.Unmarshal(v.AppendJSON(nil), &got) != nil {
		t.Errorf("no JSON: theirs %s, ours %s", theirs, v.AppendJSON(nil))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: -kubectl +ours\n%s", doc, diff)
	}
}

func TestScalarsAreReadAsKubectlReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+.]?[0-9a-fxobyYnNTtEe_.:~-]{0,8}`).Draw(t, "scalar")
		if strings.HasSuffix(s, ":") || strings.HasPrefix(s, "- ") || s == "-" || strings.HasPrefix(s, "---") {
			t.Skip()
		}
		sameAsKubectl(t, []byte("a: "+s+"\n"))
		if s != "" {
			sameAsKubectl(t, []byte(s+": a\n"))
		}
	})
	for _, s := range []string{"yes", "Off", "n", "010", "0b1", "-0b11", "0o7", "1_0", "1e400", "0x", "2001-1-1", "2001-01-01T00:00:00Z", "1.", ".", "+.5", "-.inf", ".NaN", "18446744073709551615", "18446744073709551616", "9223372036854775808", "1:2", "08", "0.1e-3", "-", "=", "<<"} {
		sameAsKubectl(t, []byte("[a, "+s+"]\n"))
		sameAsKubectl(t, []byte("{"+s+": 1}\n"))
	}
}

func TestDocumentsAreReadAsKubectlReadsThem(t *testing.T) {
	for doc := range bytes.SplitSeq(shop(3), []byte("---\n")) {
		sameAsKubectl(t, doc)
	}
	for _, doc := range []string{
		"a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\nd:\n  b: 2\n  <<: *x\n", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "a: 'it''s'\nb: \"\\u00e9\\n\"\n",
		"? a\n: b\n", "a: b\n  c\n", "a:\n- b\n-\n  c: d\n", "- - a\n  - b\n", "\"a\": [b, {c: d}]\n", "a: !!str 1\nb: !!int \"2\"\nc: !!float 3\n", "a: !!binary aGk=\n",
		"# x\na: b # c\n# d\n", "a: b#c\n", "a: http://x:80/y\n", "--- a\n", "--- {a: b}\n", "a:\n\n\n  b:\n", "a: \"x\n\n  y\"\n",
	} {
		sameAsKubectl(t, []byte(doc))
	}
}

func TestUTF16(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var data []byte
		for _, u := range utf16.Encode([]rune("\ufeffapiVersion: v1\r\nkind: Service\r\nmetadata: {name: é}\r\n")) {
			data = order.AppendUint16(data, u)
		}
		objects, problems, _ := Parse(data, "a.yaml", Limits{})
		if len(objects) != 1 || len(problems) != 0 || objects[0].Ref.Name != "é" {
			t.Errorf("%v: %v %v", order, objects, problems)
		}
	}
}

// TestHostileNesting: none of these may crash, and none may take long.
func TestHostileNesting(t *testing.T) {
	const n = 200_000
	good := "\n---\n{apiVersion: v1, kind: Pod, metadata: {name: p}}\n"
	for name, doc := range map[string]string{
		"flow lists":    strings.Repeat("[", n),
		"flow maps":     strings.Repeat("{a: ", n),
		"json maps":     strings.Repeat(`{"a":`, n),
		"json lists":    "{\"a\":" + strings.Repeat(`[`, n),
		"dashes":        strings.Repeat("- ", n),
		"questions":     strings.Repeat("? ", n),
		"indents":       indents(3000),
		"closed flow":   strings.Repeat("[", 500) + strings.Repeat("]", 500),
		"anchors":       strings.Repeat("&a ", n),
		"long line":     "a: " + strings.Repeat("x", 1<<20),
		"many keys":     manyKeys(50_000),
		"quotes":        strings.Repeat("'\"", n),
		"colons":        strings.Repeat("a:", n),
		"flow colons":   "{" + strings.Repeat("a:", n),
		"comments":      strings.Repeat("# x\n", n) + "a: b",
		"percent":       "%YAML 1.1\n" + strings.Repeat("# x\n", 1000),
		"bangs":         strings.Repeat("!", n),
		"literal":       "a: |\n" + strings.Repeat("  x\n", n),
		"separators":    strings.Repeat("---\n", n),
		"list of dash":  "kind: List\nitems:\n" + strings.Repeat("-\n", 1000),
		"list of dash2": "kind: List\nitems:\n" + strings.Repeat("- \n", 1000),
		"commands":      strings.Repeat("+ kubectl get \\\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			objects, _, _ := Parse([]byte(doc+good), "a.yaml", Limits{})
			if name != "commands" && (len(objects) != 1 || objects[0].Ref.Name != "p") {
				t.Errorf("the document after it is lost: %v", objects)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

func TestDepthLimit(t *testing.T) {
	nest := func(n int) string {
		return "{apiVersion: v1, kind: Thing, metadata: {name: a}, spec: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	for text, want := range map[string]string{
		nest(90):  "[]",
		nest(120): "[a.yaml:1: nested deeper than 100 levels]",
		`{"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, "spec":` + strings.Repeat("[", 120) + strings.Repeat("]", 120) + "}": "[a.yaml:1: nested deeper than 100 levels]",
	} {
		_, problems, _ := Parse([]byte(text), "a.yaml", Limits{})
		if got := fmt.Sprint(problems); got != want {
			t.Errorf("%.90s: got %s, want %s", text, got, want)
		}
	}
}

func TestDocumentLimit(t *testing.T) {
	text := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: " + strings.Repeat("x", 200) + "\n---\n{apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
	objects, problems, _ := Parse([]byte(text), "a.yaml", Limits{DocBytes: 100})
	if len(objects) != 1 || objects[0].Ref.Name != "b" || len(problems) != 1 || problems[0].Msg != "document larger than the limit of 100 bytes; not read" {
		t.Errorf("%v %v", objects, problems)
	}
}

// TestHundredMegabytes: the output of kubectl get for a very large cluster is read item by item.
func TestHundredMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	var b bytes.Buffer
	b.WriteString("apiVersion: v1\nitems:\n")
	n := 0
	for ; b.Len() < 100<<20; n++ {
		fmt.Fprintf(&b, "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c%d\n    namespace: a\n  data:\n    text: |\n", n)
		for range 30 {
			fmt.Fprintf(&b, "      %s\n", strings.Repeat("lorem ipsum ", 20))
		}
	}
	b.WriteString("kind: List\n")
	objects, problems, _ := Parse(b.Bytes(), "big.yaml", Limits{})
	if len(objects) != n || len(problems) != 0 {
		t.Fatalf("%d objects of %d, %v", len(objects), n, problems)
	}
	last := objects[n-1]
	if want := 3 + (n-1)*37; last.Pos.Line != want {
		t.Errorf("last object at line %d, want %d", last.Pos.Line, want)
	}
}

func TestFiveMegabyteCRD(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: networkpolicies.example.com\nspec:\n")
	for i := 0; b.Len() < 5<<20; i++ {
		fmt.Fprintf(&b, "  field%d:\n    description: \"some text about it, and more\"\n    type: string\n", i)
	}
	start := time.Now()
	objects, problems, _ := Parse(b.Bytes(), "crd.yaml", Limits{})
	if len(objects) != 1 || len(problems) != 0 || objects[0].Ref.Kind != "CustomResourceDefinition" {
		t.Errorf("%v %v", objects, problems)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestReadErrors(t *testing.T) {
	if _, err := Load(t.Context(), nil, Options{}); err == nil {
		t.Error("no source is no error")
	}
	if _, err := Load(t.Context(), []string{"-"}, Options{}); err == nil {
		t.Error("no standard input is no error")
	}
	_, err := Load(t.Context(), []string{"-"}, Options{Stdin: iotest.ErrReader(io.ErrUnexpectedEOF)})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	t.Chdir(t.TempDir())
	for _, source := range []string{"*.yaml", "[", "https://x/y"} {
		if _, err := Load(t.Context(), []string{source}, Options{}); err == nil {
			t.Errorf("%s is no error", source)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: p}}")
	var last int64
	opt := Options{Progress: func(done, _ int64, what string) {
		if what == "a.yaml" {
			last = done
		}
	}}
	if _, err := Load(t.Context(), []string{"a.yaml"}, opt); err != nil || last != 48 {
		t.Errorf("progress %d, %v", last, err)
	}
}

// TestArchive: a packed chart is rendered; one that unpacks to too much is refused before it is read.
func TestArchive(t *testing.T) {
	t.Chdir(t.TempDir())
	pack := func(name string, files ...string) {
		var b bytes.Buffer
		zw := gzip.NewWriter(&b)
		tw := tar.NewWriter(zw)
		for i := 0; i < len(files); i += 2 {
			if err := tw.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
				t.Fatal(err)
			}
			if _, err := tw.Write([]byte(files[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(tw.Close(), zw.Close()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"
	const svc = "\napiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\n"
	pack("good.tgz", "shop/Chart.yaml", chart, "shop/templates/svc.yaml", svc)
	pack("bomb.tar.gz", "shop/Chart.yaml", chart, "shop/files/zeros", strings.Repeat("\x00", 1<<20))
	pack("large.tgz", "shop/Chart.yaml", chart, "shop/templates/x.yaml", `{{ range until 100000 }}# a remark{{ end }}`)
	r, err := Load(t.Context(), []string{"good.tgz", "bomb.tar.gz", "large.tgz"}, Options{Limits: Limits{ChartBytes: 1 << 19}})
	if err != nil {
		t.Fatal(err)
	}
	want := `object good.tgz/templates/svc.yaml:2 Service release
error bomb.tar.gz: the Helm chart cannot be rendered: it unpacks to more than the limit of 512 KiB
error large.tgz: the Helm chart cannot be rendered: it renders to more than the limit of 512 KiB
skipped bomb.tar.gz: Helm chart that cannot be rendered
skipped large.tgz: Helm chart that cannot be rendered
`
	if diff := cmp.Diff(want, describe(r)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestShuffledSources: which objects there are does not depend on the order of the sources.
func TestShuffledSources(t *testing.T) {
	t.Chdir(t.TempDir())
	var names []string
	for i := range 8 {
		name := fmt.Sprintf("f%d.yaml", i)
		write(t, name, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: p%d}}", i))
		names = append(names, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(names).Draw(rt, "order")
		r, err := Load(t.Context(), order, Options{})
		if err != nil || len(r.Objects) != len(names) || len(r.Problems) != 0 {
			rt.Fatalf("%v %v", r, err)
		}
		for i, o := range r.Objects {
			if o.Pos.File != order[i] {
				rt.Fatalf("object %d is %v, want it from %s", i, o, order[i])
			}
		}
	})
}

// TestEveryLine: each string in a document that names its own line is at that line.
func TestEveryLine(t *testing.T) {
	doc := "apiVersion: v1 # L1\nkind: Thing\nmetadata:\n  name: L4\n  # remark\n  labels: {a: L6,\n    b: L7}\nspec:\n- L9\n- - L10\n  - x: L11\n    y:\n\n\n      L15\n- \"L16\"\n- 'L17\n  folded'\n- |\n  L19 is the line of its mark\n- &a L21\n- *a\n"
	objects, problems, _ := Parse([]byte(doc), "a.yaml", Limits{})
	if len(objects) != 1 || len(problems) != 0 {
		t.Fatal(problems)
	}
	n := 0
	var walk func(v *object.Value)
	walk = func(v *object.Value) {
		var line int
		if _, err := fmt.Sscanf(v.Text, "L%d", &line); err == nil {
			n++
			if v.Line != line {
				t.Errorf("%q at line %d", v.Text, v.Line)
			}
		}
		for _, it := range v.Items {
			walk(it)
		}
		for _, f := range v.Fields {
			walk(f.Value)
		}
	}
	walk(objects[0].Root)
	if n != 12 {
		t.Errorf("checked %d values", n)
	}
}
