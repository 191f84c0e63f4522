package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var openReports = Format{Name: "openreports", Ext: ".openreports.yaml", Media: "application/yaml", Write: writeOpenReports}

// openReportSize is how many results an object of ours holds: an object of a cluster may have 1.5 MiB.
const openReportSize = 300

type openReport struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Metadata   openReportMetadata `json:"metadata"`
	Source     string             `json:"source"`
	Summary    openReportSummary  `json:"summary"`
	Results    []openReportResult `json:"results"`
}

type openReportMetadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels"`
}

type openReportSummary struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Error int `json:"error"`
	Skip  int `json:"skip"`
}

type openReportResult struct {
	Policy     string               `json:"policy"`
	Rule       string               `json:"rule,omitempty"`
	Category   string               `json:"category"`
	Severity   string               `json:"severity,omitempty"`
	Result     string               `json:"result"`
	Scored     bool                 `json:"scored"`
	Message    string               `json:"message"`
	Resources  []openReportResource `json:"resources,omitempty"`
	Timestamp  *openReportTime      `json:"timestamp,omitempty"`
	Properties map[string]string    `json:"properties"`
}

// openReportResource has no apiVersion: findings know the group of an object and not the version.
type openReportResource struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

type openReportTime struct {
	Seconds int64 `json:"seconds"`
	Nanos   int   `json:"nanos"`
}

// namespaceName is what a cluster takes as the name of a namespace (RFC 1123 label).
var namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// writeOpenReports writes the API of openreports.io, v1alpha1: a Report for each namespace with findings, and
// a ClusterReport for the rest. They can be applied to a cluster.
func writeOpenReports(w io.Writer, a *pci.Assessment, opt Options) error {
	byNamespace := map[string][]openReportResult{}
	for _, f := range a.Findings {
		ns := f.Subject.Namespace
		if !namespaceName.MatchString(ns) {
			ns = ""
		}
		byNamespace[ns] = append(byNamespace[ns], openReportOf(f, opt))
	}
	namespaces := []string{""} // always there: an empty one says that all was looked at
	for ns := range byNamespace {
		if ns != "" {
			namespaces = append(namespaces, ns)
		}
	}
	slices.Sort(namespaces)
	var b bytes.Buffer
	for _, ns := range namespaces {
		list := byNamespace[ns]
		for n := 0; n == 0 || n*openReportSize < len(list); n++ {
			part := list[n*openReportSize : min(len(list), (n+1)*openReportSize)]
			out, err := yaml.Marshal(openReportObject(ns, n, part))
			if err != nil {
				return err
			}
			if b.Len() > 0 {
				b.WriteString("---\n")
			}
			b.Write(out)
		}
	}
	return written(w, b.Bytes(), nil)
}

func openReportObject(ns string, n int, results []openReportResult) openReport {
	r := openReport{
		APIVersion: "openreports.io/v1alpha1", Kind: "ClusterReport", Source: "bulkhead", Results: append([]openReportResult{}, results...),
		Metadata: openReportMetadata{Name: "bulkhead", Namespace: ns, Labels: map[string]string{"app.kubernetes.io/managed-by": "bulkhead"}},
	}
	if n > 0 {
		r.Metadata.Name = fmt.Sprintf("bulkhead-%d", n+1)
	}
	if ns != "" {
		r.Kind = "Report"
	}
	for _, f := range results {
		switch f.Result {
		case "pass":
			r.Summary.Pass++
		case "fail":
			r.Summary.Fail++
		case "warn":
			r.Summary.Warn++
		case "error":
			r.Summary.Error++
		case "skip":
			r.Summary.Skip++
		}
	}
	return r
}

func openReportOf(f pci.Finding, opt Options) openReportResult {
	out := openReportResult{
		Policy: oscalText(f.Check), Rule: line(f.Title), Category: "PCI DSS network segmentation", Message: line(f.Message), Properties: map[string]string{},
	}
	out.Result, out.Scored = openReportState(f.Status)
	if key := severityKey(f.Severity); key != "other" {
		out.Severity = key
	}
	if f.Subject.Kind != "" {
		out.Resources = []openReportResource{{line(f.Subject.Kind), line(f.Subject.Namespace), line(f.Subject.Name)}}
	}
	if at := opt.Origin.Created; !at.IsZero() {
		out.Timestamp = &openReportTime{Seconds: at.Unix()}
	}
	fix := fixText(f)
	for _, p := range [][2]string{
		{"status", string(f.Status)},
		{"fingerprint", f.Fingerprint},
		{"at", f.Pos.String()},
		{"apiGroup", f.Subject.Group},
		{"packet", witnessText(f.Witness)},
		{"because", strings.Join(becauseTexts(f), "; ")},
		{"fix", fix},
		{"holds", holdsText(f.Population)},
		{"pciDSS401", strings.Join(f.Requirements, ", ")},
		{"pciDSS321", strings.Join(f.Requirements321, ", ")},
		{"containerGuidance", strings.Join(f.Guidance, ", ")},
	} {
		if p[1] != "" {
			out.Properties[p[0]] = line(p[1])
		}
	}
	return out
}

// openReportState maps a status. The API has no "undecided": what could not be decided is an error, as it says
// "could not be evaluated"; what a person must judge is a warning that is not scored. A status of a later
// version is never a pass.
func openReportState(s pci.Status) (result string, scored bool) {
	switch s {
	case pci.Pass:
		return "pass", true
	case pci.Fail:
		return "fail", true
	case pci.Manual, pci.Accepted:
		return "warn", false
	case pci.NotApplicable:
		return "skip", false
	case pci.Unknown, pci.Error:
		return "error", true
	}
	return "error", true
}
