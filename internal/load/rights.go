package load

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Right is one right of RBAC that a live read made use of, or asked for in vain. What is there to be discovered (the
// groups and kinds of the server) is not listed.
type Right struct {
	Verb      string   `json:"verb"` // "get" or "list"
	Group     string   `json:"group,omitempty"`
	Resource  string   `json:"resource"`
	Namespace string   `json:"namespace,omitempty"` // "" is all of them, or none for kinds without
	Names     []string `json:"names,omitempty"`     // of the objects that were asked for, in order
	Refused   bool     `json:"refused,omitempty"`
}

func (r Right) compare(s Right) int {
	refused := 0
	if r.Refused != s.Refused {
		refused = -1
		if r.Refused {
			refused = 1
		}
	}
	return cmp.Or(cmp.Compare(r.Group, s.Group), cmp.Compare(r.Resource, s.Resource), cmp.Compare(r.Namespace, s.Namespace), cmp.Compare(r.Verb, s.Verb), refused)
}

// rights collects what requests were let through or refused. The key is a Right without names.
type rights map[rightKey]map[string]bool

type rightKey struct {
	verb, group, resource, namespace string
	refused                          bool
}

// asked notes a request by its path and the answer's code. Answers that say nothing of rights are left out.
func (s rights) asked(path string, code int) {
	if code != http.StatusOK && code != http.StatusNotFound && code != http.StatusForbidden && code != http.StatusUnauthorized {
		return
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	k := rightKey{verb: "list", refused: code == http.StatusForbidden || code == http.StatusUnauthorized}
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		k.group, parts = parts[1], parts[3:]
	default:
		return
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		k.namespace, parts = parts[1], parts[2:]
	}
	k.resource = parts[0]
	if len(parts) > 1 {
		k.verb = "get"
	}
	if s[k] == nil {
		s[k] = map[string]bool{}
	}
	for _, name := range parts[1:] {
		s[k][name] = true
	}
}

// list gives the rights in order.
func (s rights) list() []Right {
	out := make([]Right, 0, len(s))
	for k, names := range s {
		out = append(out, Right{k.verb, k.group, k.resource, k.namespace, slices.Sorted(maps.Keys(names)), k.refused})
	}
	slices.SortFunc(out, Right.compare)
	return out
}
