package calico

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// draw draws objects of Calico's own API.
type draw struct{ *world.Draw }

// nobody is a selector that nothing of any world matches.
const nobody = "none == 'none'"

// selector draws an expression of Calico's language into s, and notes its operators.
func (d draw) selector(where string, s *string) {
	*s = d.expression(2)
	world.Note(d.Draw, where, s, nobody)
	d.operators(s)
}

// expression draws one, with at most depth operators inside each other. Labels that Calico adds are among those
// that it asks for.
func (d draw) expression(depth int) string {
	if depth > 0 && d.Often(1, 2) {
		a := d.expression(depth - 1)
		switch d.IntN(4) {
		case 0:
			return "!(" + a + ")"
		case 1:
			return fmt.Sprintf("(%s) || (%s)", a, d.expression(depth-1))
		case 2:
			return fmt.Sprintf("%s && %s", group(a), group(d.expression(depth-1)))
		}
	}
	key := d.Key()
	quoted := func() string { return "'" + d.Value() + "'" }
	switch d.IntN(14) {
	case 0:
		return "all()"
	case 1, 2:
		return fmt.Sprintf("%s == %s", key, quoted())
	case 3:
		return fmt.Sprintf("%s != %s", key, quoted())
	case 4:
		return fmt.Sprintf("has(%s)", key)
	case 5:
		return fmt.Sprintf("!has(%s)", key)
	case 6:
		return fmt.Sprintf("%s in {%s, %s}", key, quoted(), quoted())
	case 7:
		return fmt.Sprintf("%s not in {%s, %s}", key, quoted(), quoted())
	case 8:
		return fmt.Sprintf("%s contains %s", key, quoted())
	case 9:
		return fmt.Sprintf("%s starts with %s", key, quoted())
	case 10:
		return fmt.Sprintf("%s ends with \"%s\"", key, d.Value())
	case 11:
		return fmt.Sprintf("projectcalico.org/namespace == '%s'", d.Namespace())
	case 12:
		return world.Pick(d.Draw, "projectcalico.org/orchestrator == 'k8s'", "has(projectcalico.org/serviceaccount)", "projectcalico.org/serviceaccount == 'sa1'")
	}
	return fmt.Sprintf("pcns.%s == %s", key, quoted())
}

// operators notes each operator of a selector, with its opposite in its place.
func (d draw) operators(s *string) {
	for _, o := range [...]struct{ name, from, to string }{
		{"selector: ==", " == ", " != "}, {"selector: !=", " != ", " == "}, {"selector: in", " in {", " not in {"}, {"selector: not in", " not in {", " in {"},
		{"selector: contains", " contains ", " != "}, {"selector: starts with", " starts with ", " != "}, {"selector: ends with", " ends with ", " != "},
		{"selector: &&", " && ", " || "}, {"selector: ||", " || ", " && "}, {"selector: !", "!(", "("}, {"selector: !has()", "!has(", "has("},
		{"selector: all()", "all()", "!all()"},
	} {
		if instead := strings.Replace(*s, o.from, o.to, 1); instead != *s && (o.from != " in {" || !strings.Contains(*s, "not in")) {
			world.Note(d.Draw, o.name, s, instead)
		}
	}
}

func group(s string) string {
	if strings.Contains(s, "||") {
		return "(" + s + ")"
	}
	return s
}

// labelSelector is an expression over plain labels, as namespaces and accounts have them.
func (d draw) labelSelector(where string, s *string) {
	for {
		*s = d.expression(1)
		if !strings.Contains(*s, "projectcalico") && !strings.Contains(*s, "pcns") {
			break
		}
	}
	world.Note(d.Draw, where, s, nobody)
}

// namespaceSelector also asks for the name that Calico gives namespaces, and for what has none.
func (d draw) namespaceSelector(where string, s *string) {
	n := d.IntN(6)
	if where == "own side namespaceSelector" {
		n = 5 // a pod is in a namespace
	}
	switch n {
	case 0:
		*s = "global()"
		world.Note(d.Draw, where+": global()", s, nobody)
	case 1:
		*s = "all()"
		world.Note(d.Draw, where+": all()", s, nobody)
	case 2:
		*s = fmt.Sprintf("projectcalico.org/name == '%s'", d.Namespace())
		world.Note(d.Draw, where+": by name", s, nobody)
	default:
		d.labelSelector(where, s)
	}
}
