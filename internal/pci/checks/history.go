package checks

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// HistoryKind is the kind of the object, of the group of imports, that tells what earlier evidence packages hold.
const HistoryKind = "EvidenceHistory"

// Control is one object that a change of counts as significant, with a digest of what it says.
type Control struct {
	Name   string // "NetworkPolicy shop/deny", with the group before it unless it is the core one
	Digest string
	Object *object.Object
}

// Controls lists what segments, what lets the outside in, and what enforces: by name. Status and metadata do not count.
func Controls(c *cluster.Cluster, set policy.Set) []Control {
	counts := map[object.Ref]bool{}
	for _, o := range kinds.Deciding(c, set) {
		counts[o.Ref] = true
	}
	for _, a := range enforcer.Agents(c) {
		counts[a.Workload.Ref] = true
	}
	for _, s := range c.Services {
		if s.Type != "ClusterIP" || len(s.ExternalIPs) > 0 {
			counts[s.Ref] = true
		}
	}
	routing := []string{"networking.k8s.io/Ingress", "gateway.networking.k8s.io/Gateway", "gateway.networking.k8s.io/HTTPRoute", "route.openshift.io/Route", "bulkhead.dev/Segmentation"}
	var out []Control
	for _, o := range c.Objects {
		if !counts[o.Ref] && !slices.Contains(routing, o.Ref.Group+"/"+o.Ref.Kind) {
			continue
		}
		h := sha256.New()
		for _, f := range o.Root.Map() {
			if f.Name != "metadata" && f.Name != "status" {
				h.Write([]byte(f.Name))
				h.Write(f.Value.AppendJSON(nil))
			}
		}
		name := o.Ref.String()
		if o.Ref.Group != "" {
			name = o.Ref.Group + " " + name
		}
		out = append(out, Control{name, hex.EncodeToString(h.Sum(nil)[:8]), o})
	}
	return out
}

// past is one earlier package.
type past struct {
	name, created string // RFC 3339
	state         string // of its place in the chain
	checks        map[string]string
	pos           object.Pos
}

// history reads what the input tells of earlier packages, the oldest first.
func history(in *pci.Input) (ref object.Ref, packages []past, controls map[string]string) {
	all := in.Cluster.Kind(imports, HistoryKind)
	if len(all) == 0 {
		return ref, nil, nil
	}
	o := all[len(all)-1]
	for _, p := range o.Root.Get("spec", "packages").List() {
		packages = append(packages, past{
			p.Get("name").Str(), p.Get("created").Str(), p.Get("state").Str(), p.Get("checks").Strings(), o.At(p),
		})
	}
	return o.Ref, packages, o.Root.Get("spec", "controls").Strings()
}

// noHistory is the question where no earlier package is known.
func noHistory(question string) []pci.Finding {
	return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: question + " Give the folder of earlier evidence packages with --history."}}
}
