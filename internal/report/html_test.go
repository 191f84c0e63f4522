package report

import (
	"bytes"
	"encoding/hex"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// dom parses the HTML report of a.
func dom(t *testing.T, a *pci.Assessment) (*html.Node, string) {
	t.Helper()
	out := render(t, htmlFormat, a, Options{})
	doc, err := html.Parse(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return doc, string(out)
}

func elements(doc *html.Node, names ...string) (out []*html.Node) {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Whatever the texts hold, the page has the elements and attributes of the template and nothing else.
func TestHostileTextIsNoHTML(t *testing.T) {
	known := map[string]string{ // element: its attributes besides id and class
		"html": "lang", "head": "", "meta": "charset http-equiv content name", "title": "", "style": "", "script": "", "body": "",
		"a": "href", "header": "", "footer": "", "nav": "aria-label", "main": "tabindex", "section": "aria-labelledby",
		"h1": "", "h2": "", "h3": "", "h4": "", "p": "", "b": "", "br": "", "span": "role", "code": "", "pre": "tabindex role aria-label",
		"ul": "", "li": "data-severity", "dl": "", "dt": "", "dd": "", "div": "hidden", "details": "open", "summary": "",
		"label": "", "input": "type data-filters", "select": "data-severity", "option": "value", "button": "type data-fold data-unfold",
		"table": "role aria-label", "thead": "role", "tbody": "role", "tr": "role", "th": "role scope data-label", "td": "role data-label data-sort",
	}
	for _, a := range []*pci.Assessment{hostile(), sample(), clean()} {
		doc, out := dom(t, a)
		for _, n := range elements(doc) {
			attrs, ok := known[n.Data]
			if !ok {
				t.Errorf("element <%s> is not of the template", n.Data)
			}
			for _, x := range n.Attr {
				if x.Key != "id" && x.Key != "class" && !slices.Contains(strings.Fields(attrs), x.Key) {
					t.Errorf("<%s> has attribute %s=%q", n.Data, x.Key, x.Val)
				}
				if x.Key == "class" && !regexp.MustCompile(`^[a-z0-9 -]+$`).MatchString(x.Val) {
					t.Errorf("<%s> has class %q", n.Data, x.Val)
				}
				if x.Key == "href" && !regexp.MustCompile(`^#[a-z0-9-]+$`).MatchString(x.Val) {
					t.Errorf("a link to %q", x.Val)
				}
			}
		}
		if s := elements(doc, "script"); len(s) != 1 || textOf(s[0]) != htmlScript {
			t.Errorf("%d scripts, or another one than ours", len(s))
		}
		if s := elements(doc, "style"); len(s) != 1 || textOf(s[0]) != htmlStyle {
			t.Errorf("%d styles, or another one than ours", len(s))
		}
		for i, r := range out {
			if r != '\n' && unsafeRune(r) {
				t.Errorf("%U at byte %d", r, i)
			}
		}
	}
}

// The page asks for nothing: no address in it is one that a browser would follow by itself, and its policy
// allows our style and script only.
func TestHTMLStandsAlone(t *testing.T) {
	doc, _ := dom(t, sample())
	policy := ""
	for _, m := range elements(doc, "meta") {
		if attr(m, "http-equiv") == "Content-Security-Policy" {
			policy = attr(m, "content")
		}
	}
	if want := "default-src 'none'; style-src " + integrity(htmlStyle) + "; script-src " + integrity(htmlScript) + "; base-uri 'none'; form-action 'none'"; policy != want {
		t.Errorf("policy %q, want %q", policy, want)
	}
	for _, bad := range []string{"http:", "https:", "//cdn", "@import", "url(", "fetch(", "XMLHttpRequest", "import(", "eval(", "innerHTML", "document.write"} {
		if strings.Contains(htmlStyle+htmlScript+htmlPage, bad) {
			t.Errorf("style, script or template says %q", bad)
		}
	}
}

// Everything of the record stands in the page itself, for readers without script.
func TestHTMLSaysEverything(t *testing.T) {
	for _, a := range []*pci.Assessment{hostile(), sample(), clean()} {
		doc, _ := dom(t, a)
		text := strings.Join(strings.Fields(textOf(elements(doc, "body")[0])), " ")
		want := []string{a.Tool.Name, a.Tool.Version, scopeText(a), enforcerText(a), populationText(a), claim}
		want = append(append(want, a.Assumed...), gaps(a)...)
		for _, f := range a.Findings {
			want = append(append(want, f.Message, f.Title, f.Check, fixText(f), f.Fingerprint, witnessText(f.Witness), f.Pos.String(), subject(f)), becauseTexts(f)...)
			if f.Fix != nil {
				want = append(want, f.Fix.YAML)
			}
		}
		for _, p := range a.Problems {
			want = append(want, p.String(), p.Hint)
		}
		for _, s := range pci.Standards() {
			for _, r := range a.View(s).Requirements {
				want = append(append(append(want, strings.TrimSpace(r.Number+" "+r.Title)+r.Says()), r.Ask...), r.Settle...)
			}
		}
		for _, w := range want {
			w = strings.Join(strings.Fields(strings.Join(block(w), " ")), " ")
			if !strings.Contains(text, w) {
				t.Errorf("the page does not say %q", w)
			}
		}
	}
}

// The rules of accessibility that a parser can check; the rest was looked at in browsers.
func TestHTMLIsAccessible(t *testing.T) {
	for _, a := range []*pci.Assessment{hostile(), sample(), clean()} {
		doc, _ := dom(t, a)
		ids := map[string]int{}
		for _, n := range elements(doc) {
			if id := attr(n, "id"); id != "" {
				ids[id]++
			}
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("id %q stands %d times", id, n)
			}
		}
		for _, n := range elements(doc) {
			for _, ref := range []string{strings.TrimPrefix(attr(n, "href"), "#"), attr(n, "aria-labelledby"), attr(n, "data-filters")} {
				if ref != "" && ids[ref] == 0 {
					t.Errorf("<%s> names %q, which is not there", n.Data, ref)
				}
			}
		}
		if h := elements(doc, "html"); attr(h[0], "lang") == "" {
			t.Error("no language")
		}
		if first := elements(elements(doc, "body")[0])[0]; attr(first, "href") != "#main" {
			t.Error("the first thing to reach by keyboard is not the skip link")
		}
		for _, one := range []string{"main", "nav", "header", "footer", "h1", "title"} {
			if n := len(elements(doc, one)); n != 1 {
				t.Errorf("%d <%s>", n, one)
			}
		}
		level := 0
		for _, h := range elements(doc, "h1", "h2", "h3", "h4") {
			l := int(h.Data[1] - '0')
			if l > level+1 {
				t.Errorf("%s behind h%d: %s", h.Data, level, textOf(h))
			}
			level = l
		}
		for _, in := range elements(doc, "input", "select") {
			if in.Parent.Data != "label" {
				t.Errorf("<%s> has no label", in.Data)
			}
		}
		for _, h := range elements(doc, "th") {
			if attr(h, "scope") == "" {
				t.Errorf("a heading of a table without scope: %s", textOf(h))
			}
		}
		for _, b := range elements(doc, "button") {
			if attr(b, "type") != "button" || textOf(b) == "" {
				t.Error("a button without type or name")
			}
		}
	}
}

// Every text colour has a contrast of at least 4.5 to 1 on every ground, in light and in dark (WCAG 1.4.3).
func TestHTMLContrast(t *testing.T) {
	palettes := regexp.MustCompile(`(?s):root \{[^}]*?--page[^}]*\}`).FindAllString(htmlStyle, -1)
	if len(palettes) != 2 {
		t.Fatalf("%d palettes, want light and dark", len(palettes))
	}
	for _, p := range palettes {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(p, -1) {
			colours[m[1]] = m[2]
		}
		if len(colours) != 13 {
			t.Fatalf("%d colours: %v", len(colours), colours)
		}
		for name, c := range colours {
			if name == "page" || name == "raised" || name == "edge" {
				continue
			}
			for _, ground := range []string{"page", "raised"} {
				if got := contrast(t, c, colours[ground]); got < 4.5 {
					t.Errorf("%s %s on %s %s: contrast %.2f", name, c, ground, colours[ground], got)
				}
			}
		}
	}
}

// contrast is the ratio of WCAG 2.2 between two colours.
func contrast(t *testing.T, a, b string) float64 {
	l := func(c string) float64 {
		raw, err := hex.DecodeString(c[1:])
		if err != nil {
			t.Fatal(err)
		}
		var v [3]float64
		for i, x := range raw {
			v[i] = float64(x) / 255
			if v[i] <= 0.04045 {
				v[i] /= 12.92
			} else {
				v[i] = math.Pow((v[i]+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]
	}
	x, y := l(a), l(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// A status that this version does not know is shown, and is not taken for a pass.
func TestHTMLShowsWhatItDoesNotKnow(t *testing.T) {
	a := clean()
	a.Findings = append(a.Findings, finding("NEW-01", "inconsistent", "grave", a.Findings[0].Subject, a.Findings[0].Pos, "nodes differ"))
	doc, _ := dom(t, a)
	for _, li := range elements(doc, "li") {
		if attr(li, "class") == "finding" && strings.Contains(textOf(li), "nodes differ") {
			return
		}
	}
	t.Error("the finding is not shown")
}
