package istio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Keys of the facts about pods. A pod outside the mesh has none of them but FactServices.
const (
	// FactMesh is how the pod is in the mesh: one of the values below.
	FactMesh = "mesh"
	// FactPrincipal is the identity its connections carry: "cluster.local/ns/NAMESPACE/sa/ACCOUNT".
	FactPrincipal = "principal"
	// FactMTLS is what connections to the pod must be: "strict", "permissive" (plain text as well) or
	// "disable" where that holds of every port, otherwise the exceptions too: "permissive; strict 8080". A
	// mode that is not known is several, as in "permissive or strict".
	FactMTLS = "mtls"
	// FactInbound is what else matters of connections to the pod, for the reader; pods of equal FactMesh,
	// FactMTLS and FactInbound are treated alike by every policy that selects them.
	FactInbound = "inbound"
	// FactPast is the TCP ports that are kept from the proxy of the pod, other than the proxy's own. It is part of
	// what FactInbound says.
	FactPast = "past"
	// FactLeaks is set on pods that send part of their traffic past their proxy: "any", or that "to other
	// namespaces".
	FactLeaks = "leaks"
)

// Values of FactMesh. A waypoint is a gateway that acts for ambient pods.
const (
	Sidecar  = "sidecar"
	Ambient  = "ambient"
	Gateway  = "gateway"
	Waypoint = "waypoint"
)

// membership is how a pod is in the mesh: not at all without values, and one of the values when they are
// several or the reason is set.
type membership struct {
	values  []string
	because string // not "": it is not known whether the pod is in the mesh
}

func in(value string) membership { return membership{values: []string{value}} }

func perhaps(because string, values ...string) membership { return membership{values, because} }

// member tells whether and how a pod is in the mesh. A pod that a server has stored is what it is; anything
// else is judged by what the injector and the ambient agent would make of it (pkg/kube/inject injectRequired,
// the injector's webhook selectors, cni/pkg/util podutil.go). Where
// nothing at all shows a mesh, labels that the input lacks count as not set.
func (m *mesh) member(p *cluster.Pod) membership {
	if p.HostNetwork {
		return membership{}
	}
	role, found := proxyOf(p)
	if found {
		return m.withProxy(p, role)
	}
	ambient := m.wantsAmbient(p)
	var sidecar membership
	if !p.Stored {
		sidecar = m.wantsSidecar(p)
	} else {
		// It would have the container of a sidecar by now.
		if annotation(p, "ambient.istio.io/redirection") == "enabled" {
			return in(Ambient)
		}
		if len(ambient.values) > 0 && ambient.because == "" {
			return perhaps(fmt.Sprintf("%s is labelled for ambient mode, but its annotations do not say that it has been taken in", p.Workload.Ref), Ambient)
		}
	}
	got := sidecar
	switch {
	case len(sidecar.values) == 0:
		got = ambient
	case sidecar.because != "" && len(ambient.values) > 0:
		got.values = slices.Concat(sidecar.values, ambient.values)
	}
	switch {
	case len(got.values) == 0 || got.because != "":
	case !m.installed:
		got.because = fmt.Sprintf("%s is labelled for a service mesh, but nothing in the input shows that one is installed", p.Workload.Ref)
	case !m.discovers(p.Namespace):
		got.because = fmt.Sprintf("the discoverySelectors of the mesh may leave out namespace %s", p.Namespace.Name)
	case got.values[0] == Ambient && m.c.Complete && !m.ztunnel:
		got.because = fmt.Sprintf("%s is labelled for ambient mode, but no ztunnel is there", p.Workload.Ref)
	}
	return got
}

// withProxy is for pods that have a proxy container already.
func (m *mesh) withProxy(p *cluster.Pod, role string) membership {
	templates := annotation(p, "inject.istio.io/templates")
	_, managed := p.Labels[gatewayLabel]
	switch {
	case role == "router" && (p.Labels["gateway.networking.k8s.io/gateway-class-name"] == waypointClass || m.gatewayClass(p) == waypointClass):
		return in(Waypoint)
	case role == "router" && managed && m.gatewayClass(p) == "":
		return perhaps(fmt.Sprintf("the Gateway of %s is not in the input, so it is not known whether it is a waypoint", p.Workload.Ref), Gateway, Waypoint)
	case role == "router" || strings.Contains(templates, "gateway"):
		return in(Gateway)
	case strings.Contains(templates, "grpc"):
		return perhaps(fmt.Sprintf("%s is in the mesh without a proxy of its own (gRPC), which is not modelled", p.Workload.Ref), Sidecar)
	case annotation(p, "sidecar.istio.io/interceptionMode") == "NONE" || strings.Contains(annotation(p, "proxy.istio.io/config"), "interceptionMode"):
		return perhaps(fmt.Sprintf("the proxy of %s does not take over all traffic (interceptionMode)", p.Workload.Ref), Sidecar)
	case role == "" && !strings.Contains(templates, "sidecar") && templates != "":
		return perhaps(fmt.Sprintf("it is not known what the proxy of %s is", p.Workload.Ref), Sidecar, Gateway)
	}
	return in(Sidecar)
}

const (
	gatewayLabel  = "gateway.networking.k8s.io/gateway-name"
	waypointClass = "istio-waypoint"
)

// gatewayClass is the class of the Gateway that a pod is made for, "" when it is not in the input.
func (m *mesh) gatewayClass(p *cluster.Pod) string {
	if c := p.Labels["gateway.networking.k8s.io/gateway-class-name"]; c != "" {
		return c
	}
	return m.classOfGateway(p.Namespace.Name, p.Labels[gatewayLabel])
}

func (m *mesh) classOfGateway(namespace, name string) string {
	for _, o := range m.c.Kind("gateway.networking.k8s.io", "Gateway") {
		if o.Ref.Namespace == namespace && o.Ref.Name == name {
			return o.Root.Get("spec", "gatewayClassName").Str()
		}
	}
	return ""
}

// neverInjected are the namespaces the injector leaves alone (inject.IgnoredNamespaces).
var neverInjected = []string{"kube-node-lease", "kube-public", "kube-system", "local-path-storage"}

// wantsSidecar tells whether the injector would give the pod a proxy.
func (m *mesh) wantsSidecar(p *cluster.Pod) membership {
	const key = "sidecar.istio.io/inject"
	asked, labelled := p.Labels[key]
	if !labelled {
		asked = annotation(p, key)
	}
	if asked == "false" || slices.Contains(neverInjected, p.Namespace.Name) {
		return membership{}
	}
	yes := m.injected(p)
	if m.injectRules && asked != "true" {
		yes.because = "the injector has selectors or a policy of its own, which are not modelled"
	}
	ns := p.Namespace
	switch {
	case !ns.Declared && !m.installed && asked != "true" && p.Labels["istio.io/rev"] == "":
		return membership{}
	case !ns.Declared:
		yes.because = fmt.Sprintf("the labels of namespace %s are not in the input, so it is not known whether its pods are in the mesh; add its Namespace object", ns.Name)
		return yes
	case ns.Labels["istio-injection"] == "enabled":
		return yes
	case ns.Labels["istio-injection"] != "":
		return membership{}
	case ns.Labels["istio.io/rev"] != "":
		return m.revision(yes, ns.Labels["istio.io/rev"])
	case p.Labels["istio.io/rev"] != "":
		return m.revision(yes, p.Labels["istio.io/rev"])
	case labelled && asked == "true":
		return yes
	case m.injectAll:
		yes.because = "the injector also takes namespaces without labels, which is not modelled"
		return yes
	}
	return membership{}
}

// revision is for pods that ask for the injector of one revision of the control plane.
func (m *mesh) revision(yes membership, name string) membership {
	if m.revisions != nil && !m.revisions[name] && yes.because == "" {
		yes.because = fmt.Sprintf("no injector of revision %s is in the input", name)
	}
	return yes
}

// injected is what the injector makes of a pod that it takes.
func (m *mesh) injected(p *cluster.Pod) membership {
	switch templates := annotation(p, "inject.istio.io/templates"); {
	case templates == "" || strings.HasPrefix(templates, "sidecar"):
	case strings.Contains(templates, "gateway"):
		return in(Gateway)
	default:
		return perhaps(fmt.Sprintf("%s is injected with templates %+q, which are not modelled", p.Workload.Ref, templates), Sidecar)
	}
	if annotation(p, "sidecar.istio.io/interceptionMode") == "NONE" || strings.Contains(annotation(p, "proxy.istio.io/config"), "interceptionMode") {
		return perhaps(fmt.Sprintf("the proxy of %s does not take over all traffic (interceptionMode)", p.Workload.Ref), Sidecar)
	}
	return in(Sidecar)
}

// wantsAmbient tells whether the ambient agent would take the pod in.
func (m *mesh) wantsAmbient(p *cluster.Pod) membership {
	const key = "istio.io/dataplane-mode"
	switch mode := p.Labels[key]; {
	case mode == "none":
		return membership{}
	case mode == Ambient:
		return in(Ambient)
	case !p.Namespace.Declared && !m.installed:
		return membership{}
	case !p.Namespace.Declared:
		return perhaps(fmt.Sprintf("the labels of namespace %s are not in the input, so it is not known whether its pods are in the mesh; add its Namespace object", p.Namespace.Name), Ambient)
	case p.Namespace.Labels[key] == Ambient:
		return in(Ambient)
	}
	return membership{}
}

// principal is the identity of a pod of this mesh.
func (m *mesh) principal(p *cluster.Pod) string {
	return m.trustDomain + "/ns/" + p.Namespace.Name + "/sa/" + p.ServiceAccount
}

// facts gives the facts of every pod that is, or may be, in the mesh, and FactServices of others too.
func (m *mesh) facts() map[*cluster.Pod]policy.Facts {
	out := map[*cluster.Pod]policy.Facts{}
	for _, p := range m.c.Pods {
		var f policy.Facts
		if m.registryOnly != nil {
			if ports := m.registered(p); !ports.IsEmpty() {
				f = policy.Facts{FactServices: {Value: ports.String()}}
				out[p] = f
			}
		}
		member := m.member(p)
		if len(member.values) == 0 {
			continue
		}
		if f == nil {
			f = policy.Facts{}
		}
		out[p] = f
		s := m.server(p, member.values[0])
		for _, known := range []struct{ key, value string }{
			{FactMesh, member.values[0]}, {FactPrincipal, m.principal(p)}, {FactMTLS, s.mtls}, {FactInbound, s.inbound},
		} {
			f[known.key] = policy.Fact{Value: known.value}
			if member.because != "" {
				f[known.key] = policy.Fact{Unknown: true, Because: member.because}
			}
		}
		if s.past != "" {
			f[FactPast] = policy.Fact{Value: s.past, Unknown: member.because != "", Because: member.because}
		}
		if how := m.leaking(p); how != "" && member.values[0] == Sidecar {
			f[FactLeaks] = policy.Fact{Value: how, Unknown: member.because != "", Because: member.because}
		}
	}
	return out
}
