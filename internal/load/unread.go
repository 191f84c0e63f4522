package load

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Much of what a cluster prints says nothing about who may talk to whom: who wrote which field, what each
// container did last, which images a node has. It is left out of every object, whatever it was read from.
// The JSON reader, which meets whole clusters, does not even build it.

// place is where in an object a value stands, as far as that decides what is left out.
type place uint8

const (
	nowhere     place = iota // a part that nobody reads
	elsewhere                // nothing is left out from here on
	top                      // an object, or a list of objects
	metadata                 // metadata of an object
	annotations              // metadata.annotations of an object
	podSpec                  // spec of a Pod, not of a template: people write those
	containers
	podStatus
	nodeStatus
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// below gives the place of a field's value. Below top it depends on the kind, see part.
func (at place) below(name string) place {
	switch at {
	case metadata:
		switch name {
		case "managedFields":
			return nowhere
		case "annotations":
			return annotations
		}
	case annotations:
		if name == lastApplied {
			return nowhere
		}
	case podSpec:
		switch name {
		case "affinity", "enableServiceLinks", "preemptionPolicy", "schedulerName", "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints":
			return nowhere
		case "containers", "initContainers", "ephemeralContainers":
			return containers
		}
	case containers:
		switch name {
		case "imagePullPolicy", "lifecycle", "livenessProbe", "readinessProbe", "resources", "startupProbe", "terminationMessagePath",
			"terminationMessagePolicy", "volumeDevices", "volumeMounts", "workingDir":
			return nowhere
		}
	case podStatus:
		switch name {
		case "conditions", "containerStatuses", "ephemeralContainerStatuses", "initContainerStatuses", "qosClass", "startTime":
			return nowhere
		}
	case nodeStatus:
		switch name {
		case "conditions", "images", "volumesAttached", "volumesInUse":
			return nowhere
		}
	case nowhere, elsewhere, top:
	}
	return elsewhere
}

// part gives the place of a field of an object of a kind.
func part(apiVersion, kind, name string) place {
	core := apiVersion != "" && !strings.Contains(apiVersion, "/")
	switch {
	case name == "metadata":
		return metadata
	case core && kind == "Pod" && name == "spec":
		return podSpec
	case core && kind == "Pod" && name == "status":
		return podStatus
	case core && kind == "Node" && name == "status":
		return nodeStatus
	}
	return elsewhere
}

// redact gives the object's fields without what must never be kept: the content of Secrets, and the copies
// of whole objects that kubectl and the API server store in metadata. What nobody reads goes with them.
func redact(o *object.Object) *object.Value {
	root := o.Root
	if o.Ref.GroupKind() == (object.GroupKind{Kind: "Secret"}) {
		root = without(root, func(name string) bool { return name == "data" || name == "stringData" })
	}
	api := o.Version
	if o.Ref.Group != "" {
		api = o.Ref.Group + "/" + o.Version
	}
	return edited(root, func(f object.Field) *object.Value { return pruned(f.Value, part(api, o.Ref.Kind, f.Name)) })
}

// pruned is v without what nobody reads in it; v itself when there is nothing of that, and nil when nobody
// reads v.
func pruned(v *object.Value, at place) *object.Value {
	switch {
	case at == nowhere:
		return nil
	case at == elsewhere || v == nil:
		return v
	case v.Kind == object.Map:
		return edited(v, func(f object.Field) *object.Value { return pruned(f.Value, at.below(f.Name)) })
	case v.Kind == object.List:
		for i, it := range v.Items {
			w := pruned(it, at)
			if w == it {
				continue
			}
			c := &object.Value{Kind: v.Kind, Line: v.Line, Items: append([]*object.Value{}, v.Items...)}
			for c.Items[i] = w; i < len(c.Items); i++ {
				c.Items[i] = pruned(c.Items[i], at)
			}
			return c
		}
	}
	return v
}

// edited copies a map with other values in its fields, without those that become nil; it is the map itself
// when nothing changes.
func edited(v *object.Value, edit func(object.Field) *object.Value) *object.Value {
	for i, f := range v.Fields {
		if edit(f) == f.Value {
			continue
		}
		w := &object.Value{Kind: v.Kind, Line: v.Line, Fields: append(make([]object.Field, 0, len(v.Fields)), v.Fields[:i]...)}
		for _, f := range v.Fields[i:] {
			if f.Value = edit(f); f.Value != nil {
				w.Fields = append(w.Fields, f)
			}
		}
		return w
	}
	return v
}

// without copies a map without some fields; the map itself when it has none of them.
func without(v *object.Value, drop func(name string) bool) *object.Value {
	return edited(v, func(f object.Field) *object.Value {
		if drop(f.Name) {
			return nil
		}
		return f.Value
	})
}
