// Package cilium asks Cilium's own policy code for verdicts, to hold ours against them. It turns API objects
// into identities and rules with the functions that the agent uses, and looks packets up in the policy map of
// an endpoint as the datapath would.
package cilium

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	envoypolicy "github.com/cilium/cilium/pkg/envoy/policy"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/k8s"
	k8sconst "github.com/cilium/cilium/pkg/k8s/apis/cilium.io"
	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	networkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	metav1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/apis/meta/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	policytypes "github.com/cilium/cilium/pkg/policy/types"
	policyutils "github.com/cilium/cilium/pkg/policy/utils"
	testidentity "github.com/cilium/cilium/pkg/testutils/identity"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	ciliumtypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
)

const clusterName = "default"

// Config is what the agents' settings say, as far as verdicts hang on it.
type Config struct {
	IPv4, IPv6   bool
	LocalCluster bool // policy-default-local-cluster: selectors mean pods of this cluster only
}

// Pod is an endpoint. Host-network pods share the identity of their node.
type Pod struct {
	Name, Namespace, Node string
	HostNetwork           bool

	id    *identity.Identity
	ports ciliumtypes.NamedPortMap
	maps  *policy.EndpointPolicy // nil until asked for
}

// End is one end of a packet. With Pod nil it is an address outside, or a node's own process when Node says so.
type End struct {
	Pod  *Pod
	Addr netip.Addr
	Node string
}

// Engine is a cluster as the agents see it. It holds for the Config it was made with: Cilium keeps settings in
// one global place, so that engines of different settings cannot be asked in turns.
type Engine struct {
	Pods     map[string]*Pod // by "namespace/name"
	Rejected map[string]error

	repo     *policy.Repository
	entries  policytypes.PolicyEntries
	prefixes []prefixID
	named    namedPorts
	config   Config
	apiNode  string // the node that the API server runs on, "" when it runs on none
}

type prefixID struct {
	prefix netip.Prefix
	id     *identity.Identity
}

type namedPorts struct{ ciliumtypes.NamedPortMultiMap }

func (n namedPorts) GetNamedPorts() ciliumtypes.NamedPortMultiMap { return n.NamedPortMultiMap }

var quiet = slog.New(slog.DiscardHandler)

// New reads objects (JSON documents of Namespace, Pod, Service, NetworkPolicy and cilium.io kinds; others are not looked
// at). Policies that Cilium drops are in Rejected, by "kind namespace/name".
func New(objects [][]byte, cfg Config, apiNode string) (*Engine, error) {
	configure(cfg)
	e := &Engine{Pods: map[string]*Pod{}, Rejected: map[string]error{}, config: cfg, apiNode: apiNode}
	byKind := map[string][][]byte{}
	for _, data := range objects {
		var meta struct{ Kind string }
		if err := json.Unmarshal(data, &meta); err != nil {
			return nil, err
		}
		byKind[meta.Kind] = append(byKind[meta.Kind], data)
	}
	ids := identity.ListReservedIdentities()
	if err := e.readPods(byKind, ids); err != nil {
		return nil, err
	}
	groups, err := e.readPolicies(byKind)
	if err != nil {
		return nil, err
	}
	e.readPrefixes(groups, ids)
	manager := identitymanager.NewIDManager(quiet)
	e.repo = policy.NewPolicyRepository(quiet, ids, nil, envoypolicy.NewEnvoyL7RulesTranslator(quiet, nil), manager, testpolicy.NewPolicyMetricsNoop())
	e.repo.GetSelectorCache().SetLocalIdentityNotifier(testidentity.NewDummyIdentityNotifier())
	manager.Subscribe(testpolicy.SelectorCacheObserver{Cache: e.repo.GetSubjectSelectorCache()})
	e.repo.SetNamedPortsGetter(e.named)
	e.repo.MustAddPolicyEntries(e.entries)
	for _, p := range e.Pods {
		manager.Add(p.id)
	}
	return e, nil
}

// configure sets what the agent sets when it starts. Without InitEntities the entity "cluster" is a wildcard.
func configure(cfg Config) {
	option.Config.ClusterName = clusterName
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	option.Config.EnableICMPRules = true
	option.Config.EnableSCTP = true
	option.Config.EnableL7Proxy = true
	option.Config.EnableNonDefaultDenyPolicies = true
	option.Config.EnableIPv4, option.Config.EnableIPv6 = cfg.IPv4, cfg.IPv6
	api.InitEntities(clusterName)
	policy.SetPolicyEnabled(option.DefaultEnforcement)
}

type namespace struct {
	name   string
	labels map[string]string
}

func (n namespace) GetName() string              { return n.name }
func (n namespace) GetLabels() map[string]string { return n.labels }

// readPods gives every pod the identity that the agent would allocate for it (k8s_metadatafetcher.go).
func (e *Engine) readPods(byKind map[string][][]byte, ids identity.IdentityMap) error {
	if err := labelsfilter.ParseLabelPrefixCfg(quiet, nil, nil, ""); err != nil {
		return err
	}
	spaces := map[string]namespace{}
	for _, data := range byKind["Namespace"] {
		var ns corev1.Namespace
		if err := json.Unmarshal(data, &ns); err != nil {
			return err
		}
		spaces[ns.Name] = namespace{ns.Name, ns.Labels}
	}
	multi := ciliumtypes.NewNamedPortMultiMap()
	e.named = namedPorts{multi}
	known := map[string]*identity.Identity{}
	for _, data := range byKind["Pod"] {
		var pod corev1.Pod
		if err := json.Unmarshal(data, &pod); err != nil {
			return err
		}
		p := &Pod{Name: pod.Name, Namespace: pod.Namespace, Node: pod.Spec.NodeName, HostNetwork: pod.Spec.HostNetwork}
		e.Pods[p.Namespace+"/"+p.Name] = p
		if p.HostNetwork {
			p.id = identity.LookupReservedIdentity(identity.ReservedIdentityHost)
			continue
		}
		ns, ok := spaces[pod.Namespace]
		if !ok {
			return fmt.Errorf("pod %s/%s: no such namespace", pod.Namespace, pod.Name)
		}
		if pod.Spec.ServiceAccountName == "" {
			pod.Spec.ServiceAccountName = "default" // the API server's default
		}
		ports, raw := k8s.GetPodMetadata(quiet, ns, &pod)
		lbls, _ := labelsfilter.Filter(labels.Map2Labels(raw, labels.LabelSourceK8s))
		for _, l := range k8s.NamedPortsIdentityLabels(ports) {
			lbls[l.Key] = l
		}
		key := string(lbls.SortedList())
		if known[key] == nil {
			known[key] = identity.NewIdentity(identity.NumericIdentity(1000+len(known)), lbls)
			ids[known[key].ID] = known[key].LabelArray
		}
		p.id, p.ports = known[key], ports
		multi.Update(p.id.ID, nil, ports)
	}
	return nil
}

// resolveServices puts the pods behind Services in the place of toServices, as the agent does before it reads a
// policy (processRule in pkg/policy/k8s/service.go). Services without a selector are not looked at.
func resolveServices(rule *api.Rule, services []corev1.Service) {
	if rule == nil {
		return
	}
	for i := range rule.Egress {
		for _, to := range rule.Egress[i].ToServices {
			for _, s := range services {
				if len(s.Spec.Selector) == 0 || !meansService(to, s) {
					continue
				}
				pods := map[string]string{k8sconst.PodNamespaceLabel: s.Namespace}
				maps.Copy(pods, s.Spec.Selector)
				es := api.NewESFromK8sLabelSelector(labels.LabelSourceK8sKeyPrefix, &metav1.LabelSelector{MatchLabels: pods})
				es.Generated = true
				rule.Egress[i].ToEndpoints = append(rule.Egress[i].ToEndpoints, es)
			}
		}
	}
}

func meansService(to api.Service, s corev1.Service) bool {
	if sel := to.K8sServiceSelector; sel != nil {
		ls := policytypes.NewLabelSelector(api.EndpointSelector(sel.Selector))
		return (sel.Namespace == "" || sel.Namespace == s.Namespace) &&
			ls.Matches(labels.Map2Labels(s.Labels, labels.LabelSourceK8s).LabelArray())
	}
	ref := to.K8sService
	return ref != nil && (ref.Namespace == "" || ref.Namespace == s.Namespace) && ref.ServiceName == s.Name
}

// readPolicies fills e.entries, and gives the prefixes of every CiliumCIDRGroup by its name.
func (e *Engine) readPolicies(byKind map[string][][]byte) (map[string][]netip.Prefix, error) {
	for _, data := range byKind["NetworkPolicy"] {
		var np networkingv1.NetworkPolicy
		if err := json.Unmarshal(data, &np); err != nil {
			return nil, err
		}
		entries, err := k8s.ParseNetworkPolicy(quiet, e.defaultCluster(), &np)
		if err != nil {
			e.Rejected["NetworkPolicy "+np.Namespace+"/"+np.Name] = err
			continue
		}
		e.entries = append(e.entries, entries...)
	}
	var services []corev1.Service
	for _, data := range byKind["Service"] {
		var s corev1.Service
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	for _, kind := range []string{"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"} {
		for _, data := range byKind[kind] {
			var cnp ciliumv2.CiliumNetworkPolicy
			if err := json.Unmarshal(data, &cnp); err != nil {
				return nil, err
			}
			resolveServices(cnp.Spec, services)
			for _, spec := range cnp.Specs {
				resolveServices(spec, services)
			}
			rules, err := cnp.Parse(quiet, e.defaultCluster())
			if err != nil {
				e.Rejected[kind+" "+cnp.Namespace+"/"+cnp.Name] = err
				continue
			}
			e.entries = append(e.entries, policyutils.RulesToPolicyEntries(rules)...)
		}
	}
	groups := map[string][]netip.Prefix{}
	for _, data := range byKind["CiliumCIDRGroup"] {
		var g ciliumv2.CiliumCIDRGroup
		if err := json.Unmarshal(data, &g); err != nil {
			return nil, err
		}
		for _, c := range g.Spec.ExternalCIDRs {
			p, err := netip.ParsePrefix(string(c))
			if err != nil {
				return nil, err
			}
			groups[g.Name] = append(groups[g.Name], p.Masked())
		}
	}
	return groups, nil
}

func (e *Engine) defaultCluster() string {
	if e.config.LocalCluster {
		return clusterName
	}
	return ""
}

// readPrefixes gives every prefix that a policy or a CIDR group names an identity of its own, as the ipcache
// does: the CIDR label of the longest prefix, and the labels of the groups of all shorter ones (mergeLabels in
// pkg/ipcache/metadata.go).
func (e *Engine) readPrefixes(groups map[string][]netip.Prefix, ids identity.IdentityMap) {
	var cidrs []netip.Prefix
	for _, p := range policy.GetCIDRPrefixes(e.entries) {
		cidrs = append(cidrs, p.Masked())
	}
	all := slices.Clone(cidrs)
	for _, ps := range groups {
		all = append(all, ps...)
	}
	slices.SortFunc(all, comparePrefixes)
	for i, prefix := range slices.Compact(all) {
		if prefix.Bits() == 0 && len(groups) == 0 {
			continue // the identity of the world
		}
		lbls := labels.Labels{}
		lbls.AddWorldLabel(prefix.Addr())
		longest := netip.PrefixFrom(prefix.Addr(), 0).Masked()
		for _, c := range cidrs {
			if c.Bits() > longest.Bits() && covers(c, prefix) {
				longest = c
			}
		}
		for k, l := range labels.GetCIDRLabels(longest) {
			lbls[k] = l
		}
		for name, ps := range groups {
			if slices.ContainsFunc(ps, func(p netip.Prefix) bool { return covers(p, prefix) }) {
				l := api.LabelForCIDRGroupRef(name)
				lbls[l.Key] = l
			}
		}
		id := identity.NewIdentity(identity.IdentityScopeLocal+identity.NumericIdentity(1+i), lbls)
		ids[id.ID] = id.LabelArray
		e.prefixes = append(e.prefixes, prefixID{prefix, id})
	}
	slices.SortStableFunc(e.prefixes, func(a, b prefixID) int { return b.prefix.Bits() - a.prefix.Bits() })
}

func comparePrefixes(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }

func covers(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// peerID is the identity of the far end, as the datapath of near's node sees it.
func (e *Engine) peerID(far End, node string) identity.NumericIdentity {
	if far.Pod != nil && far.Pod.HostNetwork {
		far = End{Node: far.Pod.Node}
	}
	switch {
	case far.Pod != nil:
		return far.Pod.id.ID
	case far.Node != "" && far.Node == node:
		return identity.ReservedIdentityHost
	case far.Node != "" && far.Node == e.apiNode:
		return identity.ReservedIdentityKubeAPIServer
	case far.Node != "":
		return identity.ReservedIdentityRemoteNode
	}
	for _, p := range e.prefixes {
		if p.prefix.Contains(far.Addr) {
			return p.id.ID
		}
	}
	switch {
	case !e.config.IPv4 || !e.config.IPv6:
		return identity.ReservedIdentityWorld
	case far.Addr.Is4():
		return identity.ReservedIdentityWorldIPv4
	}
	return identity.ReservedIdentityWorldIPv6
}

// Allowed is the verdict on a packet. port is the destination port, or the type of ICMP.
func (e *Engine) Allowed(src, dst End, proto u8proto.U8proto, port uint16) (bool, error) {
	for _, side := range []struct {
		near, far End
		key       policytypes.Key
	}{{src, dst, policy.EgressKey()}, {dst, src, policy.IngressKey()}} {
		p := side.near.Pod
		if p == nil || p.HostNetwork {
			continue // the host firewall is off
		}
		maps, err := e.mapsOf(p)
		if err != nil {
			return false, err
		}
		key := side.key.WithIdentity(e.peerID(side.far, p.Node)).WithPortProto(proto, port)
		if entry, _, _ := maps.Lookup(key); entry.IsDeny() {
			return false, nil
		}
	}
	return true, nil
}

func (e *Engine) mapsOf(p *Pod) (*policy.EndpointPolicy, error) {
	if p.maps == nil {
		sel, _, err := e.repo.ComputeSelectorPolicy(p.id)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", p.Namespace, p.Name, err)
		}
		p.maps = sel.DistillPolicy(quiet, owner{p}, map[string]uint16{policy.FallbackRedirectID: 65535})
		if err := p.maps.Ready(); err != nil {
			return nil, err
		}
	}
	return p.maps, nil
}

// owner is the endpoint that a policy is worked out for.
type owner struct{ pod *Pod }

func (o owner) GetID() uint64 { return uint64(o.pod.id.ID) }

func (o owner) GetIngressNamedPort(name string, proto u8proto.U8proto) uint16 {
	port, err := o.pod.ports.GetNamedPort(name, proto)
	if err != nil {
		return 0
	}
	return port
}

func (o owner) PolicyDebug(string, ...any)                  {}
func (o owner) IsHost() bool                                { return false }
func (o owner) PreviousMapStateSizes() policy.MapStateSizes { return policy.MapStateSizes{} }
func (o owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	done := make(chan bool)
	close(done)
	return done
}
