package load

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Much of what a cluster prints says nothing about who may talk to whom: who wrote which field, what each
// container did last, which images a node has. It is left out of every object, whatever it was read from.
// The JSON reader, which meets whole clusters, does not even build it.

// place is where in a document the JSON reader stands, as far as that decides what is left out.
type place uint8

const (
	nowhere     place = iota // a part that nobody reads
	elsewhere                // nothing is left out from here on
	document0                // an object, or a list of objects
	metadata                 // metadata of an object
	annotations              // metadata.annotations of an object
	podStatus
	nodeStatus
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// unread tells whether nobody reads a field. Nothing but the network state of pods is read from their
// status, and of nodes only addresses and nodeInfo.
func unread(at place, name string) bool {
	switch at {
	case metadata:
		return name == "managedFields"
	case annotations:
		return name == lastApplied
	case podStatus:
		return name == "conditions" || strings.HasSuffix(name, "ontainerStatuses")
	case nodeStatus:
		return name == "images" || name == "conditions" || name == "volumesInUse" || name == "volumesAttached"
	case nowhere, elsewhere, document0:
	}
	return false
}

// below gives the place of a field's value. base is where the fields of its map start on the stack.
func (p *jsonParser) below(at place, name string, base int) place {
	switch {
	case unread(at, name):
		return nowhere
	case at == metadata && name == "annotations":
		return annotations
	case at != document0:
		return elsewhere
	case name == "metadata":
		return metadata
	case name == "items" && p.peek() == '[':
		return document0
	case name == "status":
		var api, kind string
		for _, f := range p.a.fieldStack[base:] {
			switch f.Name {
			case "apiVersion":
				api = f.Value.Str()
			case "kind":
				kind = f.Value.Str()
			}
		}
		return statusPlace(api, kind)
	}
	return elsewhere
}

func statusPlace(api, kind string) place {
	switch {
	case strings.Contains(api, "/") || api == "":
	case kind == "Pod":
		return podStatus
	case kind == "Node":
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
	part := func(root *object.Value, name string, at place) *object.Value {
		v := root.Get(name)
		if v == nil || v.Kind != object.Map {
			return root
		}
		w := without(v, func(name string) bool { return unread(at, name) })
		if w == v {
			return root
		}
		return with(root, name, w)
	}
	if meta := root.Get("metadata"); meta != nil && meta.Kind == object.Map {
		if clean := part(meta, "annotations", annotations); clean != meta {
			root = with(root, "metadata", clean)
		}
	}
	root = part(root, "metadata", metadata)
	if o.Ref.Group == "" {
		root = part(root, "status", statusPlace(o.Version, o.Ref.Kind))
	}
	return root
}

// without copies a map without some fields; the map itself when it has none of them.
func without(v *object.Value, drop func(name string) bool) *object.Value {
	for i, f := range v.Fields {
		if !drop(f.Name) {
			continue
		}
		w := &object.Value{Kind: v.Kind, Line: v.Line, Fields: append(make([]object.Field, 0, len(v.Fields)), v.Fields[:i]...)}
		for _, f := range v.Fields[i:] {
			if !drop(f.Name) {
				w.Fields = append(w.Fields, f)
			}
		}
		return w
	}
	return v
}

// with copies a map with another value for one of its fields.
func with(v *object.Value, name string, value *object.Value) *object.Value {
	w := &object.Value{Kind: v.Kind, Line: v.Line, Fields: append([]object.Field{}, v.Fields...)}
	for i := range w.Fields {
		if w.Fields[i].Name == name {
			w.Fields[i].Value = value
		}
	}
	return w
}
