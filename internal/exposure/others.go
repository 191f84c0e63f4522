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
		in("gateway.networking.x-k8s.io", "XListenerSet"),
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
			f.addUnmodelled(o, "kind not modelled yet: what this "+gk.Kind+" exposes, and to whom, is not known")
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
