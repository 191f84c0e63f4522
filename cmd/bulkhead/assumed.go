package main

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// bySegmentation names the place of assumptions that are no flag.
const bySegmentation = "the Segmentation"

// assume completes the flags with what the Segmentation states, and keeps account of who stated what.
func (a *analysis) assume(opt *cluster.Options, said pci.Assumptions) {
	for _, f := range []struct {
		what, flag string
		value      *netset.Addrs
		said       netset.Addrs
	}{
		{"pod addresses", "--pod-cidr", &opt.PodCIDRs, said.PodCIDRs},
		{"Service addresses", "--service-cidr", &opt.ServiceCIDRs, said.ServiceCIDRs},
		{"node addresses", "--node-cidr", &opt.NodeCIDRs, said.NodeCIDRs},
	} {
		by := f.flag
		if f.value.IsEmpty() {
			*f.value, by = f.said, bySegmentation
		}
		if !f.value.IsEmpty() {
			a.assumed = append(a.assumed, fmt.Sprintf("%s %s (%s)", f.what, report.Addrs(*f.value), by))
		}
	}
	if said.Complete {
		opt.Complete = true
		a.assumed = append(a.assumed, fmt.Sprintf("the input is the whole cluster (%s)", bySegmentation))
	}
}

// engine is what enforces: the flag, else the Segmentation, else what the objects show.
func (a *analysis) engine(flag string, said pci.Assumptions) (enforcer.Profile, error) {
	name, by := flag, "--enforcer"
	if name == "" {
		name, by = said.Enforcer, bySegmentation
	}
	if name == "" {
		return enforcer.Detect(a.cluster), nil
	}
	p, err := enforcer.Stated(name, a.cluster, flag != "")
	if err != nil {
		return p, fmt.Errorf("enforcer of %s: %w", by, err)
	}
	a.assumed = append([]string{fmt.Sprintf("enforcer %s (%s)", p.Name, by)}, a.assumed...)
	return p, nil
}

// input is what checks look at.
func (a *analysis) input() *pci.Input {
	return &pci.Input{
		Model: a.model, Cluster: a.cluster, Policies: a.policies, Profile: a.profile, Exposure: a.exposure,
		Scope: a.scope, Intent: a.intent, LoadProblems: a.problems, Today: a.today,
	}
}
