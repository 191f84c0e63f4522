package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// The view by requirement, in each standard, as text, Markdown and JSON; a saved one is written again as it was.
func TestByRequirement(t *testing.T) {
	for _, s := range pci.Standards() {
		a := sample()
		v := a.View(s)
		a.ByRequirement = &v
		saved := render(t, jsonFormat, a, Options{})
		back, err := Read(bytes.NewReader(saved))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(saved, render(t, jsonFormat, back, Options{})) {
			t.Errorf("%s: not the same when it is written again", s)
		}
		name := "by." + strings.NewReplacer("@", "-").Replace(string(s))
		golden(t, name+".txt", render(t, text, back, Options{}))
		golden(t, name+".md", render(t, markdown, back, Options{}))
		page := string(render(t, htmlFormat, back, Options{}))
		for _, other := range pci.Standards() {
			if shown := strings.Contains(page, ">"+other.Name()+", by requirement</h2>"); shown != (other == s) {
				t.Errorf("%s: the page shows %s: %v", s, other, shown)
			}
		}
	}
}

// No output says that anything is compliant: that is for an assessor.
func TestNothingIsCompliant(t *testing.T) {
	word := regexp.MustCompile(`(?i)complian`)
	for name, a := range map[string]*pci.Assessment{"sample": sample(), "clean": clean()} {
		for _, s := range append(pci.Standards(), "") {
			if s != "" {
				v := a.View(s)
				a.ByRequirement = &v
			}
			for _, f := range Formats {
				out := render(t, f, a, Options{Verbose: true})
				if f.Name == "xlsx" {
					continue // packed; its cells are those of the registers and of csv
				}
				if at := word.FindIndex(out); at != nil {
					t.Errorf("%s as %s: %q", name, f.Name, out[max(0, at[0]-40):min(len(out), at[1]+20)])
				}
			}
		}
	}
}
