package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tst01 = pci.Check{
	ID: "TST-01", Title: "the test tried every way from what is out of scope", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"11.4.1", "11.4.5"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "A test that tries a few connections from one place says nothing of the others. It has to reach for every system of the environment from every kind " +
		"of place that must not get there.",
	Fix: "Try from every zone or namespace out of scope to every workload of the environment and back, on all ports, in both address families, from a node, and " +
		"from a new namespace. Where a sample is enough, write why under sampling.",
	Evidence: "The cells of the last test against the workloads of the input: a zone out of scope, or a namespace where no zone takes its workloads, is one kind " +
		"of place. Whether the places of one kind really are alike is the tester's to say.",
	Run: runTst01,
}

func runTst01(in *pci.Input) []pci.Finding {
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	places := map[*cluster.Workload]string{}
	var kinds []string
	for _, w := range in.Scope.Of(pci.OutOfScope, pci.Unclassified) {
		name := "namespace " + w.Ref.Namespace
		if z := in.Scope.Zone(w); z != nil {
			name = "zone " + z.Name
		}
		places[w] = name
		if !slices.Contains(kinds, name) {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	if len(cde)*len(kinds) == 0 {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "there is not both something in the cardholder data environment and something out of scope to try from"}}
	}
	tests := segTests(in)
	if len(tests) == 0 {
		return noTest("Which connections did the last test of the segmentation try?")
	}
	t := tests[len(tests)-1]
	type pair struct {
		place string
		w     *cluster.Workload
		out   bool
	}
	tried := map[pair]bool{}
	ports, nodes, fresh := map[*cluster.Workload]netset.Conns{}, map[*cluster.Workload]bool{}, map[*cluster.Workload]bool{}
	v6 := false
	for _, c := range t.cells {
		if c.err != "" {
			continue
		}
		v6 = v6 || c.v6
		if c.inCDE(in, c.dst) {
			w := c.dst.Workload
			nodes[w] = nodes[w] || strings.HasPrefix(c.from, "node ")
			fresh[w] = fresh[w] || strings.HasPrefix(c.from, "new-namespace")
			if c.src != nil && places[c.src.Workload] != "" {
				tried[pair{places[c.src.Workload], w, false}] = true
				ports[w] = ports[w].Union(c.conns)
			}
		}
		if c.inCDE(in, c.src) && c.dst != nil && places[c.dst.Workload] != "" {
			tried[pair{places[c.dst.Workload], c.src.Workload, true}] = true
		}
	}
	var missing, thin []string
	holds := 0
	for _, w := range cde {
		for _, k := range kinds {
			for _, out := range []bool{false, true} {
				switch p := (pair{k, w, out}); {
				case tried[p]:
					holds++
				case out:
					missing = append(missing, fmt.Sprintf("%s to %s", w.Ref, k))
				default:
					missing = append(missing, fmt.Sprintf("%s to %s", k, w.Ref))
				}
			}
		}
		all := netset.Of(netset.TCP)
		switch {
		case !ports[w].Covers(all):
			thin = append(thin, fmt.Sprintf("not all TCP ports of %s", w.Ref))
		case !ports[w].Overlaps(netset.Of(netset.UDP)):
			thin = append(thin, fmt.Sprintf("no UDP port of %s", w.Ref))
		case !nodes[w]:
			thin = append(thin, fmt.Sprintf("nothing from a node to %s", w.Ref))
		case !fresh[w]:
			thin = append(thin, fmt.Sprintf("nothing from a new namespace to %s", w.Ref))
		}
	}
	if in.Cluster.IPv6 && in.Cluster.IPv4 && !v6 {
		thin = append(thin, "nothing over IPv6")
	}
	of := 2 * len(cde) * len(kinds)
	var found []pci.Finding
	sampling := t.spec.Get("sampling").Str()
	if len(missing) > 0 {
		f := pci.Finding{Status: pci.Fail, Subject: t.object.Ref, Pos: t.object.Pos, Key: "missing", Message: fmt.Sprintf("%d of %d ways were not tried: %s", len(missing), of, listedBy(missing))}
		f.Fix = &pci.Fix{Text: "try them, or write under sampling why the others stand for them"}
		if sampling != "" {
			f.Status, f.Fix = pci.Manual, nil
			f.Message = fmt.Sprintf("Is that reason enough for the %d of %d ways that were not tried? %q", len(missing), of, sampling)
		}
		found = append(found, f)
	}
	if len(thin) > 0 {
		found = append(found, pci.Finding{Status: pci.Manual, Subject: t.object.Ref, Pos: t.object.Pos, Key: "thin", Message: "Why was that enough? The test tried " + listedBy(thin) + "."})
	}
	return withSummary(found, of, holds, "ways between what is out of scope and the environment", "tried")
}
