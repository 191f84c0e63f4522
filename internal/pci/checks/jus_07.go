package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

var jus07 = pci.Check{
	ID: "JUS-07", Title: "the network controls that run are those of the approved files", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.2", "1.2.8"}, Guidance: []string{"14", "16.4"},
	Why: "A review of files says nothing when the cluster runs something else. Whoever changes a policy by hand changes the control past its approval.",
	Fix: "Let Argo CD or Flux apply the policies, with correction of what drifts, and put what was made by hand into the files or remove it.",
	Evidence: "For each live object that segments: whether an Application of Argo CD, or a Kustomization or HelmRelease of Flux, has it, and whether that one " +
		"says that cluster and files agree. Who changed an object past them stands in the audit log. Objects from files are the files, and are " +
		"not judged. Sources: Argo CD, resource tracking and sync status; Flux, Kustomization inventory and HelmRelease drift detection.",
	Run: runJus07,
}

// keeper is what keeps an object as the files say: "" when it does, else why it may not.
type keeper struct {
	object *object.Object
	pos    object.Pos
	out    bool   // it says that they differ
	doubt  string // why it does not tell
}

func runJus07(in *pci.Input) []pci.Finding {
	objects := segmenting(in)
	kept := keepers(in, objects)
	tools := len(in.Cluster.Kind("argoproj.io", "Application")) + len(in.Cluster.Kind("kustomize.toolkit.fluxcd.io", "Kustomization")) + len(in.Cluster.Kind("helm.toolkit.fluxcd.io", "HelmRelease"))
	var found []pci.Finding
	var alone []pci.Because
	of := 0
	for _, o := range objects {
		if !o.Root.Get("metadata", "uid").IsSet() && !o.Root.Get("metadata", "resourceVersion").IsSet() {
			continue
		}
		of++
		f := pci.Finding{Subject: o.Ref, Pos: o.Pos, Key: "drift"}
		k, has := kept[o.Ref]
		switch {
		case !has && tools == 0:
			alone = append(alone, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "is live"})
			continue
		case !has:
			f.Status, f.Message = pci.Fail, "nothing that applies files has it, so it was made past them"
			f.Fix = &pci.Fix{Text: "put it into the files that are applied, or remove it"}
		case k.out:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s says that it differs from the files", k.object.Ref)
			f.Fix = &pci.Fix{Text: "find in the audit log who changed it, and bring cluster and files together again"}
		case k.doubt != "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("whether it equals the files is not known: %s", k.doubt)
		default:
			continue
		}
		if k.object != nil {
			f.Because = []pci.Because{{Ref: k.object.Ref, Pos: k.pos, Msg: cmp.Or(k.doubt, "has it")}}
		}
		found = append(found, f)
	}
	if len(alone) > 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "files", Because: tidy(alone), Message: fmt.Sprintf("Do the %d live objects equal the approved files? bulkhead diff FILES --cluster shows what differs in effect; nothing of Argo CD or Flux is in the input.", len(alone))}}
	}
	return withSummary(found, of, of-len(found), "live objects that segment", "equal the files, by what applies them")
}

// segmenting is the objects that decide about traffic.
func segmenting(in *pci.Input) []*object.Object {
	deciding := map[object.Ref]bool{}
	for _, o := range kinds.Deciding(in.Cluster, in.Policies) {
		deciding[o.Ref] = true
	}
	var out []*object.Object
	for _, o := range in.Cluster.Objects {
		if deciding[o.Ref] {
			out = append(out, o)
		}
	}
	return out
}

// keepers finds what applies files, by the objects it has.
func keepers(in *pci.Input, objects []*object.Object) map[object.Ref]keeper {
	out := map[object.Ref]keeper{}
	for _, o := range in.Cluster.Kind("argoproj.io", "Application") {
		status := o.Root.Get("status")
		for _, r := range status.Get("resources").List() {
			ref := object.Ref{Group: r.Get("group").Str(), Kind: r.Get("kind").Str(), Namespace: r.Get("namespace").Str(), Name: r.Get("name").Str()}
			k := keeper{object: o, pos: o.At(r)}
			switch r.Get("status").Str() {
			case "Synced":
			case "OutOfSync":
				k.out = true
			default:
				k.doubt = fmt.Sprintf("%s does not say so", o.Ref)
			}
			out[ref] = k
		}
	}
	for _, o := range in.Cluster.Kind("kustomize.toolkit.fluxcd.io", "Kustomization") {
		doubt := fluxDoubt(o)
		for _, e := range o.Root.Get("status", "inventory", "entries").List() {
			parts := strings.Split(e.Get("id").Str(), "_") // namespace_name_group_kind
			if len(parts) == 4 {
				out[object.Ref{Group: parts[2], Kind: parts[3], Namespace: parts[0], Name: parts[1]}] = keeper{object: o, pos: o.At(e), doubt: doubt}
			}
		}
	}
	releases := map[string]keeper{}
	for _, o := range in.Cluster.Kind("helm.toolkit.fluxcd.io", "HelmRelease") {
		k := keeper{object: o, pos: o.Pos, doubt: fluxDoubt(o)}
		if m := o.Root.Get("spec", "driftDetection", "mode").Str(); k.doubt == "" && m != "enabled" {
			k.doubt = fmt.Sprintf("%s does not correct what drifts (driftDetection)", o.Ref)
		}
		releases[o.Ref.Namespace+"/"+o.Ref.Name] = k
	}
	for _, o := range objects {
		labels := o.Root.Get("metadata", "labels")
		name := labels.Get("helm.toolkit.fluxcd.io/namespace").Str() + "/" + labels.Get("helm.toolkit.fluxcd.io/name").Str()
		if k, ok := releases[name]; ok {
			out[o.Ref] = k
		}
	}
	return out
}

// fluxDoubt says why an object of Flux may not keep what it has as the files say.
func fluxDoubt(o *object.Object) string {
	if o.Root.Get("spec", "suspend").True() {
		return fmt.Sprintf("%s is suspended", o.Ref)
	}
	conditions := o.Root.Get("status", "conditions").List()
	if !slices.ContainsFunc(conditions, func(c *object.Value) bool {
		return c.Get("type").Str() == "Ready" && c.Get("status").Str() == "True"
	}) {
		return fmt.Sprintf("%s is not ready", o.Ref)
	}
	return ""
}
