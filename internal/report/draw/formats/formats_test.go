package formats_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"codeberg.org/go-pdf/fpdf"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// hostile is names that no API server takes.
func hostile(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/hostile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func objects(t testing.TB, manifest string) []*object.Object {
	t.Helper()
	out, problems, _ := load.Parse([]byte(manifest), "in.yaml", load.Limits{})
	for _, p := range problems {
		if strings.Contains(p.Msg, "YAML") {
			t.Fatal(p)
		}
	}
	return out
}

func inputOf(t testing.TB, objects []*object.Object) *pci.Input {
	t.Helper()
	c, _ := cluster.New(objects, cluster.Options{})
	intent, _ := pci.ReadIntent(c)
	set := kinds.Compile(c)
	prof, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	scope, _ := pci.ScopeOf(c, intent, pci.ScopeLabel{})
	return &pci.Input{Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof, Exposure: exposure.Find(c), Scope: scope, Intent: intent}
}

func picture(t testing.TB, objects []*object.Object) *draw.Picture {
	t.Helper()
	p, err := draw.Draw(draw.Build(inputOf(t, objects), draw.Options{Title: draw.Title{Cluster: `"><script>alert(0)</script>`, Source: "a\x1b[31mb"}}))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, format string, p *draw.Picture, o formats.Options) []byte {
	t.Helper()
	for _, f := range formats.Formats {
		if f.Name == format {
			var b bytes.Buffer
			if err := f.Write(&b, p, o); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
	}
	t.Fatalf("no format %s", format)
	return nil
}

func example(t testing.TB) *draw.Picture {
	t.Helper()
	r, err := load.Load(t.Context(), []string{"../../../../examples/card-shop/5-works"}, load.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return picture(t, r.Objects)
}

// wellFormed reads XML to its end and gives the names of all elements.
func wellFormed(t *testing.T, data []byte) map[string]int {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	out := map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := tok.(xml.StartElement); ok {
			out[s.Name.Local]++
			for _, a := range s.Attr {
				if strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("element %s has attribute %s", s.Name.Local, a.Name.Local)
				}
			}
		}
	}
}

func TestSVGOfHostileNames(t *testing.T) {
	got := wellFormed(t, write(t, "svg", picture(t, objects(t, hostile(t))), formats.Options{}))
	for name := range got {
		switch name {
		case "svg", "title", "desc", "style", "rect", "g", "path", "text":
		default:
			t.Errorf("element %s", name)
		}
	}
}

// Diagrams in one page of somebody else's share its style, and have IDs of their own.
func TestInline(t *testing.T) {
	in := inputOf(t, objects(t, hostile(t)))
	seen := map[string]draw.View{}
	for _, view := range []draw.View{draw.Network, draw.Dataflow, draw.Zones} {
		p, err := formats.PictureOf(in, draw.Options{View: view})
		if err != nil {
			t.Fatal(err)
		}
		text, err := formats.Inline(p)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, "<svg ") || strings.Contains(text, "<style") || strings.Contains(text, "style=") {
			t.Errorf("%s: %.60s ... brings a style", view, text)
		}
		wellFormed(t, []byte(text))
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if other, ok := seen[m[1]]; ok {
				t.Errorf("%s and %s have the ID %s", view, other, m[1])
			}
			seen[m[1]] = view
		}
		for _, m := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			for class := range strings.FieldsSeq(m[1]) {
				if ink := strings.HasPrefix(class, "f-") || strings.HasPrefix(class, "s-"); ink && strings.Count(formats.Style(), "."+class+"{") != 3 {
					t.Errorf("%s: the style has no %s", view, class)
				}
			}
		}
	}
}

func TestHTMLOfHostileNames(t *testing.T) {
	page := string(write(t, "html", picture(t, objects(t, hostile(t))), formats.Options{}))
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("%d scripts, want the data and the program", n)
	}
	for _, bad := range []string{"<img", "<b>", "onerror=alert(1)>", " onload=\"", "http://", "https://"} {
		text := strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
		if strings.Contains(text, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
	data := page[strings.Index(page, `id="data">`)+len(`id="data">`):]
	data = data[:strings.Index(data, "</script>")]
	var any map[string]any
	if err := json.Unmarshal([]byte(data), &any); err != nil {
		t.Error(err)
	}
}

func TestDOTIsReadByGraphviz(t *testing.T) {
	path, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("Graphviz is not installed")
	}
	for name, p := range map[string]*draw.Picture{"hostile": picture(t, objects(t, hostile(t))), "card-shop": example(t)} {
		cmd := exec.CommandContext(t.Context(), path, "-Tplain")
		cmd.Stdin = bytes.NewReader(write(t, "dot", p, formats.Options{}))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "rror") {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if n := len(regexp.MustCompile(`(?m)^node `).FindAllString(string(out), -1)); n != len(p.Graph.Nodes)+len(p.Graph.Groups) {
			t.Errorf("%s: Graphviz reads %d nodes, want %d", name, n, len(p.Graph.Nodes)+len(p.Graph.Groups))
		}
	}
}

// In Mermaid and D2 a text ends at its quote: none may be left within, and no line may begin with foreign text.
func TestQuotedTexts(t *testing.T) {
	p := picture(t, objects(t, hostile(t)))
	line := map[string]*regexp.Regexp{
		"mermaid": regexp.MustCompile(`^(flowchart TB|  accTitle: [^#%;]*| *subgraph \w+\["[^"\[\]<>{}|]*"\]| *end| *\w+[\[\(/]+"[^"\[\]{}|]*"[\]\)/]+(:::\w+)?|  \w+ (-->|-. "[^"]*" .->|-- "[^"]*" --[>x]|== "[^"]*" ==>) \w+|  classDef .*)$`),
		"d2":      regexp.MustCompile(`^(direction: down|title: '([^']|'')*' \{.*\}| *[\w.]+( -> [\w.]+)?: '([^']|'')*'( \{[^']*)?| *style\.fill: "#\w+"| *\})$`),
	}
	for name, re := range line {
		for l := range strings.Lines(string(write(t, name, p, formats.Options{}))) {
			if !re.MatchString(strings.TrimRight(l, "\n")) {
				t.Errorf("%s: line %q", name, l)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	p := picture(t, objects(t, hostile(t)))
	var got struct {
		Protocol string
		Nodes    []struct{ ID, Title string }
		Wires    []struct{ From, To []string }
		Width    int
	}
	if err := json.Unmarshal(write(t, "json", p, formats.Options{}), &got); err != nil {
		t.Fatal(err)
	}
	if got.Protocol != draw.Protocol || len(got.Nodes) != len(p.Graph.Nodes) || len(got.Wires) != len(p.Graph.Wires) || got.Width != p.Scene.Width {
		t.Errorf("got %+v", got)
	}
}

func TestPNG(t *testing.T) {
	for _, paper := range []string{"", "a4"} {
		img, err := png.Decode(bytes.NewReader(write(t, "png", picture(t, objects(t, hostile(t))), formats.Options{Paper: paper})))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() < 900 || b.Dy() < 600 {
			t.Errorf("paper %q: size %v", paper, b)
		}
	}
}

// The text of a PDF can be found and copied.
func TestPDFKeepsText(t *testing.T) {
	data := write(t, "pdf", example(t), formats.Options{Paper: "a4"})
	if !bytes.HasPrefix(data, []byte("%PDF-1.")) {
		t.Fatalf("begins with %q", data[:8])
	}
	path, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "-", "-")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Network diagram", "pci-backend", "CDE boundary", "kube-dns"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in the text", want)
		}
	}
}

// A picture in somebody else's PDF is a page of its own, on the smallest sheet on which it can be read, with all of
// its texts, and room for a footer.
func TestAddSheet(t *testing.T) {
	for name, c := range map[string]struct {
		p    *draw.Picture
		wide float64 // of a readable sheet, in points
	}{
		"small":   {example(t), 841.89},
		"wide":    {&draw.Picture{Scene: draw.Scene{Width: 3000, Height: 500}}, 1190.55},
		"hostile": {picture(t, objects(t, hostile(t))), 0},
	} {
		doc := fpdf.New("P", "mm", "A4", "")
		doc.SetCompression(false)
		formats.AddSheet(doc, c.p, 18)
		var b bytes.Buffer
		if err := doc.Output(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if c.wide > 0 && !strings.Contains(text, fmt.Sprintf("/MediaBox [0 0 %.2f ", c.wide)) {
			t.Errorf("%s: the sheet is not %.0f points wide", name, c.wide)
		}
		if strings.Count(text, "/Type /Page\n") != 1 || strings.Contains(text, "/FontFile") || strings.Contains(text, "/Subtype /Image") {
			t.Errorf("%s: not one page, or with fonts or pixels of its own", name)
		}
		for _, m := range c.p.Scene.Marks {
			if m.Text == nil || strings.ContainsFunc(m.Text.Text, func(r rune) bool { return r > '~' || r == '(' || r == ')' || r == '\\' }) {
				continue
			}
			if !strings.Contains(text, "("+m.Text.Text+")") {
				t.Errorf("%s: no text %q", name, m.Text.Text)
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^([0-9.-]+) ([0-9.-]+) [ml] `).FindAllStringSubmatch(text, -1) {
			if y, err := strconv.ParseFloat(m[2], 64); err != nil || y < 18*72/25.4-0.1 {
				t.Errorf("%s: a line at height %s, where the footer is", name, m[2])
			}
		}
	}
	if wide := (&draw.Picture{Scene: draw.Scene{Width: 9000, Height: 900}}); formats.Readable(wide, "a3", 18) {
		t.Error("9000 pixels can be read on A3")
	}
}

func TestSameBytes(t *testing.T) {
	for _, f := range formats.Formats {
		a := write(t, f.Name, example(t), formats.Options{Theme: "dark", Paper: "a3"})
		if !bytes.Equal(a, write(t, f.Name, example(t), formats.Options{Theme: "dark", Paper: "a3"})) {
			t.Errorf("%s: other bytes for the same input", f.Name)
		}
		if len(a) == 0 || f.Ext == "" || f.Media == "" {
			t.Errorf("%s: %d bytes, %q, %q", f.Name, len(a), f.Ext, f.Media)
		}
	}
}

func TestWrongWishes(t *testing.T) {
	p := example(t)
	for _, f := range []string{"svg", "png", "pdf"} {
		for _, g := range formats.Formats {
			if g.Name == f && g.Write(io.Discard, p, formats.Options{Theme: "pink"}) == nil {
				t.Errorf("%s takes a theme that there is not", f)
			}
		}
	}
	if formats.CheckPaper("a9") == nil || formats.CheckPaper("a3") != nil {
		t.Error("CheckPaper")
	}
}
