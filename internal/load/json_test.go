package load

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// jsonReading is all that a reading of JSON says: the trees with their lines, the error, the double keys.
func jsonReading(values []*object.Value, err error, dups []string) string {
	var b strings.Builder
	for _, v := range values {
		tree(&b, v, 0)
	}
	fmt.Fprintf(&b, "error %v\n", err)
	if err != nil {
		fmt.Fprintf(&b, "%+v\n", err)
	}
	fmt.Fprintf(&b, "%q\n", dups)
	return b.String()
}

// tree writes a value, one line a node. An empty list is the same with and without room for items.
func tree(b *strings.Builder, v *object.Value, depth int) {
	fmt.Fprintf(b, "%*s%d %s %q\n", depth, "", v.Line, v.Kind, v.Text)
	for _, it := range v.Items {
		tree(b, it, depth+1)
	}
	for _, f := range v.Fields {
		fmt.Fprintf(b, "%*s%d %q:\n", depth, "", f.Line, f.Name)
		tree(b, f.Value, depth+1)
	}
}

// sameJSON compares parseJSON with the plain reader. Objects are compared after what nobody reads has been
// taken out of both.
func sameJSON(t *testing.T, data []byte) {
	t.Helper()
	clean := func(values []*object.Value) (out []*object.Value) {
		d := document{c: newCollector(context.Background(), Options{}), file: "f"} //nolint:forbidigo // nothing to cancel
		for _, v := range values {
			out = append(out, cleaned(d, v, &object.Value{}))
		}
		return out
	}
	var want, got []string
	values, err := plainJSON(100, string(data), 1, func(line int, key string) { want = append(want, fmt.Sprint(line, key)) })
	wanted := jsonReading(clean(values), err, want)
	c := newCollector(context.Background(), Options{}) //nolint:forbidigo // nothing to cancel
	read, err := c.parseJSON(data, 1)
	for _, k := range read.dups {
		got = append(got, fmt.Sprint(k.line, k.key))
	}
	if diff := cmp.Diff(wanted, jsonReading(clean(read.values), err, got)); diff != "" {
		t.Errorf("%.2000q: -plain +fast\n%s", data, diff)
	}
	if err == nil && !read.whole && !bytes.Contains(data, []byte("ecret")) {
		if diff := cmp.Diff(jsonReading(clean(read.values), nil, nil), jsonReading(read.values, nil, nil)); diff != "" {
			t.Errorf("%.2000q: something is left that nobody reads: -redacted +read\n%s", data, diff)
		}
	}
	if err == nil && read.badText == utf8.Valid(data) {
		t.Errorf("%.2000q: bad UTF-8: %v", data, read.badText)
	}
	if err == nil && !read.braces && bytes.ContainsRune(read.text(), '{') {
		t.Errorf("%.2000q: a brace was missed", data)
	}
	if len(c.arena.fieldStack)+len(c.arena.itemStack) != 0 {
		t.Errorf("%.2000q: the stacks are not empty", data)
	}
}

// text is the text of all values.
func (r jsonText) text() (text []byte) {
	var walk func(v *object.Value)
	walk = func(v *object.Value) {
		text = append(text, v.Text...)
		for _, it := range v.Items {
			walk(it)
		}
		for _, f := range v.Fields {
			walk(f.Value)
		}
	}
	for _, v := range r.values {
		walk(v)
	}
	return text
}

// cleaned is a document, or an item of a list, whose objects have lost what nobody reads.
func cleaned(d document, v, list *object.Value) *object.Value {
	switch {
	case v.Kind == object.List:
		w := *v
		w.Items = nil
		for _, it := range v.Items {
			w.Items = append(w.Items, cleaned(d, it, list))
		}
		return &w
	case v.Kind != object.Map:
		return v
	case isList(v):
		w := *v
		w.Fields = slices.Clone(v.Fields)
		for i, f := range w.Fields {
			if f.Name == "items" {
				w.Fields[i].Value = cleaned(d, f.Value, v)
			}
		}
		v = &w
	}
	o := &object.Object{Root: v}
	group, version, ok := strings.Cut(v.Get("apiVersion").Str(), "/")
	if !ok {
		group, version = "", group
	}
	o.Ref.Kind, o.Ref.Group, o.Version = v.Get("kind").Str(), group, version
	if kind := strings.TrimSuffix(list.Get("kind").Str(), "List"); kind != "" && !v.Get("kind").IsSet() && !v.Get("apiVersion").IsSet() {
		o.Ref.Kind, o.Version = kind, list.Get("apiVersion").Str()
		o.Ref.Group, _, _ = strings.Cut(o.Version+"/", "/")
		if !strings.Contains(o.Version, "/") {
			o.Ref.Group = ""
		}
	}
	return redact(o)
}

func TestJSONIsReadAsThePlainReaderDoes(t *testing.T) {
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","managedFields":[{"a":1}],"annotations":{"x":"y","kubectl.kubernetes.io/last-applied-configuration":"{\"a\":\"b\\n\"}"}},
"status":{"phase":"Running","conditions":[{"a":
"b","c":[1,2,{}]}],"containerStatuses":[],"podIP":"10.0.0.1"}}`
	docs := []string{
		pod, `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","resources":{"limits":{}},"volumeMounts":[]}],"initContainers":{},"tolerations":[]}}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":{"spec":{"containers":[{"resources":{}}]}}}}`, `{"apiVersion":"v1","kind":["Pod"],"spec":{"tolerations":[]}}`,
		`{"apiVersion":"v1","kind":"Pod","spec":{"tolerations":[]},"kind":"Node"}`, "[" + pod + ",\n" + pod + "]", `{"apiVersion":"v1","items":[` + pod + `],"kind":"List","metadata":{"continue":"x"}}`,
		`{"apiVersion":"v1","items":[` + pod + `],"kind":"Other"}`,
		`{"kind":"PodList","apiVersion":"v1","items":[{"spec":{"tolerations":[]},"status":{"conditions":[]}},{"spec":{"tolerations":[]},"kind":"Node"},[{"spec":{"tolerations":[]}}]]}`,
		`{"kind":"PodList","items":[{"spec":{"tolerations":[]}}]}`, `{"apiVersion":"v1","items":[{"spec":{"tolerations":[]}}],"kind":"PodList"}`,
		`{"kind":"PodList","apiVersion":"apps/v1","items":[{"spec":{"tolerations":[]}}]}`, `{"kind":"NodeList","apiVersion":"v1","items":[{"status":{"images":[1],"a":[]}}]}`, `{"items":[{"items":[{"items":[` + pod + `]}]}]}`,
		`{"kind":"List","items":{"metadata":{"managedFields":1}}}`, `{"kind":"List","items":null}`, `{"kind":"List","items":[` + pod + `],"items":{}}`,
		`{"status":{"conditions":[1]},"kind":"Pod","apiVersion":"v1"}`, `{"apiVersion":"apps/v1","kind":"Pod","status":{"conditions":[1]}}`,
		`{"apiVersion":"v1","kind":"Node","status":{"images":[{"names":["a"]}],"addresses":[]}}`,
		`{"metadata":{"managedFields":[{"a":1,"a":2}],"managedFields":{}}}`, `{"metadata":{"managedFields":[{"a":"\x"}]}}`,
		`{"metadata":{"managedFields":[{"\u0061":1,"a":2}]}}`, "{\"metadata\":{\"managedFields\":[{\"a\":\"\xff\"}]}}",
		`{"metadata":{"managedFields":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`,
		`{"metadata":{"managedFields":` + strings.Repeat("[", 120) + strings.Repeat("]", 120) + `}}`,
		`{"metadata":{"managedFields":[1,`, `{"metadata":{"managedFields":[1 2]}}`, `{"metadata":{"managedFields":01}}`, `{"metadata":{"managedFields":tru}}`,
		`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"a`, `{"metadata":{"annotations":["a"]}}`, `{"metadata":"x"}`,
		`{"a":1,"b":2,"a":3}`, `{"a":{"b":1,"b":2},"a":[{"c":1,"c":1}]}`, `{"":1,"":2}`, "1 2 \"x\"\nnull true false", "truex", `[1,]`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{a:1}`,
		`-`, `-0`, `00`, `1.`, `.5`, `1e`, `1e+5`, `1E-5`, `-1.5e10`, `1-2`, `1.2.3`, `"\ud83d\ude00"`, `"\ud83d"`, `"a\/b\b\f\r\t"`, `"\u00zz"`, `"\`, `"\"`, `"a` + "\n\"", "\"a\x00\"", `"`,
		"\"1234567\x1f\"", "\"é\xff\"", "\"abcdefgh\\\"ijklmnopq\"", "", " \n\t\r ", "[\n\n1,\r\n2\n]", "{\n\n\"a\"\n:\n1\n}", "{\n        \n         \"a\" :  1}", strings.Repeat("[", 104) + strings.Repeat("]", 104),
		strings.Repeat("[", 105) + strings.Repeat("]", 105), strings.Repeat(`{"a":`, 110),
	}
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `"key-%d": [%d], `, i%290, i)
	}
	docs = append(docs, "{"+many.String()+`"x": {}}`, `{"metadata":{"managedFields":{`+many.String()+`"x": {}}}}`)
	objects, _, _ := Parse(shop(3), "shop.yaml", Limits{})
	var list bytes.Buffer
	for _, o := range objects {
		list.Write(o.Root.AppendJSON(nil))
		list.WriteByte('\n')
	}
	docs = append(docs, list.String())
	for _, doc := range docs {
		sameJSON(t, []byte(doc))
	}
	for i := range pod {
		sameJSON(t, []byte(pod[:i]))
		sameJSON(t, []byte(pod[:i]+pod[i+1:]))
	}
}

// TestJSONOfItemsThatAreAlike reads lists whose items are nearly the same text: what is taken from the item before must
// be what is there.
func TestJSONOfItemsThatAreAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, indented := range []bool{false, true} {
		list := podList(t, 12, indented)
		sameJSON(t, list)
		for range 150 {
			data := bytes.Clone(list)
			for range 1 + r.IntN(6) {
				i := r.IntN(len(data))
				switch r.IntN(6) {
				case 0:
					data = slices.Delete(data, i, i+1)
				case 1:
					data = slices.Insert(data, i, '\n')
				case 2:
					data[i] = "{}[]\",:0a\\\n"[r.IntN(11)]
				case 3:
					data = slices.Insert(data, i, []byte("\n ,\"tier\": {\"a\": 1, \"a\": 2}\n")...)
				default: // another value of the same length, so that most stays valid
					if c := data[i]; c >= '0' && c <= '9' {
						data[i] = '1' + c%8
					}
				}
			}
			sameJSON(t, data)
		}
	}
}

// FuzzJSON compares the two readers on any bytes, and on a list of them.

func FuzzJSON(f *testing.F) {
	seeds(f, func(_ string, data []byte) {
		f.Add(data)
		objects, _, _ := Parse(data, "f.yaml", Limits{})
		for _, o := range objects {
			f.Add(o.Root.AppendJSON(nil))
		}
	})
	f.Add([]byte(`{"apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"managedFields":[{"a":1}]},"status":{"conditions":[{}]}}],"kind":"List"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 {
			sameJSON(t, data)
			list := bytes.Join([][]byte{[]byte(`{"kind":"List","items":[`), data, []byte(",\n"), data, []byte(","), data, []byte("\n]}")}, nil)
			sameJSON(t, append(list, bytes.Repeat([]byte(" "), sameWorth)...))
		}
	})
}

// TestJSONIsNoTemplate: another tool's marks within a string are text.
func TestJSONIsNoTemplate(t *testing.T) {
	data := `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"a: #@ data.values.b\n#@ end"}}]}`
	objects, problems, skipped := Parse([]byte(data), "f.json", Limits{})
	if len(objects) != 1 || len(problems)+len(skipped) != 0 {
		t.Errorf("%d objects, problems %v, skipped %v", len(objects), problems, skipped)
	}
}
