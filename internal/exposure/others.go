package exposure

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// notModelled lists the kinds that can open a way in and are not read yet.
func notModelled() []object.GroupKind {
	in := func(group string, kinds ...string) []object.GroupKind {
		var out []object.GroupKind
		for _, k := range kinds {
			out = append(out, object.GroupKind{Group: group, Kind: k})
		}
		return out
	}
	var all []object.GroupKind
	for _, list := range [][]object.GroupKind{
		in("gateway.networking.k8s.io", "Gateway", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"),
		in("route.openshift.io", "Route"),
		in("traefik.io", "IngressRoute", "IngressRouteTCP", "IngressRouteUDP"),
		in("traefik.containo.us", "IngressRoute", "IngressRouteTCP", "IngressRouteUDP"),
		in("projectcontour.io", "HTTPProxy"),
		in("networking.istio.io", "VirtualService", "Gateway"),
		in("k8s.nginx.org", "VirtualServer", "TransportServer"),
		in("configuration.konghq.com", "TCPIngress", "UDPIngress"),
		in("getambassador.io", "Mapping", "TCPMapping", "Listener"),
		in("x.getambassador.io", "Mapping", "TCPMapping", "Listener"),
		in("multicluster.x-k8s.io", "ServiceExport"),
		in("networking.gke.io", "MultiClusterIngress", "MultiClusterService"),
		in("extensions", "Ingress"),
	} {
		all = append(all, list...)
	}
	return all
}

// readOthers makes an entry for everything that may be a way in and is not understood.
func (f *finder) readOthers() {
	for _, gk := range notModelled() {
		for _, o := range f.cluster.Kind(gk.Group, gk.Kind) {
			if !inside(o) {
				f.addUnmodelled(o, "kind not modelled yet: what this "+gk.Kind+" exposes, and to whom, is not known")
			}
		}
	}
	for _, w := range f.cluster.Workloads {
		if hasImage(w, "cloudflared", "ngrok", "tailscale/tailscale", "inlets", "frpc") {
			e := f.podEntry(w, w.Pos, Tunnel)
			e.SourcesKept, e.AllPorts = enforcer.Unknown, true
			e.Targets = targetsOf(w.Pods, 0)
			e.Because = []string{"its image is that of a tunnel: it may let outside traffic in to everything the pod reaches; its configuration is not read"}
			f.add(e)
		}
	}
}

func (f *finder) addUnmodelled(o *object.Object, why string) {
	host := o.Root.Get("spec", "host").Str()
	if names := o.Root.Get("spec", "hostnames").List(); host == "" && len(names) == 1 {
		host = names[0].Str()
	}
	f.add(Entry{Via: o.Ref, Pos: o.Pos, Kind: NotModelled, Sources: netset.AllAddrs(), Host: host, Because: []string{why}})
}

// inside tells whether a routing object is for traffic between pods only: a VirtualService is unless it names
// a gateway besides "mesh" (Istio), and so is a route all of whose parents are Services (Gateway API, GAMMA).
func inside(o *object.Object) bool {
	switch o.Ref.GroupKind() {
	case object.GroupKind{Group: "networking.istio.io", Kind: "VirtualService"}:
		for _, g := range o.Root.Get("spec", "gateways").List() {
			if g.Str() != "mesh" {
				return false
			}
		}
		return true
	}
	if o.Ref.Group != "gateway.networking.k8s.io" {
		return false
	}
	parents := o.Root.Get("spec", "parentRefs").List()
	for _, p := range parents {
		if p.Get("kind").Str() != "Service" {
			return false
		}
	}
	return len(parents) > 0
}
