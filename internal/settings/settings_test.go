package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

func TestYAML(t *testing.T) {
	for name, tt := range map[string]struct{ text, want, err string }{
		"block":     {"a: 1\nb: [x, true, null, 1.5]\n", `{"a":1,"b":["x",true,null,1.5]}`, ""},
		"json":      {`{"a": {"b": "c"}}`, `{"a":{"b":"c"}}`, ""},
		"empty":     {"# nothing\n", `null`, ""},
		"merge":     {"base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n", `{"base":{"x":1,"y":2},"use":{"x":1,"y":3}}`, ""},
		"words":     {"a: yes\nb: off\nc: True\n", `{"a":"yes","b":"off","c":true}`, ""},
		"twice":     {"a: 1\na: 2\n", "", "given twice"},
		"documents": {"a: 1\n---\nb: 2\n", "", "more than one document"},
		"broken":    {"a: [b\n", "", "not valid YAML"},
		"deep":      {strings.Repeat("[", 500) + strings.Repeat("]", 500), "", "nested too deep"},
		"brackets":  {strings.Repeat("[", 80_000), "", "too many brackets"},
		"large":     {strings.Repeat("a", 1<<20+1), "", "larger than"},
		"map key":   {"? [a]\n: b\n", "", "no name"},
		"cycle":     {"a: &a [*a]\n", "", ""},
		"bomb":      {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "", "too many values"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := settings.YAML(tt.text)
			if tt.err != "" || name == "cycle" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want an error with %q", err, tt.err)
				}
				return
			}
			if err != nil || string(v.AppendJSON(nil)) != tt.want {
				t.Errorf("got %s, %v, want %s", v.AppendJSON(nil), err, tt.want)
			}
		})
	}
	v, err := settings.YAML("a:\n  b:\n  - c\n")
	if err != nil || v.Get("a", "b").List()[0].Line != 3 {
		t.Errorf("lines: %v, %v", v, err)
	}
}

func flat(sections []settings.Section, depth int) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "%s%s(%s)@%d\n", strings.Repeat(" ", depth), s.Name, s.Arg, s.Line)
		for _, k := range s.Keys {
			fmt.Fprintf(&b, "%s %s=%s@%d\n", strings.Repeat(" ", depth), k.Name, k.Value, k.Line)
		}
		b.WriteString(flat(s.Within, depth+1))
	}
	return b.String()
}

func TestFluentBit(t *testing.T) {
	got, included, err := settings.FluentBit("# c\n[service]\n  Flush 1\n@INCLUDE out.conf\n\n[OUTPUT]\n    Name   es\n    tls\tOn\n    Match_Regex ^a b$\n")
	want := "SERVICE()@2\n Flush=1@3\nOUTPUT()@6\n Name=es@7\n tls=On@8\n Match_Regex=^a b$@9\n"
	if diff := cmp.Diff(want, flat(got, 0)); diff != "" || err != nil || !cmp.Equal(included, []string{"out.conf"}) {
		t.Errorf("%v %v -want +got\n%s", err, included, diff)
	}
	if k, ok := got[1].Get("NAME"); !ok || k.Value != "es" {
		t.Errorf("got %v, %v", k, ok)
	}
	for _, bad := range []string{"Name es\n", "[OUTPUT\n", strings.Repeat("x", 1<<20+1)} {
		if _, _, err := settings.FluentBit(bad); err == nil {
			t.Errorf("%.20q is read", bad)
		}
	}
}

func TestFluentd(t *testing.T) {
	got, included, err := settings.Fluentd("@include conf.d/*.conf\n<match app.**>\n  @type forward\n  <server>\n    host \"a\"\n  </server>\n</match>\n<source>\n</source>\n")
	want := "match(app.**)@2\n @type=forward@3\n server()@4\n  host=a@5\nsource()@8\n"
	if diff := cmp.Diff(want, flat(got, 0)); diff != "" || err != nil || !cmp.Equal(included, []string{"conf.d/*.conf"}) {
		t.Errorf("%v %v -want +got\n%s", err, included, diff)
	}
	for _, bad := range []string{"<match a>\n", "</match>\n", "<a>\n</b>\n", strings.Repeat("<a>\n", 100)} {
		if _, _, err := settings.Fluentd(bad); err == nil {
			t.Errorf("%.20q is read", bad)
		}
	}
}

func TestAlloy(t *testing.T) {
	got, err := settings.Alloy("// c\nloki.write \"far\" {\n  endpoint {\n    url = \"http://loki:3100/push\" // why\n    tls_config { insecure_skip_verify = true }\n  }\n  external_labels = {\n    a = \"b}\",\n  }\n}\nlogging {}\n")
	want := "loki.write(far)@2\n external_labels={@7\n endpoint()@3\n  url=http://loki:3100/push@4\n  tls_config()@5\n   insecure_skip_verify=true@5\nlogging()@11\n"
	if diff := cmp.Diff(want, flat(got, 0)); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	for _, bad := range []string{"a {\n", "}\n", "x\n", "a = `b`\n", "/* a */\n", "a = \"b\n", "a = [\n"} {
		if _, err := settings.Alloy(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// FuzzSettings: no text makes a reader panic or run long, and every line is one of the text.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{"a: &a [*a]\n", "[OUTPUT]\nName es\n", "<match a>\n</match>\n", "a \"b\" {\n c = \"{\"\n}\n", "? a\n: b\n", "a {b = {c}}", "{{ x }}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		_, _ = settings.YAML(text)
		var walk func([]settings.Section)
		walk = func(ss []settings.Section) {
			for _, s := range ss {
				if s.Line < 1 || s.Line > lines {
					t.Errorf("section %s at line %d of %d", s.Name, s.Line, lines)
				}
				walk(s.Within)
			}
		}
		a, _, _ := settings.FluentBit(text)
		walk(a)
		b, _, _ := settings.Fluentd(text)
		walk(b)
		c, _ := settings.Alloy(text)
		walk(c)
	})
}
