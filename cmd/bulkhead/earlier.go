package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// earlierHelp documents what an earlier state may be.
const earlierHelp = `an evidence package, a result saved with "assess -o json", a snapshot, or any other SOURCE`

// earlierResult is the record of an earlier state: the saved one, else that of a source, which is read by the same
// flags.
func (g *globals) earlierResult(ctx context.Context, path string, o *sourceOptions) (*pci.Assessment, error) {
	if evidence.Is(path) {
		_, data, err := evidence.Open(path, evidence.ResultsFile)
		if err != nil {
			return nil, err
		}
		return report.Read(bytes.NewReader(data))
	}
	if saved, err := savedResult(path); saved != nil || err != nil {
		return saved, err
	}
	a, err := g.earlierSource(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return a.assess(g, checks.All), nil
}

// savedResult reads a saved record; nil when the file is something else.
func savedResult(path string) (*pci.Assessment, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil //nolint:nilnil // documented: it is something else
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 512) // a record begins with its protocol
	n, err := f.Read(head)
	if err != nil || !bytes.Contains(head[:n], []byte(`"protocol": "bulkhead.dev/assessment/`)) {
		return nil, nil //nolint:nilnil,nilerr // as above; the next reader says what is wrong
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	return report.Read(f)
}

// earlierAnalysis is everything that is known of an earlier state, with the day it was made, "" when only a package
// tells. A saved result does not hold its input.
func (g *globals) earlierAnalysis(ctx context.Context, path string, o *sourceOptions) (a *analysis, made string, err error) {
	if evidence.Is(path) {
		m, data, err := evidence.Open(path, evidence.SnapshotFile)
		if err != nil {
			return nil, "", err
		}
		if a, err = replay(ctx, data, m); err != nil {
			return nil, "", err
		}
		return a, m.Created[:len("2006-01-02")], nil
	}
	if saved, err := savedResult(path); err != nil {
		return nil, "", err
	} else if saved != nil {
		return nil, "", hint(fmt.Errorf("a saved result does not hold what it was made from"), "name an evidence package, a snapshot or another SOURCE")
	}
	a, err = g.earlierSource(ctx, path, o)
	return a, "", err
}

func (g *globals) earlierSource(ctx context.Context, path string, o *sourceOptions) (*analysis, error) {
	earlier := *o
	earlier.live, earlier.kubeconfig, earlier.context, earlier.probeTLS = false, "", "", false
	return g.analyse(ctx, []string{path}, &earlier)
}
