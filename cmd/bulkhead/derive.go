package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// derive computes every file of a package that follows from its snapshot and from what the manifest says was
// stated. It knows no time and no place: the same snapshot gives the same bytes.
func (g *globals) derive(ctx context.Context, snapshot []byte, m *evidence.Manifest) ([]evidence.File, *pci.Assessment, error) {
	o := sourceOptions{
		namespace: m.Assume.Namespace, enforcer: m.Assume.Enforcer, podCIDRs: m.Assume.PodCIDRs, svcCIDRs: m.Assume.ServiceCIDRs,
		nodeCIDRs: m.Assume.NodeCIDRs, scopeLabel: m.Assume.ScopeLabel,
	}
	if _, err := time.Parse(time.RFC3339, m.Created); err != nil {
		return nil, nil, fmt.Errorf("created: %w", err)
	}
	if err := o.check([]string{"-"}); err != nil {
		return nil, nil, err
	}
	loaded, err := load.Load(ctx, []string{"-"}, load.Options{Stdin: bytes.NewReader(snapshot), Namespace: o.namespace})
	if err != nil {
		return nil, nil, err
	}
	loaded.Coverage.Sources = []string{evidence.SnapshotFile}
	a, err := conclude(loaded, &o, m.Created[:len(time.DateOnly)])
	if err != nil {
		return nil, nil, err
	}
	result := a.assess(g, checks.All)
	var files []evidence.File
	add := func(path string, write func(io.Writer) error) {
		var b bytes.Buffer
		if err == nil {
			if err = write(&b); err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			files = append(files, evidence.File{Path: path, Data: b.Bytes(), Derived: true})
		}
	}
	origin, err := originOf(m)
	for _, f := range report.Formats {
		add("results/results"+f.Ext, func(w io.Writer) error { return f.Write(w, result, report.Options{Verbose: true, Origin: origin}) })
	}
	list := a.listing()
	for _, f := range report.ListFormats {
		switch f.Name {
		case "csv":
			add("registers/flows.csv", func(w io.Writer) error { return f.Write(w, list, report.Options{}) })
		case "matrix":
			add("registers/matrix.txt", func(w io.Writer) error { return f.Write(w, list, report.Options{}) })
		}
	}
	add("registers/requirements-4.0.1.csv", func(w io.Writer) error { return report.Requirements(w, result, false) })
	add("registers/requirements-3.2.1.csv", func(w io.Writer) error { return report.Requirements(w, result, true) })
	add("registers/inventory.csv", func(w io.Writer) error { return report.Inventory(w, a.cluster, a.scope) })
	add("registers/exposure.csv", func(w io.Writer) error { return report.Ways(w, a.exposed()) })
	add("VERIFY.md", func(w io.Writer) error { _, err := io.WriteString(w, verifyText); return err })
	return files, result, err
}

// originOf is what the manifest says beside the snapshot.
func originOf(m *evidence.Manifest) (report.Origin, error) {
	created, err := time.Parse(time.RFC3339, m.Created)
	if err != nil {
		return report.Origin{}, fmt.Errorf("%s: created: %w", evidence.ManifestFile, err)
	}
	return report.Origin{Created: created, Subject: m.Subject, Rules: m.Tool.Rules}, nil
}

// listing is every connection, with the ways in from outside.
func (a *analysis) listing() *report.Listing {
	l := &report.Listing{Protocol: report.ListingProtocol, Connections: []report.Connection{}, Problems: append([]object.Problem{}, a.problems...), Coverage: a.loaded.Coverage}
	rec := report.NewRecorder()
	for e := range a.model.Edges() {
		l.Connections = append(l.Connections, rec.Edge(e, a.model.Reasons))
	}
	l.Exposure = a.exposed()
	return l
}

const verifyText = `# How to check this package

With bulkhead of the version that manifest.json names, and the public key of who made it:

    bulkhead evidence verify --key PUBLIC.pem FOLDER

It compares the SHA-256 of every file with manifest.json, checks that attestation.dsse.json signs that manifest,
evaluates snapshot/input.json again, and compares every file under results and registers byte for byte.

Without bulkhead: manifest.json lists a SHA-256 for each file (sha256sum prints the same); attestation.dsse.json
is a DSSE envelope (https://github.com/secure-systems-lab/dsse) whose payload is an in-toto statement with the
same digests. The snapshot is JSON: objects holds every Kubernetes object that was read, without the contents of
Secrets.

What the results mean: pass says that the check holds for everything that was read, fail that a packet shows
otherwise, unknown that the input does not decide, manual that a person must judge. No result says that a
cluster meets a standard.
`
