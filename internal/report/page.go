package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// page is what a report for people shows. Every text in it is one harmless line, except Fix.YAML, whose
// lines are. HTML and PDF are two ways to set the same page.
type page struct {
	Title, Verdict, Claim, Tally string
	StandingNote                 string
	Facts                        []pageFact
	Tiles                        []pageTile
	Gaps                         []string
	Problems                     []pageProblem
	Standards                    []pageStandard
	Checks                       []pageCheck
	Sections                     []pageSection
	Registers                    []pageRegister
	Diagrams                     []pageDiagram
	NoProblems, NoGaps           string // said where there are none
	groups, findings             int    // made so far
}

type pageFact struct {
	Name   string
	Values []string
}

// pageDiagram is a picture with its facts as text.
type pageDiagram struct {
	Name, Title string
	SVG         template.HTML
	Facts       []string
}

// pageTile is the count of a status. Key is from a fixed list of ours, fit for a class name.
type pageTile struct {
	Key, Words string
	Count      int
}

type pageProblem struct{ Severity, Text, Hint string }

// pageStandard is the view by requirement in the numbers of one version of the standard.
type pageStandard struct {
	Key, Name string
	Rows      []pageRequirement
}

type pageRequirement struct {
	Number, Title, Standing, Said string
	Rank                          int // worst first
	Checks                        []pageLink
	Holds, Questions              []string
}

// pageLink names a check; At is its place in page.Checks, -1 when it is not there.
type pageLink struct {
	Text string
	At   int
}

type pageCheck struct {
	ID, Title, Status, Key, Severity, Holds string
	Rank, SeverityRank                      int
	Requirements, Requirements321, Guidance string
	Findings                                int
	Group                                   int // number of its first group, -1 when it has no finding
}

// pageSection is the findings of a status.
type pageSection struct {
	Key, Heading string
	Count        int
	Groups       []pageGroup
}

// pageGroup is findings of one check and severity. What they share stands here and not in them.
type pageGroup struct {
	Number                                  int // from 0, over the whole page
	Key, Severity, SeverityKey              string
	Check, Title, Holds, Fix                string
	Requirements, Requirements321, Guidance string
	Findings                                []pageFinding
}

type pageFinding struct {
	Number                               int // from 1, over the whole page
	Subject, Message, At, Packet, Holds  string
	Because                              []string
	Fix, YAML, Fingerprint, Requirements string
}

// claim is on every report for people: what it is, and what it is not.
const claim = "This report tells what the evidence supports, for the input named below. Whether a requirement is met is for the assessor to say."

// standingNote stands over each view by requirement: the words of its columns are weaker than they may look.
const standingNote = "Supports: what the named checks look at holds. Contradicts: some of it is shown not to hold. Insufficient: the input does not decide. Manual: a person has to answer. A requirement asks for more than a cluster can show."

func newPage(a *pci.Assessment, opt Options) (*page, error) {
	digest, err := recordDigest(a)
	if err != nil {
		return nil, err
	}
	p := &page{
		Title: "Network segmentation", Verdict: verdict(a), Claim: claim, StandingNote: standingNote, Tally: tally(a), Facts: pageFacts(a, opt.Origin, digest),
		Gaps: lines(gaps(a)), NoGaps: "Nothing is known to be missing.", NoProblems: "No problem was found in the input.",
	}
	for _, s := range statusesOf(a) {
		p.Tiles = append(p.Tiles, pageTile{statusKey(s), statusWords(s), count(a, s)})
		p.section(s, a.Findings)
	}
	for _, q := range a.Problems {
		p.Problems = append(p.Problems, pageProblem{line(q.Severity.String()), line(q.String()), line(q.Hint)})
	}
	p.checks(a)
	for _, s := range standardsOf(a) {
		p.Standards = append(p.Standards, pageStandard{standardKey(s), s.Name(), p.requirements(a.View(s))})
	}
	for i := range opt.Diagrams {
		d := &opt.Diagrams[i]
		svg, err := d.markup()
		if err != nil {
			return nil, err
		}
		p.Diagrams = append(p.Diagrams, pageDiagram{d.Name, line(d.Title), svg, lines(d.Facts)})
	}
	return p, nil
}

// recordDigest is the SHA-256 of the record as JSON, which ties the other formats to it.
func recordDigest(a *pci.Assessment) (string, error) {
	digest := sha256.New()
	if err := writeJSON(digest, a, Options{}); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// pageFacts is the header, with the continued lines joined to what they continue.
func pageFacts(a *pci.Assessment, origin Origin, digest string) []pageFact {
	var out []pageFact
	if origin.Subject != "" {
		out = append(out, pageFact{"Subject", []string{line(origin.Subject)}})
	}
	for _, f := range header(a) {
		if f.name == "" {
			last := &out[len(out)-1]
			last.Values = append(last.Values, line(f.value))
			continue
		}
		out = append(out, pageFact{f.name, []string{line(f.value)}})
		if c, ok := coverageOf(a.Coverage); f.name == "Input" && ok && len(c.Kinds) > 0 {
			kinds := make([]string, len(c.Kinds))
			for i, k := range c.Kinds {
				kinds[i] = fmt.Sprintf("%d %s", k.Count, k.Kind)
			}
			out = append(out, pageFact{"Objects", []string{line(strings.Join(kinds, ", "))}})
		}
	}
	if len(origin.Sources) > 0 {
		out = append(out, pageFact{"Read from", lines(origin.Sources)})
	}
	if origin.Cluster != "" {
		out = append(out, pageFact{"Cluster", []string{line(origin.Cluster)}})
	}
	made := "not known here: a record holds none, so that the same input gives the same bytes; an evidence package has it"
	if !origin.Created.IsZero() {
		made = origin.Created.UTC().Format(time.RFC3339) + ", as manifest.json of the evidence package says"
	}
	out = append(out, pageFact{"Time", []string{made}})
	if origin.Rules != "" {
		out = append(out, pageFact{"Rules", []string{"digest of the checks: " + line(origin.Rules)}})
	}
	digests := []string{"SHA-256 of this result as JSON: " + digest}
	if origin.Input != "" {
		digests = append(digests, "SHA-256 of the input, snapshot/input.json: "+line(origin.Input))
	}
	return append(out, pageFact{"Digests", digests})
}

// statusesOf is all statuses, worst first, with those of a later version in front: they are open.
func statusesOf(a *pci.Assessment) []pci.Status {
	known := pci.Statuses()
	var out []pci.Status
	for _, f := range a.Findings {
		if !slices.Contains(known, f.Status) && !slices.Contains(out, f.Status) {
			out = append(out, f.Status)
		}
	}
	return append(out, known...)
}

// statusKey is a class name for a status.
func statusKey(s pci.Status) string {
	if slices.Contains(pci.Statuses(), s) {
		return string(s)
	}
	return string(pci.Unknown)
}

func severityKey(s pci.Severity) string {
	if slices.Contains(pci.Severities(), s) {
		return string(s)
	}
	return "other"
}

func (p *page) section(s pci.Status, findings []pci.Finding) {
	head := line(heading(s))
	sec := pageSection{Key: statusKey(s), Heading: head[:min(1, len(head))] + strings.ToLower(head[min(1, len(head)):])}
	var same []pci.Finding
	flush := func() {
		if len(same) > 0 {
			sec.Groups = append(sec.Groups, p.group(same))
			same = nil
		}
	}
	for _, f := range findings {
		if f.Status != s {
			continue
		}
		if len(same) > 0 && (same[0].Check != f.Check || same[0].Severity != f.Severity) {
			flush()
		}
		same = append(same, f)
		sec.Count++
	}
	flush()
	p.Sections = append(p.Sections, sec)
}

func (p *page) group(findings []pci.Finding) pageGroup {
	f := findings[0]
	g := pageGroup{
		Number: p.groups, Severity: line(string(f.Severity)), SeverityKey: severityKey(f.Severity), Key: statusKey(f.Status), Check: line(f.Check), Title: line(f.Title),
		Requirements: joined(f.Requirements), Requirements321: joined(f.Requirements321), Guidance: joined(f.Guidance), Holds: holdsText(f.Population), Fix: line(fixText(f)),
	}
	for _, h := range findings {
		if joined(h.Requirements) != g.Requirements {
			g.Requirements, g.Requirements321 = "", ""
		}
		if holdsText(h.Population) != g.Holds {
			g.Holds = ""
		}
		if line(fixText(h)) != g.Fix {
			g.Fix = ""
		}
	}
	for _, h := range findings {
		p.findings++
		g.Findings = append(g.Findings, g.finding(h, p.findings))
	}
	p.groups++
	return g
}

// finding is one of the group, without what the group says for all.
func (g *pageGroup) finding(f pci.Finding, n int) pageFinding {
	out := pageFinding{
		Number: n, Message: line(sinceOf(f)), At: line(f.Pos.String()), Packet: line(witnessText(f.Witness)), Because: lines(becauseTexts(f)), Fingerprint: line(f.Fingerprint),
	}
	if s := subject(f); !strings.Contains(f.Message, s) {
		out.Subject = line(s)
	}
	if g.Holds == "" {
		out.Holds = holdsText(f.Population)
	}
	if g.Requirements == "" {
		out.Requirements = joined(f.Requirements)
	}
	if g.Fix == "" {
		out.Fix = line(fixText(f))
	}
	if f.Fix != nil && f.Fix.YAML != "" {
		out.YAML = strings.Join(block(f.Fix.YAML), "\n")
	}
	return out
}

func (p *page) checks(a *pci.Assessment) {
	first := map[string]int{}
	n, groups := map[string]int{}, 0
	for _, f := range a.Findings {
		n[f.Check]++
	}
	for _, s := range p.Sections {
		for _, g := range s.Groups {
			if _, ok := first[g.Check]; !ok {
				first[g.Check] = groups
			}
			groups++
		}
	}
	for _, c := range a.Checks {
		k := pageCheck{
			ID: line(c.ID), Title: line(c.Title), Status: line(statusWords(c.Status)), Key: statusKey(c.Status), Severity: line(string(c.Severity)), Holds: holdsText(c.Population),
			Rank: slices.Index(pci.Statuses(), c.Status), SeverityRank: slices.Index(pci.Severities(), c.Severity), Findings: n[c.ID], Group: -1,
			Requirements: joined(c.Requirements), Requirements321: joined(c.Requirements321), Guidance: joined(c.Guidance),
		}
		if g, ok := first[k.ID]; ok {
			k.Group = g
		}
		p.Checks = append(p.Checks, k)
	}
}

// standardsOf is those that a report shows: the one that was asked for, else all.
func standardsOf(a *pci.Assessment) []pci.Standard {
	if a.ByRequirement != nil {
		if s, err := pci.ParseStandard(string(a.ByRequirement.Standard)); err == nil {
			return []pci.Standard{s}
		}
	}
	return pci.Standards()
}

// standardKey is a name for links.
func standardKey(s pci.Standard) string {
	switch s {
	case pci.PCI321:
		return "pci321"
	case pci.Containers2022:
		return "containers2022"
	case pci.PCI401:
	}
	return "pci401"
}

func (p *page) requirements(v pci.View) []pageRequirement {
	out := make([]pageRequirement, len(v.Requirements))
	for i := range v.Requirements {
		r := &v.Requirements[i]
		q := pageRequirement{Number: line(r.Number), Title: line(r.Title), Standing: line(string(r.Standing)), Said: line(r.Says()), Rank: standingRank(r.Standing), Questions: lines(append(toSettle(r), r.Ask...))}
		for _, c := range r.Checks {
			id := line(c.ID)
			q.Checks = append(q.Checks, pageLink{id, slices.IndexFunc(p.Checks, func(c pageCheck) bool { return c.ID == id })})
			if s := holdsText(c.Population); s != "" {
				q.Holds = append(q.Holds, id+": "+s)
			}
		}
		out[i] = q
	}
	return out
}

// toSettle is what is missing, in the words of a list of things to do.
func toSettle(r *pci.RequirementView) []string {
	out := make([]string, len(r.Settle))
	for i, s := range r.Settle {
		out[i] = "not decided: " + s
	}
	return out
}

// standingRank orders what must be seen first in front.
func standingRank(s pci.Standing) int {
	return slices.Index([]pci.Standing{pci.Contradicts, pci.Insufficient, pci.AsksFor, pci.Supports, pci.Unconcerned}, s)
}

func holdsText(p pci.Population) string {
	if p.Of == 0 {
		return ""
	}
	return line(populationOf(p))
}

func joined(list []string) string { return line(strings.Join(list, ", ")) }

func lines(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = line(s)
	}
	return out
}

// written reports the first error of a format that builds its bytes before it writes them.
func written(w io.Writer, data []byte, err error) error {
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}
