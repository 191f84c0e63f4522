package bench

import (
	"maps"
	"slices"
	"strconv"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func field(name string, v *object.Value) object.Field { return object.Field{Name: name, Value: v} }

// tree makes a map; fields without a value are left out.
func tree(fields ...object.Field) *object.Value {
	fields = slices.DeleteFunc(fields, func(f object.Field) bool { return f.Value == nil })
	return &object.Value{Kind: object.Map, Fields: fields}
}

func list(items ...*object.Value) *object.Value {
	return &object.Value{Kind: object.List, Items: items}
}

func text(s string) *object.Value { return &object.Value{Kind: object.String, Text: s} }

func texts(ss ...string) *object.Value { return list(each(ss, text)...) }

func number(n int) *object.Value { return &object.Value{Kind: object.Number, Text: strconv.Itoa(n)} }

func truth(b bool) *object.Value {
	return &object.Value{Kind: object.Bool, Text: strconv.FormatBool(b)}
}

// each maps a function over a list.
func each[T, U any](xs []T, f func(T) U) []U {
	out := make([]U, 0, len(xs))
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}

// labelTree writes labels with their keys in order.
func labelTree(labels map[string]string) *object.Value {
	v := &object.Value{Kind: object.Map, Fields: make([]object.Field, 0, len(labels))}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		v.Fields = append(v.Fields, field(k, text(labels[k])))
	}
	return v
}

// selectorTree is metav1.LabelSelector. Equalities are matchLabels.
func selectorTree(s Selector) *object.Value {
	equal := map[string]string{}
	var others []*object.Value
	for _, r := range s {
		_, twice := equal[r.Key]
		if r.Op == "In" && len(r.Values) == 1 && !twice {
			equal[r.Key] = r.Values[0]
			continue
		}
		var values *object.Value
		if len(r.Values) > 0 {
			values = texts(r.Values...)
		}
		others = append(others, tree(field("key", text(r.Key)), field("operator", text(r.Op)), field("values", values)))
	}
	out := tree()
	if len(equal) > 0 {
		out.Fields = append(out.Fields, field("matchLabels", labelTree(equal)))
	}
	if len(others) > 0 {
		out.Fields = append(out.Fields, field("matchExpressions", list(others...)))
	}
	return out
}

// head is an object without its spec.
func head(api, kind, namespace, name string, spec *object.Value) *object.Value {
	meta := tree(field("name", text(name)))
	if namespace != "" {
		meta.Fields = append(meta.Fields, field("namespace", text(namespace)))
	}
	return tree(field("apiVersion", text(api)), field("kind", text(kind)), field("metadata", meta), field("spec", spec))
}

// write gives the tree of a policy.
func (p *Policy) write() *object.Value {
	switch p.API {
	case NetworkPolicy:
		return p.networkPolicy()
	case AdminNetworkPolicy, BaselineAdmin:
		return p.adminPolicy()
	case ClusterNetworkPolicy:
		return p.clusterPolicy()
	case CalicoPolicy:
		return p.calico()
	case CiliumPolicy:
		return p.cilium()
	case AuthorizationPolicy:
		return p.authorization()
	}
	return nil
}

// rules is those of a direction.
func (p *Policy) rules(d Direction) []Rule {
	return slices.DeleteFunc(slices.Clone(p.Rules), func(r Rule) bool { return r.Direction != d })
}

// isolates names the directions, as policyTypes does.
func (p *Policy) isolates() []string {
	var out []string
	for d, name := range []string{"Ingress", "Egress"} {
		if p.Isolates[d] {
			out = append(out, name)
		}
	}
	return out
}
