// Package cluster is one immutable picture of a cluster: its namespaces, workloads, pods, services and
// nodes, with the place in the input where each was declared. It knows nothing of policies.
package cluster

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// NameLabel is put on every namespace by the API server (Kubernetes "Labels, annotations and taints").
const NameLabel = "kubernetes.io/metadata.name"

// Cluster is the picture. All slices are sorted by namespace and name; nothing in it is changed after New.
type Cluster struct {
	Namespaces []*Namespace
	Workloads  []*Workload
	Pods       []*Pod // every pod of every workload, in the order of Workloads
	Numbers    int    // every Pod.Number is below it
	Services   []*Service
	Nodes      []*Node
	Objects    []*object.Object // all objects, sorted by Ref then Pos
	Complete   bool             // the source holds every namespace and object there is (a live read of all)

	// PodCIDRs is where pods get addresses from, empty when not known. NodeAddrs is the known addresses of
	// nodes; NodesKnown says that they are all of them. ServiceCIDRs is empty when not known.
	PodCIDRs, NodeAddrs, ServiceCIDRs netset.Addrs
	NodesKnown                        bool
	// IPv4 and IPv6 tell which families pods have. With no evidence at all pods are taken to have IPv4 only.
	IPv4, IPv6 bool

	byKind     map[object.GroupKind][]*object.Object
	namespaces map[string]*Namespace
	accounts   map[accountKey]map[string]string
}

// Namespace is one namespace. Declared is false when only its name is known from objects inside it: then
// Labels holds NameLabel alone and any other label may or may not be there.
type Namespace struct {
	Name     string
	Labels   map[string]string
	Declared bool
	Pos      object.Pos
}

// Options are facts about the cluster that no object tells.
type Options struct {
	DefaultNamespace string // of objects without one; "" means "default"
	PodCIDRs         netset.Addrs
	ServiceCIDRs     netset.Addrs
	NodeCIDRs        netset.Addrs // when set, nodes have no address outside
	Complete         bool
}

// New makes the picture. Objects may come in any order. Problems tell what was not understood.
func New(objects []*object.Object, opt Options) (*Cluster, []object.Problem) {
	b := builder{opt: opt, Cluster: &Cluster{
		PodCIDRs: opt.PodCIDRs, ServiceCIDRs: opt.ServiceCIDRs, Complete: opt.Complete,
		byKind: map[object.GroupKind][]*object.Object{}, namespaces: map[string]*Namespace{},
	}}
	if b.opt.DefaultNamespace == "" {
		b.opt.DefaultNamespace = "default"
	}
	b.sortObjects(objects)
	b.readNamespaces()
	b.readNodes()
	b.readAccounts()
	b.readWorkloads()
	b.readServices()
	b.readFamilies()
	slices.SortFunc(b.Namespaces, func(x, y *Namespace) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(b.problems, object.Problem.Compare)
	return b.Cluster, b.problems
}

// Kind gives all objects of a kind, sorted. The group "" is the core group.
func (c *Cluster) Kind(group, kind string) []*object.Object {
	return c.byKind[object.GroupKind{Group: group, Kind: kind}]
}

// Namespace gives the namespace of that name, nil when nothing speaks of it.
func (c *Cluster) Namespace(name string) *Namespace { return c.namespaces[name] }

// WorkloadsIn gives the workloads of a namespace, a part of Workloads.
func (c *Cluster) WorkloadsIn(namespace string) []*Workload {
	from, _ := slices.BinarySearchFunc(c.Workloads, namespace, func(w *Workload, ns string) int { return strings.Compare(w.Ref.Namespace, ns) })
	to := from
	for to < len(c.Workloads) && c.Workloads[to].Ref.Namespace == namespace {
		to++
	}
	return c.Workloads[from:to:to]
}

// Object gives the object of that Ref, nil when the input has none.
func (c *Cluster) Object(ref object.Ref) *object.Object {
	list := c.Kind(ref.Group, ref.Kind)
	if i, found := slices.BinarySearchFunc(list, ref, func(o *object.Object, r object.Ref) int { return o.Ref.Compare(r) }); found {
		return list[i]
	}
	return nil
}

// AccountLabels gives the labels of a pod's service account, with its name as AccountName. With declared
// false the input has no such object: then nothing but the name is known.
func (c *Cluster) AccountLabels(p *Pod) (labels map[string]string, declared bool) {
	if a := c.accounts[accountKey{p.Namespace.Name, p.ServiceAccount}]; a != nil {
		return a, true
	}
	return map[string]string{AccountName: p.ServiceAccount}, false
}

type accountKey struct{ namespace, name string }

type builder struct {
	*Cluster
	opt      Options
	problems []object.Problem
	like     alike
}

func (b *builder) problem(o *object.Object, v *object.Value, sev object.Severity, msg, hint string) {
	b.problems = append(b.problems, object.Problem{Severity: sev, Pos: o.At(v), Ref: o.Ref, Msg: msg, Hint: hint})
}

func (b *builder) readNamespaces() {
	for _, o := range b.Kind("", "Namespace") {
		labels := o.Root.Get("metadata", "labels").Strings()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[NameLabel] = o.Ref.Name
		b.addNamespace(&Namespace{Name: o.Ref.Name, Labels: labels, Declared: true, Pos: o.Pos})
	}
	last := ""
	for _, o := range b.Objects { // those of one namespace come one after the other
		if o.Ref.Namespace != last {
			last = o.Ref.Namespace
			b.needNamespace(last, o.Pos)
		}
	}
}

func (b *builder) readAccounts() {
	b.accounts = map[accountKey]map[string]string{}
	for _, o := range b.Kind("", "ServiceAccount") {
		labels := o.Root.Get("metadata", "labels").Strings()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[AccountName] = o.Ref.Name
		b.accounts[accountKey{o.Ref.Namespace, o.Ref.Name}] = labels
	}
}

func (b *builder) addNamespace(ns *Namespace) {
	if b.namespaces[ns.Name] != nil {
		return
	}
	b.namespaces[ns.Name] = ns
	b.Namespaces = append(b.Namespaces, ns)
}

func (b *builder) needNamespace(name string, pos object.Pos) {
	if name != "" && b.namespaces[name] == nil {
		b.addNamespace(&Namespace{Name: name, Labels: map[string]string{NameLabel: name}, Pos: pos})
	}
}

// readFamilies decides which address families pods have: what their addresses, the pod ranges and the
// dual-stack Services say.
func (b *builder) readFamilies() {
	see := func(a netip.Addr) {
		b.IPv4 = b.IPv4 || a.Unmap().Is4()
		b.IPv6 = b.IPv6 || !a.Unmap().Is4()
	}
	for _, p := range b.Pods {
		for _, a := range p.IPs {
			see(a)
		}
	}
	b.IPv4 = b.IPv4 || !b.PodCIDRs.V4().IsEmpty()
	b.IPv6 = b.IPv6 || !b.PodCIDRs.V6().IsEmpty()
	for _, s := range b.Services {
		for _, f := range s.IPFamilies {
			b.IPv4 = b.IPv4 || f == "IPv4"
			b.IPv6 = b.IPv6 || f == "IPv6"
		}
	}
	if !b.IPv4 && !b.IPv6 {
		b.IPv4 = true
	}
}
