package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var den11 = pci.Check{
	ID: "DEN-11", Title: "pods are isolated from their first packet on", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"1.3.1"}, Guidance: []string{"4.1"},
	Why: "An engine may start a pod first and apply its policies a moment later. Until then the pod is open, and connections made in that moment " +
		"may outlive it. Whoever can restart a pod can so open it again and again.",
	Fix: "Amazon VPC CNI: set NETWORK_POLICY_ENFORCING_MODE to strict in container aws-node. For other engines let a test start pods and try at once.",
	Evidence: "The mode of the Amazon VPC CNI, which is standard (open until policies arrive) unless it says strict. Of other engines only what the " +
		"Kubernetes API asks of them is known: pods selected by a policy that was handled before are isolated before they start. Sources: Amazon " +
		"EKS, restrict pod network traffic with Kubernetes network policies; Kubernetes, network policies, pod lifecycle.",
	Run: runDen11,
}

func runDen11(in *pci.Input) []pci.Finding {
	const mode = "NETWORK_POLICY_ENFORCING_MODE"
	if in.Profile.Enforces == enforcer.No {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "nothing enforces policies here (CNI-01), neither early nor late"}}
	}
	sev := pci.Medium
	if in.Scope != nil && len(in.Scope.Of(pci.CDE, pci.CDEStore)) > 0 {
		sev = sev.Up()
	}
	var found []pci.Finding
	of := 0
	for _, a := range enforcer.Agents(in.Cluster) {
		if a.Engine != "aws" || a.Enforces == enforcer.No {
			continue
		}
		of++
		p := a.Workload.Pods[0]
		f := pci.Finding{Subject: a.Workload.Ref, Pos: a.Workload.Pos, Severity: sev, Key: "mode"}
		set := "its default"
		for _, c := range p.Spec.Get("containers").List() {
			if c.Get("name").Str() != "aws-node" {
				continue
			}
			for _, e := range c.Get("env").List() {
				if e.Get("name").Str() != mode {
					continue
				}
				f.Pos, set = p.Object.At(e), e.Get("value").Str()
				if e.Get("valueFrom").IsSet() {
					f.Status, f.Message = pci.Unknown, mode+" comes from an object that is not read"
				}
			}
			if len(c.Get("envFrom").List()) > 0 && set == "its default" {
				f.Status, f.Message = pci.Unknown, mode+" may come from an object that is not read (envFrom)"
			}
		}
		switch {
		case f.Status != "":
		case strings.EqualFold(set, "strict"):
			continue
		default:
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("%s is standard (%s): a new pod is open until the agent has its policies", mode, set)
			f.Fix = &pci.Fix{Text: "set " + mode + "=strict in container aws-node; pods then start closed, so each needs its allowing policies in place"}
		}
		found = append(found, f)
	}
	if of > 0 {
		return withSummary(found, of, of-len(found), "agents", "start pods closed")
	}
	if in.Profile.Name == "aws" {
		return []pci.Finding{{Status: pci.Manual, Severity: sev, Key: "mode", Message: "Is NETWORK_POLICY_ENFORCING_MODE strict? The DaemonSet aws-node is not in the input, and by default its agent leaves new pods open until their policies arrive."}}
	}
	return []pci.Finding{{Status: pci.Manual, Severity: sev, Key: "test", Message: fmt.Sprintf(
		"The API asks that a pod is isolated before it starts. Was it tried with %s that a new pod cannot connect in its first second?", in.Profile.Name)}}
}
