package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco08 = pci.Check{
	ID: "SCO-08", Title: "connections with third parties are known", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"12.5.2", "12.8.1", "12.8.4"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "Acquirers, hosters and other services that the cardholder data environment exchanges data with are part of its scope, with an agreement " +
		"and a proof of their own. A connection to addresses that nobody has named may lead to anyone.",
	Fix: "Make a zone of each party's addresses, name the party under externalParties, and narrow policies to these zones.",
	Evidence: "The addresses outside that workloads of the cardholder data environment can connect to, or be reached from, held against the zones that " +
		"have addresses, and those against the external parties with the last day of their attestation. Addresses of pods, Services and nodes are " +
		"left out, and so is what a need declares. What a load balancer or an ingress controller in front lets in is EXP-01 and EXP-08.",
	Run: runSco08,
}

func runSco08(in *pci.Input) []pci.Finding {
	var zones netset.Addrs
	if in.Intent != nil {
		for i := range in.Intent.Zones {
			zones = zones.Union(in.Intent.Zones[i].Addrs)
		}
	}
	own := in.Cluster.PodCIDRs.Union(in.Cluster.ServiceCIDRs).Union(in.Cluster.NodeAddrs)
	known := zones.Union(own)
	var found []pci.Finding
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	holds := 0
	var met netset.Addrs
	var wide []string // workloads that may talk with anyone
	var wideBecause []pci.Because
	var witness *pci.Witness
	for _, w := range cde {
		good := true
		for _, d := range policy.Directions {
			f := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Key: d.String()}
			maybe := f
			maybe.Status = pci.Unknown
			var sure, open netset.Addrs
			for _, e := range in.Model.Outside(w, d) {
				a := e.Src.Addrs
				if d == policy.Egress {
					a = e.Dst.Addrs
				}
				met = met.Union(a.Intersect(zones))
				rest := a.Subtract(known)
				if rest.IsEmpty() {
					continue
				}
				src, dst := flow(reach.OfWorkload(w), reach.OfAddrs(rest), d)
				needed, _ := in.Covered(src, dst, e.May)
				e.Must, e.May = e.Must.Subtract(needed), e.May.Subtract(needed)
				switch {
				case e.May.IsEmpty():
					continue
				case e.Must.IsEmpty():
					open, maybe.Because = open.Union(rest), append(maybe.Because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
					continue
				}
				if f.Witness == nil {
					f.Witness = pci.WitnessOf(in.Model.Witness(src, dst, e.Must))
				}
				sure, f.Because = sure.Union(rest), append(f.Because, letThrough(in.Model, src, dst, e.Must)...)
			}
			way := "can be reached from"
			if d == policy.Egress {
				way = "can connect to"
			}
			if !sure.IsEmpty() {
				f.Message = fmt.Sprintf("it %s addresses that no zone names: %s", way, addrsText(sure))
				f.Because = tidy(f.Because)
				if anyone(sure) {
					wide = append(wide, w.Ref.String())
					wideBecause = append(wideBecause, f.Because...)
					witness = cmp.Or(witness, f.Witness)
				} else {
					found = append(found, f)
				}
			}
			if !open.IsEmpty() {
				maybe.Message = fmt.Sprintf("whether it %s addresses that no zone names is not decided: %s", way, addrsText(open))
				maybe.Because = tidy(maybe.Because)
				found = append(found, maybe)
			}
			good = good && sure.IsEmpty() && open.IsEmpty()
		}
		if good {
			holds++
		}
	}
	if wide = slices.Compact(wide); len(wide) > 0 {
		found = append(found, pci.Finding{
			Status: pci.Fail, Key: "anyone", Witness: witness, Because: tidy(wideBecause),
			Message: fmt.Sprintf("which third parties these exchange packets with cannot be told, as every public address may be one: %s", listed(wide)),
		})
	}
	found = append(found, parties(in, met.Subtract(own))...)
	return withSummary(found, len(cde), holds, "workloads", "exchange packets outside with named zones only")
}

// addrsText is addresses in few words.
func addrsText(a netset.Addrs) string {
	var prefixes []string
	for _, p := range a.Prefixes() {
		prefixes = append(prefixes, p.String())
	}
	if anyone(a) {
		return "every public address"
	}
	return listed(prefixes)
}

// anyone tells whether addresses hold all public ones of a family.
func anyone(a netset.Addrs) bool {
	public := pci.PublicAddrs()
	return a.Covers(public.V4()) || a.Covers(public.V6())
}

// parties judges the zones outside that the environment has connections with, and who is behind them.
func parties(in *pci.Input, met netset.Addrs) []pci.Finding {
	if in.Intent == nil {
		return nil
	}
	var found []pci.Finding
	var unnamed []string
	for i := range in.Intent.Zones {
		z := &in.Intent.Zones[i]
		if z.Addrs.IsEmpty() || !z.Addrs.Overlaps(met) {
			continue
		}
		k := slices.IndexFunc(in.Intent.ExternalParties, func(p pci.ExternalParty) bool { return slices.Contains(p.Zones, z.Name) })
		if k < 0 {
			unnamed = append(unnamed, z.Name)
			continue
		}
		p := &in.Intent.ExternalParties[k]
		f := pci.Finding{Subject: p.Ref, Pos: p.Pos, Key: "party " + p.Name}
		switch {
		case p.AttestedUntil == "":
			f.Status, f.Message = pci.Manual, fmt.Sprintf("Until which day does the attestation of %s hold? Nothing in the Segmentation says so.", p.Name)
		case in.Today == "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("the attestation of %s holds until %s, and no day to judge by is known", p.Name, p.AttestedUntil)
		case p.AttestedUntil < in.Today:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("the attestation of %s ended on %s", p.Name, p.AttestedUntil)
			f.Fix = &pci.Fix{Text: "ask for the new one, and write its last day down"}
		default:
			continue
		}
		if !slices.ContainsFunc(found, func(g pci.Finding) bool { return g.Key == f.Key }) {
			found = append(found, f)
		}
	}
	if len(unnamed) > 0 {
		found = append(found, pci.Finding{
			Status: pci.Manual, Key: "who",
			Message: "Who is behind these zones, and is it a third party? The cardholder data environment has connections with them, and no external party names them: " + strings.Join(unnamed, ", ") + ".",
		})
	}
	return found
}
