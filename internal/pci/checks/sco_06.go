package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var sco06 = pci.Check{
	ID: "SCO-06", Title: "what can change the cardholder data environment without a packet is in scope", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"7.2.5", "12.5.2"}, Guidance: []string{"2.1", "16.4"}, NeedsScope: true,
	Why: "An account that may run commands in the containers of the cardholder data environment, read its Secrets or write its policies needs no " +
		"open port. The same holds for webhooks that rewrite its objects, and for whoever shares its accounts or volumes. No network policy " +
		"stops them, and no diagram of flows shows them.",
	Fix: "Take the right, the webhook or the share away; or declare the workload security-impacting and treat it as such.",
	Evidence: "Every workload whose service account, or a group the account is in, has a power over a namespace of the cardholder data environment by " +
		"RBAC; every one that admission webhooks lead to for objects of it; and those that share a service account or a claim with it. Declared in " +
		"scope, they hold. People, groups and webhooks elsewhere are listed for approval. Other authorizers, credentials kept in files and what " +
		"operators do on behalf of others are not seen. Source: Kubernetes documentation, Role Based Access Control Good Practices.",
	Run: runSco06,
}

func runSco06(in *pci.Input) []pci.Finding {
	found, of, holds := impacts(in, func(r scope.Reason) bool {
		return slices.Contains([]string{scope.Rights, scope.Admission, scope.SameAccount, scope.Volume}, r.Code)
	})
	if in.Computed.None {
		return []pci.Finding{{Status: pci.Unknown, Key: "none", Message: "no workload is declared to handle account data: what can change it cannot be told"}}
	}
	access := rbac.Read(in.Cluster)
	var asked, lost []string
	var askedWhere, lostWhere []pci.Because
	for i := range in.Computed.Systems {
		s := &in.Computed.Systems[i]
		subject := rbac.Subject{Kind: s.Kind, Name: s.Name}
		b := pci.Because{Ref: s.Ref, Pos: s.Pos, Msg: s.Kind + " " + s.Name + " " + s.Msg}
		switch {
		case s.Kind == "Node" || s.Kind == "ControlPlane" || ofControlPlane(subject) || strings.HasPrefix(s.Name, "system:controller:"):
			continue
		case !s.Sure:
			lost, lostWhere = append(lost, s.Kind+" "+s.Name), append(lostWhere, b)
		case everybody(subject):
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: s.Ref, Pos: s.Pos, Key: s.Kind + s.Name + s.Msg, Because: []pci.Because{b},
				Message: fmt.Sprintf("%s %s %s, and that group holds every account of its kind", s.Kind, s.Name, s.Msg),
				Fix:     &pci.Fix{Text: "take the right away and give it to single accounts"},
			})
		default:
			asked, askedWhere = append(asked, s.Kind+" "+s.Name), append(askedWhere, b)
		}
	}
	if len(lost) > 0 {
		found = append(found, pci.Finding{
			Status: pci.Unknown, Key: "lost", Because: tidy(lostWhere),
			Message: "what these may do in the cardholder data environment is not known: " + listed(slices.Compact(lost)),
		})
	}
	if len(asked) > 0 {
		found = append(found, pci.Finding{
			Status: pci.Manual, Key: "approve", Because: tidy(askedWhere),
			Message: "Are all of these meant to have such power over the cardholder data environment, and in scope? " + listed(slices.Compact(asked)) + ".",
		})
	}
	if !access.Known && !in.Cluster.Complete {
		found = append(found, pci.Finding{Status: pci.Manual, Key: "absent", Message: "Who may act on the cardholder data environment through the API? Add the roles and bindings of RBAC to the input: kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml."})
	}
	return withSummary(found, of, holds, "workloads", "in scope, or without a right, a webhook, an account or a volume that concerns the cardholder data environment")
}

// impacts gives a finding for each workload that some reason makes in scope and nobody declares so: failed for a
// certain one, else undecided. of is the workloads that are not declared to handle account data.
func impacts(in *pci.Input, concerns func(scope.Reason) bool) (found []pci.Finding, of, holds int) {
	for i := range in.Computed.Workloads {
		w := &in.Computed.Workloads[i]
		class := in.Scope.Class(w.Workload)
		if class.InCDE() {
			continue
		}
		of++
		var rs []scope.Reason
		for _, r := range w.Reasons {
			if concerns(r) {
				rs = append(rs, r)
			}
		}
		if len(rs) == 0 || class != pci.OutOfScope && class != pci.Unclassified {
			holds++
			continue
		}
		slices.SortStableFunc(rs, func(a, b scope.Reason) int { return certainFirst(a.Sure) - certainFirst(b.Sure) })
		f := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail}
		f.Message = fmt.Sprintf("declared %s, and it is %s: %s", class, rs[0].Class, about(rs[0]))
		if n := len(rs) - 1; n > 0 {
			var names []string
			for _, r := range rs[1:] {
				names = append(names, about(r))
			}
			f.Message += fmt.Sprintf(" (and %d more)", n) + pci.Rest(names)
		}
		if !rs[0].Sure || in.Scope.Unsure(w.Workload) {
			f.Status = pci.Unknown
			f.Message = fmt.Sprintf("declared %s; whether it is %s is not decided: %s", class, rs[0].Class, about(rs[0]))
		} else {
			if rs[0].Code == scope.Takeover {
				f.Severity = pci.High
			}
			f.Fix = &pci.Fix{Text: "take away what makes it so, or declare it " + string(rs[0].Class)}
		}
		for _, r := range rs {
			f.Because = append(f.Because, pci.Because{Ref: r.Ref, Pos: r.Pos, Msg: r.Msg})
		}
		f.Because = tidy(f.Because)
		found = append(found, f)
	}
	return found, of, holds
}

// about is a reason as the rest of a sentence about the workload.
func about(r scope.Reason) string {
	switch r.Code {
	case scope.Names, scope.Entry, scope.Mesh, scope.Control, scope.Segmenting:
		return "it " + r.Msg
	}
	return r.Msg
}

func certainFirst(sure bool) int {
	if sure {
		return 0
	}
	return 1
}
