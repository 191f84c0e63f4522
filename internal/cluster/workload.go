package cluster

import (
	"net/netip"
	"reflect"
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
	Number         int    // below Cluster.Numbers, and no other pod of the cluster has it
	Name           string // of the pod; of the workload when Template
	Template       bool
	Stored         bool              // it was read back from an API server, which gives every object a uid; never for a Template
	Labels         map[string]string // never changed, and shared by pods that have the same
	Ports          []Port
	ServiceAccount string
	AutomountToken *bool
	HostNetwork    bool
	NodeName       string // "" when not scheduled
	NodeSelector   map[string]string
	IPs            []netip.Addr // known addresses; none for templates
	Containers     []Container
	Object         *object.Object
	Annotations    *object.Value // nil when there are none
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

// SharesLabels tells whether Labels of p and q is one map, as it is of most pods of a workload; then their labels are
// equal. It looks at no label.
func (p *Pod) SharesLabels(q *Pod) bool {
	return reflect.ValueOf(p.Labels).Pointer() == reflect.ValueOf(q.Labels).Pointer()
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
	owners := b.newOwners()
	workloads := map[object.Ref]*Workload{}
	var last *Workload
	get := func(ref object.Ref, o *object.Object, pos object.Pos) *Workload {
		if last != nil && last.Ref == ref { // pods of one workload come one after the other
			return last
		}
		last = workloads[ref]
		if last == nil {
			last = &Workload{Ref: ref, Pos: pos, Replicas: 1, Declared: o != nil}
			if o != nil {
				last.Pos, last.Replicas = o.Pos, replicas(o)
			}
			workloads[ref] = last
			b.Workloads = append(b.Workloads, last)
		}
		return last
	}
	for _, o := range b.Kind("", "Pod") {
		t := newTree(o.Root)
		if t.phase == "Succeeded" || t.phase == "Failed" { // does not own its address any more
			continue
		}
		ref, owner := owners.ofPod(o, &t)
		w := get(ref, owner, o.Pos)
		w.Pods = append(w.Pods, b.pod(o, w, &t, false))
	}
	for _, o := range b.Objects {
		if o.Ref.Kind == "PodTemplate" || o.Ref.Kind == "Pod" && o.Ref.Group == "" {
			continue
		}
		t := template(o)
		if t == nil {
			continue
		}
		ref, owner := owners.top(o)
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
			tree := newTree(t)
			w.Pods = append(w.Pods, b.pod(o, w, &tree, true))
		}
	}
	slices.SortFunc(b.Workloads, func(x, y *Workload) int { return x.Ref.Compare(y.Ref) })
	pods := 0
	for _, w := range b.Workloads {
		pods += len(w.Pods)
	}
	b.Pods, b.Numbers = make([]*Pod, 0, pods), pods
	byName := func(x, y *Pod) int { return strings.Compare(x.Name, y.Name) }
	for _, w := range b.Workloads {
		if !slices.IsSortedFunc(w.Pods, byName) {
			slices.SortStableFunc(w.Pods, byName)
		}
		for _, p := range w.Pods {
			p.Number = len(b.Pods)
			b.Pods = append(b.Pods, p)
		}
		w.Pods = b.Pods[len(b.Pods)-len(w.Pods) : len(b.Pods) : len(b.Pods)]
	}
}

func replicas(o *object.Object) int {
	for _, path := range [][]string{{"spec", "replicas"}, {"spec", "parallelism"}, {"status", "desiredNumberScheduled"}} {
		if n, ok := o.Root.Get(path...).Int(); ok {
			return n
		}
	}
	return 1
}
