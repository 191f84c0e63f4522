package cluster

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Workload is what users name: the topmost known owner of pods (Deployment, CronJob, a Rollout …), or the
// pod itself when nothing owns it.
type Workload struct {
	Ref      object.Ref
	Pos      object.Pos // of the owner's object; of the first pod when the owner is not in the input
	Replicas int        // wanted pods as declared; 1 when not stated
	Pods     []*Pod     // the live pods, or one pod standing for the template. Never empty.
	Declared bool       // the owner's object is in the input
}

// Pod is one pod, or the pod that a workload's template would make (Template).
type Pod struct {
	Workload       *Workload
	Namespace      *Namespace
	Name           string // of the pod; of the workload when Template
	Template       bool
	Labels         map[string]string
	Ports          []Port
	ServiceAccount string
	AutomountToken *bool
	HostNetwork    bool
	NodeName       string // "" when not scheduled
	NodeSelector   map[string]string
	IPs            []netip.Addr // known addresses; none for templates
	Containers     []Container
	Object         *object.Object
	Spec           *object.Value // the pod spec, for what this package does not read
}

// Port is a declared container port. Name may be empty; HostPort is 0 when there is none.
type Port struct {
	Name      string
	Number    int
	Protocol  netset.Protocol
	HostPort  int
	HostIP    string
	Container string
	Line      int
}

// Container is what checks need of a container. Added and Dropped are capabilities without "CAP_".
type Container struct {
	Name, Image    string
	Init           bool
	Command, Args  []string
	Privileged     bool
	Added, Dropped []string
	Line           int
}

// Pos is the place of the pod's declaration.
func (p *Pod) Pos() object.Pos { return p.Object.Pos }

var templatePaths = [][]string{
	{"spec", "template"},
	{"spec", "jobTemplate", "spec", "template"},
}

// template finds a pod template by shape, so that kinds nobody listed (Argo Rollouts …) count too.
func template(o *object.Object) *object.Value {
	for _, path := range templatePaths {
		t := o.Root.Get(path...)
		if len(t.Get("spec", "containers").List()) > 0 {
			return t
		}
	}
	return nil
}

func (b *builder) readWorkloads() {
	owners := map[object.Ref]*object.Object{}
	for _, o := range b.Objects {
		owners[ownerKey(o.Ref)] = o
	}
	workloads := map[object.Ref]*Workload{}
	get := func(ref object.Ref, o *object.Object, pos object.Pos) *Workload {
		w := workloads[ref]
		if w == nil {
			w = &Workload{Ref: ref, Pos: pos, Replicas: 1, Declared: o != nil}
			if o != nil {
				w.Pos, w.Replicas = o.Pos, replicas(o)
			}
			workloads[ref] = w
			b.Workloads = append(b.Workloads, w)
		}
		return w
	}
	for _, o := range b.Kind("", "Pod") {
		switch o.Root.Get("status", "phase").Str() {
		case "Succeeded", "Failed": // does not own its address any more
			continue
		}
		ref, owner := b.topOwner(o, owners)
		w := get(ref, owner, o.Pos)
		w.Pods = append(w.Pods, b.pod(o, w, o.Root, false))
	}
	for _, o := range b.Objects {
		t := template(o)
		if t == nil || o.Ref.Kind == "PodTemplate" {
			continue
		}
		ref, owner := b.topOwner(o, owners)
		if ref != o.Ref && owner != nil && template(owner) != nil {
			continue // a ReplicaSet or Job whose owner speaks for it
		}
		if o.Ref.Kind == "ReplicaSet" && ref != o.Ref && replicas(o) == 0 {
			continue // an old revision
		}
		if o.Ref.Namespace == "" {
			c := *o
			c.Ref.Namespace = b.opt.DefaultNamespace
			o, ref.Namespace = &c, b.opt.DefaultNamespace
			b.needNamespace(ref.Namespace, o.Pos)
		}
		w := get(ref, o, o.Pos)
		// Two ReplicaSets of an owner that is not in the input may make different pods.
		if len(w.Pods) == 0 || ref != o.Ref && w.Pods[0].Template {
			w.Pods = append(w.Pods, b.pod(o, w, t, true))
		}
	}
	slices.SortFunc(b.Workloads, func(x, y *Workload) int { return x.Ref.Compare(y.Ref) })
	for _, w := range b.Workloads {
		slices.SortStableFunc(w.Pods, func(x, y *Pod) int { return cmp.Compare(x.Name, y.Name) })
		b.Pods = append(b.Pods, w.Pods...)
	}
}

// ownerKey makes one of the two groups that Deployments and ReplicaSets have been in.
func ownerKey(r object.Ref) object.Ref {
	if r.Group == "extensions" {
		r.Group = "apps"
	}
	return r
}

// topOwner climbs ownerReferences (controller ones) to the topmost object. The second result is nil when
// that object is not in the input. A ReplicaSet that is not in the input and carries the pod's template
// hash is taken for its Deployment (the name the Deployment controller gives).
func (b *builder) topOwner(o *object.Object, owners map[object.Ref]*object.Object) (object.Ref, *object.Object) {
	ref, at := o.Ref, o
	for range 8 { // deeper chains do not exist; a cycle ends here
		var own *object.Value
		for _, r := range at.Root.Get("metadata", "ownerReferences").List() {
			if r.Get("controller").True() {
				own = r
			}
		}
		if own == nil || own.Get("kind").Str() == "Node" { // static pods are owned by their node
			return ref, at
		}
		group, _, ok := strings.Cut(own.Get("apiVersion").Str(), "/")
		if !ok {
			group = ""
		}
		up := object.Ref{Group: group, Kind: own.Get("kind").Str(), Namespace: ref.Namespace, Name: own.Get("name").Str()}
		next := owners[ownerKey(up)]
		if next == nil {
			hash := at.Root.Get("metadata", "labels", "pod-template-hash").Str()
			if base, ok := strings.CutSuffix(up.Name, "-"+hash); ok && hash != "" && up.Kind == "ReplicaSet" {
				up.Kind, up.Name = "Deployment", base
			}
			if next = owners[ownerKey(up)]; next == nil {
				return up, nil
			}
		}
		if template(next) == nil && next.Ref.Kind != "Pod" {
			// An operator's own resource: it owns the workload, but the workload is what has pods.
			if template(at) != nil {
				return ref, at
			}
			return up, next
		}
		ref, at = next.Ref, next
	}
	return ref, at
}

func replicas(o *object.Object) int {
	for _, path := range [][]string{{"spec", "replicas"}, {"spec", "parallelism"}, {"status", "desiredNumberScheduled"}} {
		if n, ok := o.Root.Get(path...).Int(); ok {
			return n
		}
	}
	return 1
}

// pod reads a pod or a template: t has metadata and spec.
func (b *builder) pod(o *object.Object, w *Workload, t *object.Value, isTemplate bool) *Pod {
	spec := t.Get("spec")
	p := &Pod{
		Workload: w, Namespace: b.namespaces[w.Ref.Namespace], Name: o.Ref.Name, Template: isTemplate,
		Labels: t.Get("metadata", "labels").Strings(), ServiceAccount: spec.Get("serviceAccountName").Str(),
		HostNetwork: spec.Get("hostNetwork").True(), NodeName: spec.Get("nodeName").Str(),
		NodeSelector: spec.Get("nodeSelector").Strings(), Object: o, Spec: spec,
	}
	if p.ServiceAccount == "" {
		p.ServiceAccount = "default"
	}
	if v := spec.Get("automountServiceAccountToken"); v.IsSet() {
		on := v.True()
		p.AutomountToken = &on
	}
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	if o.Ref.Kind == "Job" && o.Ref.Group == "batch" && isTemplate { // labels that the Job controller adds
		p.Labels["job-name"], p.Labels["batch.kubernetes.io/job-name"] = o.Ref.Name, o.Ref.Name
	}
	for _, ip := range append(addrs(t.Get("status", "podIPs"), "ip"), addr(t.Get("status", "podIP"))) {
		if ip.IsValid() && !slices.Contains(p.IPs, ip) {
			p.IPs = append(p.IPs, ip)
		}
	}
	slices.SortFunc(p.IPs, netip.Addr.Compare)
	var sidecars []*object.Value
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range spec.Get(list).List() {
			sidecar := list == "initContainers" && c.Get("restartPolicy").Str() == "Always"
			p.Containers = append(p.Containers, container(c, list == "initContainers" && !sidecar))
			if sidecar {
				sidecars = append(sidecars, c)
			}
		}
	}
	// Of two ports of one name that of a container counts before that of a sidecar (Kubernetes FindPort).
	for _, c := range slices.Concat(spec.Get("containers").List(), sidecars) {
		b.ports(o, p, c)
	}
	return p
}

func (b *builder) ports(o *object.Object, p *Pod, c *object.Value) {
	for _, v := range c.Get("ports").List() {
		n, ok := v.Get("containerPort").Int()
		if !ok || n < 1 || n > 65535 {
			b.problem(o, v, object.Error, "containerPort "+v.Get("containerPort").Str()+": want a number from 1 to 65535", "the port is left out")
			continue
		}
		proto := netset.TCP
		if s := v.Get("protocol").Str(); s != "" {
			var err error
			if proto, err = netset.ParseProtocol(s); err != nil || proto > netset.SCTP {
				b.problem(o, v, object.Error, "protocol "+s+": want TCP, UDP or SCTP", "the port is left out")
				continue
			}
		}
		hostPort, ok := v.Get("hostPort").Int()
		if h := v.Get("hostPort"); h.IsSet() && (!ok || hostPort < 0 || hostPort > 65535) {
			b.problem(o, h, object.Error, "hostPort "+h.Str()+": want a number from 1 to 65535", "the host port is left out")
			hostPort = 0
		}
		if p.HostNetwork && hostPort == 0 {
			hostPort = n // the API server's default under hostNetwork
		}
		p.Ports = append(p.Ports, Port{
			Name: v.Get("name").Str(), Number: n, Protocol: proto, HostPort: hostPort,
			HostIP: v.Get("hostIP").Str(), Container: c.Get("name").Str(), Line: v.Line,
		})
	}
}

func container(c *object.Value, isInit bool) Container {
	sec := c.Get("securityContext")
	return Container{
		Name: c.Get("name").Str(), Image: c.Get("image").Str(), Init: isInit,
		Command: texts(c.Get("command")), Args: texts(c.Get("args")),
		Privileged: sec.Get("privileged").True(),
		Added:      capabilities(sec.Get("capabilities", "add")), Dropped: capabilities(sec.Get("capabilities", "drop")),
		Line: c.Line,
	}
}

func capabilities(v *object.Value) []string {
	names := texts(v)
	for i, n := range names {
		names[i] = strings.TrimPrefix(strings.ToUpper(n), "CAP_")
	}
	return names
}

func texts(v *object.Value) []string {
	var out []string
	for _, it := range v.List() {
		out = append(out, it.Str())
	}
	return out
}

func addr(v *object.Value) netip.Addr {
	a, err := netip.ParseAddr(v.Str())
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func addrs(list *object.Value, field string) []netip.Addr {
	var out []netip.Addr
	for _, v := range list.List() {
		if a := addr(v.Get(field)); a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}
