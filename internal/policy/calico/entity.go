package calico

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var entityFields = []string{
	"nets", "notNets", "selector", "notSelector", "namespaceSelector", "ports", "notPorts", "services", "serviceAccounts",
}

// entity is the source or destination of a rule, apart from its ports.
type entity struct {
	path  string
	pos   object.Pos
	value *object.Value
	// sel is the endpoints that are meant, and notSel those that are not; nil for no condition.
	sel, notSel *expr
	// nets and notNets are addresses; netsGiven tells no nets from nets that hold nothing.
	nets, notNets     netset.Addrs
	netsGiven         bool
	services          *object.Value
	doubts, notDoubts []policy.Doubt // of the whole entity; of notSel alone, which then is nil
}

// entity reads one side of a rule.
func (c *compiler) entity(v *object.Value, path string, rule object.Pos) entity {
	e := entity{path: path, pos: rule, value: v}
	if v != nil {
		e.pos = c.Object.At(v)
	}
	e.doubts = c.Fields(v, path, append([]string{"domains"}, entityFields...)...)
	if d := v.Get("domains"); d.IsSet() {
		c.domains(d, &e)
	}
	before := len(c.Doubts)
	e.nets, e.netsGiven = c.nets(v.Get("nets"), path+".nets")
	e.notNets, _ = c.nets(v.Get("notNets"), path+".notNets")
	e.sel, e.doubts = c.selectorOf(v, path, e.doubts)
	x, d := c.selector(v.Get("notSelector"), path+".notSelector")
	if d != nil {
		e.notDoubts = append(e.notDoubts, *d)
	}
	e.notSel = x
	if s := v.Get("services"); s.IsSet() {
		e.services = s
		e.doubts = append(e.doubts, c.Fields(s, path+".services", "name", "namespace")...)
		for _, other := range []string{"selector", "notSelector", "namespaceSelector", "nets", "notNets", "serviceAccounts"} {
			if given(v.Get(other)) {
				c.Refused(s, "Calico refuses the object", "%s.services together with %s", path, other)
			}
		}
	}
	if len(c.Doubts) > before {
		e.doubts = append(e.doubts, c.Doubts[before:]...)
	}
	return e
}

// domains is a field of Calico Enterprise and Cloud. Calico open source refuses a manifest with it.
func (c *compiler) domains(v *object.Value, e *entity) {
	d := c.Unclear(v, "%s.domains: which addresses the names have is not known, and only Calico Enterprise and Cloud have the field", e.path)
	e.doubts = append(e.doubts, d)
	if !c.Stored() {
		c.Doubts = append(c.Doubts, d)
	}
}

// selectorOf forms the one selector of an entity just as GetEntityRuleSelector of libcalico-go does (lib/backend/
// syncersv1/updateprocessors/rules.go): in a namespaced policy any selector binds the entity to a namespace,
// the negated one too.
func (c *compiler) selectorOf(v *object.Value, path string, doubts []policy.Doubt) (*expr, []policy.Doubt) {
	keep := func(x *expr, d *policy.Doubt) *expr {
		if d != nil {
			doubts = append(doubts, *d)
		}
		return x
	}
	sel := keep(c.selector(v.Get("selector"), path+".selector"))
	if sel != nil && sel.has(exprGlobal) {
		c.Refused(v.Get("selector"), "Calico refuses the object; global() belongs into namespaceSelector", "%s.selector: global() has no meaning here", path)
	}
	accounts, more := c.accounts(v.Get("serviceAccounts"), path+".serviceAccounts")
	doubts = append(doubts, more...)
	namespaces := keep(c.selector(v.Get("namespaceSelector"), path+".namespaceSelector"))
	switch {
	case given(v.Get("namespaceSelector")):
		if namespaces == nil {
			break // in doubt
		}
		if namespaces.kind != exprGlobal && namespaces.has(exprGlobal) {
			c.Refused(v.Get("namespaceSelector"), "Calico refuses the object", "%s.namespaceSelector: global() cannot be combined with other conditions", path)
		}
		namespaces = inNamespaces(namespaces)
	case c.namespace != "" && (sel != nil || accounts != nil || given(v.Get("notSelector"))):
		namespaces = label(labelNamespace, cluster.In, c.namespace)
	}
	return and(namespaces, accounts, sel), doubts
}

// inNamespaces makes a namespaceSelector one of endpoints. all() then means "in any namespace", and global()
// "in none" (getEndpointSelector in libcalico-go).
func inNamespaces(x *expr) *expr {
	return x.prefixed(prefixNamespace).rewrite(func(l *expr) *expr {
		switch l.kind {
		case exprAll:
			return label(labelNamespace, cluster.Exists)
		case exprGlobal:
			return label(labelNamespace, cluster.DoesNotExist)
		case exprLabel, exprNot, exprAnd, exprOr:
		}
		return l
	})
}

// accounts is a serviceAccounts match: names and selector must both hold.
func (c *compiler) accounts(v *object.Value, path string) (*expr, []policy.Doubt) {
	doubts := c.Fields(v, path, "names", "selector")
	x, d := c.selector(v.Get("selector"), path+".selector")
	if d != nil {
		doubts = append(doubts, *d)
	}
	if x != nil {
		x = x.prefixed(prefixAccount)
	}
	var names []string
	for i, n := range c.List(v.Get("names"), path+".names") {
		name, ok := c.Text(n, fmt.Sprintf("%s.names[%d]", path, i))
		switch {
		case !ok && !n.IsSet():
			c.Refused(n, "Calico refuses the object", "%s.names[%d] is empty", path, i)
		case strings.ContainsAny(name, "'\""):
			doubts = append(doubts, c.Unclear(n, "%s.names[%d]: %s is no name", path, i, shorten(name)))
		case ok:
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return x, doubts
	}
	return and(x, label(labelAccount, cluster.In, names...)), doubts
}

// selector reads a selector field; nil when it is not set or empty, or when the doubt is not nil.
func (c *compiler) selector(v *object.Value, path string) (*expr, *policy.Doubt) {
	text, _ := c.Text(v, path)
	x, err := parseSelector(text)
	var d policy.Doubt
	switch {
	case err == nil:
		return x, nil
	case errors.Is(err, errTooBig):
		d = c.Unclear(v, "%s: %v", path, err)
	default:
		c.Refused(v, "Calico refuses the object", "%s: %v", path, err)
		d = c.Doubts[len(c.Doubts)-1]
	}
	return nil, &d
}

// nets reads a list of blocks. Validation takes them with a length and no bits set behind it; Felix, which
// reads what is stored, is lenient.
func (c *compiler) nets(list *object.Value, path string) (all netset.Addrs, given bool) {
	items := c.List(list, path)
	for i, v := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		p, hostBits, ok := readNet(c.Reader, v, at)
		switch {
		case !ok:
		case !strings.Contains(v.Str(), "/") && !c.Stored():
			c.Refused(v, "Calico refuses the object; write "+p.String(), "%s: %s is not a block", at, v.Str())
		case hostBits && !c.Stored():
			c.Refused(v, "Calico refuses the object; write "+p.String(), "%s: %s has bits set behind its prefix length", at, v.Str())
		case hostBits:
			c.Warn(v, "write "+p.String(), "%s: %s has bits set behind its prefix length and is read as %s", at, v.Str(), p)
		}
		if ok {
			all = all.Union(netset.AddrsOf(p))
		}
	}
	if !all.V4().IsEmpty() && !all.V6().IsEmpty() {
		c.Refused(list, "Calico refuses the object; write one rule per family", "%s: IPv4 and IPv6 in one list", path)
	}
	return all, len(items) > 0
}

// meant is the endpoints and sets that the selectors of e mean together; nil for no condition.
func (e *entity) meant() *expr {
	if e.notSel == nil {
		return e.sel
	}
	return and(e.sel, not(e.notSel))
}

// families is the address families that e leaves to its rule: nets of one family, positive or negated, keep
// the rule out of the other one (FilterRuleToIPVersion in felix/rules).
func (e *entity) families() netset.Addrs {
	all := netset.AllAddrs()
	for _, nets := range []netset.Addrs{e.nets, e.notNets} {
		switch {
		case nets.V4().IsEmpty() && !nets.V6().IsEmpty():
			all = all.Intersect(netset.AllIPv6())
		case nets.V6().IsEmpty() && !nets.V4().IsEmpty():
			all = all.Intersect(netset.AllIPv4())
		}
	}
	return all
}

// allowed is the addresses of within that the nets of e let through.
func (e *entity) allowed(within netset.Addrs) netset.Addrs {
	if e.netsGiven {
		within = within.Intersect(e.nets)
	}
	return within.Subtract(e.notNets)
}

// given tells whether a field says anything: empty texts, lists and maps do not.
func given(v *object.Value) bool {
	return v.IsSet() && (v.Str() != "" || len(v.List()) > 0 || len(v.Map()) > 0)
}
