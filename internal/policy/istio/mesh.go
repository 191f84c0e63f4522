package istio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// localDomain stands for the trust domain of the mesh in every policy (spiffe, trustdomain.Bundle).
const localDomain = "cluster.local"

// mesh is what the whole input says of the mesh. It is made anew for each object, as compiling keeps no state.
type mesh struct {
	settings
	c         *cluster.Cluster
	installed bool // something shows that there is a control plane
	ztunnel   bool // something shows that there is an ambient data plane
	// injectAll says that namespaces without labels get sidecars too; injectRules that the injector has
	// selectors of its own.
	injectAll, injectRules bool
	// revisions of the injectors in the input; nil when there are none, and any may exist.
	revisions map[string]bool
	// includePorts and excludePorts are the injector's defaults for the annotations of these names.
	includePorts, excludePorts string
	// foreign says, when not "", why addresses outside may hold identities of the mesh.
	foreign string
	// hostProxies says that a host-network pod runs a proxy of the mesh, so a node may hold identities.
	hostProxies bool
	peers       []peerAuthn
	leaky       *bool // what leaks found, nil before it was asked
}

func newMesh(c *cluster.Cluster) *mesh {
	m := &mesh{settings: readSettings(c), c: c, includePorts: "*"}
	m.readEvidence()
	m.readInjectors()
	m.readForeign()
	for _, p := range c.Pods {
		_, proxy := proxyOf(p)
		m.installed = m.installed || proxy
		m.hostProxies = m.hostProxies || p.HostNetwork && proxy
		m.ztunnel = m.ztunnel || p.Labels["app"] == "ztunnel" || annotation(p, "ambient.istio.io/redirection") == "enabled"
	}
	for _, o := range c.Kind(securityGroup, "PeerAuthentication") {
		m.peers = append(m.peers, readPeerAuthn(policy.NewReader(o)))
	}
	return m
}

// readEvidence looks for signs of a control plane: any object that only Istio reads, and istiod itself.
func (m *mesh) readEvidence() {
	for _, o := range m.c.Objects {
		switch g := o.Ref.Group; {
		case strings.HasSuffix(g, ".istio.io"), g == "sailoperator.io":
			m.installed = true
		case g == "apiextensions.k8s.io" && strings.HasSuffix(o.Ref.Name, ".istio.io"):
			m.installed = true
		}
	}
	m.installed = m.installed || m.stated || slices.ContainsFunc(m.c.Workloads, controlPlane)
}

// controlPlane tells whether a workload is istiod.
func controlPlane(w *cluster.Workload) bool {
	return strings.HasPrefix(w.Ref.Name, "istiod") || w.Pods[0].Labels["app"] == "istiod"
}

// readInjectors reads what decides which templates get a sidecar, as far as it is in the input.
func (m *mesh) readInjectors() {
	for _, o := range m.c.Kind("admissionregistration.k8s.io", "MutatingWebhookConfiguration") {
		for _, w := range o.Root.Get("webhooks").List() {
			name := w.Get("name").Str()
			if !strings.HasSuffix(name, "sidecar-injector.istio.io") {
				continue
			}
			m.installed = true
			m.injectAll = m.injectAll || strings.HasPrefix(name, "auto.")
			if m.revisions == nil {
				m.revisions = map[string]bool{}
			}
			labels := o.Root.Get("metadata", "labels")
			m.revisions[labels.Get("istio.io/rev").Str()] = true
			m.revisions[labels.Get("istio.io/tag").Str()] = true
		}
	}
	for _, o := range m.c.Kind("", "ConfigMap") {
		if !strings.HasPrefix(o.Ref.Name, "istio-sidecar-injector") {
			continue
		}
		m.installed = true
		if v := o.Root.Get("data", "values"); v.IsSet() {
			tree, err := parseYAML(v)
			proxy := tree.Get("global", "proxy")
			if in := proxy.Get("includeInboundPorts"); in.IsSet() {
				m.includePorts = in.Str()
			}
			m.excludePorts = proxy.Get("excludeInboundPorts").Str()
			m.injectRules = m.injectRules || err != nil
		}
		if v := o.Root.Get("data", "config"); v.IsSet() {
			tree, err := parseYAML(v)
			m.injectRules = m.injectRules || err != nil || len(tree.Get("neverInjectSelector").List()) > 0 ||
				len(tree.Get("alwaysInjectSelector").List()) > 0 || tree.Get("policy").Str() == "disabled"
		}
	}
}

// readForeign looks for members of the mesh that are no pods of this cluster. They come from outside and
// hold identities all the same.
func (m *mesh) readForeign() {
	say := func(o *object.Object, what string) {
		if m.foreign == "" {
			m.foreign = fmt.Sprintf("%s is in the input, so %s outside the cluster may have an identity of the mesh", o.Ref, what)
		}
	}
	for _, kind := range []string{"WorkloadEntry", "WorkloadGroup"} {
		for _, o := range m.c.Kind(networkingGroup, kind) {
			say(o, "machines")
		}
	}
	for _, o := range m.c.Kind(networkingGroup, "Gateway") {
		for _, s := range o.Root.Get("spec", "servers").List() {
			if s.Get("tls", "mode").Str() == "AUTO_PASSTHROUGH" {
				say(o, "pods of other clusters")
			}
		}
	}
	for _, o := range m.c.Kind("", "Secret") {
		if o.Root.Get("metadata", "labels", "istio/multiCluster").Str() == "true" {
			say(o, "pods of other clusters")
		}
	}
	// The Secrets are not read from a live cluster. What follows is set where clusters share a mesh.
	several := func(o *object.Object, what string) {
		if m.foreign == "" {
			m.foreign = fmt.Sprintf("%s %s, as where several clusters share a mesh, so pods of other clusters may have an identity of it", o.Ref, what)
		}
	}
	for _, o := range m.c.Kind("", "ConfigMap") {
		v := o.Root.Get("data", "meshNetworks")
		if !v.IsSet() || o.Ref.Name != "istio" && !strings.HasPrefix(o.Ref.Name, "istio-") {
			continue
		}
		if tree, err := parseYAML(v); err != nil || len(tree.Get("networks").Map()) > 0 {
			several(o, "names networks")
		}
	}
	for _, w := range m.c.Workloads {
		if !controlPlane(w) {
			continue
		}
		for _, p := range w.Pods {
			if name := clusterID(p); name != "" && name != "Kubernetes" {
				several(p.Object, "calls its cluster "+name)
			}
		}
	}
	for _, o := range m.c.Kind("", "Namespace") {
		if network := o.Root.Get("metadata", "labels").Get("topology.istio.io/network").Str(); network != "" {
			several(o, "is of network "+network)
		}
	}
}

// clusterID is what the control plane calls the cluster of its pod.
func clusterID(p *cluster.Pod) string {
	for _, c := range p.Spec.Get("containers").List() {
		for _, e := range c.Get("env").List() {
			if e.Get("name").Str() == "CLUSTER_ID" {
				return e.Get("value").Str()
			}
		}
	}
	return ""
}

func annotation(p *cluster.Pod, name string) string { return p.Annotations.Get(name).Str() }

// proxyOf finds the proxy container of a pod, also one among the init containers, and what it runs as:
// "sidecar", "router", or "" when that is not told.
func proxyOf(p *cluster.Pod) (role string, found bool) {
	for _, c := range p.Containers {
		if c.Name != "istio-proxy" {
			continue
		}
		for _, a := range slices.Concat(c.Command, c.Args) {
			if a == "router" || a == "sidecar" {
				return a, true
			}
		}
		found = true
	}
	return "", found
}

// leaks tells whether some pod may send part of its traffic past its proxy.
func (m *mesh) leaks() bool {
	if m.leaky == nil {
		found := slices.ContainsFunc(m.c.Pods, func(p *cluster.Pod) bool { return !p.HostNetwork && m.leaking(p) != "" })
		m.leaky = &found
	}
	return *m.leaky
}

// Values of FactLeaks: any traffic may go past the proxy, or only what goes to other namespaces.
const (
	leaksAny    = "any"
	leaksAbroad = "to other namespaces"
)

// leaking tells whether a pod may send part of its traffic past its proxy, or through it as to a stranger:
// by annotation, or because a Sidecar object hides Services from it. It is "" or a value of FactLeaks.
func (m *mesh) leaking(p *cluster.Pod) string {
	in := p.Annotations
	if len(in.Map()) > 0 && slices.ContainsFunc(outbound, func(name string) bool {
		v, all := in.Get("traffic.sidecar.istio.io/"+name), strings.HasPrefix(name, "include")
		return v.IsSet() && (all && v.Str() != "*" || !all && v.Str() != "")
	}) {
		return leaksAny
	}
	found := ""
	for _, o := range m.c.Kind(networkingGroup, "Sidecar") {
		spec := o.Root.Get("spec")
		if !spec.Get("egress").IsSet() || !m.reaches(o, spec.Get("workloadSelector", "labels"), p) {
			continue
		}
		switch { // several listeners may share the hosts; only the simple form is looked into
		case len(spec.Get("egress").List()) != 1:
			return leaksAny
		case showsAll(spec, "*/*"):
		case showsAll(spec, "./*"):
			found = leaksAbroad
		default:
			return leaksAny
		}
	}
	return found
}

// outbound are the annotations that say which traffic of a pod its proxy takes over.
var outbound = []string{"excludeOutboundPorts", "excludeOutboundIPRanges", "includeOutboundPorts", "includeOutboundIPRanges", "excludeInterfaces"}

// showsAll tells whether the first listener of a Sidecar object has a host and no port that would narrow it.
func showsAll(spec *object.Value, host string) bool {
	first := spec.Get("egress").List()[0]
	return !first.Get("port").IsSet() && !first.Get("bind").IsSet() &&
		slices.ContainsFunc(first.Get("hosts").List(), func(h *object.Value) bool { return h.Str() == host })
}

// portList reads a list of ports as the annotations write it: "*" for all, "" for none.
func portList(text string) (netset.Conns, bool) {
	out := netset.None()
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if part == "*" {
			return netset.Of(netset.TCP), true
		}
		lo, hi, isRange := strings.Cut(part, "-")
		if !isRange {
			hi = lo
		}
		a, okLo := port(lo)
		b, okHi := port(hi)
		if !okLo || !okHi || b < a {
			return netset.None(), false
		}
		out = out.Union(netset.Ports(netset.TCP, a, b))
	}
	return out, true
}

// port reads a number from 1 to 65535 as Istio does: digits only.
func port(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n > 0
}
