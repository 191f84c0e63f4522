package load

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// object takes one parsed document: an object, a list of objects, a snapshot, or something else.
func (d *document) object(v *object.Value) {
	if v == nil || v.Kind == object.Null {
		return
	}
	if v.Kind == object.List { // a JSON array of objects
		for _, item := range v.Items {
			d.object(item)
		}
		return
	}
	if d.chunk.output && v.Kind != object.Map {
		d.c.skip(d.at(v.Line), "text of a command, not objects")
		return
	}
	kind := v.Get("kind").Str()
	switch groups := v.Get("SecurityGroups"); {
	case groups != nil && groups.Kind == object.List && kind == "": // aws ec2 describe-security-groups
		d.trimmed = false
		d.object(groups)
		return
	case kind == snapshotKind && v.Get("apiVersion").Str() == snapshotVersion:
		d.snapshot(v)
		return
	case isList(v):
		for _, item := range v.Get("items").List() {
			d.item(item, v)
		}
		d.truncated(v)
		return
	}
	d.one(v)
}

// isList tells whether a document is a list of objects.
func isList(v *object.Value) bool {
	items := v.Get("items")
	return items != nil && items.Kind != object.Map && strings.HasSuffix(v.Get("kind").Str(), "List")
}

// item takes one item of a list. Items of a typed list may leave out what the list says (PodList of v1
// holds Pods of v1).
func (d *document) item(v, list *object.Value) {
	kind := strings.TrimSuffix(list.Get("kind").Str(), "List")
	if v != nil && v.Kind == object.Map && kind != "" {
		var add []object.Field
		if !v.Get("apiVersion").IsSet() {
			add = append(add, object.Field{Name: "apiVersion", Line: v.Line, Value: list.Get("apiVersion")})
		}
		if !v.Get("kind").IsSet() {
			add = append(add, object.Field{Name: "kind", Line: v.Line, Value: &object.Value{Kind: object.String, Line: v.Line, Text: kind}})
		}
		if len(add) > 0 {
			v = &object.Value{Kind: object.Map, Line: v.Line, Fields: append(add, v.Fields...)}
		}
	}
	if v == nil || v.Kind != object.Map || !v.Get("kind").IsSet() {
		at := d.at(list.Line)
		if v != nil {
			at = d.at(v.Line)
		}
		d.c.skip(at, "item of a list that is no object")
		d.problem(object.Error, at.Line, "an item of this list is not a Kubernetes object; not read", "export the list again")
		return
	}
	d.object(v)
}

// truncated tells of a list that was cut off by paging.
func (d *document) truncated(list *object.Value) {
	next := list.Get("metadata", "continue")
	if next.Str() == "" {
		return
	}
	kind := list.Get("kind").Str()
	d.c.missing(d.at(next.Line), "the rest of the "+kind, "the list was cut off: metadata.continue is set")
	d.problem(object.Error, next.Line, "this "+kind+" is only the first part: metadata.continue is set",
		"export again without a limit")
}

// one takes a single object.
func (d *document) one(v *object.Value) {
	trimmed := d.trimmed
	if w := d.imported(v); w != v {
		v, trimmed = w, false
	}
	o, err := object.New(v, d.file)
	if err == nil && (o.Version == "" || v.Get("kind").Kind != object.String || v.Get("apiVersion").Kind != object.String) {
		err = errors.New("apiVersion and kind must be names")
	}
	if err != nil {
		d.noObject(v, err)
		return
	}
	if reason := notOfCluster(o); reason != "" {
		d.c.skip(o.Pos, reason)
		return
	}
	if d.shortForm(o) {
		return
	}
	if o.Ref.Name == "" && o.Root.Get("metadata", "generateName").Str() == "" {
		if _, known := d.c.kinds[o.Ref.GroupKind()]; known {
			d.c.problems = append(d.c.problems, object.Problem{
				Severity: object.Error, Pos: o.Pos, Ref: o.Ref,
				Msg: "has no metadata.name; not read", Hint: "kubectl refuses an object without a name",
			})
		}
		if items := o.Root.Get("items"); strings.HasSuffix(o.Ref.Kind, "List") && items.IsSet() {
			d.problem(object.Error, items.Line, "the items of this "+o.Ref.Kind+" are no list; not read", "export the list again")
		}
		d.c.skip(o.Pos, o.Ref.Kind+" without metadata.name")
		return
	}
	if !trimmed || o.Ref.GroupKind() == (object.GroupKind{Kind: "Secret"}) {
		o.Root = redact(o)
	}
	if !d.placeholders(o) {
		return
	}
	d.names(o)
	d.c.add(o)
}

// shortForm takes what an API server answers instead of objects: that it refuses, or a form of them that leaves out what
// they say. It is true when o is such an answer.
func (d *document) shortForm(o *object.Object) bool {
	refused := o.Ref.Group == "" && o.Ref.Kind == "Status" && o.Root.Get("status").Str() == "Failure"
	short := o.Ref.Group == "meta.k8s.io" && (o.Ref.Kind == "Table" || strings.HasPrefix(o.Ref.Kind, "PartialObjectMetadata"))
	switch {
	case refused:
		said := o.Root.Get("message").Str()
		d.c.missing(o.Pos, "what the cluster was asked for", "it answered: "+said)
		d.problem(object.Error, o.Pos.Line, "the cluster refused what it was asked for, so it is not in the input: "+said, "ask again as a user who may read it")
	case short:
		d.c.skip(o.Pos, "a "+o.Ref.Kind+", which leaves out what the objects say")
		d.problem(object.Error, o.Pos.Line, "a "+o.Ref.Kind+" leaves out what the objects say; not read", "ask for the objects themselves: kubectl get -o yaml")
	}
	return refused || short
}

// names reports a name that is no string: YAML reads an unquoted n, no, on or 123 as something else.
func (d *document) names(o *object.Object) {
	for _, field := range []string{"name", "namespace"} {
		if v := o.Root.Get("metadata", field); v.IsSet() && v.Kind != object.String {
			d.c.problems = append(d.c.problems, object.Problem{
				Severity: object.Error, Pos: o.At(v), Ref: o.Ref,
				Msg:  fmt.Sprintf("metadata.%s is a %s, not a string: it is read as %q", field, v.Kind, v.Str()),
				Hint: "put it in quotes; kubectl refuses it as it is",
			})
		}
	}
}

// noObject accounts for YAML that is something else.
func (d *document) noObject(v *object.Value, err error) {
	pos := d.at(v.Line)
	if v.Kind == object.Map && (v.Get("apiVersion").IsSet() || v.Get("kind").IsSet()) && !kustomizationFile(d.file) {
		d.problem(object.Error, v.Line, fmt.Sprintf("not a Kubernetes object: %v; not read", err), "give it both apiVersion and kind")
	}
	if kustomizationFile(d.file) {
		d.c.skip(pos, kustomizationReason)
		return
	}
	d.c.skip(pos, fmt.Sprintf("not a Kubernetes object: %v", err))
}

const kustomizationReason = "kustomization; give its folder as the source to render it"

// notOfCluster gives the reason why an object that looks like one never lives in a cluster.
func notOfCluster(o *object.Object) string {
	switch {
	case o.Ref.Group == "kustomize.config.k8s.io":
		return kustomizationReason
	case o.Ref.Group == "" && o.Ref.Kind == "Config" && o.Root.Get("clusters") != nil:
		return "kubeconfig, not a cluster object"
	}
	return ""
}
