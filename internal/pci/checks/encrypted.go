package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/istio"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// meshEncrypts says why a connection is certainly encrypted by a mesh: every pod of both ends is in it, and those of
// the server refuse plain text on all ports. It is nil when that is not certain.
func meshEncrypts(in *pci.Input, src, dst reach.Peer) []pci.Because {
	if src.Workload == nil || dst.Workload == nil {
		return nil
	}
	var because []pci.Because
	for _, p := range src.Workload.Pods {
		if p.HostNetwork || !inMesh(in, p) {
			return nil
		}
	}
	for _, p := range dst.Workload.Pods {
		// A gateway and a waypoint end connections themselves, so what their listeners take is another question.
		if p.HostNetwork || !inMesh(in, p) || serves(in.Policies.Facts[p]) || strictnessOf(in, p).status != pci.Pass {
			return nil
		}
		because = append(because, authentications(in, p)...)
	}
	return tidy(append(because,
		pci.Because{Ref: src.Workload.Ref, Pos: src.Workload.Pos, Msg: "its pods are in the mesh"},
		pci.Because{Ref: dst.Workload.Ref, Pos: dst.Workload.Pos, Msg: "its pods are in the mesh and refuse plain text on every port"}))
}

// inMesh tells whether a pod certainly has a proxy of a mesh whose control plane is in the input.
func inMesh(in *pci.Input, p *cluster.Pod) bool {
	if f, member := in.Policies.Facts[p][istio.FactMesh]; member {
		return !f.Unknown && in.Profile.Mesh == enforcer.Yes
	}
	s := linkerd(in.Cluster, p).status // what it takes does not matter for what it sends
	return s == pci.Pass || s == pci.Fail
}

// handshake is what a port answered when TLS was tried.
type handshake struct {
	workload string // namespace/name
	port     int
}

// handshakes reads the recorded ones (kind TLSHandshake): whether the port took TLS. That it did stands for a year, as in
// TLS-06.
func handshakes(in *pci.Input) map[handshake]bool {
	out := map[handshake]bool{}
	for _, a := range attempts(in) {
		spec := a.object.Root.Get("spec")
		port, ok := spec.Get("port").Int()
		if !ok || !a.plain && (!a.speaks || a.age(in.Today) != "") {
			continue
		}
		h := handshake{spec.Get("workload").Str(), port}
		before, twice := out[h]
		out[h] = a.speaks && (before || !twice)
	}
	return out
}

// speaks is clearText with what handshakes showed of the port.
func speaks(tried map[handshake]bool, w *cluster.Workload, l listener) (pci.Service, bool) {
	s, clear := clearText(l)
	took, known := tried[handshake{w.Ref.Namespace + "/" + w.Ref.Name, l.port}]
	switch {
	case known && took:
		return s, false
	case known:
		s.Negotiates = false
		if !clear {
			s.Name, s.Instead = "something without TLS", "TLS"
		}
		return s, true
	}
	return s, clear
}
