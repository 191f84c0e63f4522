// Package rbac is who may do what through the Kubernetes API, as RBAC objects grant it.
//
// Rules only ever add, so a grant that is found is certain. What may be missing is told apart: bindings to
// roles that the input does not hold. Other authorizers (ABAC, Node, webhooks, cloud IAM) are not seen.
package rbac

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const group = "rbac.authorization.k8s.io"

// Subject is a user, a group or a ServiceAccount. Namespace is that of a ServiceAccount.
type Subject struct {
	Kind, Namespace, Name string
}

// String is "ServiceAccount shop/web", "User jane" or "Group ops".
func (s Subject) String() string {
	if s.Namespace != "" {
		return s.Kind + " " + s.Namespace + "/" + s.Name
	}
	return s.Kind + " " + s.Name
}

// Compare orders by kind, namespace and name.
func (s Subject) Compare(t Subject) int {
	return cmp.Or(cmp.Compare(s.Kind, t.Kind), cmp.Compare(s.Namespace, t.Namespace), cmp.Compare(s.Name, t.Name))
}

// Grant is one rule that a binding gives to one subject.
type Grant struct {
	Subject   Subject
	Namespace string     // where it holds; "" is everywhere
	Binding   object.Ref // that gives it
	Role      object.Ref // that holds the rule
	Pos       object.Pos // of the rule; of the binding when the rule is built in
	At        object.Pos // of the binding
	Rule      Rule
}

// Rule is one entry of a role. The lists are as written, with "*" for all.
type Rule struct {
	Groups, Resources, Names, Verbs []string
}

// Dangling is a binding to a role that the input does not hold: what it grants is not known.
type Dangling struct {
	Subject   Subject
	Namespace string // "" is everywhere
	Binding   object.Ref
	Role      object.Ref
	Pos       object.Pos
}

// Access is all grants of a cluster.
type Access struct {
	Grants   []Grant // by subject, then binding, then the order of rules
	Dangling []Dangling
	Known    bool // the input holds roles or bindings at all
}

// Allows tells whether the rule grants one of the verbs on one of the resources of a group. A resource may be
// a subresource ("nodes/proxy"). A rule for named objects only does not count for verbs that take no name
// (create, deletecollection), and counts for others.
func (r Rule) Allows(apiGroup string, resources, verbs []string) bool {
	if !slices.Contains(r.Groups, "*") && !slices.Contains(r.Groups, apiGroup) {
		return false
	}
	verb := slices.ContainsFunc(verbs, func(v string) bool {
		if len(r.Names) > 0 && (v == "create" || v == "deletecollection") {
			return false
		}
		return slices.Contains(r.Verbs, "*") || slices.Contains(r.Verbs, v)
	})
	return verb && slices.ContainsFunc(resources, func(want string) bool {
		return slices.ContainsFunc(r.Resources, func(has string) bool { return covers(has, want) })
	})
}

// covers is the matching of the API server (ResourceMatches in its RBAC rules): "*" is everything, "*/proxy"
// is that subresource of every resource; "nodes/*" is nothing special.
func covers(has, want string) bool {
	if has == "*" || has == want {
		return true
	}
	_, sub, ok := strings.Cut(want, "/")
	return ok && has == "*/"+sub
}

// Read reads all roles and bindings.
func Read(c *cluster.Cluster) Access {
	var a Access
	roles := map[object.Ref]*object.Object{}
	for _, kind := range []string{"ClusterRole", "Role"} {
		for _, o := range c.Kind(group, kind) {
			roles[object.Ref{Group: group, Kind: kind, Namespace: o.Ref.Namespace, Name: o.Ref.Name}] = o
			a.Known = true
		}
	}
	rules := map[*object.Object][]placed{}
	for _, o := range roles {
		rules[o] = rulesOf(o)
	}
	aggregate(roles, rules)
	for _, kind := range []string{"ClusterRoleBinding", "RoleBinding"} {
		for _, o := range c.Kind(group, kind) {
			a.Known = true
			a.bind(o, roles, rules)
		}
	}
	slices.SortStableFunc(a.Grants, func(x, y Grant) int { return cmp.Or(x.Subject.Compare(y.Subject), x.Binding.Compare(y.Binding)) })
	slices.SortStableFunc(a.Dangling, func(x, y Dangling) int { return cmp.Or(x.Subject.Compare(y.Subject), x.Binding.Compare(y.Binding)) })
	return a
}

func (a *Access) bind(o *object.Object, roles map[object.Ref]*object.Object, rules map[*object.Object][]placed) {
	ref := o.Root.Get("roleRef")
	role := object.Ref{Group: group, Kind: ref.Get("kind").Str(), Name: ref.Get("name").Str()}
	if role.Kind == "Role" {
		role.Namespace = o.Ref.Namespace
	}
	namespace := "" // a ClusterRole of a RoleBinding holds in its namespace only
	if o.Ref.Kind == "RoleBinding" {
		namespace = o.Ref.Namespace
	}
	for _, v := range o.Root.Get("subjects").List() {
		s := Subject{Kind: v.Get("kind").Str(), Name: v.Get("name").Str()}
		if s.Kind == "ServiceAccount" {
			s.Namespace = v.Get("namespace").Str()
			if s.Namespace == "" {
				s.Namespace = o.Ref.Namespace
			}
		}
		s = account(s)
		def, known := roles[role]
		given := rules[def]
		if !known && role.Kind == "ClusterRole" && role.Name == "cluster-admin" { // the API server makes it so at each start
			known, given = true, []placed{{Rule{Groups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}, object.Pos{}}}
		}
		if !known {
			a.Dangling = append(a.Dangling, Dangling{Subject: s, Namespace: namespace, Binding: o.Ref, Role: role, Pos: o.Pos})
			continue
		}
		for _, r := range given {
			pos := r.pos
			if pos.File == "" {
				pos = o.Pos
			}
			a.Grants = append(a.Grants, Grant{Subject: s, Namespace: namespace, Binding: o.Ref, Role: role, Pos: pos, At: o.Pos, Rule: r.Rule})
		}
	}
}

// account writes the user name of a ServiceAccount as the ServiceAccount.
func account(s Subject) Subject {
	if rest, ok := strings.CutPrefix(s.Name, "system:serviceaccount:"); ok && s.Kind == "User" {
		if ns, name, ok := strings.Cut(rest, ":"); ok {
			return Subject{Kind: "ServiceAccount", Namespace: ns, Name: name}
		}
	}
	return s
}

type placed struct {
	Rule
	pos object.Pos
}

func rulesOf(o *object.Object) []placed {
	var out []placed
	for _, v := range o.Root.Get("rules").List() {
		out = append(out, placed{Rule{texts(v.Get("apiGroups")), texts(v.Get("resources")), texts(v.Get("resourceNames")), texts(v.Get("verbs"))}, o.At(v)})
	}
	return out
}

// aggregate adds to ClusterRoles that collect others the rules of those, and of what those collect: the API
// server's controller writes them into rules, but manifests leave them out.
func aggregate(roles map[object.Ref]*object.Object, rules map[*object.Object][]placed) {
	refs := sortedRefs(roles)
	collects := map[*object.Object][]*object.Object{}
	for _, o := range roles {
		for _, s := range o.Root.Get("aggregationRule", "clusterRoleSelectors").List() {
			sel, bad := cluster.ParseSelector(s)
			for _, ref := range refs {
				if len(bad) == 0 && ref.Kind == "ClusterRole" && sel.Matches(roles[ref].Root.Get("metadata", "labels").Strings()) {
					collects[o] = append(collects[o], roles[ref])
				}
			}
		}
	}
	own := maps.Clone(rules)
	for o := range collects {
		seen := map[*object.Object]bool{o: true}
		for next := collects[o]; len(next) > 0; {
			r := next[0]
			next = next[1:]
			if seen[r] {
				continue
			}
			seen[r] = true
			rules[o] = append(rules[o], own[r]...)
			next = append(slices.Clone(next), collects[r]...)
		}
	}
}

func sortedRefs(roles map[object.Ref]*object.Object) []object.Ref {
	out := make([]object.Ref, 0, len(roles))
	for r := range roles {
		out = append(out, r)
	}
	slices.SortFunc(out, object.Ref.Compare)
	return out
}

func texts(v *object.Value) []string {
	var out []string
	for _, it := range v.List() {
		out = append(out, it.Str())
	}
	return out
}
