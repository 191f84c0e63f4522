package bench

import "slices"

// Changed is w with other ports in the first rule of n of its policies, spread evenly over those that have rules.
func (w *World) Changed(n int) *World {
	c := *w
	c.Policies = slices.Clone(w.Policies)
	var some []int
	for i, p := range c.Policies {
		if len(p.Rules) > 0 {
			some = append(some, i)
		}
	}
	for k := range min(n, len(some)) {
		i := some[k*len(some)/n]
		p := *c.Policies[i]
		p.Rules = slices.Clone(p.Rules)
		p.Rules[0].Ports = []PortRange{{Protocol: "TCP", Lo: 4242, Hi: 4243}}
		c.Policies[i] = &p
	}
	return &c
}
