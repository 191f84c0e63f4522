package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var oscalFormat = Format{Name: "oscal", Ext: ".oscal.json", Media: "application/oscal+json", Write: writeOSCAL}

// oscalVersion is the release of NIST's model that the structs follow. What 1.2 adds is not used.
const oscalVersion = "1.1.3"

// oscalSpace names our properties, for which OSCAL has none.
const oscalSpace = "https://bulkhead.dev/ns/oscal"

// oscalObjective is why a state is not a judgement on a requirement: it speaks of an objective of ours.
const oscalObjective = "The state is that of this objective: what the named checks of bulkhead ask, for all that was read. It does not say that the requirement is met."

// writeOSCAL writes assessment results of OSCAL: an observation for each finding, and a finding for each
// requirement on which the checks decide. Requirements that they leave open have no finding, as OSCAL knows
// no third state; the remarks of the result name them.
func writeOSCAL(w io.Writer, a *pci.Assessment, opt Options) error {
	digest, err := recordDigest(a)
	if err != nil {
		return err
	}
	at, remark := oscalTime(opt)
	o := &oscalWriter{at: at, seen: map[string]int{}, subjects: map[object.Ref]string{}, byRequirement: map[string][]oscalRelated{}}
	plan := uuid5("plan")
	out := oscalDocument{oscalResults{
		UUID: uuid5("results " + digest),
		Metadata: oscalMetadata{
			Title: "Network segmentation: " + verdict(a), LastModified: at, Version: oscalText(a.Tool.Version), OSCALVersion: oscalVersion,
			Props: oscalProps("tool", a.Tool.Name, "tool-version", a.Tool.Version, "rules", opt.Origin.Rules, "subject", opt.Origin.Subject, "record-sha256", digest), Remarks: remark,
		},
		ImportAP:   oscalImport{"#" + plan, "There is no plan beside the checks of the tool; the back matter says where they are described."},
		BackMatter: oscalBack{[]oscalResource{{plan, "Checks of bulkhead", "The command \"bulkhead checks\" lists the checks, with what each asks, why, and what its results prove.", []oscalLink{{informationURI}}}}},
	}}
	result := oscalResult{
		UUID: uuid5("result " + digest), Title: "Network segmentation", Description: claim, Start: at,
		Props: oscalProps("enforcer", enforcerText(a), "scope", scopeText(a), "population", populationText(a), "tally", tally(a)),
	}
	for _, f := range a.Findings {
		result.Observations = append(result.Observations, o.observation(f))
		if f.Status == pci.Accepted {
			result.Risks = append(result.Risks, o.risk(f, result.Observations[len(result.Observations)-1].UUID))
		}
	}
	result.LocalDefinitions = o.inventory()
	open := o.requirements(a, &out.Results, &result)
	result.Remarks = oscalRemarks(a, open)
	out.Results.Results = []oscalResult{result}
	return encode(w, out)
}

// oscalTime is the time that the model demands. Where none is known it is the beginning of 1970, and said so.
func oscalTime(opt Options) (at, remark string) {
	if opt.Origin.Created.IsZero() {
		return "1970-01-01T00:00:00Z", "The time of this result is not known here: 1970-01-01T00:00:00Z stands wherever the model demands a time."
	}
	return opt.Origin.Created.UTC().Format("2006-01-02T15:04:05Z"), ""
}

// oscalWriter makes the parts that refer to each other.
type oscalWriter struct {
	at            string
	seen          map[string]int            // identifiers given out, so that none is given twice
	subjects      map[object.Ref]string     // the identifiers of what findings are about
	items         []oscalItem               // in the order of their first finding
	byRequirement map[string][]oscalRelated // observations by requirement
}

// id gives the identifier of a name, and another one when the name comes again.
func (o *oscalWriter) id(name string) string {
	o.seen[name]++
	if n := o.seen[name]; n > 1 {
		name = fmt.Sprintf("%s %d", name, n)
	}
	return uuid5(name)
}

func (o *oscalWriter) observation(f pci.Finding) oscalObservation {
	out := oscalObservation{
		UUID: o.id("observation " + f.Fingerprint), Title: line(f.Check + " " + f.Title), Description: oscalText(f.Message), Methods: []string{"EXAMINE"},
		Types: []string{"finding"}, Collected: o.at,
		Props: oscalProps("check", f.Check, "status", string(f.Status), "severity", string(f.Severity), "fingerprint", f.Fingerprint, "holds", holdsText(f.Population),
			"requirements-4.0.1", strings.Join(f.Requirements, ", "), "requirements-3.2.1", strings.Join(f.Requirements321, ", "), "container-guidance", strings.Join(f.Guidance, ", ")),
		Remarks: line(strings.Join(detail(f), "; ")),
	}
	if f.Subject.Kind != "" {
		out.Subjects = []oscalSubject{{o.subject(f), "inventory-item", line(f.Subject.String())}}
	}
	if f.Pos.File != "" {
		out.Evidence = append(out.Evidence, oscalEvidence{oscalHref(f.Pos), line("at " + f.Pos.String())})
	}
	for _, b := range f.Because {
		out.Evidence = append(out.Evidence, oscalEvidence{oscalHref(b.Pos), oscalText(because(b.Pos, b.Ref, b.Msg))})
	}
	for _, r := range f.Requirements {
		o.byRequirement[r] = append(o.byRequirement[r], oscalRelated{out.UUID})
	}
	return out
}

func (o *oscalWriter) subject(f pci.Finding) string {
	if id, ok := o.subjects[f.Subject]; ok {
		return id
	}
	r := f.Subject
	id := o.id("object " + r.Group + " " + r.String())
	o.subjects[r] = id
	o.items = append(o.items, oscalItem{id, oscalText(r.String()), oscalProps("group", r.Group, "kind", r.Kind, "namespace", r.Namespace, "name", r.Name)})
	return id
}

func (o *oscalWriter) inventory() *oscalLocal {
	if len(o.items) == 0 {
		return nil
	}
	return &oscalLocal{Items: o.items}
}

func (o *oscalWriter) risk(f pci.Finding, observation string) oscalRisk {
	return oscalRisk{
		UUID: o.id("risk " + f.Fingerprint), Title: line(f.Check + " " + f.Title), Description: "A deviation that the declared intent accepts.", Statement: oscalText(f.Message),
		Status: "deviation-approved", Observations: []oscalRelated{{observation}},
	}
}

// requirements adds what was reviewed, an objective for each requirement, and a finding where the checks
// decide. It gives the numbers of the others.
func (o *oscalWriter) requirements(a *pci.Assessment, doc *oscalResults, result *oscalResult) (open []string) {
	selection := oscalSelection{Description: "The requirements of PCI DSS 4.0.1 that checks speak of."}
	objectives := &oscalObjectives{}
	for _, r := range a.Requirements(false) {
		control := oscalToken("pci-dss-4.0.1-" + r.Number)
		objective := control + "_obj.bulkhead"
		ask := "What these checks ask, for all that was read: " + strings.Join(r.Checks, ", ") + "."
		selection.Controls = append(selection.Controls, oscalControl{control})
		objectives.List = append(objectives.List, oscalLocalObjective{control, []oscalPart{{objective, "assessment-objective", line(ask)}}})
		var state, reason string
		switch r.Standing {
		case pci.Contradicts:
			state, reason = "not-satisfied", "fail"
		case pci.Supports:
			state, reason = "satisfied", "pass"
		case pci.Insufficient, pci.AsksFor:
			open = append(open, r.Number+" ("+string(r.Standing)+")")
		case pci.Unconcerned:
		}
		if state == "" {
			continue
		}
		holds := make([]string, len(r.Holds))
		for i, h := range r.Holds {
			holds[i] = holdsText(h)
		}
		result.Findings = append(result.Findings, oscalFinding{
			UUID: o.id("requirement " + r.Number), Title: line("PCI DSS 4.0.1, " + r.Number + ": the evidence " + string(r.Standing)), Description: line(ask),
			Props:        oscalProps("standing", string(r.Standing), "holds", strings.Join(slices.Compact(holds), "; "), "questions", strings.Join(r.Questions, "; ")),
			Target:       oscalTarget{"objective-id", objective, oscalState{state, reason, oscalObjective}},
			Observations: o.byRequirement[r.Number],
		})
	}
	if len(selection.Controls) == 0 {
		selection.All = &struct{}{}
	} else {
		doc.LocalDefinitions = objectives
	}
	result.Reviewed = oscalReviewed{[]oscalSelection{selection}}
	return open
}

func oscalRemarks(a *pci.Assessment, open []string) string {
	var out []string
	if len(open) > 0 {
		out = append(out, "Open, so without a finding: "+strings.Join(open, ", ")+".")
	}
	say := func(what, s string) { out = append(out, what+": "+strings.TrimRight(s, ".")+".") }
	for _, s := range a.Assumed {
		say("Assumed", s)
	}
	for _, g := range gaps(a) {
		say("Not covered", g)
	}
	for _, p := range a.Problems {
		say("Problem with the input", p.String())
	}
	return oscalText(strings.Join(out, " "))
}
