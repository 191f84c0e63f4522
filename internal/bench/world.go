// Package bench is a generator of clusters of the size of real fleets, their brute-force oracle, and the
// benchmarks that run on them. Only tests import it.
//
// A World is drawn from a seed and says in plain words who may talk to whom: labels are strings, selectors
// are lists of requirements. From it come the API objects (as trees, as JSON, as YAML) and, by another way that
// shares no code with the product, the truth about any packet (Oracle).
package bench

import (
	"fmt"
	"maps"
	"net/netip"
)

// Size is how big a world is. Policies of cluster scope come on top of Policies.
type Size struct {
	Name                      string
	Pods, Workloads, Policies int
}

// Sizes is the sizes that figures are given for, small to large.
func Sizes() []Size {
	return []Size{
		{"XS", 1_000, 100, 100},
		{"S", 10_000, 1_000, 1_000},
		{"M", 100_000, 10_000, 10_000},
		{"L", 1_000_000, 50_000, 50_000},
	}
}

// Named is the size of that name.
func Named(name string) (Size, error) {
	for _, s := range Sizes() {
		if s.Name == name {
			return s, nil
		}
	}
	return Size{}, fmt.Errorf("size %q: want XS, S, M or L", name)
}

// Shape is what the policies of a world look like.
type Shape string

// The shapes. Typical is NetworkPolicy with AdminNetworkPolicy above and below it. Plain is the same without
// the admin tiers. Adversarial has cluster-wide selectors over five random labels for six of ten peers. Heavy is
// 240 namespaces of ten pods and twenty policies, each with lists of five ports, five ranges, five namespaces, five
// pods and five networks; it has one size. The others write the policies of Typical in another API, or
// put it beside: Cluster is Typical with ClusterNetworkPolicy; Calico has tiers, orders and global policies;
// Cilium has denials; Istio has AuthorizationPolicy for half of the namespaces, on top of Plain; Mixed has
// NetworkPolicy, Calico's policies and AuthorizationPolicy side by side.
const (
	Typical     Shape = "typical"
	Plain       Shape = "plain"
	Adversarial Shape = "adversarial"
	Heavy       Shape = "heavy"
	Cluster     Shape = "cluster"
	Calico      Shape = "calico"
	Cilium      Shape = "cilium"
	Istio       Shape = "istio"
	Mixed       Shape = "mixed"
)

// Shapes is all of them.
func Shapes() []Shape {
	return []Shape{Typical, Plain, Adversarial, Heavy, Cluster, Calico, Cilium, Istio, Mixed}
}

// World is one cluster. Its lists are in the order they were drawn, and never changed afterwards.
type World struct {
	Shape      Shape
	Size       Size
	Namespaces []*Namespace
	Workloads  []*Workload
	Policies   []*Policy
	Pods       int // of all workloads
	Nodes      int
}

// Namespace is a namespace with all its labels.
type Namespace struct {
	Name   string
	Labels map[string]string
	Mesh   bool // its pods have a sidecar, which refuses what is not in the mesh
}

// Workload is a Deployment or StatefulSet with its pods. Pod i of it is number First+i of the world.
type Workload struct {
	Namespace *Namespace
	Name      string
	Kind      string // "Deployment", "StatefulSet" or "DaemonSet"
	Labels    map[string]string
	Ports     []Port
	First     int
	Replicas  int
	Host      bool // its pods use the network of their nodes
}

// Port is a container port.
type Port struct {
	Name     string
	Protocol string // "TCP", "UDP" or "SCTP"
	Number   int
}

// Selector is requirements on labels; all must hold, and none means everything.
type Selector []Requirement

// Requirement is "In", "NotIn", "Exists" or "DoesNotExist" of a label.
type Requirement struct {
	Key, Op string
	Values  []string
}

// Group is pods: of one namespace, or of all those that Namespaces selects.
type Group struct {
	Namespace  string // when not "", the only one
	Namespaces Selector
	Pods       Selector
}

// Peer is a group of pods, or a network when CIDR is not "".
type Peer struct {
	Group
	CIDR   string
	Except []string
}

// PortRange is ports Lo to Hi, or those of the name when there is one.
type PortRange struct {
	Protocol string
	Lo, Hi   int
	Name     string
}

// Direction is 0 for ingress and 1 for egress.
type Direction int

// The directions.
const (
	Ingress Direction = iota
	Egress
)

// Action is what a rule does.
type Action string

// The actions.
const (
	Allow Action = "Allow"
	Deny  Action = "Deny"
	Pass  Action = "Pass"
)

// Rule is one rule. No peers means everybody, no ports means all traffic.
type Rule struct {
	Direction Direction
	Action    Action
	Peers     []Peer
	Ports     []PortRange
}

// API is which kind of object a policy is written as.
type API string

// The APIs. A policy without a namespace is written as the cluster-wide kind of its API.
const (
	NetworkPolicy        API = "NetworkPolicy"
	AdminNetworkPolicy   API = "AdminNetworkPolicy"
	BaselineAdmin        API = "BaselineAdminNetworkPolicy"
	ClusterNetworkPolicy API = "ClusterNetworkPolicy"
	CalicoPolicy         API = "projectcalico.org"
	CiliumPolicy         API = "cilium.io"
	AuthorizationPolicy  API = "AuthorizationPolicy"
)

// Tier is where a policy is evaluated, first to last. Mesh is apart from the others: it must allow, too.
type Tier int

// The tiers.
const (
	AdminTier Tier = iota
	MainTier
	BaselineTier
	MeshTier
	tiers
)

// Policy is one policy object. In a tier those of lower Priority come first, then by name.
type Policy struct {
	API      API
	Name     string
	Tier     Tier
	Priority int
	Subject  Group
	Isolates [2]bool
	Rules    []Rule
}

// Addr is the address of pod number i of a world.
func Addr(i int) netip.Addr {
	n := uint32(10)<<24 | 1<<23 | uint32(i+256)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// NodeAddr is the address of node number i.
func NodeAddr(i int) netip.Addr {
	n := uint32(172)<<24 | 16<<16 | uint32(i+256)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// PodName is the name of pod i of w.
func (w *Workload) PodName(i int) string {
	switch w.Kind {
	case "StatefulSet":
		return fmt.Sprintf("%s-%d", w.Name, i)
	case "DaemonSet":
		return fmt.Sprintf("%s-%05x", w.Name, w.First+i)
	}
	return fmt.Sprintf("%s-%s-%05x", w.Name, w.hash(), w.First+i)
}

// hash is the pod-template-hash of a Deployment's pods.
func (w *Workload) hash() string {
	return fmt.Sprintf("%09d", uint32(w.First)*2654435761%1_000_000_000)
}

// PodLabels is all labels of pod i.
func (w *Workload) PodLabels(i int) map[string]string {
	out := make(map[string]string, len(w.Labels)+2)
	maps.Copy(out, w.Labels)
	switch w.Kind {
	case "StatefulSet":
		out["statefulset.kubernetes.io/pod-name"] = w.PodName(i)
		out["apps.kubernetes.io/pod-index"] = fmt.Sprint(i)
	case "Deployment":
		out["pod-template-hash"] = w.hash()
	}
	return out
}

// Node is the number of the node that pod i of w runs on.
func (w *Workload) Node(world *World, i int) int {
	if w.Kind == "DaemonSet" {
		return i
	}
	return int(uint64(w.First+i) * 7919 % uint64(world.Nodes))
}
