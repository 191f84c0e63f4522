package exposure

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// grant is a ReferenceGrant: objects of from may refer to objects of to in its namespace.
type grant struct {
	object     *object.Object
	understood bool
}

func (f *finder) readGrants() {
	f.grants = map[string][]grant{}
	for _, o := range f.cluster.Kind(gatewayGroup, "ReferenceGrant") {
		known := o.Version == "v1" || o.Version == "v1beta1" || o.Version == "v1alpha2"
		if !known {
			f.problem(o, nil, "version "+o.Version+" of ReferenceGrant is not modelled", "what it opens is not certain")
		}
		f.grants[o.Ref.Namespace] = append(f.grants[o.Ref.Namespace], grant{o, f.fits(o, grantFields) && known})
	}
}

// granted tells whether from may refer to an object. Within a namespace it always may; across namespaces only
// when a ReferenceGrant of the other namespace says so (Gateway API, ReferenceGrant). why is "" with Yes.
func (f *finder) granted(from, to object.Ref) (ok enforcer.Answer, why string) {
	if from.Namespace == to.Namespace {
		return enforcer.Yes, ""
	}
	for _, g := range f.grants[to.Namespace] {
		switch {
		case !g.understood:
			ok, why = enforcer.Unknown, g.object.Ref.String()+" is not understood, and may allow "+from.Kind+"s of "+from.Namespace+" to refer to "+to.String()
		case g.allows(from, to):
			return enforcer.Yes, ""
		}
	}
	if why == "" {
		ok, why = enforcer.No, "no ReferenceGrant of namespace "+to.Namespace+" allows "+from.Kind+"s of "+from.Namespace+" to refer to "+to.String()
	}
	return ok, why
}

func (g grant) allows(from, to object.Ref) bool {
	isFrom, isTo := false, false
	for _, v := range g.object.Root.Get("spec", "from").List() {
		isFrom = isFrom || v.Get("group").Str() == from.Group && v.Get("kind").Str() == from.Kind && v.Get("namespace").Str() == from.Namespace
	}
	for _, v := range g.object.Root.Get("spec", "to").List() {
		name := v.Get("name").Str()
		isTo = isTo || v.Get("group").Str() == to.Group && v.Get("kind").Str() == to.Kind && (name == "" || name == to.Name)
	}
	return isFrom && isTo
}
