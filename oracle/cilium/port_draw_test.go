package cilium

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

func (w *world) portRule(action string, egress, allow bool) object {
	list := make([]any, 1+w.IntN(2))
	http := allow && w.Often(1, 6)
	for i := range list {
		list[i] = w.port(action, http)
	}
	pr := object{"ports": list}
	if http {
		pr["rules"] = object{"http": []any{object{"method": "GET", "path": "/public"}}}
		w.Note("rules.http", pr, "ports", []any{object{"port": "1", "protocol": "TCP"}})
	}
	return pr
}

func (w *world) port(action string, onlyTCP bool) object {
	p := object{}
	if w.Often(2, 3) {
		p["protocol"] = sketch.Pick(w.Draw, "TCP", "UDP", "SCTP", "ANY", "TCP")
		if p["protocol"] == "ANY" {
			w.Note("port of ANY"+action, p, "protocol", "SCTP")
		}
	}
	if onlyTCP {
		p["protocol"] = "TCP"
	}
	_, stated := p["protocol"]
	switch n := w.IntN(8); {
	case n == 0 && !onlyTCP:
		p["port"] = "0"
		w.Note("port 0"+action, p, "port", "1")
	case n == 1 || n == 2:
		p["port"] = sketch.Pick(w.Draw, "http", "dns", "metrics", "HTTP")
		name := "named port"
		if p["protocol"] == "ANY" || !stated {
			name = "named port of any protocol"
		}
		if p["port"] == "HTTP" {
			name, action = "named port in capitals", ""
		}
		w.Note(name+action, p, "port", "none")
	case n == 3:
		a, b := sketch.Pick(w.Draw, portNumbers...), sketch.Pick(w.Draw, portNumbers...)
		p["port"], p["endPort"] = fmt.Sprint(min(a, b)), max(a, b)
		if a == b && w.Often(1, 2) {
			p["endPort"] = 1 // before the first: Cilium takes the port alone
			w.Note("endPort before port", p, "port", "1")
		} else {
			w.Note("endPort"+action, p, "endPort", nil)
		}
	default:
		p["port"] = fmt.Sprint(sketch.Pick(w.Draw, portNumbers...))
		if !stated {
			w.Note("port without protocol"+action, p, "protocol", "SCTP")
		}
	}
	return p
}
