package cluster

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// owners finds the topmost owner of an object. What it found for the pod before is kept, because the pods of one
// owner come one after the other.
type owners struct {
	byRef map[object.Ref]*object.Object // all objects but pods
	pods  []*object.Object              // sorted

	asked ownerOfPod
	ref   object.Ref
	found *object.Object
}

// ownerOfPod is all that the owner of a pod is found by.
type ownerOfPod struct{ api, kind, name, namespace, hash string }

func (b *builder) newOwners() *owners {
	x := &owners{pods: b.Kind("", "Pod")}
	x.byRef = make(map[object.Ref]*object.Object, len(b.Objects)-len(x.pods))
	for _, o := range b.Objects {
		if o.Ref.Kind != "Pod" || o.Ref.Group != "" {
			x.byRef[ownerKey(o.Ref)] = o
		}
	}
	return x
}

// find gives the object of a name, the last one when there are several.
func (x *owners) find(r object.Ref) *object.Object {
	if o := x.byRef[ownerKey(r)]; o != nil || r.Kind != "Pod" || r.Group != "" {
		return o
	}
	i, _ := slices.BinarySearchFunc(x.pods, r, func(o *object.Object, r object.Ref) int {
		if c := o.Ref.Compare(r); c != 0 {
			return c
		}
		return -1
	})
	if i > 0 && x.pods[i-1].Ref == r {
		return x.pods[i-1]
	}
	return nil
}

// ownerKey makes one of the two groups that Deployments and ReplicaSets have been in.
func ownerKey(r object.Ref) object.Ref {
	if r.Group == "extensions" {
		r.Group = "apps"
	}
	return r
}

// controller is the last of the owner references that names a controller, nil when none does or the controller is
// a node: static pods are owned by their node.
func controller(references *object.Value) *object.Value {
	var own *object.Value
	for _, r := range references.List() {
		if r.Get("controller").True() {
			own = r
		}
	}
	if own.Get("kind").Str() == "Node" {
		return nil
	}
	return own
}

// ofPod is top for a pod.
func (x *owners) ofPod(o *object.Object, t *tree) (object.Ref, *object.Object) {
	own := controller(t.owners)
	if own == nil {
		return o.Ref, o
	}
	asked := ownerOfPod{
		own.Get("apiVersion").Str(), own.Get("kind").Str(), own.Get("name").Str(), o.Ref.Namespace, t.labels.Get("pod-template-hash").Str(),
	}
	if asked != x.asked {
		x.asked = asked
		x.ref, x.found = x.top(o)
	}
	return x.ref, x.found
}

// top climbs ownerReferences (controller ones) to the topmost object. The second result is nil when
// that object is not in the input. A ReplicaSet that is not in the input and carries the pod's template
// hash is taken for its Deployment (the name the Deployment controller gives).
func (x *owners) top(o *object.Object) (object.Ref, *object.Object) {
	ref, at := o.Ref, o
	for range 8 { // deeper chains do not exist; a cycle ends here
		own := controller(at.Root.Get("metadata", "ownerReferences"))
		if own == nil {
			return ref, at
		}
		group, _, ok := strings.Cut(own.Get("apiVersion").Str(), "/")
		if !ok {
			group = ""
		}
		up := object.Ref{Group: group, Kind: own.Get("kind").Str(), Namespace: ref.Namespace, Name: own.Get("name").Str()}
		next := x.find(up)
		if next == nil {
			hash := at.Root.Get("metadata", "labels", "pod-template-hash").Str()
			if base, ok := strings.CutSuffix(up.Name, "-"+hash); ok && hash != "" && up.Kind == "ReplicaSet" {
				up.Kind, up.Name = "Deployment", base
			}
			if next = x.find(up); next == nil {
				return up, nil
			}
		}
		if template(next) == nil && next.Ref.Kind != "Pod" {
			// An operator's own resource: it owns the workload, but the workload is what has pods.
			if at.Ref.Kind != "Pod" && template(at) != nil {
				return ref, at
			}
			return up, next
		}
		ref, at = next.Ref, next
	}
	return ref, at
}
