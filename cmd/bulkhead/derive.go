package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/report"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// derive computes every file of a package that follows from its snapshot and from what the manifest says was
// stated. It knows no time and no place: the same snapshot gives the same bytes.
func (g *globals) derive(ctx context.Context, snapshot []byte, m *evidence.Manifest) ([]evidence.File, *pci.Assessment, error) {
	a, err := replay(ctx, snapshot, m)
	if err != nil {
		return nil, nil, err
	}
	in := a.input()
	in.Computed = in.ComputeScope() // once, for the checks and for the registers
	result := a.judged(g, in, checks.All)
	origin, err := a.origin(m, snapshot)
	if err != nil {
		return nil, nil, err
	}
	d := deriver{a: a, computed: in.Computed, result: result, opt: report.Options{Verbose: true, Origin: origin}}
	for _, step := range []func() error{func() error { return d.diagrams(g, m) }, d.registers, d.reports} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return d.files, result, nil
}

// replay evaluates the snapshot of a package again, with what the manifest says was stated.
func replay(ctx context.Context, snapshot []byte, m *evidence.Manifest) (*analysis, error) {
	o := sourceOptions{
		namespace: m.Assume.Namespace, enforcer: m.Assume.Enforcer, podCIDRs: m.Assume.PodCIDRs, svcCIDRs: m.Assume.ServiceCIDRs,
		nodeCIDRs: m.Assume.NodeCIDRs, scopeLabel: m.Assume.ScopeLabel,
	}
	if _, err := time.Parse(time.RFC3339, m.Created); err != nil {
		return nil, fmt.Errorf("created: %w", err)
	}
	if err := o.check([]string{"-"}); err != nil {
		return nil, err
	}
	loaded, err := load.Load(ctx, []string{"-"}, load.Options{Stdin: bytes.NewReader(snapshot), Namespace: o.namespace})
	if err != nil {
		return nil, err
	}
	loaded.Coverage.Sources = []string{evidence.SnapshotFile}
	return conclude(loaded, &o, m.Created[:len(time.DateOnly)])
}

// deriver makes the derived files of a package, one after the other.
type deriver struct {
	a        *analysis
	computed *scope.Result // nil when nobody states a scope
	result   *pci.Assessment
	opt      report.Options
	files    []evidence.File
}

func (d *deriver) add(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	d.files = append(d.files, evidence.File{Path: path, Data: b.Bytes(), Derived: true})
	return nil
}

// diagrams are all views, as pictures and as graphs for other tools.
func (d *deriver) diagrams(g *globals, m *evidence.Manifest) error {
	in := d.a.input()
	title := draw.Title{
		Cluster: m.Subject, Time: d.opt.Origin.Created, Digest: "sha256:" + d.opt.Origin.Input, Tool: "bulkhead " + g.version, Source: evidence.SnapshotFile,
	}
	if title.Cluster == "" && d.a.intent != nil && len(d.a.intent.Objects) == 1 {
		title.Cluster = d.a.intent.Objects[0].Ref.Name
	}
	d.opt.Theme = report.Theme(formats.Style())
	for _, view := range []draw.View{draw.Network, draw.Dataflow, draw.Exposure, draw.Zones} {
		if view == draw.Dataflow && d.a.scope == nil {
			continue // nobody stated what the cardholder data environment is
		}
		opt := draw.Options{View: view, Title: title, LetIn: d.a.letIn}
		picture, err := formats.PictureOf(in, opt)
		if err != nil {
			return fmt.Errorf("diagram %s: %w", view, err)
		}
		svg, err := formats.Inline(picture)
		if err != nil {
			return fmt.Errorf("diagram %s: %w", view, err)
		}
		sheets, err := d.a.sheets(picture, opt)
		if err != nil {
			return fmt.Errorf("diagram %s: %w", view, err)
		}
		d.opt.Diagrams = append(d.opt.Diagrams, report.Diagram{Name: string(view), Title: draw.ViewTitle(view), SVG: svg, Facts: picture.Facts(), Sheets: sheets})
		for _, f := range formats.Formats {
			graph := f.Name == "dot" || f.Name == "mermaid"
			if f.Name != "svg" && (!graph || view == draw.Zones) {
				continue
			}
			if err := d.add("diagrams/"+string(view)+f.Ext, func(w io.Writer) error { return f.Write(w, picture, formats.Options{}) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// registers are the tables, each a CSV file; most of them also stand in the reports.
func (d *deriver) registers() error {
	in := d.a.input()
	in.Computed = d.computed
	walked := report.Flows(in)
	var cells []report.ZoneCell
	for _, c := range draw.NewMatrix(in).Cells {
		cells = append(cells, report.ZoneCell{From: c.From, To: c.To, Verdict: c.Verdict, Certain: c.Certain, Undecided: c.Undecided, Needs: c.Needs, Requirements: c.Requirements, Missing: c.Missing})
	}
	d.opt.Registers = []report.Register{
		report.Inventory(in), walked.Scope, walked.Flows, report.Ways(d.a.exposed()), report.ZoneMatrix(cells), walked.Review,
	}
	list := append([]report.Register{report.Requirements(d.result, pci.PCI401), report.Requirements(d.result, pci.PCI321), report.Requirements(d.result, pci.Containers2022)}, d.opt.Registers...)
	for i := range list {
		if err := d.add("registers/"+list[i].Name+".csv", list[i].WriteCSV); err != nil {
			return err
		}
	}
	population := report.Population(d.result)
	if err := d.add("snapshot/population.csv", population.WriteCSV); err != nil {
		return err
	}
	return d.add("snapshot/gaps.json", func(w io.Writer) error { return report.WriteGaps(w, d.result) })
}

// reports are the result in every format; those for people stand in front.
func (d *deriver) reports() error {
	for _, f := range report.Formats {
		path := "results/results" + f.Ext
		if f.Name == "html" || f.Binary {
			path = "report" + f.Ext
		}
		if err := d.add(path, func(w io.Writer) error { return f.Write(w, d.result, d.opt) }); err != nil {
			return err
		}
	}
	return d.add("VERIFY.md", func(w io.Writer) error { _, err := io.WriteString(w, verifyText); return err })
}

// origin is what is known beside the record: what the manifest says, and what tells the cluster from others.
func (a *analysis) origin(m *evidence.Manifest, snapshot []byte) (report.Origin, error) {
	created, err := time.Parse(time.RFC3339, m.Created)
	if err != nil {
		return report.Origin{}, fmt.Errorf("%s: created: %w", evidence.ManifestFile, err)
	}
	o := report.Origin{Created: created, Subject: m.Subject, Rules: m.Tool.Rules, Sources: m.Sources, Input: fmt.Sprintf("%x", sha256.Sum256(snapshot))}
	for _, x := range a.loaded.Objects {
		if x.Ref == (object.Ref{Kind: "Namespace", Name: "kube-system"}) {
			if uid := x.Root.Get("metadata").Get("uid").Str(); uid != "" {
				o.Cluster = "its namespace kube-system has the UID " + uid
			}
		}
	}
	if o.Cluster == "" {
		o.Cluster = "not known: the input does not have the UID of the namespace kube-system"
	}
	return o, nil
}

const verifyText = `# How to check this package

With bulkhead of the version that manifest.json names, and the public key of who made it:

    bulkhead evidence verify --key PUBLIC.pem FOLDER

It compares the SHA-256 of every file with manifest.json, checks that attestation.dsse.json signs that manifest,
evaluates snapshot/input.json again, and compares every file that follows from it byte for byte: the reports,
and all under results, registers and diagrams.

Without bulkhead: manifest.json lists a SHA-256 for each file (sha256sum prints the same); attestation.dsse.json
is a DSSE envelope (https://github.com/secure-systems-lab/dsse) whose payload is an in-toto statement with the
same digests. The snapshot is JSON: objects holds every Kubernetes object that was read, without the contents of
Secrets.

What the results mean: pass says that the check holds for everything that was read, fail that a packet shows
otherwise, unknown that the input does not decide, manual that a person must judge. No result says that a
cluster meets a standard.
`
