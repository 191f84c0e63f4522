package calico

import (
	"math"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// profile reads a Profile. Calico makes one of each namespace, kns.NAME, that allows everything, and one of each
// service account, ksa.NAMESPACE.NAME, without rules (NamespaceToProfile and ServiceAccountToProfile in
// libcalico-go/lib/backend/k8s/conversion). Pods have no others. What they really say after all policies is
// the end of all tiers, and allows.
func (c *compiler) profile() []policy.Policy {
	c.Whole(c.Fields(c.Object.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	spec := c.Object.Root.Get("spec")
	c.Whole(c.Fields(spec, "spec", "ingress", "egress", "labelsToApply"))
	namespace, isNamespace := strings.CutPrefix(c.Object.Ref.Name, "kns.")
	account, isAccount := strings.CutPrefix(c.Object.Ref.Name, "ksa.")
	switch {
	case isNamespace && (!allowsAll(spec.Get("ingress")) || !allowsAll(spec.Get("egress"))):
		c.NotModelled(spec, "the profile of namespace %s does not simply allow everything, as the one that Calico makes does", namespace)
	case isAccount && (len(spec.Get("ingress").List()) > 0 || len(spec.Get("egress").List()) > 0):
		c.NotModelled(spec, "the profile of a service account has rules, and the one that Calico makes has none")
		namespace, _, _ = strings.Cut(account, ".")
	case !isNamespace && !isAccount:
		c.Note(nil, "", "the profile is one of host endpoints, and does nothing to pods")
		return nil
	}
	if len(c.Doubts) == 0 {
		return nil
	}
	return []policy.Policy{{
		Ref: c.Object.Ref, Pos: c.Object.Pos, Subjects: []policy.Term{{Namespace: namespace}}, Doubts: c.Doubts,
		Tier: policy.Tier{Rank: math.Inf(1), Name: "Calico profiles"}, Order: math.Inf(1),
	}}
}

// allowsAll tells whether rules are one that allows everything.
func allowsAll(list *object.Value) bool {
	rules := list.List()
	if len(rules) != 1 || rules[0].Get("action").Str() != "Allow" {
		return false
	}
	for _, f := range rules[0].Map() {
		if f.Name != "action" && given(f.Value) {
			return false
		}
	}
	return true
}
