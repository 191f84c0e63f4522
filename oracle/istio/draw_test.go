package istio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

type object = sketch.Object

var (
	spaceNames  = []string{"ns0", "ns1", RootNamespace}
	labelValues = []string{"a", "b"}
	ports       = []int{80, 443, 8080, 9090}
	outside     = []string{"10.9.9.9", "192.168.7.7", "8.8.8.8"}
	blocks      = []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.101", "192.168.0.0/16", "128.0.0.0/1"}
)

type world struct {
	*sketch.Draw
	pods []string // "namespace/name"
}

func newWorld(d *sketch.Draw) *world {
	w := &world{Draw: d}
	for _, name := range spaceNames {
		labels := object{"kubernetes.io/metadata.name": name}
		if v := sketch.Pick(d, "enabled", "enabled", "enabled", "enabled", "enabled", "disabled", ""); v != "" {
			labels["istio-injection"] = v
		}
		d.Add("v1", "Namespace", "", name, nil)["metadata"].(object)["labels"] = labels
		for _, sa := range []string{"default", "web"} {
			d.Add("v1", "ServiceAccount", name, sa, nil)
		}
	}
	for _, name := range []string{"n0", "n1"} {
		d.Add("v1", "Node", "", name, object{"status": object{"addresses": []any{object{"type": "InternalIP", "address": "172.16.0." + name[1:]}}}})
	}
	for i := range 3 + d.IntN(4) {
		w.pod(i)
	}
	w.services()
	for i := range d.IntN(4) {
		w.peerAuthentication(i)
	}
	for i := range 1 + d.IntN(4) {
		w.authorization(i)
	}
	return w
}

func (w *world) pod(i int) {
	ns, name := sketch.Pick(w.Draw, "ns0", "ns0", "ns0", "ns1", "ns1", "ns1", RootNamespace), fmt.Sprintf("pod%d", i)
	containers := []any{object{"name": "c", "image": "i"}}
	labels := object{"app": sketch.Pick(w.Draw, labelValues...), "tier": sketch.Pick(w.Draw, labelValues...)}
	spec := object{"nodeName": sketch.Pick(w.Draw, "n0", "n1"), "containers": containers}
	if w.Often(1, 2) {
		spec["serviceAccountName"] = "web"
	}
	meta := object{}
	switch w.IntN(8) {
	case 0, 3:
		spec["containers"] = append(containers, object{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.31.0", "args": []any{"proxy", "sidecar"}})
		spec["initContainers"] = []any{object{"name": "istio-init", "image": "docker.io/istio/proxyv2:1.31.0",
			"args": []any{"istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-b", "*", "-d", "15090,15021,15020"}}}
		meta["uid"] = name
	case 1:
		meta["uid"] = name // stored without a sidecar
	case 2:
		labels["sidecar.istio.io/inject"] = sketch.Pick(w.Draw, "true", "false")
	}
	meta["labels"] = labels
	if meta["uid"] == nil && w.Often(1, 6) {
		// What the injector has written into the init container counts, so this is for pods without one.
		meta["annotations"] = object{"traffic.sidecar.istio.io/excludeInboundPorts": "9090"}
	}
	p := w.Add("v1", "Pod", ns, name, object{"spec": spec, "status": object{"podIPs": []any{object{"ip": fmt.Sprintf("10.%d.2.%d", 1+w.IntN(2), 100+i)}}}})
	for k, v := range meta {
		p["metadata"].(object)[k] = v
	}
	if meta["annotations"] != nil {
		w.Note("excludeInboundPorts", p["metadata"].(object), "annotations", nil)
	}
	w.pods = append(w.pods, ns+"/"+name)
}

// services lead to ports in ways that tell the proxy what is spoken there, or leave it to find out.
func (w *world) services() {
	for i, ns := range []string{"ns0", "ns1", "ns0"} {
		var list []any
		for _, n := range []int{[]int{80, 80, 443}[i], []int{8080, 8080, 9090}[i]} {
			name := sketch.Pick(w.Draw, "http", "tcp-x", "web", "grpc-x")
			list = append(list, object{"name": fmt.Sprintf("%s%d", name, n)[:min(15, len(name)+len(fmt.Sprint(n)))], "port": n, "targetPort": n})
			if name == "http" {
				list[len(list)-1].(object)["name"] = "http"
				if len(list) == 2 && list[0].(object)["name"] == "http" {
					list[1].(object)["name"] = "http-2"
				}
			}
		}
		w.Add("v1", "Service", ns, fmt.Sprintf("svc%d", i), object{"spec": object{"clusterIP": fmt.Sprintf("172.20.0.%d", 10+i), "ports": list,
			"selector": object{sketch.Pick(w.Draw, "app", "tier"): sketch.Pick(w.Draw, labelValues...)}}})
	}
}

func (w *world) peerAuthentication(i int) {
	ns := sketch.Pick(w.Draw, spaceNames...)
	spec := object{}
	name := "PeerAuthentication of a namespace"
	if ns == RootNamespace {
		name = "PeerAuthentication of the mesh"
	}
	if w.Often(1, 2) {
		spec["selector"] = object{"matchLabels": object{"app": sketch.Pick(w.Draw, labelValues...)}}
		name = "PeerAuthentication of workloads"
		if ns == RootNamespace {
			name = "PeerAuthentication with a selector in the root namespace"
		}
		if w.Often(1, 2) {
			modes := object{}
			for range 1 + w.IntN(2) {
				port := fmt.Sprint(sketch.Pick(w.Draw, ports...))
				modes[port] = object{"mode": sketch.Pick(w.Draw, "STRICT", "PERMISSIVE", "DISABLE", "UNSET")}
				w.Note("portLevelMtls "+modes[port].(object)["mode"].(string), modes, port, nil)
			}
			spec["portLevelMtls"] = modes
		}
	}
	if w.Often(4, 5) {
		mode := sketch.Pick(w.Draw, "STRICT", "PERMISSIVE", "DISABLE", "UNSET")
		spec["mtls"] = object{"mode": mode}
		if mode != "UNSET" {
			w.Note("mtls "+mode, spec, "mtls", nil)
		} else {
			w.Note("mtls UNSET", spec, "mtls", object{"mode": "STRICT"})
		}
	}
	o := w.Add("security.istio.io/v1", "PeerAuthentication", ns, fmt.Sprintf("pa%d", i), object{"spec": spec})
	o["metadata"].(object)["creationTimestamp"] = fmt.Sprintf("2025-01-0%dT00:00:00Z", 1+w.IntN(9))
	w.NoteObject(name)
}

func (w *world) authorization(i int) {
	ns := sketch.Pick(w.Draw, "ns0", "ns0", "ns1", "ns1", RootNamespace)
	spec := object{}
	if w.Often(1, 2) {
		labels := object{"app": sketch.Pick(w.Draw, labelValues...)}
		if w.Often(1, 4) {
			labels["tier"] = sketch.Pick(w.Draw, labelValues...)
		}
		spec["selector"] = object{"matchLabels": labels}
		w.Note("selector", spec, "selector", object{"matchLabels": object{"none": "none"}})
	}
	action := sketch.Pick(w.Draw, "", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "AUDIT", "CUSTOM")
	if action != "" {
		spec["action"] = action
	}
	if action == "CUSTOM" {
		spec["provider"] = object{"name": "nobody"}
	}
	switch w.IntN(10) {
	case 0:
		w.noRules(spec, action)
	default:
		rules := make([]any, 1+w.IntN(2))
		for i := range rules {
			rules[i] = w.rule(action)
		}
		spec["rules"] = rules
	}
	o := w.Add("security.istio.io/v1", "AuthorizationPolicy", ns, fmt.Sprintf("ap%d", i), object{"spec": spec})
	if action == "" {
		action = "ALLOW by default"
	}
	w.NoteObject("action " + action)
	if ns == RootNamespace {
		w.NoteObject("AuthorizationPolicy of the mesh")
	}
	if w.Often(1, 12) {
		o["metadata"].(object)["annotations"] = object{"istio.io/dry-run": "true"}
		w.Note("dry run", o["metadata"].(object), "annotations", nil)
	}
}

// noRules is a policy that matches nothing.
func (w *world) noRules(spec object, action string) {
	name := "no rules"
	if w.Often(1, 2) {
		spec["rules"], name = []any{}, "rules []"
	}
	if action == "" || action == "ALLOW" {
		w.Note(name, spec, "rules", []any{object{}})
	}
}

func (w *world) rule(action string) object {
	r := object{}
	if w.Often(1, 8) {
		w.Note("rule {}", r, "to", []any{object{"operation": object{"ports": []any{"1"}}}})
		return r
	}
	if w.Often(2, 3) {
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = object{"source": w.source()}
		}
		r["from"] = list
	}
	if w.Often(2, 3) {
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = object{"operation": w.operation(action)}
		}
		r["to"] = list
	}
	if w.Often(1, 3) {
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = w.condition()
		}
		r["when"] = list
	}
	return r
}

// request draws conditions on HTTP requests. Some request meets each: see README, "conditions that no request
// can meet".
func (w *world) request(o object, field, where string, choices ...string) {
	negated := "not" + string(field[0]-'a'+'A') + field[1:]
	if o[field] != nil || o[negated] != nil {
		return
	}
	if w.Often(1, 4) {
		choices = slices.DeleteFunc(choices, func(s string) bool { return s == "*" })
		o[negated] = []any{sketch.Pick(w.Draw, choices...)}
		w.Note(where+negated, o, negated, nil)
		return
	}
	o[field] = []any{sketch.Pick(w.Draw, choices...)}
	w.Note(where+field, o, field, nil)
}

// values draws entries for a field, and sometimes for its negation. At least one of both is there.
func (w *world) values(o object, field, where string, choices ...string) {
	draw := func() []any {
		list := []any{sketch.Pick(w.Draw, choices...)}
		if w.Often(1, 3) {
			list = append(list, sketch.Pick(w.Draw, choices...))
		}
		return list
	}
	negated := "not" + string(field[0]-'a'+'A') + field[1:]
	both := w.IntN(5)
	if both != 0 {
		o[field] = draw()
		w.Note(where+field, o, field, nil)
	}
	if both < 2 {
		o[negated] = draw()
		w.Note(where+negated, o, negated, nil)
	}
}

var principals = []string{
	"cluster.local/ns/ns0/sa/web", "cluster.local/ns/ns1/sa/default", "*", "*/sa/web", "cluster.local/ns/ns0/*", "other.domain/ns/ns0/sa/web", "*/ns0/sa/default",
}

func (w *world) source() object {
	s := object{}
	for range 1 + w.IntN(2) {
		switch w.IntN(7) {
		case 0, 1:
			w.values(s, "principals", "", principals...)
		case 2, 3:
			w.values(s, "namespaces", "", "ns0", "ns1", "ns*", "*1", "other")
		case 4, 5:
			w.values(s, "ipBlocks", "", blocks...)
		default:
			if len(s) == 0 { // serviceAccounts go with neither principals nor namespaces
				w.values(s, "serviceAccounts", "", "web", "ns0/web", "ns1/default")
				return s
			}
		}
	}
	if len(s) == 0 || w.Often(1, 15) {
		w.values(s, "remoteIpBlocks", "", blocks...)
	}
	return s
}

func (w *world) operation(action string) object {
	o := object{}
	for range 1 + w.IntN(2) {
		switch w.IntN(5) {
		case 0:
			w.request(o, "methods", "", "GET", "POST", "*", "G*")
		case 1:
			w.request(o, "paths", "", "/public", "/public*", "*/a", "*", "/admin")
		case 2:
			if w.Often(1, 3) {
				w.request(o, "hosts", "", "a.example", "*.example", "b.*")
			}
		default:
			w.values(o, "ports", "", "80", "443", "8080", "9090")
		}
	}
	if len(o) == 0 {
		w.values(o, "ports", "", "80", "443", "8080", "9090")
	}
	return o
}

func (w *world) condition() object {
	var key string
	var choices []string
	switch w.IntN(9) {
	case 0:
		key, choices = "source.ip", blocks
	case 1:
		key, choices = "source.namespace", []string{"ns0", "ns1", "ns*", "*"}
	case 2:
		key, choices = "source.principal", principals
	case 3:
		key, choices = "destination.port", []string{"80", "443", "8080"}
	case 4:
		key, choices = "request.headers[X-Flag]", []string{"on", "o*", "*"}
	case 5:
		key, choices = "destination.ip", blocks
	case 6:
		key, choices = "source.serviceAccount", []string{"web", "ns1/default"}
	case 7:
		key, choices = "request.auth.claims[iss]", []string{"x", "*"}
	default:
		key, choices = "connection.sni", []string{"a.example", "*"}
	}
	c := object{"key": key}
	if strings.HasPrefix(key, "request.") {
		w.request(c, "values", "when "+key+" ", choices...)
		return c
	}
	w.values(c, "values", "when "+key+" ", choices...)
	return c
}
