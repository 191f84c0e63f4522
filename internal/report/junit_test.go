package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// JUnit has no schema of its own. This is that of the Jenkins xUnit plugin (junit-10.xsd) for the elements we
// write: what may stand in which, with the attributes it must and may have. Beyond it are only those in
// "extra", which GitLab and others read and Jenkins passes over.
var junitRules = map[string]struct{ in, must, may, extra string }{
	"testsuites": {"", "", "name tests failures errors", "skipped"},
	"testsuite":  {"testsuites", "name tests failures errors", "skipped", ""},
	"testcase":   {"testsuite", "name", "classname", "file line"},
	"failure":    {"testcase", "", "type message", ""},
	"error":      {"testcase", "", "type message", ""},
	"skipped":    {"testcase", "", "type message", ""},
}

func TestJUnitObeysTheRules(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean(), {Protocol: pci.Protocol}} {
		dec := xml.NewDecoder(bytes.NewReader(render(t, junit, a, Options{})))
		path := []string{""}
		for {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				r, ok := junitRules[tok.Name.Local]
				if !ok || r.in != path[len(path)-1] || tok.Name.Space != "" {
					t.Errorf("<%s> in <%s>", tok.Name.Local, path[len(path)-1])
				}
				var names []string
				for _, x := range tok.Attr {
					names = append(names, x.Name.Local)
					if !slices.Contains(strings.Fields(r.must+" "+r.may+" "+r.extra), x.Name.Local) {
						t.Errorf("<%s> has attribute %s", tok.Name.Local, x.Name.Local)
					}
				}
				for m := range strings.FieldsSeq(r.must) {
					if !slices.Contains(names, m) {
						t.Errorf("<%s> lacks attribute %s", tok.Name.Local, m)
					}
				}
				path = append(path, tok.Name.Local)
			case xml.EndElement:
				path = path[:len(path)-1]
			case xml.CharData:
				if at := path[len(path)-1]; len(bytes.TrimSpace(tok)) > 0 && !slices.Contains([]string{"failure", "error", "skipped"}, at) {
					t.Errorf("text in <%s>: %s", at, tok)
				}
			}
		}
	}
}
