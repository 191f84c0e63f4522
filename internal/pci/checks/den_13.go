package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var den13 = pci.Check{
	ID: "DEN-13", Title: "pods of the cardholder data environment and the DMZ cannot forge addresses", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.4.3"}, NeedsScope: true,
	Why: "With NET_RAW a process sends packets with any source address and answers for others (ARP, DNS); with NET_ADMIN it rewrites the " +
		"pod's network; a privileged container may do both. Most container runtimes grant NET_RAW unless it is dropped.",
	Fix:      "Set capabilities: drop: [ALL] on every container, add back only what it needs, and no privileged: true.",
	Evidence: "Each container's securityContext. Whether the network plugin drops forged packets all the same is not visible in the input.",
	Run:      runDen13,
}

func runDen13(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		if !in.Scope.InCDE(w) && in.Scope.Role(w) != "dmz" {
			continue
		}
		var bad, open []string
		var pos object.Pos
		var because []pci.Because
		for _, p := range w.Pods {
			if p.Spec.Get("os", "name").Str() == "windows" {
				continue
			}
			for i := range p.Containers {
				k := &p.Containers[i]
				of++
				msg, sure := forges(in.Cluster, k)
				if msg == "" {
					holds++
					continue
				}
				at := object.Pos{File: p.Pos().File, Line: k.Line}
				if len(because) == 0 {
					pos = at
				}
				because = append(because, pci.Because{Ref: w.Ref, Pos: at, Msg: fmt.Sprintf("container %s %s", k.Name, msg)})
				if sure {
					bad = append(bad, k.Name)
				} else {
					open = append(open, k.Name)
				}
			}
		}
		if len(because) == 0 {
			continue
		}
		f := pci.Finding{Subject: w.Ref, Pos: pos, Severity: in.SeverityFor(pci.Medium, w), Because: tidy(because)}
		f.Status, f.Message = pci.Fail, "containers may forge packets: "+names(bad)
		f.Fix = &pci.Fix{Text: "set securityContext.capabilities.drop: [ALL] on these containers, add nothing of NET_RAW and NET_ADMIN, and remove privileged: true"}
		if len(bad) == 0 {
			f.Status, f.Message = pci.Unknown, "NET_RAW is not dropped, and whether the runtime grants it is not in the input: "+names(open)
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "containers", "neither privileged nor with NET_RAW or NET_ADMIN")
}

func names(list []string) string {
	slices.Sort(list)
	return listed(slices.Compact(list))
}

// forges says how a container comes to be able to forge packets; sure is false when that is the runtime's
// choice. "" when it cannot.
func forges(c *cluster.Cluster, k *cluster.Container) (msg string, sure bool) {
	has := func(list []string, name string) bool {
		return slices.Contains(list, name) || slices.Contains(list, "ALL")
	}
	switch {
	case k.Privileged:
		return "is privileged", true
	case has(k.Added, "NET_ADMIN"):
		return "adds NET_ADMIN", true
	case has(k.Added, "NET_RAW"):
		return "adds NET_RAW", true
	case has(k.Dropped, "NET_RAW"):
		return "", true
	case onlyCRIO(c):
		return "does not drop NET_RAW, which CRI-O's default list leaves out and its configuration may add", false
	}
	return "does not drop NET_RAW, which container runtimes grant by default", true
}

// onlyCRIO tells whether every node of the input runs CRI-O, whose default capabilities are without NET_RAW
// since 1.18.
func onlyCRIO(c *cluster.Cluster) bool {
	for _, n := range c.Nodes {
		if !strings.HasPrefix(n.Object.Root.Get("status", "nodeInfo", "containerRuntimeVersion").Str(), "cri-o://") {
			return false
		}
	}
	return len(c.Nodes) > 0
}
