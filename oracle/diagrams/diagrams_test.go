// Package diagrams is the formats of diagrams against the programs that they are for: Graphviz, the compiler of D2
// and Mermaid in a browser. Each must read as many boxes and lines as there are, with the names as they were, also
// hostile ones.
package diagrams

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"oss.terrastruct.com/d2/d2compiler"

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

const root = "../../"

func pictureOf(t *testing.T, objects []*object.Object) *draw.Picture {
	t.Helper()
	c, _ := cluster.New(objects, cluster.Options{})
	intent, _ := pci.ReadIntent(c)
	set := kinds.Compile(c)
	prof, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	scope, _ := pci.ScopeOf(c, intent, pci.ScopeLabel{})
	in := &pci.Input{Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof, Exposure: exposure.Find(c), Scope: scope, Intent: intent}
	p, err := formats.PictureOf(in, draw.Options{Title: draw.Title{Cluster: `a "b" <c> 'd'`}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pictures are the examples, and a cluster with hostile names.
func pictures(t *testing.T) map[string]*draw.Picture {
	t.Helper()
	out := map[string]*draw.Picture{}
	for _, dir := range []string{"examples/card-shop/1-open", "examples/card-shop/5-works", "examples/mesh-bank/1-mistakes", "examples/mesh-bank/2-works"} {
		r, err := load.Load(t.Context(), []string{root + dir}, load.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out[dir] = pictureOf(t, r.Objects)
	}
	data, err := os.ReadFile(root + "internal/report/draw/formats/testdata/hostile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, _, _ := load.Parse(data, "hostile.yaml", load.Limits{})
	out["hostile"] = pictureOf(t, objects)
	return out
}

func written(t *testing.T, format string, p *draw.Picture) string {
	t.Helper()
	i := slices.IndexFunc(formats.Formats, func(f formats.Format) bool { return f.Name == format })
	var b bytes.Buffer
	if err := formats.Formats[i].Write(&b, p, formats.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lines counts the lines between two ends each.
func lines(p *draw.Picture) int {
	n := 0
	for _, w := range p.Graph.Wires {
		for _, a := range w.From {
			for _, b := range w.To {
				if a != b {
					n++
				}
			}
		}
	}
	return n
}

// named holds the names of boxes against what a program read. Programs may wrap texts and write entities.
func named(t *testing.T, name string, p *draw.Picture, read []string) {
	t.Helper()
	blank := regexp.MustCompile(`\s+`)
	flat := func(s string) string { return blank.ReplaceAllString(s, " ") }
	all := flat(strings.Join(read, "\n"))
	for _, n := range p.Graph.Nodes {
		if !strings.Contains(all, flat(draw.Safe(n.Title))) {
			t.Errorf("%s: %q is not among what was read:\n%.4000s", name, draw.Safe(n.Title), all)
		}
	}
}

func TestD2(t *testing.T) {
	for name, p := range pictures(t) {
		g, _, err := d2compiler.Compile(name, strings.NewReader(written(t, "d2", p)), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var labels []string
		for _, o := range g.Objects {
			labels = append(labels, o.Label.Value)
		}
		boxes := 2 + len(p.Graph.Nodes) + len(p.Graph.Bands) + len(p.Graph.Groups) // the title and the cluster
		for _, b := range p.Graph.Bands {
			boxes += len(b.Frames)
		}
		if len(g.Objects) != boxes || len(g.Edges) != lines(p) {
			t.Errorf("%s: %d boxes and %d lines, want %d and %d", name, len(g.Objects), len(g.Edges), boxes, lines(p))
		}
		named(t, name, p, labels)
	}
}

func TestGraphviz(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Fatal("Graphviz is missing; scripts/diagrams installs it")
	}
	for name, p := range pictures(t) {
		cmd := exec.CommandContext(t.Context(), dot, "-Tjson")
		cmd.Stdin = strings.NewReader(written(t, "dot", p))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, stderr.String())
			continue
		}
		var got struct {
			Objects []struct {
				Label string `json:"label"`
				Nodes []int  `json:"nodes"`
				Shape string `json:"shape"`
			} `json:"objects"`
			Edges []struct{} `json:"edges"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		var labels []string
		boxes := 0
		for _, o := range got.Objects {
			labels = append(labels, strings.ReplaceAll(strings.ReplaceAll(o.Label, `\\`, `\`), `\n`, "\n"))
			if o.Shape != "" {
				boxes++
			}
		}
		if want := len(p.Graph.Nodes) + len(p.Graph.Groups); boxes != want || len(got.Edges) != lines(p) {
			t.Errorf("%s: %d boxes and %d lines, want %d and %d", name, boxes, len(got.Edges), want, lines(p))
		}
		named(t, name, p, labels)
	}
}

// A page that lets Mermaid parse and draw each text, and leaves what it made of it.
const page = `<!DOCTYPE html><meta charset="utf-8"><body><script src="mermaid.min.js"></script><script>
const texts = @texts@;
mermaid.initialize({startOnLoad: false, securityLevel: "strict", maxEdges: 5000, maxTextSize: 500000});
(async () => {
  const out = {};
  let i = 0;
  for (const [name, text] of Object.entries(texts)) {
    try {
      const {svg} = await mermaid.render("m" + i++, text);
      const doc = new DOMParser().parseFromString(svg, "text/html");
      out[name] = {
        boxes: doc.querySelectorAll("g.node").length, clusters: doc.querySelectorAll("g.cluster").length,
        lines: doc.querySelectorAll("path.flowchart-link").length,
        labels: [...doc.querySelectorAll(".nodeLabel, .label, text")].map(e => e.textContent),
        scripts: doc.querySelectorAll("script, img, iframe, [onload], [onerror]").length,
      };
    } catch (e) { out[name] = {error: String(e)}; }
  }
  const pre = document.createElement("pre");
  pre.id = "result";
  pre.textContent = JSON.stringify(out);
  document.body.replaceChildren(pre);
})();
</script>`

func TestMermaid(t *testing.T) {
	library, browser := os.Getenv("BULKHEAD_MERMAID"), ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if library == "" || browser == "" {
		t.Skip("mermaid.min.js (BULKHEAD_MERMAID) or Chromium is missing; scripts/diagrams installs them")
	}
	all := pictures(t)
	texts := map[string]string{}
	for name, p := range all {
		texts[name] = written(t, "mermaid", p)
	}
	got := inBrowser(t, browser, library, texts)
	for name, p := range all {
		g := got[name]
		if g.Error != "" {
			t.Errorf("%s: %s", name, g.Error)
			continue
		}
		frames := 0
		for _, b := range p.Graph.Bands {
			frames += 1 + len(b.Frames)
		}
		if boxes := len(p.Graph.Nodes) + len(p.Graph.Groups); g.Boxes != boxes || g.Clusters != frames || g.Lines != lines(p) {
			t.Errorf("%s: %d boxes, %d frames and %d lines, want %d, %d and %d", name, g.Boxes, g.Clusters, g.Lines, boxes, frames, lines(p))
		}
		if g.Scripts > 0 {
			t.Errorf("%s: %d elements that could run something", name, g.Scripts)
		}
		named(t, name, p, g.Labels)
	}
}

type rendered struct {
	Boxes, Clusters, Lines, Scripts int
	Labels                          []string
	Error                           string
}

func inBrowser(t *testing.T, browser, library string, texts map[string]string) map[string]rendered {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mermaid.min.js"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(texts) // json.Marshal escapes what could end the element
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(strings.Replace(page, "@texts@", string(in), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+dir+"/profile",
		"--virtual-time-budget=60000", "--dump-dom", "file://"+file).Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)<pre id="result">(.*?)</pre>`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("the page gave no result: %.500s", out)
	}
	var got map[string]rendered
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &got); err != nil {
		t.Fatal(err)
	}
	return got
}
