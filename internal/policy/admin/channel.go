package admin

import (
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// served looks at the field of a peer or port v that not every CRD of the API has: the standard channel
// lacks the experimental ones, and networks came late. A server whose CRD lacks it refuses the manifest; an
// object read back from a server shows what its CRD has.
func (c *compiler) served(v *object.Value, d policy.Direction, path, field string) {
	if c.Stored() {
		return
	}
	rule := c.schema().Get("properties", "spec", "properties", d.String(), "items", "properties")
	at := []string{"to", "items", "properties", field}
	if field == "namedPort" {
		at[0] = c.api.ports
	}
	switch {
	case rule == nil && field != "networks":
		c.Note(v, "install the CRD of the experimental channel", "%s.%s is in the experimental channel of the API only; a cluster with the standard CRD refuses the object", path, field)
	case rule != nil && !rule.Get(at...).IsSet():
		c.Refused(v, "the API server refuses the object; install the CRD of the experimental channel", "%s.%s: the CustomResourceDefinition in the input has no such field", path, field)
	}
}

// schema is that of the object's version in the CRD that the input holds, nil when it holds none.
func (c *compiler) schema() *object.Value {
	for _, o := range c.cluster.Kind("apiextensions.k8s.io", "CustomResourceDefinition") {
		spec := o.Root.Get("spec")
		if spec.Get("group").Str() != group || spec.Get("names", "kind").Str() != c.Object.Ref.Kind {
			continue
		}
		for _, v := range spec.Get("versions").List() {
			if v.Get("name").Str() == c.version {
				return v.Get("schema", "openAPIV3Schema")
			}
		}
	}
	return nil
}
