package cilium

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

// networkPolicy draws a Kubernetes NetworkPolicy, which Cilium enforces beside its own kinds.
func (w *world) networkPolicy(i int) {
	o := w.Add("networking.k8s.io/v1", "NetworkPolicy", sketch.Pick(w.Draw, spaceNames...), fmt.Sprintf("p%d", i), nil)
	w.NoteObject("NetworkPolicy")
	spec := object{"podSelector": w.plainSelector()}
	o["spec"] = spec
	for _, s := range []struct{ field, from string }{{"ingress", "from"}, {"egress", "to"}} {
		if w.Often(1, 2) {
			list := make([]any, w.IntN(3))
			for i := range list {
				list[i] = w.plainRule(s.from)
			}
			spec[s.field] = list
		}
	}
	if w.Often(2, 3) {
		types := sketch.Pick(w.Draw, []any{"Ingress"}, []any{"Egress"}, []any{"Ingress", "Egress"})
		spec["policyTypes"] = types
		if types[0] == "Egress" { // Ingress alone says nothing: Cilium looks at the rules first
			w.Note("policyTypes [Egress]", spec, "policyTypes", nil)
		}
		if out, ok := spec["egress"].([]any); ok && len(out) > 0 && len(types) == 1 && types[0] == "Ingress" {
			w.Note("egress rules under policyTypes [Ingress]", spec, "egress", nil)
		}
		if in, ok := spec["ingress"].([]any); ok && len(in) > 0 && len(types) == 1 && types[0] == "Egress" {
			w.Note("ingress rules under policyTypes [Egress]", spec, "ingress", nil)
		}
	}
}

func (w *world) plainSelector() object {
	keys := labelKeys
	switch w.IntN(4) {
	case 0:
		return object{}
	case 1, 2:
		return object{"matchLabels": object{sketch.Pick(w.Draw, keys...): sketch.Pick(w.Draw, labelValues...)}}
	}
	e := object{"key": sketch.Pick(w.Draw, keys...), "operator": sketch.Pick(w.Draw, "In", "NotIn", "Exists", "DoesNotExist")}
	if op := e["operator"]; op == "In" || op == "NotIn" {
		e["values"] = []any{sketch.Pick(w.Draw, labelValues...)}
	}
	return object{"matchExpressions": []any{e}}
}

func (w *world) plainRule(from string) object {
	r := object{}
	peers := make([]any, w.IntN(3))
	for i := range peers {
		p := object{}
		switch w.IntN(4) {
		case 0:
			c := w.cidr()
			b := object{"cidr": c}
			if ex := excepts[c]; len(ex) > 0 && w.Often(1, 2) {
				b["except"] = []any{sketch.Pick(w.Draw, ex...)}
			}
			p["ipBlock"] = b
			w.Note("ipBlock", p, "ipBlock", object{"cidr": "203.0.113.0/24"})
		case 1:
			p["podSelector"] = w.plainSelector()
		case 2:
			p["namespaceSelector"] = w.spaceSelector()
		default:
			p["podSelector"], p["namespaceSelector"] = w.plainSelector(), w.spaceSelector()
		}
		peers[i] = p
	}
	if len(peers) > 0 || w.Often(1, 2) {
		r[from] = peers
	}
	ports := make([]any, w.IntN(3))
	for i := range ports {
		p := object{}
		if w.Often(1, 2) {
			p["protocol"] = sketch.Pick(w.Draw, "TCP", "UDP", "SCTP")
		}
		switch w.IntN(4) {
		case 0:
		case 1:
			p["port"] = sketch.Pick(w.Draw, portNames...)
			w.Note("named port of a NetworkPolicy", p, "port", "none")
		case 2:
			a, b := sketch.Pick(w.Draw, portNumbers...), sketch.Pick(w.Draw, portNumbers...)
			p["port"], p["endPort"] = min(a, b), max(a, b)
			w.Note("endPort of a NetworkPolicy", p, "endPort", nil)
		default:
			p["port"] = sketch.Pick(w.Draw, portNumbers...)
		}
		ports[i] = p
	}
	if len(ports) > 0 {
		r["ports"] = ports
	}
	return r
}

func (w *world) spaceSelector() object {
	switch w.IntN(4) {
	case 0:
		return object{}
	case 1:
		return object{"matchLabels": object{"kubernetes.io/metadata.name": sketch.Pick(w.Draw, spaceNames...)}}
	}
	op := sketch.Pick(w.Draw, "In", "Exists", "NotIn", "DoesNotExist")
	e := object{"key": sketch.Pick(w.Draw, "team", "env"), "operator": op}
	if op == "In" || op == "NotIn" {
		e["values"] = []any{sketch.Pick(w.Draw, labelValues...)}
	}
	s := object{"matchExpressions": []any{e}}
	w.Note("namespaceSelector "+op, s, "matchExpressions", []any{object{"key": "none", "operator": "Exists"}})
	return s
}
