package bench

import "fmt"

func equals(key, value string) Requirement { return Requirement{key, "In", []string{value}} }

func in(key string, values ...string) Requirement { return Requirement{key, "In", values} }

func notIn(key string, values ...string) Requirement { return Requirement{key, "NotIn", values} }

func exists(key string) Requirement { return Requirement{Key: key, Op: "Exists"} }

// namespaced is the API that most policies of the shape are written in.
func (s Shape) namespaced() API {
	switch s {
	case Calico:
		return CalicoPolicy
	case Cilium:
		return CiliumPolicy
	default:
		return NetworkPolicy
	}
}

// policies gives every namespace as many as its share of workloads: those that most teams have first, then one
// an app.
func (d *drawer) policies() {
	w := d.w
	done := 0
	workloads := 0
	for ns := range w.Namespaces {
		workloads += len(d.apps[ns])
		quota := w.Size.Policies*workloads/len(w.Workloads) - done
		done += quota
		if ns < firstNS {
			done -= quota // left to those of users
			continue
		}
		d.names = 0
		d.namespacePolicies(ns, quota)
	}
}

func (d *drawer) add1(ns int, what string, pods Selector, isolates [2]bool, rules ...Rule) {
	api := d.w.Shape.namespaced()
	if d.w.Shape == Mixed && d.often(30) {
		api = CalicoPolicy
	}
	d.w.Policies = append(d.w.Policies, &Policy{
		API: api, Name: fmt.Sprintf("%s-%d", what, d.names), Tier: MainTier, Priority: 1000,
		Subject:  Group{Namespace: d.w.Namespaces[ns].Name, Pods: pods},
		Isolates: isolates, Rules: rules,
	})
	d.names++
}

func (d *drawer) namespacePolicies(ns, quota int) {
	open := func() bool { return d.names < quota }
	own := Group{Namespace: d.w.Namespaces[ns].Name}
	in, both := [2]bool{true, false}, [2]bool{true, true}
	closed, closedOut := d.often(80), false
	if closed && open() {
		closedOut = d.IntN(3) == 0
		if closedOut {
			d.add1(ns, "default-deny", nil, both)
		} else {
			d.add1(ns, "default-deny", nil, in)
		}
	}
	if closedOut && open() {
		dns := Peer{Group: Group{Namespaces: Selector{equals(nameLabel, "kube-system")}, Pods: Selector{equals("k8s-app", "kube-dns")}}}
		d.add1(ns, "allow-dns", nil, [2]bool{false, true},
			Rule{Egress, Allow, []Peer{dns}, []PortRange{{Protocol: "UDP", Lo: 53, Hi: 53}, {Protocol: "TCP", Lo: 53, Hi: 53}}})
	}
	if closed && d.often(60) && open() {
		d.add1(ns, "same-namespace", nil, in, Rule{Ingress, Allow, []Peer{{Group: own}}, nil})
	}
	if closed && d.often(50) && open() {
		prom := Peer{Group: Group{Namespaces: Selector{equals(nameLabel, "monitoring")}}}
		d.add1(ns, "monitoring", nil, in, Rule{Ingress, Allow, []Peer{prom}, []PortRange{{Protocol: "TCP", Name: "metrics"}}})
	}
	if d.often(40) && open() {
		ctl := Peer{Group: Group{Namespaces: Selector{equals(nameLabel, "ingress-nginx")}, Pods: Selector{equals("app", "ingress-nginx")}}}
		d.add1(ns, "ingress-controller", Selector{equals("tier", "frontend")}, in,
			Rule{Ingress, Allow, []Peer{ctl}, []PortRange{{Protocol: "TCP", Name: "http"}}})
	}
	for open() {
		app := d.apps[ns][d.IntN(len(d.apps[ns]))]
		var isolates [2]bool
		var rules []Rule
		for range 1 + d.IntN(2) {
			dir := Ingress
			if d.often(20) || closedOut && d.often(40) {
				dir = Egress
			}
			isolates[dir] = true
			rules = append(rules, d.rule(ns, dir))
		}
		d.add1(ns, "app", Selector{equals("app", app.Labels["app"])}, isolates, rules...)
	}
}

func (d *drawer) rule(ns int, dir Direction) Rule {
	r := Rule{Direction: dir, Action: Allow}
	for range 1 + d.IntN(3) {
		r.Peers = append(r.Peers, d.peer(ns, dir))
	}
	if d.often(90) {
		for range 1 + d.IntN(2) {
			r.Ports = append(r.Ports, d.ports())
		}
	}
	return r
}

func (d *drawer) appNames(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("app-%d", i*5+d.IntN(5)))
	}
	return out
}

func (d *drawer) peer(ns int, dir Direction) Peer {
	own := d.w.Namespaces[ns]
	if d.w.Shape == Adversarial && d.often(60) {
		return Peer{Group: Group{Pods: d.dimensions()}}
	}
	group := func(namespaces Selector, pods ...Requirement) Peer {
		return Peer{Group: Group{Namespaces: namespaces, Pods: pods}}
	}
	switch n := d.IntN(100); {
	case n < 40:
		return Peer{Group: Group{Namespace: own.Name, Pods: Selector{in("app", d.appNames(1+d.IntN(3))...)}}}
	case n < 50:
		return Peer{Group: Group{Namespace: own.Name, Pods: Selector{notIn("tier", pick(d, roles...), "legacy")}}}
	case n < 55:
		return Peer{Group: Group{Namespace: own.Name, Pods: Selector{exists("internet")}}}
	case n < 70:
		team := equals("team", fmt.Sprintf("team-%d", d.IntN(d.teams)))
		return group(Selector{team, in("env", own.Labels["env"], "test")}, in("tier", pick(d, roles...), pick(d, roles...)))
	case n < 80:
		return group(Selector{equals("tenant", own.Labels["tenant"])}, equals("app", d.appNames(1)[0]))
	case n < 85:
		return group(Selector{equals(nameLabel, d.w.Namespaces[d.IntN(len(d.w.Namespaces))].Name)})
	case n < 88:
		return group(Selector{equals("pci-scope", own.Labels["pci-scope"]), exists("tenant")}, equals("tier", "frontend"))
	case n < 90 && dir == Egress:
		return Peer{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}}
	}
	// A partner's network, or one of the company's outside the cluster; pods live in 10.128.0.0/9.
	a, b := d.IntN(40), d.IntN(16)
	if d.often(50) {
		return Peer{CIDR: fmt.Sprintf("10.%d.0.0/16", a), Except: []string{fmt.Sprintf("10.%d.%d.0/24", a, b)}}
	}
	return Peer{CIDR: fmt.Sprintf("203.0.%d.0/24", a), Except: []string{fmt.Sprintf("203.0.%d.%d/28", a, b*16)}}
}

func (d *drawer) dimensions() Selector {
	var s Selector
	first := d.IntN(dimensions)
	for i := range 2 + d.IntN(2) {
		key := fmt.Sprintf("dim-%d", (first+i)%dimensions)
		a, b := fmt.Sprintf("v%d", d.IntN(dimensionValues)), fmt.Sprintf("v%d", d.IntN(dimensionValues))
		switch d.IntN(4) {
		case 0:
			s = append(s, notIn(key, a, b))
		case 1:
			s = append(s, in(key, a))
		default:
			s = append(s, in(key, a, b))
		}
	}
	return s
}

func (d *drawer) ports() PortRange {
	one := func(proto string, n int) PortRange { return PortRange{Protocol: proto, Lo: n, Hi: n} }
	switch n := d.IntN(100); {
	case n < 50:
		return one("TCP", pick(d, 80, 443, 8080, 8080, 8000, 3000, 5432, 3306, 6379, 9092, 9200))
	case n < 70:
		return PortRange{Protocol: "TCP", Name: pick(d, "http", "http", "sql", "metrics")}
	case n < 82:
		lo := pick(d, 1024, 7000, 8000, 9000, 30000)
		return PortRange{Protocol: "TCP", Lo: lo, Hi: lo + 1 + d.IntN(500)}
	case n < 92:
		return one("UDP", pick(d, 53, 123, 514, 7946))
	case n < 95:
		return one("SCTP", pick(d, 2905, 3868))
	}
	return PortRange{Protocol: "TCP", Lo: 1, Hi: 65535}
}
