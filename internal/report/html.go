package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var htmlFormat = Format{Name: "html", Ext: ".html", Media: "text/html; charset=utf-8", Write: writeHTML}

// The page is made of these three files. Nothing of an input ever goes into style or script;
// diagrams bring a style of their own, which is a constant too.
var (
	//go:embed html/report.html
	htmlPage string
	//go:embed html/report.css
	htmlStyle string
	//go:embed html/report.js
	htmlScript string
)

// writeHTML writes one file that needs nothing else: no font, no picture, no request. The policy in its head
// forbids everything but our own style and script, should a text ever get past the template's escaping.
func writeHTML(w io.Writer, a *pci.Assessment, opt Options) error {
	p, err := newPage(a, opt)
	if err != nil {
		return err
	}
	t, err := template.New("report").Parse(htmlPage)
	if err != nil {
		return err
	}
	p.Registers = pageRegisters(opt.Registers, shownOnPage)
	style := htmlStyle
	if len(opt.Diagrams) > 0 {
		style += string(opt.Theme)
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		*page
		Policy string
		Style  template.CSS
		Script template.JS
	}{
		p, "default-src 'none'; style-src " + integrity(style) + "; script-src " + integrity(htmlScript) + "; base-uri 'none'; form-action 'none'",
		template.CSS(style), template.JS(htmlScript),
	})
	return written(w, b.Bytes(), err)
}

// integrity is the source expression that allows exactly this text (Content Security Policy Level 3, 2.3.1).
func integrity(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
