package settings_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
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

// TestFluentdValues: comments, quotes and tabs, as Fluentd reads them.
func TestFluentdValues(t *testing.T) {
	got, _, err := settings.Fluentd("<match\ta>\n@type\tforward # far\nhost \"a#b\" # c\nport 1#2\nscheme \"#{ENV['S'] || 'http'}\"\nname 'x'\n</match>\n")
	want := "match(a)@1\n @type=forward@2\n host=a#b@3\n port=1#2@4\n scheme=#{ENV['S'] || 'http'}@5\n name=x@6\n"
	if diff := cmp.Diff(want, flat(got, 0)); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
}

func TestTOML(t *testing.T) {
	v, err := settings.TOML("# c\n[sources.in]\ntype = \"file\"\n\n[sinks.far] # out\ntype = \"http\"\nuri = \"http://a\"\n  [sinks.far.tls]\n  verify_certificate = false\n[sinks.\"near\"]\nendpoints = [\"a\", \"b\"]\nn = 1.5\n[[tests]]\nd = 2024-01-01\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.AppendJSON(nil)); got != `{"sinks":{"far":{"tls":{"verify_certificate":false},"type":"http","uri":"http://a"},"near":{"endpoints":["a","b"],"n":1.5}},"sources":{"in":{"type":"file"}},"tests":[{"d":"a date"}]}` {
		t.Errorf("got %s", got)
	}
	for line, path := range map[int][]string{2: {"sources", "in"}, 5: {"sinks", "far"}, 8: {"sinks", "far", "tls"}, 10: {"sinks", "near"}} {
		if got := v.Get(path...).Line; got != line {
			t.Errorf("%v: line %d, want %d", path, got, line)
		}
	}
	for _, bad := range []string{"a = \n", "[a\n", "a = 1\na = 2\n", strings.Repeat("[", 80_000), "a = " + strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat("# ", 1<<20)} {
		if _, err := settings.TOML(bad); err == nil {
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
	for _, s := range []string{"a: &a [*a]\n", "[OUTPUT]\nName es\n", "<match a>\n</match>\n", "a \"b\" {\n c = \"{\"\n}\n", "? a\n: b\n", "a {b = {c}}", "{{ x }}", "[sinks.a]\ntls.enabled = true\n[[x.y]]\nz = [1, {a = 2024-01-01}]\n"} {
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
		v, err := settings.TOML(text)
		if err == nil && (v.Line < 1 || v.Line > lines) {
			t.Errorf("TOML at line %d of %d", v.Line, lines)
		}
	})
}

func TestIPTables(t *testing.T) {
	f, err := settings.IPTables("# Generated by ip6tables-save\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j X\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n[3:4] -A INPUT ! -s fd00::/8 -p tcp -m tcp --dport 22:23 -m comment --comment \"a -j B \\\" c\" -g A\n-A INPUT -m mark --mark 0x1 -j ACCEPT\n-A INPUT ! -p udp -j LOG\nCOMMIT\n", false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PREROUTING", "INPUT", "A"}, f.Names); diff != "" {
		t.Error(diff)
	}
	c, ok := f.Chain("ip6", "INPUT")
	if !ok || !c.Input || c.Policy != settings.Drop || len(c.Rules) != 3 {
		t.Fatalf("got %+v", c)
	}
	if r := c.Rules[0]; r.Line != 9 || r.Conns.String() != "tcp/22-23" || !r.Exact || r.Action != settings.Goto || r.To != "A" || r.Addrs.Contains(netip.MustParseAddr("fd00::1")) || !r.Addrs.Contains(netip.MustParseAddr("fe00::1")) {
		t.Errorf("got %+v %s", r, r.Conns)
	}
	if r := c.Rules[1]; r.Exact || r.Action != settings.Accept {
		t.Errorf("got %+v", r)
	}
	if r := c.Rules[2]; r.Action != settings.Other || r.Conns.Overlaps(netset.Of(netset.UDP)) {
		t.Errorf("got %+v", r)
	}
	for _, bad := range []string{"", "x\n", ":INPUT ACCEPT\n", "*filter\n-A INPUT -j ACCEPT\n", "*filter\n-A \n"} {
		if _, err := settings.IPTables(bad, false); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestNFTables(t *testing.T) {
	v, err := settings.YAML(`[{"chain": {"family": "ip", "table": "t", "name": "in", "type": "filter", "hook": "input", "policy": "accept"}},
{"chain": {"family": "bridge", "table": "t", "name": "b"}},
{"rule": {"family": "ip", "table": "t", "chain": "in", "expr": [{"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"range": ["10.0.0.0", "10.0.0.3"]}}}, {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "th", "field": "dport"}}, "right": 53}}, {"drop": null}]}},
{"rule": {"family": "ip", "table": "t", "chain": "in", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@friends"}}, {"jump": {"target": "more"}}]}},
{"rule": {"family": "ip", "table": "gone", "chain": "in", "expr": []}}]`)
	if err != nil {
		t.Fatal(err)
	}
	f, err := settings.NFTables(v.List())
	if err != nil {
		t.Fatal(err)
	}
	c, ok := f.Chain("ip t", "in")
	if !ok || !c.Input || c.Policy != settings.Accept || len(c.Rules) != 2 || len(f.Chains) != 1 || len(f.Names) != 2 {
		t.Fatalf("got %+v", f)
	}
	if r := c.Rules[0]; r.Conns.String() != "tcp/53 udp/53" || !r.Exact || r.Action != settings.Drop || r.Addrs.Contains(netip.MustParseAddr("10.0.0.1")) || !r.Addrs.Contains(netip.MustParseAddr("10.0.0.4")) {
		t.Errorf("got %s %+v", r.Conns, r)
	}
	if r := c.Rules[1]; r.Exact || r.Action != settings.Jump || r.To != "more" {
		t.Errorf("got %+v", r)
	}
	if _, err := settings.NFTables(nil); err == nil {
		t.Error("nothing is read")
	}
}

// FuzzPacketFilter: no text makes the readers panic, and lines are those of the text.
func FuzzPacketFilter(f *testing.F) {
	for _, s := range []string{
		"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 1:2 -s 10.0.0.0/8 -j ACCEPT\n", "*filter\n:INPUT DROP\n-A INPUT -m \"x\n",
		`[{"chain": {"family": "ip", "table": "t", "name": "in", "hook": "input"}}, {"rule": {"family": "ip", "table": "t", "chain": "in", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [1, {"range": [2, 3]}]}}}]}}]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		check := func(p *settings.PacketFilter, err error) {
			if err != nil {
				return
			}
			for _, c := range p.Chains {
				for _, r := range c.Rules {
					if r.Line < 0 || r.Line > lines {
						t.Errorf("rule at line %d of %d", r.Line, lines)
					}
				}
			}
		}
		check(settings.IPTables(text, false))
		if v, err := settings.YAML(text); err == nil {
			check(settings.NFTables(v.List()))
		}
	})
}
