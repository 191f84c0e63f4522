package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni05 = pci.Check{
	ID: "CNI-05", Title: "one engine enforces, and nothing is left of another", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"1.2.8"}, Guidance: []string{"4.1"},
	Why: "Two engines on one node write rules past each other: what one allows the other may drop, and which one has the last word depends on the " +
		"order they started in. Rules of an engine that was removed stay in the kernel until the node is started anew.",
	Fix: "Remove the agent that is not meant to enforce, and restart the nodes, or clear its chains, after a change of the engine. k3s leaves its " +
		"rules behind when --disable-network-policy is set; k3s-killall.sh clears them.",
	Evidence: "The DaemonSets of known engines; and where rules of nodes are in the input (iptables-save, nft), chains of engines that are not the one " +
		"in force. Sources: the chain names of each engine's own code (cali-, CILIUM_, KUBE-ROUTER-, KUBE-POD-FW-, WEAVE-, ANTREA-, AZURE-NPM); k3s, " +
		"networking services, on leftovers of its policy controller.",
	Run: runCni05,
}

func runCni05(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	agents := enforcer.Agents(in.Cluster)
	var on []string
	for _, a := range agents {
		if a.Enforces != enforcer.No && !slices.Contains(on, a.Engine) {
			on = append(on, a.Engine)
		}
	}
	slices.Sort(on)
	if len(on) > 1 {
		f := pci.Finding{Status: pci.Fail, Key: "two", Message: fmt.Sprintf("%d engines enforce policies side by side: %s", len(on), listed(on)), Fix: &pci.Fix{Text: "switch all but one off"}}
		for _, a := range agents {
			if a.Enforces == enforcer.Unknown {
				f.Status = pci.Unknown
				f.Message = "more than one engine may enforce policies: " + listed(on)
			}
			f.Because = append(f.Because, pci.Because{Ref: a.Workload.Ref, Pos: a.Workload.Pos, Msg: "the agent of " + a.Engine})
		}
		f.Subject, f.Pos = agents[0].Workload.Ref, agents[0].Workload.Pos
		found = append(found, f)
	}
	for _, a := range agents {
		if a.Enforces == enforcer.No && !a.Carrier && len(on) > 0 {
			found = append(found, pci.Finding{
				Status: pci.Manual, Subject: a.Workload.Ref, Pos: a.Workload.Pos, Key: "off",
				Message: fmt.Sprintf("the agent of %s is here with enforcement switched off, beside %s. Is it still meant to run, and does it not carry traffic past the other?", a.Engine, listed(on)),
			})
		}
	}
	nodes := nodeFirewalls(in)
	for _, n := range nodes {
		if left := leftovers(in, n, agents); len(left) > 0 {
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: n.object.Ref, Pos: n.object.Pos, Key: "left",
				Message: fmt.Sprintf("rules of %s are on the node, which is not the engine in force (%s)", listed(left), in.Profile.Name),
				Fix:     &pci.Fix{Text: "restart the node, or remove these chains"},
			})
		}
	}
	of := len(agents) + len(nodes)
	if len(found) == 0 && len(nodes) == 0 && (in.Profile.Enforces == enforcer.Unknown || len(agents) == 0) {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Is there one engine only, and nothing left of an earlier one? No agent and no rules of nodes are in the input: add the DaemonSets of kube-system, and of each node iptables-save > NODE.iptables or nft -j list ruleset > NODE.json."}}
	}
	return withSummary(found, of, max(0, of-len(found)), "agents and nodes", "one engine at work, and no rules of another where rules were given")
}

// leftovers names the engines whose chains stand on a node without an agent that is on.
func leftovers(in *pci.Input, n nodeFirewall, agents []enforcer.Agent) []string {
	marks := []struct{ engine, prefix string }{
		{"antrea", "ANTREA-"},
		{"azure", "AZURE-NPM"},
		{"calico", "cali-"},
		{"cilium", "CILIUM_"},
		{"kube-router", "KUBE-ROUTER-"},
		{"kube-router", "KUBE-POD-FW-"},
		{"kube-router", "KUBE-NWPLCY-"},
		{"weave", "WEAVE-NPC"},
	}
	var out []string
	for _, m := range marks {
		// k3s and kube-router share code and chains; canal and a stated engine may have no agent in the input.
		own := m.engine == in.Profile.Name || m.engine == "kube-router" && in.Profile.Name == "k3s" && in.Profile.Enforces != enforcer.No || m.engine == "cilium" && in.Profile.Name == "gke"
		for _, a := range agents {
			own = own || a.Engine == m.engine && a.Enforces != enforcer.No
		}
		if own || in.Profile.Enforces == enforcer.Unknown || slices.Contains(out, m.engine) {
			continue
		}
		if slices.ContainsFunc(n.chains, func(c string) bool { return strings.HasPrefix(c, m.prefix) }) {
			out = append(out, m.engine)
		}
	}
	return out
}
