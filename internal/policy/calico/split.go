package calico

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// rules compiles ingress and egress, in order.
func (c *compiler) rules(spec *object.Value, types [2]bool) []compiled {
	var out []compiled
	for _, d := range policy.Directions {
		list := spec.Get(d.String())
		items := c.List(list, "spec."+d.String())
		var parts []compiled
		for i, v := range items {
			parts = append(parts, c.rule(v, d, fmt.Sprintf("spec.%s[%d]", d, i))...)
		}
		if len(items) > 0 && !types[d] {
			c.Warn(list, "name the direction in spec.types, or remove the rules", "spec.%s has no effect, because spec.types does not name it", d)
			continue
		}
		out = append(out, parts...)
	}
	return out
}

// split makes policies of p, each with a run of its rules that bind the same pods. They have p's name, tier and
// order, and come in the order of the rules.
func (c *compiler) split(p policy.Policy, sel *expr, parts []compiled) []policy.Policy {
	out := []policy.Policy{p}
	var last *expr
	for _, part := range parts {
		at := &out[len(out)-1]
		if part.own != last {
			next := p
			if part.own != nil {
				ts, err := terms(and(sel, part.own), c.pods)
				switch {
				case err != nil:
					d := c.Unclear(nil, "whom the rule binds: %v", err)
					for i := range part.rules {
						part.rules[i].Limits = append(part.rules[i].Limits, d)
					}
				case len(ts) == 0: // the rule binds nobody
					continue
				default:
					next.Subjects = ts
				}
			}
			out = append(out, next)
			at, last = &out[len(out)-1], part.own
		}
		at.Rules = append(at.Rules, part.rules...)
	}
	return out
}
