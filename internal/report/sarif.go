package report

import (
	"io"
	"path"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var sarifFormat = Format{Name: "sarif", Ext: ".sarif.json", Media: "application/sarif+json", Write: writeSARIF}

const informationURI = "https://github.com/bulkhead-sec/bulkhead"

// writeSARIF writes SARIF 2.1.0. The kind of a result carries the status, because SARIF's level speaks of
// failures only ("kind" in section 3.27.9).
func writeSARIF(w io.Writer, a *pci.Assessment, _ Options) error {
	run := sarif.NewRunWithInformationURI(a.Tool.Name, informationURI)
	run.Tool.Driver.WithVersion(a.Tool.Version)
	run.Results = []*sarif.Result{} // "no results" is null in SARIF when the run failed, a list when nothing was found
	for _, c := range a.Checks {
		rule(run.AddRule(c.ID), c)
	}
	for _, f := range a.Findings {
		run.AddResult(result(run, f))
	}
	run.AddInvocation(invocation(a))
	out := sarif.NewReport()
	out.AddRun(run)
	return encode(w, out)
}

func rule(r *sarif.ReportingDescriptor, c pci.CheckResult) {
	r.WithName(line(c.Title)).WithShortDescription(multi(c.Title))
	r.WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(c.Severity)))
	props := sarif.NewPropertyBag()
	props.Add("security-severity", score(c.Severity))
	props.Add("pci-dss-4.0.1", c.Requirements)
	props.Add("pci-dss-3.2.1", c.Requirements321)
	props.Add("container-guidance", c.Guidance)
	props.AddTag("security").AddTag("pci-dss")
	r.WithProperties(props)
}

func multi(s string) *sarif.MultiformatMessageString {
	return sarif.NewMultiformatMessageString().WithText(line(s))
}

func result(run *sarif.Run, f pci.Finding) *sarif.Result {
	r := sarif.NewRuleResult(f.Check)
	if i := run.GetRuleIndex(f.Check); i >= 0 {
		r.WithRuleIndex(i)
	}
	kind := kindOf(f.Status)
	r.WithKind(kind).WithLevel(sarif.LevelNone)
	if kind == "fail" {
		r.WithLevel(level(f.Severity))
	}
	r.WithMessage(sarif.NewTextMessage(line(strings.Join(append([]string{f.Message}, detail(f)...), "\n"))))
	r.WithPartialFingerprints(map[string]string{"bulkhead/v1": f.Fingerprint})
	switch f.Since {
	case pci.New:
		r.WithBaselineState("new")
	case pci.Changed:
		r.WithBaselineState("updated")
	case pci.Known:
		r.WithBaselineState("unchanged")
	}
	if l := location(f.Pos, f.Subject, ""); l != nil {
		r.AddLocation(l)
	}
	for _, b := range f.Because {
		if l := location(b.Pos, b.Ref, b.Msg); l != nil {
			r.RelatedLocations = append(r.RelatedLocations, l)
		}
	}
	if f.Status == pci.Accepted {
		r.Suppressions = append(r.Suppressions, sarif.NewSuppression().WithKind("external").WithStatus("accepted").WithJustification(line(f.Message)))
	}
	props := sarif.NewPropertyBag()
	props.Add("status", string(f.Status))
	props.Add("severity", string(f.Severity))
	return r.WithProperties(props)
}

// kindOf maps a status. A status of a later version is open, never pass.
func kindOf(s pci.Status) string {
	switch s {
	case pci.Pass:
		return "pass"
	case pci.Fail, pci.Accepted:
		return "fail"
	case pci.Manual:
		return "review"
	case pci.NotApplicable:
		return "notApplicable"
	case pci.Unknown, pci.Error:
		return "open"
	}
	return "open"
}

func level(s pci.Severity) string {
	switch s {
	case pci.Critical, pci.High:
		return sarif.LevelError
	case pci.Medium:
		return sarif.LevelWarning
	case pci.Low, pci.Info:
		return sarif.LevelNote
	}
	return sarif.LevelWarning
}

// score is the number by which code hosts sort security results (0 to 10, as text).
func score(s pci.Severity) string {
	switch s {
	case pci.Critical:
		return "9.5"
	case pci.High:
		return "8.0"
	case pci.Medium:
		return "5.5"
	case pci.Low:
		return "3.0"
	case pci.Info:
		return "0.0"
	}
	return "5.5"
}

func location(pos object.Pos, ref object.Ref, msg string) *sarif.Location {
	l := sarif.NewLocation()
	if pos.File != "" {
		phys := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(uri(pos.File)))
		if pos.Line > 0 {
			phys.WithRegion(sarif.NewSimpleRegion(pos.Line, pos.Line))
		}
		l.WithPhysicalLocation(phys)
	}
	if ref.Kind != "" {
		l.LogicalLocations = append(l.LogicalLocations, sarif.NewLogicalLocation().WithFullyQualifiedName(line(ref.String())).WithKind("resource"))
	}
	if pos.File == "" && ref.Kind == "" {
		return nil
	}
	if msg != "" {
		l.WithMessage(sarif.NewTextMessage(line(msg)))
	}
	return l
}

// uri writes a path as a relative reference (RFC 3986), which code hosts resolve against the repository.
func uri(file string) string {
	var b strings.Builder
	for _, c := range []byte(path.Clean(file)) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		}
	}
	if strings.HasPrefix(file, "/") {
		return "file://" + b.String()
	}
	return b.String()
}

// invocation carries the problems of the input. The run is successful also with findings; it is not when
// input was lost.
func invocation(a *pci.Assessment) *sarif.Invocation {
	inv := sarif.NewInvocation().WithExecutionSuccessful(true)
	for _, p := range a.Problems {
		n := sarif.NewNotification().WithMessage(sarif.NewTextMessage(line(p.String())))
		switch p.Severity {
		case object.Error:
			inv.WithExecutionSuccessful(false)
			n.WithLevel(sarif.LevelError)
		case object.Warning:
			n.WithLevel(sarif.LevelWarning)
		case object.Note:
			n.WithLevel(sarif.LevelNote)
		}
		if l := location(p.Pos, p.Ref, ""); l != nil {
			n.Locations = append(n.Locations, l)
		}
		inv.ToolExecutionNotifications = append(inv.ToolExecutionNotifications, n)
	}
	return inv
}
