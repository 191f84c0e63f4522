// Package istio asks Istio's own code what its objects become for a sidecar, and evaluates that. The filters
// are those that the control plane would send; what Envoy makes of them is in rbac.go. Sidecars only: the
// ambient agent is not written in Go.
package istio

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacpb "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbachttp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	rbactcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/api/security/v1beta1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/config/memory"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/security/authn"
	"istio.io/istio/pilot/pkg/security/authz/builder"
	"istio.io/istio/pilot/pkg/security/trustdomain"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/kube"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/gvk"
	corev1 "k8s.io/api/core/v1"
)

// RootNamespace is where policies of the whole mesh are.
const RootNamespace = "istio-system"

// Pod is a pod as Istio sees it.
type Pod struct {
	Name, Namespace, Account, Node string
	Labels                         map[string]string
	Addrs                          []netip.Addr
	Sidecar                        bool
	Excluded                       []uint32 // ports that are not redirected to the sidecar

	protocols map[uint32]networking.ListenerProtocol // of ports that a Service leads to
	filters   *filters                               // nil until asked for
}

// filters is what decides about connections to a pod: the RBAC filters of the chains for TCP and for HTTP, in
// order, and the modes of mTLS.
type filters struct {
	tcp, http []*rbacpb.RBAC
	peer      authn.MergedPeerAuthentication
}

// Engine is a mesh.
type Engine struct {
	Pods     map[string]*Pod // by "namespace/name"
	Rejected map[string]error

	envoy *envoy
	push  *model.PushContext
	peers map[string][]*config.Config // PeerAuthentications by namespace, oldest first
}

// New reads objects: JSON documents of Namespace, Pod, Service and kinds of security.istio.io. What Istio's
// validation refuses is in Rejected, by "kind namespace/name".
func New(objects [][]byte) (*Engine, error) {
	e := &Engine{Pods: map[string]*Pod{}, Rejected: map[string]error{}, peers: map[string][]*config.Config{}, envoy: &envoy{map[string]*regexp.Regexp{}}}
	spaces := map[string]map[string]string{}
	var services []corev1.Service
	var pods []corev1.Pod
	store := memory.Make(collections.Pilot)
	for _, data := range objects {
		var kind struct{ Kind, APIVersion string }
		if err := json.Unmarshal(data, &kind); err != nil {
			return nil, err
		}
		switch {
		case kind.Kind == "Namespace":
			var ns corev1.Namespace
			if err := json.Unmarshal(data, &ns); err != nil {
				return nil, err
			}
			spaces[ns.Name] = ns.Labels
		case kind.Kind == "Pod":
			var p corev1.Pod
			if err := json.Unmarshal(data, &p); err != nil {
				return nil, err
			}
			pods = append(pods, p)
		case kind.Kind == "Service":
			var s corev1.Service
			if err := json.Unmarshal(data, &s); err != nil {
				return nil, err
			}
			services = append(services, s)
		case strings.HasPrefix(kind.APIVersion, "security.istio.io/"):
			if err := e.add(store, data, kind.Kind); err != nil {
				return nil, err
			}
		}
	}
	for i := range pods {
		e.pod(&pods[i], spaces[pods[i].Namespace], services)
	}
	mesh := &meshconfig.MeshConfig{RootNamespace: RootNamespace}
	env := &model.Environment{ConfigStore: store, Watcher: meshwatcher.NewTestWatcher(mesh)}
	e.push = &model.PushContext{AuthzPolicies: model.GetAuthorizationPolicies(env), Mesh: mesh}
	return e, nil
}

func (e *Engine) add(store *memory.Store, data []byte, kind string) error {
	cfgs, _, err := crd.ParseInputs(string(data))
	if err != nil {
		e.Rejected[kind+" "+string(data)] = err // the API server refuses it by the schema
		return nil
	}
	for _, c := range cfgs {
		if _, err := store.Create(c); err != nil {
			e.Rejected[fmt.Sprintf("%s %s/%s", kind, c.Namespace, c.Name)] = err
			continue
		}
		if c.GroupVersionKind == gvk.PeerAuthentication {
			e.peers[c.Namespace] = append(e.peers[c.Namespace], &c)
		}
	}
	for _, list := range e.peers {
		slices.SortStableFunc(list, func(a, b *config.Config) int {
			if c := a.CreationTimestamp.Compare(b.CreationTimestamp); c != 0 {
				return c
			}
			return strings.Compare(a.Name+"."+a.Namespace, b.Name+"."+b.Namespace) // sortConfigByCreationTime
		})
	}
	return nil
}

func (e *Engine) pod(p *corev1.Pod, space map[string]string, services []corev1.Service) {
	out := &Pod{Name: p.Name, Namespace: p.Namespace, Account: p.Spec.ServiceAccountName, Node: p.Spec.NodeName, Labels: p.Labels,
		protocols: map[uint32]networking.ListenerProtocol{}}
	if out.Account == "" {
		out.Account = "default"
	}
	for _, ip := range p.Status.PodIPs {
		if a, err := netip.ParseAddr(ip.IP); err == nil {
			out.Addrs = append(out.Addrs, a)
		}
	}
	out.Sidecar = injected(p, space)
	var n uint32
	if _, err := fmt.Sscan(p.Annotations["traffic.sidecar.istio.io/excludeInboundPorts"], &n); err == nil {
		out.Excluded = append(out.Excluded, n)
	}
	for _, s := range services {
		if s.Namespace != p.Namespace || len(s.Spec.Selector) == 0 || !subset(s.Spec.Selector, p.Labels) {
			continue
		}
		for _, sp := range s.Spec.Ports {
			proto := kube.ConvertProtocol(sp.Port, sp.Name, sp.Protocol, sp.AppProtocol)
			target := sp.TargetPort.IntValue()
			if target == 0 {
				target = int(sp.Port) // the API server's default
			}
			out.protocols[uint32(target)] = networking.ModelProtocolToListenerProtocol(proto)
		}
	}
	e.Pods[p.Namespace+"/"+p.Name] = out
}

// injected goes by the selectors of the injector's webhooks (manifests/charts/istio-control): the label of the
// namespace, unless the pod says otherwise. A pod that has a proxy has one.
func injected(p *corev1.Pod, space map[string]string) bool {
	if p.Spec.HostNetwork {
		return false
	}
	for _, c := range p.Spec.Containers {
		if c.Name == "istio-proxy" {
			return true
		}
	}
	if p.UID != "" {
		return false // made before the injector was told to
	}
	asked := p.Labels["sidecar.istio.io/inject"]
	switch space["istio-injection"] {
	case "enabled":
		return asked != "false"
	case "":
		return asked == "true"
	}
	return false
}

func subset(want, has map[string]string) bool {
	for k, v := range want {
		if got, ok := has[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// filtersOf is what the control plane sends to the sidecar of p.
func (e *Engine) filtersOf(p *Pod) (*filters, error) {
	if p.filters != nil {
		return p.filters, nil
	}
	proxy := &model.Proxy{Type: model.SidecarProxy, ConfigNamespace: p.Namespace, Labels: p.Labels, IstioVersion: model.MaxIstioVersion,
		Metadata: &model.NodeMetadata{Namespace: p.Namespace, Labels: p.Labels}}
	policies := e.push.AuthzPolicies.ListAuthorizationPolicies(model.PolicyMatcherForProxy(proxy).WithRootNamespace(RootNamespace))
	f := &filters{peer: authn.ComposePeerAuthentication(RootNamespace, e.peersOf(p))}
	for _, custom := range []bool{true, false} {
		b := builder.New(trustdomain.NewBundle(constants.DefaultClusterLocalDomain, nil), e.push, policies, builder.Option{IsCustomBuilder: custom})
		if b == nil {
			continue
		}
		tcp, err := tcpRules(b.BuildTCP())
		if err != nil {
			return nil, err
		}
		http, err := httpRules(b.BuildHTTP())
		if err != nil {
			return nil, err
		}
		f.tcp, f.http = append(f.tcp, tcp...), append(f.http, http...)
	}
	p.filters = f
	return f, nil
}

func tcpRules(list []*listener.Filter) ([]*rbacpb.RBAC, error) {
	var out []*rbacpb.RBAC
	for _, f := range list {
		var r rbactcp.RBAC
		if err := f.GetTypedConfig().UnmarshalTo(&r); err != nil {
			return nil, err
		}
		if r.GetRules() != nil {
			out = append(out, r.GetRules())
		}
	}
	return out, nil
}

func httpRules(list []*hcm.HttpFilter) ([]*rbacpb.RBAC, error) {
	var out []*rbacpb.RBAC
	for _, f := range list {
		var r rbachttp.RBAC
		if err := f.GetTypedConfig().UnmarshalTo(&r); err != nil {
			return nil, err
		}
		if r.GetRules() != nil {
			out = append(out, r.GetRules())
		}
	}
	return out, nil
}

// peersOf selects as addPeerAuthentication and getConfigsForWorkload do: the oldest object without a selector of
// a namespace, and those whose selectors match.
func (e *Engine) peersOf(p *Pod) []*config.Config {
	var out []*config.Config
	for _, ns := range []string{p.Namespace, RootNamespace} {
		whole := false
		for _, c := range e.peers[ns] {
			labels := c.Spec.(*v1beta1.PeerAuthentication).GetSelector().GetMatchLabels()
			if len(labels) == 0 {
				if whole {
					continue
				}
				whole = true
			}
			if subset(labels, p.Labels) {
				out = append(out, c)
			}
		}
		if p.Namespace == RootNamespace {
			break
		}
	}
	return out
}

// Verdict is what becomes of a connection over all the ways in which it can be made: with the client's identity
// or in plain text, and where the server guesses the protocol, as HTTP or not.
type Verdict struct {
	Any     bool // some way gets through
	Unknown bool // hangs on what filters of other kinds leave behind; Any then says nothing
}

// Client is the other end of a connection: a pod, or with Pod nil a bare address.
type Client struct {
	Pod  *Pod
	Addr netip.Addr
}

// Allowed tells what becomes of TCP connections to a port of dst, before any network policy. addr is the
// address of dst in the family of the client.
func (e *Engine) Allowed(src Client, dst *Pod, addr netip.Addr, port uint32) (Verdict, error) {
	if !dst.Sidecar || slices.Contains(dst.Excluded, port) {
		return Verdict{Any: true}, nil
	}
	f, err := e.filtersOf(dst)
	if err != nil {
		return Verdict{}, err
	}
	mode := f.peer.Mode
	if m, ok := f.peer.PerPort[port]; ok {
		mode = m
	}
	var ways []connection
	plain := connection{source: src.Addr, dest: addr, port: port}
	if mode != model.MTLSStrict {
		ways = append(ways, plain)
	}
	if src.Pod != nil && src.Pod.Sidecar && mode != model.MTLSDisable {
		with := plain
		with.principal = fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", src.Pod.Namespace, src.Pod.Account)
		ways = append(ways, with)
	}
	chain := networking.ListenerProtocol(networking.ListenerProtocolAuto)
	if c, ok := dst.protocols[port]; ok {
		chain = c
	}
	var v Verdict
	for _, w := range ways {
		if chain != networking.ListenerProtocolHTTP {
			v.add(e.envoy.pass(f.tcp, w))
		}
		if chain != networking.ListenerProtocolTCP {
			for i := range requests {
				w.request = &requests[i]
				v.add(e.envoy.pass(f.http, w))
			}
		}
	}
	v.Unknown = v.Unknown && !v.Any
	return v, nil
}

func (v *Verdict) add(t truth) {
	v.Any = v.Any || t == yes
	v.Unknown = v.Unknown || t == unknown
}
