package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den06 = pci.Check{
	ID: "DEN-06", Title: "namespaces that do not exist yet will be covered", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.2.1", "1.2.2"}, Guidance: []string{"4.1", "14"},
	Why: "A NetworkPolicy belongs to one namespace. A namespace created tomorrow has none, so its pods start open, " +
		"unless a cluster-wide policy or an admission controller covers it from the first second.",
	Fix:      "Use a cluster-wide default deny (BaselineAdminNetworkPolicy, Calico or Cilium), or generate a deny-all in every new namespace.",
	Evidence: "The cluster-wide policy or the generating rule, with file and line, or the labels of a namespace that nothing covers.",
	Run:      runDen06,
}

func runDen06(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	holds := 0
	generated := generators(in)
	for _, d := range policy.Directions {
		e := in.Model.Escape(nil, d)
		f := pci.Finding{Key: d.String()}
		switch {
		case e.Found == enforcer.No:
			holds++
			continue
		case len(generated) > 0 && in.Profile.Enforces == enforcer.Yes:
			f.Status = pci.Manual
			f.Message = fmt.Sprintf("a Kyverno rule generates a deny-all in each new namespace; is its controller running, and has it been tested that pods do not start before the policy? (%s)", d)
			f.Because = generated
		case e.Found == enforcer.Yes:
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("pods in a namespace created tomorrow would not be isolated for %s: no policy reaches beyond its own namespace", d)
			if len(e.Policies) > 0 {
				f.Message = fmt.Sprintf("%s in a new namespace would not be isolated for %s", e.Text(), d)
			}
			f.Because = policiesBecause(e.Policies, "covers only some new namespaces")
			f.Fix = &pci.Fix{Text: "add a cluster-wide default deny, or generate a deny-all NetworkPolicy in every new namespace"}
		default:
			f.Status = pci.Unknown
			f.Message = fmt.Sprintf("whether pods in a new namespace would be isolated for %s is not decided", d)
			f.Because = pci.ReasonsOf(e.Reasons)
		}
		found = append(found, f)
	}
	return withSummary(found, 2, holds, "directions", "covered in namespaces that do not exist yet")
}

// generators lists Kyverno rules that put a deny-all NetworkPolicy for both directions into every new
// namespace (kyverno.io/v1 ClusterPolicy, rules[].generate).
func generators(in *pci.Input) []pci.Because {
	var out []pci.Because
	for _, o := range in.Cluster.Kind("kyverno.io", "ClusterPolicy") {
		for _, r := range o.Root.Get("spec", "rules").List() {
			g := r.Get("generate")
			spec := g.Get("data", "spec")
			if g.Get("kind").Str() == "NetworkPolicy" && strings.Contains(g.Get("namespace").Str(), "request.object.metadata.name") && matchesEveryNamespace(r) && deniesAll(spec) {
				out = append(out, pci.Because{Ref: o.Ref, Pos: o.At(g), Msg: "generates a deny-all NetworkPolicy in each new namespace"})
			}
		}
	}
	return out
}

func matchesEveryNamespace(rule *object.Value) bool {
	if rule.Get("exclude").IsSet() || rule.Get("preconditions").IsSet() {
		return false
	}
	lists := append(rule.Get("match", "any").List(), rule.Get("match", "all").List()...)
	if len(lists) == 0 {
		lists = []*object.Value{rule.Get("match")}
	}
	for _, m := range lists {
		res := m.Get("resources")
		if len(res.Map()) != 1 || len(m.Map()) != 1 {
			return false
		}
		kinds := res.Get("kinds").List()
		if len(kinds) != 1 || kinds[0].Str() != "Namespace" {
			return false
		}
	}
	return true
}

func deniesAll(spec *object.Value) bool {
	sel := spec.Get("podSelector")
	types := map[string]bool{}
	for _, t := range spec.Get("policyTypes").List() {
		types[t.Str()] = true
	}
	return sel != nil && sel.Kind == object.Map && len(sel.Fields) == 0 && types["Ingress"] && types["Egress"] &&
		noRules(spec.Get("ingress")) && noRules(spec.Get("egress"))
}

// noRules is false for anything but a list without entries: a template may turn out to be rules.
func noRules(v *object.Value) bool {
	return !v.IsSet() || v.Kind == object.List && len(v.Items) == 0
}
