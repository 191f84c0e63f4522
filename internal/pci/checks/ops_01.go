package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var ops01 = pci.Check{
	ID: "OPS-01", Title: "failures of the segmentation are noticed, answered and over", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"10.7.2", "10.7.3", "12.10.5"}, Guidance: []string{"7.1"},
	Why: "A control that fails unseen protects nobody, for as long as nobody looks. Its failure has to raise an alarm, and somebody has to write down when it " +
		"began, when it ended, why, and what was done.",
	Fix: "Mend what fails, alert on the agent of the engine, and keep a record of each failure.",
	Evidence: "In the earlier packages, when the checks of the engine and of tests (CNI-01, CNI-02, CNI-03, CNI-07, TST-03) failed and when they held again; and " +
		"rules of alerts (PrometheusRule) that speak of the engine. What happened between two packages is not seen, and records of incidents are asked for.",
	Run: runOps01,
}

// vital is the checks that tell that a control works at all.
func vital() []string { return []string{"CNI-01", "CNI-02", "CNI-03", "CNI-07", "TST-03"} }

func runOps01(in *pci.Input) []pci.Finding {
	ref, packages, _ := history(in)
	alerts := engineAlerts(in)
	var found []pci.Finding
	if len(alerts) == 0 {
		found = append(found, pci.Finding{Status: pci.Manual, Severity: pci.Medium, Key: "alert", Message: "Which alarm tells that the engine's agent is down or does not enforce, and who gets it? No rule of an alert in the input speaks of it."})
	}
	if len(packages) == 0 {
		return append(found, noHistory("When did the segmentation fail last, how was it noticed, and what was done?")...)
	}
	holds := 0
	for _, id := range vital() {
		begun, last := "", packages[len(packages)-1]
		n := len(found)
		for _, p := range packages {
			switch s := p.checks[id]; {
			case s == "fail" && begun == "":
				begun = p.created
			case s != "fail" && begun != "":
				found = append(found, pci.Finding{
					Status: pci.Manual, Subject: ref, Pos: p.pos, Key: id + " " + begun,
					Message: fmt.Sprintf("%s failed from %s to %s at the latest. What was the cause, who was told, and what was done?", id, begun, p.created),
				})
				begun = ""
			}
		}
		switch {
		case begun != "":
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: ref, Pos: last.pos, Key: id + " " + begun,
				Message: fmt.Sprintf("%s fails since %s, in every package up to the last, of %s", id, begun, last.created), Fix: &pci.Fix{Text: "mend it, and record when it ended and why"},
			})
		case last.checks[id] == "unknown" || last.checks[id] == "error":
			found = append(found, pci.Finding{Status: pci.Unknown, Subject: ref, Pos: last.pos, Key: id, Message: fmt.Sprintf("%s was not decided in the last package, of %s", id, last.created)})
		}
		if len(found) == n {
			holds++
		}
	}
	out := withSummary(found, len(vital()), holds, "checks of controls", "never failed in the earlier packages")
	out[0].Because = append(out[0].Because, alerts...)
	return out
}

// engineAlerts finds rules of alerts about the agent of an engine, or about DaemonSets that are not ready.
func engineAlerts(in *pci.Input) []pci.Because {
	words := []string{"kube_daemonset_status", in.Profile.Name}
	for _, a := range enforcer.Agents(in.Cluster) {
		words = append(words, a.Workload.Ref.Name, a.Engine)
	}
	var out []pci.Because
	for _, o := range in.Cluster.Kind("monitoring.coreos.com", "PrometheusRule") {
		for _, g := range o.Root.Get("spec", "groups").List() {
			for _, r := range g.Get("rules").List() {
				expr := r.Get("expr")
				if r.Get("alert").IsSet() && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(expr.Str(), w) }) {
					out = append(out, pci.Because{Ref: o.Ref, Pos: o.At(expr), Msg: "alert " + r.Get("alert").Str()})
				}
			}
		}
	}
	return out
}
