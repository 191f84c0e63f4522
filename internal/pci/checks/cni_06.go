package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var cni06 = pci.Check{
	ID: "CNI-06", Title: "the engine's fine points are known where they matter", Since: "0.1.0", Severity: pci.Info,
	Requirements: []string{"1.2.8"},
	Why: "Engines differ: under Cilium an ipBlock never matches a pod or a node, upstream and under Calico it does. " +
		"The same policy then allows on one cluster what it denies on another.",
	Fix:      "State the engine, or select pods by labels and keep ipBlock for addresses outside the cluster.",
	Evidence: "The fine points of the engine that the answers were computed with, and the rules they matter for.",
	Run: func(in *pci.Input) []pci.Finding {
		p := in.Profile
		var because []pci.Because
		for _, q := range in.Policies.Policies {
			for _, r := range q.Rules {
				for _, peer := range r.Peers {
					if peer.Kind == policy.AddrPeer && peer.Addrs.Overlaps(inside(in)) {
						because = append(because, pci.Because{Ref: q.Ref, Pos: peer.Pos, Msg: "ipBlock " + peer.Addrs.String() + " may hold addresses of pods or nodes"})
					}
				}
			}
		}
		text := fmt.Sprintf("%s: ipBlock matches pods: %s; matches nodes: %s; ICMP to isolated pods denied: %s", p.Name, p.PodsByAddr, p.NodesByAddr, p.OtherProtocols)
		f := pci.Finding{Status: pci.Pass, Message: text, Key: "profile"}
		if len(because) > 0 && (p.PodsByAddr == enforcer.Unknown || p.NodesByAddr == enforcer.Unknown) && p.Enforces != enforcer.No {
			f.Status, f.Because = pci.Unknown, because
			f.Message = text + fmt.Sprintf("; %d ipBlocks hang on it", len(because))
			f.Pos, f.Subject = because[0].Pos, because[0].Ref
		}
		return []pci.Finding{f}
	},
}
