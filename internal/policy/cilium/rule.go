package cilium

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// rule compiles one entry of a section. It gives several rules when its ports come with different conditions,
// and a deny rule beside an allow rule when something else may forbid the connection after all.
func (c *compiler) rule(v *object.Value, path string, s section) (allow, deny []policy.Rule) {
	if !c.isMap(v, path) {
		return nil, nil
	}
	requires := "fromRequires"
	if s.direction == policy.Egress {
		requires = "toRequires"
	}
	fields := append(peerFields(s), requires, "toPorts", "icmps")
	if s.action == policy.Allow {
		fields = append(fields, "authentication")
	}
	base := policy.Rule{Direction: s.direction, Action: s.action, Pos: c.Object.At(v), Path: path}
	base.Doubts = c.Fields(v, path, fields...)
	if len(c.list(v.Get(requires), path+"."+requires)) > 0 {
		c.Refused(v.Get(requires), "write the condition into every selector instead", "%s.%s was removed from Cilium", path, requires)
	}
	ports, icmps := v.Get("toPorts"), v.Get("icmps")
	limited := len(c.list(ports, path+".toPorts"))+len(c.list(icmps, path+".icmps")) > 0
	peers, given := c.peers(v, path, s)
	switch {
	case given:
		base.Peers = peers
	case limited:
		base.Peers = []policy.Peer{{Kind: policy.AnyPeer, Pos: base.Pos}}
	default:
		// mergeL4Filter; a NetworkPolicy would mean everyone.
		c.Warn(v, "write "+everyone(s)+" when everyone is meant", "%s names neither peers nor ports, which matches nobody", path)
	}
	rules := []policy.Rule{base}
	if limited {
		if len(ports.List()) > 0 && len(icmps.List()) > 0 {
			c.Refused(icmps, "Cilium refuses the object; make them rules of their own", "%s: icmps together with toPorts", path)
		}
		rules = slices.Concat(c.ports(ports, base, s), c.icmps(icmps, base))
	} else {
		rules[0].Conns = netset.All()
	}
	if s.action == policy.Deny {
		return nil, rules
	}
	if d := c.authentication(v.Get("authentication"), path+".authentication"); d != nil {
		for i := range rules {
			rules[i].Limits = append(rules[i].Limits, *d)
			// What must be authenticated must be so even when another rule allows it (mergePortProto).
			may := rules[i]
			may.Action, may.Only = policy.Deny, nil
			deny = append(deny, may)
		}
	}
	return rules, deny
}

func everyone(s section) string {
	if s.direction == policy.Ingress {
		return "fromEntities: [all]"
	}
	return "toEntities: [all]"
}

// authentication gives the doubt of a rule whose peers must prove who they are: whether they can is not in the
// input.
func (c *compiler) authentication(v *object.Value, path string) *policy.Doubt {
	if v == nil || !c.isMap(v, path) {
		return nil
	}
	c.Whole(c.Fields(v, path, "mode"))
	switch mode, _ := c.Text(v.Get("mode"), path+".mode"); mode {
	case "disabled":
		return nil
	case "required":
		d := c.Unclear(v, "%s: the connection needs mutual authentication, and whether that works is not in the input", path)
		return &d
	case "test-always-fail":
		d := c.Unclear(v, "%s: mode test-always-fail refuses connections for a test", path)
		return &d
	default:
		c.Refused(v, refused, "%s.mode: want disabled, required or test-always-fail, got %+q", path, mode)
	}
	return nil
}

// icmps compiles the ICMP types of a rule into one rule: the types are a condition beyond what is modelled.
func (c *compiler) icmps(list *object.Value, base policy.Rule) []policy.Rule {
	if len(list.List()) == 0 {
		return nil
	}
	if c.settings.off("enable-icmp-rules") {
		c.Refused(list, "Cilium refuses the object unless enable-icmp-rules is on", "%s.icmps is switched off", base.Path)
	}
	r := base
	r.Limits, r.Doubts = slices.Clone(base.Limits), slices.Clone(base.Doubts)
	var types []string
	for i, v := range list.List() {
		path := fmt.Sprintf("%s.icmps[%d]", base.Path, i)
		if !c.isMap(v, path) {
			continue
		}
		r.Doubts = append(r.Doubts, c.Fields(v, path, "fields")...)
		for j, f := range c.list(v.Get("fields"), path+".fields") {
			types = append(types, c.icmpType(f, fmt.Sprintf("%s.fields[%d]", path, j), &r))
		}
	}
	if len(types) == 0 {
		c.Warn(list, "name a type, or remove the entry", "%s.icmps names no type, which matches nothing", base.Path)
		return []policy.Rule{r}
	}
	r.Conns = netset.Of(netset.ICMP)
	d := c.Unclear(list, "%s.icmps is about ICMP of type %s, and types are not told apart", base.Path, strings.Join(types, ", "))
	r.Limits = append(r.Limits, d)
	return []policy.Rule{r}
}

// icmpType reads one ICMP type: a number, or a name.
func (c *compiler) icmpType(f *object.Value, path string, r *policy.Rule) string {
	if !c.isMap(f, path) {
		return "?"
	}
	r.Doubts = append(r.Doubts, c.Fields(f, path, "family", "type")...)
	family, _ := c.Text(f.Get("family"), path+".family")
	if family != "" && family != "IPv4" && family != "IPv6" {
		c.Refused(f.Get("family"), refused+"; write IPv4 or IPv6", "%s.family: want IPv4 or IPv6, got %+q", path, family)
	}
	t := f.Get("type")
	n, number := t.Int()
	word := t.IsSet() && t.Kind == object.String && t.Text != ""
	if number && (n < 0 || n > 255) || !number && !word {
		c.Refused(f, refused, "%s.type: want a number from 0 to 255 or a name", path)
	}
	if family == "IPv6" {
		return "IPv6 " + t.Str()
	}
	return "IPv4 " + t.Str()
}
