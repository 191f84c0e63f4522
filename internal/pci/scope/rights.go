package scope

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

// account is what the API knows pods by.
type account struct{ namespace, name string }

// rights finds what accounts may do in the namespaces of the cardholder data environment: those of pods make
// their workloads security-impacting, and people are systems of their own.
func (c *computer) rights() {
	if len(c.perhaps) == 0 {
		return
	}
	if !c.access.Known && !c.Cluster.Complete {
		c.open("no role and no binding is in the input: what accounts may do through the API is not known")
	}
	holders := c.holders()
	sure, maybe := c.held(c.places), c.held(c.perhaps)
	lost := map[rbac.Subject][]rbac.Dangling{}
	for _, d := range c.access.Unsettled(c.perhaps) {
		lost[d.Subject] = append(lost[d.Subject], d)
	}
	for _, at := range sortedAccounts(holders) {
		if !c.access.Known && !c.Cluster.Complete {
			for _, i := range holders[at] {
				w := c.Cluster.Workloads[i]
				c.give(i, Reason{
					Code: RightsAbsent, Class: SecurityImpacting, Ref: w.Ref, Pos: w.Pos,
					Msg: "what its account " + at.name + " may do through the API is not in the input",
				})
			}
			continue
		}
		for _, s := range rbac.Identities(at.namespace, at.name) {
			for _, i := range holders[at] {
				c.powers(i, s, sure[s], true)
				if !slices.Equal(c.places, c.perhaps) {
					c.powers(i, s, maybe[s], false)
				}
				for _, d := range lost[s] {
					c.give(i, Reason{
						Code: Rights, Class: SecurityImpacting, Ref: d.Binding, Pos: d.Pos,
						Msg: fmt.Sprintf("what %s may do is not known: %s is not in the input", s, d.Role),
					})
				}
			}
		}
	}
	c.people(lost)
}

func (c *computer) open(msg string) {
	if !slices.Contains(c.out.Open, msg) {
		c.out.Open = append(c.out.Open, msg)
	}
}

// holders gives the workloads whose pods have a token of each account. Those of the environment itself are left
// out: it makes no difference to them.
func (c *computer) holders() map[account][]int {
	out := map[account][]int{}
	mounts := map[account]bool{}
	for _, o := range c.Cluster.Kind("", "ServiceAccount") {
		if v := o.Root.Get("automountServiceAccountToken"); v.IsSet() && !v.True() {
			mounts[account{o.Ref.Namespace, o.Ref.Name}] = false
		} else {
			mounts[account{o.Ref.Namespace, o.Ref.Name}] = true
		}
	}
	for i, w := range c.Cluster.Workloads {
		for _, p := range w.Pods {
			at := account{p.Namespace.Name, p.ServiceAccount}
			mount, declared := mounts[at]
			if !c.stated(i) && holdsToken(p, mount || !declared) && !slices.Contains(out[at], i) {
				out[at] = append(out[at], i)
			}
		}
	}
	return out
}

// holdsToken tells whether the pod gets a token of its account (Kubernetes "Configure Service Accounts for
// Pods"): the pod's own word goes before that of the account, and a volume may ask for one in any case.
func holdsToken(p *cluster.Pod, mount bool) bool {
	if p.AutomountToken != nil {
		mount = *p.AutomountToken
	}
	if mount {
		return true
	}
	for _, v := range p.Spec.Get("volumes").List() {
		for _, s := range v.Get("projected", "sources").List() {
			if s.Get("serviceAccountToken").IsSet() {
				return true
			}
		}
	}
	return false
}

func sortedAccounts(m map[account][]int) []account {
	out := make([]account, 0, len(m))
	for a := range m {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b account) int {
		return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name)
	})
	return out
}

func (c *computer) held(namespaces []string) map[rbac.Subject][]rbac.Held {
	out := map[rbac.Subject][]rbac.Held{}
	if len(namespaces) == 0 {
		return out
	}
	for _, h := range c.access.Over(namespaces) {
		out[h.Subject] = append(out[h.Subject], h)
	}
	return out
}

// powers gives a workload what one of its identities may do.
func (c *computer) powers(i int, s rbac.Subject, held []rbac.Held, sure bool) {
	for _, h := range held {
		c.give(i, Reason{
			Code: Rights, Class: SecurityImpacting, Sure: sure, Ref: h.Role, Pos: h.Pos,
			Msg: s.String() + " " + Ability(h),
		})
	}
}

// Ability is "may read Secrets in namespace pay"; of more than three powers it gives the number of the rest.
func Ability(h rbac.Held) string {
	const most = 3
	var texts []string
	for _, p := range h.Powers[:min(most, len(h.Powers))] {
		texts = append(texts, p.Does)
	}
	out := "may " + strings.Join(texts, ", ")
	if n := len(h.Powers) - most; n > 0 {
		out += fmt.Sprintf(", and %d more things,", n)
	}
	if h.Namespace == "" {
		return out + " everywhere"
	}
	return out + " in namespace " + h.Namespace
}

// people lists who else has powers over the cardholder data environment: users, groups, and accounts that no pod
// of the input runs with.
func (c *computer) people(lost map[rbac.Subject][]rbac.Dangling) {
	runs := map[rbac.Subject]bool{}
	for _, p := range c.Cluster.Pods {
		runs[rbac.Subject{Kind: "ServiceAccount", Namespace: p.Namespace.Name, Name: p.ServiceAccount}] = true
	}
	for _, h := range c.access.Over(c.perhaps) {
		if runs[h.Subject] {
			continue
		}
		sure := h.Namespace == "" || slices.Contains(c.places, h.Namespace)
		c.out.Systems = append(c.out.Systems, System{Kind: h.Subject.Kind, Name: name(h.Subject), Sure: sure, Ref: h.Role, Pos: h.Pos, Msg: Ability(h)})
	}
	for s, ds := range lost {
		for _, d := range ds {
			if !runs[s] {
				c.out.Systems = append(c.out.Systems, System{Kind: s.Kind, Name: name(s), Ref: d.Binding, Pos: d.Pos, Msg: "has " + d.Role.String() + ", which is not in the input"})
			}
		}
	}
}

func name(s rbac.Subject) string {
	if s.Namespace != "" {
		return s.Namespace + "/" + s.Name
	}
	return s.Name
}

// either is the worse of two answers for someone who wants to prove that a thing is not so.
func either(a, b enforcer.Answer) enforcer.Answer {
	switch {
	case a == enforcer.Yes || b == enforcer.Yes:
		return enforcer.Yes
	case a == enforcer.Unknown || b == enforcer.Unknown:
		return enforcer.Unknown
	}
	return enforcer.No
}
