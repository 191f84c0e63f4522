package cilium

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

type object = sketch.Object

var (
	labelKeys   = []string{"app", "tier", "env", "app.kubernetes.io/name", "pod-template-hash", "topology.kubernetes.io/zone"}
	labelValues = []string{"a", "b"}
	portNumbers = []int{53, 80, 81, 443, 8080, 65535}
	portNames   = []string{"http", "dns", "metrics"}
	spaceNames  = []string{"ns0", "ns1", "ns2"}
	cidrs4      = []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.168.0.0/16", "128.0.0.0/1"}
	cidrs6      = []string{"::/0", "fd00::/8", "fd00:1::/32", "fd00:1::3/128", "2000::/3"}
	excepts     = map[string][]string{
		"0.0.0.0/0": {"10.0.0.0/8", "10.1.2.0/24", "192.168.0.0/16"}, "10.0.0.0/8": {"10.1.0.0/16", "10.1.2.3/32"},
		"10.1.0.0/16": {"10.1.2.0/24"}, "::/0": {"fd00::/8", "2000::/3"}, "fd00::/8": {"fd00:1::/32"},
	}
	// No pod and no node has one of these addresses; policies speak of ranges around them.
	outside = []netip.Addr{
		netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.1.2.4"), netip.MustParseAddr("10.9.9.9"),
		netip.MustParseAddr("192.168.7.7"), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("200.1.1.1"),
		netip.MustParseAddr("fd00:1::3"), netip.MustParseAddr("fd00:2::1"), netip.MustParseAddr("2001:db8::1"),
	}
)

// world is a random cluster with what both sides need to know of it.
type world struct {
	*sketch.Draw
	config  Config
	apiNode string
	pods    []string            // "namespace/name"
	named   map[string][]object // ports that a pod gives names to
}

func newWorld(d *sketch.Draw) *world {
	w := &world{Draw: d, named: map[string][]object{}}
	w.config.IPv4, w.config.IPv6 = true, d.Often(1, 3)
	w.config.LocalCluster = d.Often(2, 3)
	w.settings()
	for i, name := range []string{"n0", "n1", "n2"} {
		d.Add("v1", "Node", "", name, object{"status": object{"addresses": []any{object{"type": "InternalIP", "address": fmt.Sprintf("172.16.0.%d", i+1)}}}})
	}
	for _, name := range spaceNames {
		ns := d.Add("v1", "Namespace", "", name, nil)
		ns["metadata"].(object)["labels"] = w.labels(object{"kubernetes.io/metadata.name": name}, "team", "env")
	}
	for _, ns := range spaceNames {
		for _, name := range []string{"sa0", "default"} {
			d.Add("v1", "ServiceAccount", ns, name, nil)
		}
	}
	n := 3 + d.IntN(5)
	for i := range n {
		w.pod(i)
	}
	if d.Often(1, 2) {
		w.apiServer()
	}
	w.services()
	w.groups()
	for i := range 1 + d.IntN(4) {
		switch d.IntN(5) {
		case 0:
			w.networkPolicy(i)
		case 1, 2:
			w.policy(i, "")
		default:
			w.policy(i, sketch.Pick(d, spaceNames...))
		}
	}
	return w
}

// settings is what the agents run with; in some clusters it is not in the input.
func (w *world) settings() {
	if w.Often(1, 8) {
		return
	}
	data := object{"cluster-name": "default", "enable-ipv4": "true", "enable-ipv6": fmt.Sprint(w.config.IPv6), "enable-sctp": "true",
		"policy-default-local-cluster": fmt.Sprint(w.config.LocalCluster), "enable-policy": "default"}
	w.Add("v1", "ConfigMap", "kube-system", "cilium-config", object{"data": data})
}

func (w *world) labels(m object, keys ...string) object {
	for _, k := range keys {
		switch w.IntN(6) {
		case 0, 1:
		case 2:
			m[k] = ""
		default:
			m[k] = sketch.Pick(w.Draw, labelValues...)
		}
	}
	return m
}

func (w *world) pod(i int) {
	ns, name := sketch.Pick(w.Draw, spaceNames...), fmt.Sprintf("pod%d", i)
	var ports []any
	names := append([]string{}, portNames...)
	w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, n := range names[:w.IntN(4)] {
		p := object{"name": n, "containerPort": sketch.Pick(w.Draw, portNumbers...)}
		if w.Often(1, 2) {
			p["protocol"] = sketch.Pick(w.Draw, "TCP", "UDP", "SCTP")
		}
		ports = append(ports, p)
		w.named[ns+"/"+name] = append(w.named[ns+"/"+name], p)
	}
	spec := object{"nodeName": sketch.Pick(w.Draw, "n0", "n1"), "containers": []any{object{"name": "c", "image": "i", "ports": ports}}}
	if w.Often(1, 2) {
		spec["serviceAccountName"] = "sa0"
	}
	ips := []any{object{"ip": fmt.Sprintf("10.%d.2.%d", 1+w.IntN(2), 100+i)}}
	if w.config.IPv6 {
		ips = append(ips, object{"ip": fmt.Sprintf("fd00:%d::%d", 1+w.IntN(2), 100+i)})
	}
	if w.Often(1, 8) {
		spec["hostNetwork"] = true
		node := spec["nodeName"].(string)
		ips = []any{object{"ip": fmt.Sprintf("172.16.0.%d", 1+int(node[1]-'0'))}}
	}
	p := w.Add("v1", "Pod", ns, name, object{"spec": spec, "status": object{"podIPs": ips}})
	p["metadata"].(object)["labels"] = w.labels(object{}, labelKeys...)
	w.pods = append(w.pods, ns+"/"+name)
}

// apiServer puts the API server on a node, and sometimes into the input.
func (w *world) apiServer() {
	w.apiNode = "n2"
	if w.Often(1, 2) {
		return
	}
	w.Add("v1", "Service", "default", "kubernetes", object{"spec": object{"clusterIP": "172.20.0.1", "ports": []any{object{"port": 443}}}})
	s := w.Add("discovery.k8s.io/v1", "EndpointSlice", "default", "kubernetes", object{"addressType": "IPv4",
		"endpoints": []any{object{"addresses": []any{"172.16.0.3"}}}, "ports": []any{object{"port": 6443, "protocol": "TCP"}}})
	s["metadata"].(object)["labels"] = object{"kubernetes.io/service-name": "kubernetes"}
}

func (w *world) services() {
	for i := range 2 {
		s := w.Add("v1", "Service", sketch.Pick(w.Draw, spaceNames...), fmt.Sprintf("svc%d", i),
			object{"spec": object{"clusterIP": fmt.Sprintf("172.20.0.%d", 10+i), "ports": []any{object{"port": 80}},
				"selector": object{sketch.Pick(w.Draw, "app", "tier"): sketch.Pick(w.Draw, labelValues...)}}})
		s["metadata"].(object)["labels"] = w.labels(object{}, "app", "tier")
	}
}

func (w *world) groups() {
	for i := range 2 {
		var list []any
		for range 1 + w.IntN(2) {
			list = append(list, w.cidr())
		}
		w.Add("cilium.io/v2", "CiliumCIDRGroup", "", fmt.Sprintf("group%d", i), object{"spec": object{"externalCIDRs": list}})
	}
}

func (w *world) cidr() string {
	if w.config.IPv6 && w.Often(1, 3) {
		return sketch.Pick(w.Draw, cidrs6...)
	}
	return sketch.Pick(w.Draw, cidrs4...)
}

// policy draws a CiliumNetworkPolicy, or a CiliumClusterwideNetworkPolicy when ns is "".
func (w *world) policy(i int, ns string) {
	kind := "CiliumNetworkPolicy"
	if ns == "" {
		kind = "CiliumClusterwideNetworkPolicy"
	}
	o := w.Add("cilium.io/v2", kind, ns, fmt.Sprintf("p%d", i), nil)
	w.NoteObject(kind)
	switch w.IntN(6) {
	case 0:
		specs := make([]any, 1+w.IntN(2))
		for i := range specs {
			specs[i] = w.spec(ns)
		}
		o["specs"] = specs
		if w.Often(1, 3) {
			o["spec"] = w.spec(ns)
			w.Note("spec beside specs", o, "spec", nil)
		} else {
			w.NoteItem("specs", specs, 0, w.spec(ns))
		}
	default:
		o["spec"] = w.spec(ns)
	}
}

var sections = []struct {
	field, from string
	deny        bool
}{{"ingress", "from", false}, {"ingressDeny", "from", true}, {"egress", "to", false}, {"egressDeny", "to", true}}

func (w *world) spec(ns string) object {
	s := object{}
	switch {
	case w.Often(1, 3):
		s["endpointSelector"] = object{}
		w.Note("endpointSelector {}", s, "endpointSelector", nothing())
	default:
		s["endpointSelector"] = w.selector("endpointSelector", false)
	}
	if ns == "" && w.Often(1, 15) {
		s["nodeSelector"] = object{"matchLabels": object{"kubernetes.io/hostname": "n1"}}
		delete(s, "endpointSelector")
		w.Note("nodeSelector", s, "endpointSelector", object{})
	}
	some := w.IntN(len(sections) + 1) // now and then none: then Cilium refuses the policy
	for i, sec := range sections {
		if i != some && !w.Often(1, 4) {
			continue
		}
		if w.Often(1, 25) {
			s[sec.field] = []any{}
			w.Note(sec.field+": []", s, sec.field, []any{object{}})
			continue
		}
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = w.rule(sec.from, sec.deny)
		}
		s[sec.field] = list
		w.Note(sec.field, s, sec.field, nil)
		if dir := strings.TrimSuffix(sec.field, "Deny"); sec.deny && w.Often(1, 2) {
			// Something has to be open for a deny rule to matter.
			rules, _ := s[dir].([]any)
			s[dir] = append(rules, object{sec.from + "Entities": []any{"all"}})
		}
	}
	switch w.IntN(5) {
	case 0:
		d := object{}
		for _, dir := range []string{"ingress", "egress"} {
			if w.Often(2, 3) {
				d[dir] = w.Often(1, 4)
				w.Note(fmt.Sprintf("enableDefaultDeny.%s: %v", dir, d[dir]), d, dir, !d[dir].(bool))
			}
		}
		s["enableDefaultDeny"] = d
	}
	return s
}

func nothing() object { return object{"matchLabels": object{"none": "none"}} }

func (w *world) key(where string, peer bool) (key string, values []string) {
	values = labelValues
	switch w.IntN(12) {
	case 0:
		return sketch.Pick(w.Draw, "k8s:", "any:") + sketch.Pick(w.Draw, labelKeys[:3]...), values
	case 1:
		return sketch.Pick(w.Draw, labelKeys[3:]...), values
	case 2, 3:
		if peer {
			return sketch.Pick(w.Draw, "k8s:", "") + "io.kubernetes.pod.namespace", spaceNames
		}
	case 4, 5:
		if peer {
			return sketch.Pick(w.Draw, "k8s:", "") + "io.cilium.k8s.namespace.labels." + sketch.Pick(w.Draw, "team", "env"), values
		}
	case 6:
		return sketch.Pick(w.Draw, "k8s:", "any:", "") + "io.cilium.k8s.policy.serviceaccount", []string{"sa0", "default", "other"}
	case 7:
		if w.Often(1, 2) {
			return "io.cilium.k8s.policy.cluster", []string{"default", "other"}
		}
	}
	return sketch.Pick(w.Draw, labelKeys[:3]...), values
}

// keyKind is what a label is about, for the tally.
func keyKind(key string) string {
	for _, k := range []struct{ part, name string }{
		{"io.kubernetes.pod.namespace", "namespace"}, {"namespace.labels", "namespace labels"}, {"serviceaccount", "service account"},
		{"policy.cluster", "cluster"}, {"pod-template-hash", "label that is filtered"}, {"topology", "label that is filtered"},
		{"app.kubernetes.io", "label under kubernetes.io"}, {":", "label with a source"},
	} {
		if strings.Contains(key, k.part) {
			return k.name
		}
	}
	return "label"
}

// selector draws a selector with something in it. Only one of peers speaks of namespaces.
func (w *world) selector(where string, peer bool) object {
	s := object{}
	if w.Often(1, 2) {
		m := object{}
		for range 1 + w.IntN(2) {
			key, values := w.key(where, peer)
			m[key] = sketch.Pick(w.Draw, values...)
			w.Note(where+" matchLabels", s, "matchLabels", nothing()["matchLabels"])
			name := where + " by " + keyKind(key)
			if keyKind(key) == "label that is filtered" {
				w.Note(name, m, key, nil) // as it stands it matches nothing
			} else {
				w.Note(name, m, key, "none")
			}
		}
		s["matchLabels"] = m
		if w.Often(2, 3) {
			return s
		}
	}
	list := make([]any, 1+w.IntN(2))
	for i := range list {
		key, values := w.key(where, peer)
		e := object{"key": key, "operator": sketch.Pick(w.Draw, "In", "NotIn", "Exists", "DoesNotExist")}
		opposite := map[string]string{"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
		op := e["operator"].(string)
		if op == "In" || op == "NotIn" {
			vs := []any{sketch.Pick(w.Draw, values...)}
			if w.Often(1, 3) {
				vs = append(vs, sketch.Pick(w.Draw, values...))
			}
			e["values"] = vs
		}
		w.Note(where+" "+op, e, "operator", opposite[op])
		w.Note(where+" by "+keyKind(key), e, "operator", opposite[op])
		list[i] = e
	}
	s["matchExpressions"] = list
	return s
}

func (w *world) rule(from string, deny bool) object {
	r := object{}
	action := ""
	if deny {
		action = " denied"
	}
	note := func(name, key string, instead any) { w.Note(name+action, r, key, instead) }
	switch w.IntN(15) {
	case 0, 1, 2, 3, 4:
		key := from + "Endpoints"
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			if w.Often(1, 4) {
				list[i] = object{}
				w.NoteItem(key+" {}"+action, list, i, nothing())
			} else {
				list[i] = w.selector("peer", true)
			}
		}
		r[key] = list
		note(key, key, []any{nothing()})
	case 5, 6, 7:
		key := from + "Entities"
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = sketch.Pick(w.Draw, "all", "world", "cluster", "host", "remote-node", "kube-apiserver", "init", "ingress", "unmanaged", "health", "none", "cluster-mesh", "world", "cluster", "host")
			w.NoteItem(fmt.Sprintf("entity %s%s", list[i], action), list, i, "none")
		}
		r[key] = list
	case 8:
		key := from + "CIDR"
		r[key] = []any{w.cidr()}
		note(key, key, []any{"203.0.113.0/24"})
	case 9, 10:
		w.cidrSet(r, from, action)
	case 11:
		switch key := from + sketch.Pick(w.Draw, "Endpoints", "Entities", "CIDR", "CIDRSet"); {
		default:
			r[key] = []any{}
			note(from+"... []", key, nil)
		}
	case 12, 13:
		w.rarePeer(r, from, deny)
	}
	switch w.IntN(8) {
	case 0, 1, 2:
	case 3:
		fields := []any{object{"type": sketch.Pick[any](w.Draw, 8, 3, "EchoRequest"), "family": "IPv4"}}
		if w.Often(1, 4) {
			fields = append(fields, object{"type": 128, "family": "IPv6"})
		}
		r["icmps"] = []any{object{"fields": fields}}
		note("icmps", "icmps", []any{object{"fields": []any{object{"type": 40, "family": "IPv4"}}}})
	case 4:
		if w.Often(1, 2) {
			r["toPorts"] = []any{object{"ports": []any{}}}
			note("toPorts without ports", "toPorts", nil)
		} else {
			r["toPorts"] = []any{}
			note("toPorts []", "toPorts", []any{object{"ports": []any{object{"port": "1"}}}})
		}
	default:
		list := make([]any, 1+w.IntN(2))
		for i := range list {
			list[i] = w.portRule(action, !deny && from == "to", !deny)
		}
		r["toPorts"] = list
	}
	return r
}

func (w *world) cidrSet(r object, from, action string) {
	key := from + "CIDRSet"
	e := object{}
	switch {
	case w.Often(1, 3):
		e["cidrGroupRef"] = sketch.Pick(w.Draw, "group0", "group1", "group1", "group9")
		w.Note("cidrGroupRef"+action, e, "cidrGroupRef", "group9")
	default:
		c := w.cidr()
		e["cidr"] = c
		w.Note(key+action, e, "cidr", "203.0.113.0/24")
		if ex := excepts[c]; len(ex) > 0 && w.Often(2, 3) {
			list := []any{sketch.Pick(w.Draw, ex...)}
			if w.Often(1, 3) {
				list = append(list, sketch.Pick(w.Draw, ex...))
			}
			e["except"] = list
			w.Note("except"+action, e, "except", nil)
		}
	}
	r[key] = []any{e}
	if w.Often(1, 3) {
		r[key] = append(r[key].([]any), object{"cidr": w.cidr()})
	}
}

// rarePeer draws what is refused, what only a running cluster knows, and what names identities.
func (w *world) rarePeer(r object, from string, deny bool) {
	switch w.IntN(7) {
	case 0:
		r[from+"Nodes"] = []any{object{"matchLabels": object{"kubernetes.io/hostname": "n1"}}}
		w.Note(from+"Nodes, refused", r, from+"Nodes", nil)
	case 1:
		r[from+"Endpoints"] = []any{object{}}
		r[from+"Entities"] = []any{"world"}
		w.Note("two peer fields, refused", r, from+"Entities", nil)
	case 2:
		if from == "to" && !deny {
			r["toFQDNs"] = []any{object{"matchName": "example.com"}}
			w.Note("toFQDNs", r, "toFQDNs", nil)
			return
		}
		fallthrough
	case 3, 4, 5:
		if from == "to" {
			svc := object{"k8sService": object{"serviceName": sketch.Pick(w.Draw, "svc0", "svc1"), "namespace": sketch.Pick(w.Draw, spaceNames...)}}
			if w.Often(1, 2) {
				svc["k8sService"].(object)["namespace"] = ""
			}
			if w.Often(1, 3) {
				svc = object{"k8sServiceSelector": object{"selector": object{"matchLabels": object{"app": "a"}}}}
				w.Note("k8sServiceSelector", svc["k8sServiceSelector"].(object), "selector", nothing())
			} else {
				w.Note("k8sService", svc["k8sService"].(object), "serviceName", "none")
			}
			r["toServices"] = []any{svc}
			return
		}
		fallthrough
	default:
		id := sketch.Pick(w.Draw, "reserved:host", "reserved:world", "reserved:remote-node", "reserved:kube-apiserver")
		m := object{"matchLabels": object{id: ""}}
		if w.Often(1, 2) {
			m = object{"matchExpressions": []any{object{"key": id, "operator": sketch.Pick(w.Draw, "Exists", "DoesNotExist")}}}
		}
		r[from+"Endpoints"] = []any{m}
		w.Note("reserved label", r, from+"Endpoints", []any{nothing()})
	}
}
