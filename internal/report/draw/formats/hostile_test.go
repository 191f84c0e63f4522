package formats_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// both are the views that are made of wires and the one that is a table.
func both(t *testing.T) map[string]*draw.Picture {
	t.Helper()
	in := inputOf(t, objects(t, hostile(t)))
	out := map[string]*draw.Picture{}
	for _, view := range []draw.View{draw.Network, draw.Exposure, draw.Zones} {
		p, err := formats.PictureOf(in, draw.Options{View: view, Title: draw.Title{Cluster: "=1+1\x1b[0m"}})
		if err != nil {
			t.Fatal(err)
		}
		out[string(view)] = p
	}
	return out
}

// A spreadsheet takes what begins with these for a formula (OWASP, CSV injection).
func TestCSVOfHostileNames(t *testing.T) {
	quoted := 0
	for view, p := range both(t) {
		rows, err := csv.NewReader(bytes.NewReader(write(t, "csv", p, formats.Options{}))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", view, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: cell %q", view, cell)
				}
				if strings.HasPrefix(cell, "'") {
					quoted++
				}
				harmless(t, view, cell)
			}
		}
	}
	if quoted == 0 {
		t.Error("no cell needed a quote, so this test shows nothing")
	}
}

// A workbook has texts, and no element for a formula or a link.
func TestXLSXOfHostileNames(t *testing.T) {
	for view, p := range both(t) {
		data := write(t, "xlsx", p, formats.Options{})
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", view, err)
		}
		sheets := 0
		for _, f := range z.File {
			if !strings.HasPrefix(f.Name, "xl/worksheets/") {
				continue
			}
			sheets++
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			part, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			for name := range wellFormed(t, part) {
				if name == "f" || strings.HasPrefix(name, "hyperlink") {
					t.Errorf("%s: %s has an element %s", view, f.Name, name)
				}
			}
			harmless(t, view+" "+f.Name, string(part))
		}
		if want := 2; sheets < want || view == string(draw.Zones) && sheets != want+1 {
			t.Errorf("%s: %d sheets", view, sheets)
		}
	}
}

// harmless tells of characters that steer a terminal or turn the direction of writing.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Errorf("%s: %U in %.200q", what, r, text)
			return
		}
	}
}

func TestTextOfHostileNames(t *testing.T) {
	for view, p := range both(t) {
		for _, f := range []string{"text", "svg", "dot", "mermaid", "d2", "drawio"} {
			if view == string(draw.Zones) && f != "text" && f != "svg" {
				continue
			}
			harmless(t, view+" as "+f, string(write(t, f, p, formats.Options{})))
		}
	}
}

// The names are texts of the page, and the file is whole.
func TestPDFOfHostileNames(t *testing.T) {
	path, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	for view, p := range both(t) {
		data := write(t, "pdf", p, formats.Options{Paper: "a4"})
		cmd := exec.CommandContext(t.Context(), path, "-layout", "-", "-")
		cmd.Stdin = bytes.NewReader(data)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil || complaints.Len() > 0 {
			t.Errorf("%s: %v\n%s", view, err, complaints.String())
		}
		if view == string(draw.Network) && !strings.Contains(string(out), ")Tj ET endstream (") {
			t.Errorf("%s: the name that looks like an end is no text", view)
		}
		for _, bad := range []string{"/JavaScript", "/JS ", "/URI", "/Launch", "/OpenAction"} {
			if bytes.Contains(data, []byte(bad)) {
				t.Errorf("%s: the file holds %s", view, bad)
			}
		}
	}
}
