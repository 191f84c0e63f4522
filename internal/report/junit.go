package report

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var junit = Format{Name: "junit", Ext: ".junit.xml", Media: "application/xml", Write: writeJUnit}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	File    string       `xml:"file,attr,omitempty"`
	Line    int          `xml:"line,attr,omitempty"`
	Failure *junitDetail `xml:"failure"`
	Error   *junitDetail `xml:"error"`
	Skipped *junitDetail `xml:"skipped"`
}

type junitDetail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a suite for each check. JUnit knows no "undecided": everything that is neither proved
// nor disproved is skipped with its message, so that no reader counts it as passed.
func writeJUnit(w io.Writer, a *pci.Assessment, _ Options) error {
	out := junitSuites{Name: "bulkhead"}
	index := map[string]int{}
	for _, f := range a.Findings {
		i, ok := index[f.Check]
		if !ok {
			i = len(out.Suites)
			index[f.Check] = i
			out.Suites = append(out.Suites, junitSuite{Name: line(f.Check + " " + f.Title)})
		}
		s := &out.Suites[i]
		c := junitOf(f)
		s.Cases = append(s.Cases, c)
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	for _, s := range out.Suites {
		out.Tests += s.Tests
		out.Failures += s.Failures
		out.Errors += s.Errors
		out.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitOf(f pci.Finding) junitCase {
	name := subject(f)
	if name == "" {
		name = f.Message
	}
	c := junitCase{Name: line(name), Class: line("bulkhead." + f.Check), File: line(f.Pos.File), Line: f.Pos.Line}
	d := &junitDetail{Message: line(string(f.Status) + ": " + sinceOf(f)), Type: line(string(f.Severity)), Text: line(strings.Join(detail(f), "; "))}
	if f.Since == pci.Known { // only what is new fails the build; it is not passed either
		c.Skipped = d
		return c
	}
	switch f.Status {
	case pci.Pass:
	case pci.Fail:
		c.Failure = d
	case pci.Error:
		c.Error = d
	case pci.Unknown, pci.Manual, pci.Accepted, pci.NotApplicable:
		c.Skipped = d
	default: // a status of a later version is not taken for a pass
		c.Skipped = d
	}
	return c
}

// detail is the reasons of a finding as sentences.
func detail(f pci.Finding) []string {
	var out []string
	if w := witnessText(f.Witness); w != "" {
		out = append(out, "packet: "+w)
	}
	for _, t := range becauseTexts(f) {
		out = append(out, "because: "+t)
	}
	if f.Fix != nil && f.Fix.Text != "" {
		out = append(out, "fix: "+f.Fix.Text)
	}
	return out
}
