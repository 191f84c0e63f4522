package bench

import (
	"fmt"
	"slices"
)

// admin draws the tiers that platform teams keep: a few rules for everybody, then one policy a tenant. With
// below "" there is no tier below the namespaces' own.
func (d *drawer) admin(above, below API) {
	order := 0
	add := func(name string, tier Tier, api API, subject Group, rules ...Rule) {
		order++
		d.w.Policies = append(d.w.Policies, &Policy{API: api, Name: name, Tier: tier, Priority: order, Subject: subject, Rules: rules})
	}
	everyone := Group{Namespaces: Selector{exists("tenant")}}
	from := func(a Action, ports []PortRange, namespaces ...Requirement) Rule {
		return Rule{Ingress, a, []Peer{{Group: Group{Namespaces: namespaces}}}, ports}
	}
	to := func(a Action, ports []PortRange, namespaces ...Requirement) Rule {
		return Rule{Egress, a, []Peer{{Group: Group{Namespaces: namespaces}}}, ports}
	}
	metrics := []PortRange{{Protocol: "TCP", Lo: 9090, Hi: 9110}}
	dns := []PortRange{{Protocol: "UDP", Lo: 53, Hi: 53}, {Protocol: "TCP", Lo: 53, Hi: 53}}
	add("monitoring", AdminTier, above, everyone, from(Allow, metrics, equals(nameLabel, "monitoring")))
	add("dns", AdminTier, above, everyone, to(Allow, dns, equals(nameLabel, "kube-system")))
	add("prod-apart", AdminTier, above, Group{Namespaces: Selector{equals("env", "prod")}},
		from(Deny, nil, exists("tenant"), in("env", "dev", "test")), to(Deny, []PortRange{{Protocol: "TCP", Lo: 1, Hi: 65535}}, exists("tenant"), notIn("env", "prod", "staging")))
	add("card-data", AdminTier, above, Group{Namespaces: Selector{equals("pci-scope", "in")}},
		from(Pass, nil, in("pci-scope", "in", "connected")), from(Pass, []PortRange{{Protocol: "TCP", Lo: 80, Hi: 80}, {Protocol: "TCP", Lo: 8000, Hi: 8100}}, equals("team", "platform")),
		from(Deny, nil, exists("tenant")))
	add("no-databases-outside", AdminTier, above, Group{Namespaces: Selector{in("env", "dev", "test")}, Pods: Selector{equals("tier", "db")}},
		Rule{Egress, Deny, []Peer{{CIDR: "203.0.0.0/16"}}, nil})
	for i := range min(2+d.w.Size.Workloads/1000, d.tenants, 50) {
		tenant := fmt.Sprintf("tenant-%d", i)
		rules := []Rule{from(Pass, nil, equals("tenant", tenant)), from(Deny, []PortRange{{Protocol: "TCP", Lo: 5432, Hi: 5432}, {Protocol: "TCP", Lo: 3306, Hi: 3306}}, exists("tenant"))}
		if d.often(30) {
			rules = slices.Insert(rules, 0, from(Allow, []PortRange{{Protocol: "TCP", Lo: 8080, Hi: 8080}}, equals("team", fmt.Sprintf("team-%d", d.IntN(d.teams)))))
		}
		add(tenant, AdminTier, above, Group{Namespaces: Selector{equals("tenant", tenant)}}, rules...)
	}
	if below == "" {
		return
	}
	add("default", BaselineTier, below, everyone,
		from(Deny, []PortRange{{Protocol: "TCP", Lo: 1, Hi: 1023}}, in("env", "dev", "test")), to(Deny, []PortRange{{Protocol: "TCP", Lo: 22, Hi: 22}}, exists("tenant")))
}

// ciliumDenials are denials for everybody: they come before all that is allowed.
func (d *drawer) ciliumDenials() {
	add := func(name string, subject Group, rules ...Rule) {
		d.w.Policies = append(d.w.Policies, &Policy{API: CiliumPolicy, Name: name, Tier: MainTier, Priority: 0, Subject: subject, Rules: rules})
	}
	add("prod-apart", Group{Namespaces: Selector{equals("env", "prod")}},
		Rule{Ingress, Deny, []Peer{{Group: Group{Namespaces: Selector{in("env", "dev", "test")}}}}, nil})
	for i := range min(2+d.w.Size.Workloads/1000, d.tenants, 50) {
		tenant := fmt.Sprintf("tenant-%d", i)
		add(tenant, Group{Namespaces: Selector{equals("tenant", tenant)}},
			Rule{Ingress, Deny, []Peer{{Group: Group{Namespaces: Selector{notIn("tenant", tenant), exists("tenant")}}}}, []PortRange{{Protocol: "TCP", Lo: 5432, Hi: 5432}}})
	}
}

// authorization gives half of the apps of a meshed namespace one AuthorizationPolicy each.
func (d *drawer) authorization() {
	for ns, own := range d.w.Namespaces {
		if !own.Mesh {
			continue
		}
		for i, app := range d.apps[ns] {
			if d.often(50) {
				continue
			}
			r := Rule{Direction: Ingress, Action: Allow}
			for range 1 + d.IntN(2) {
				other := d.w.Namespaces[d.IntN(len(d.w.Namespaces))].Name
				r.Peers = append(r.Peers, Peer{Group: Group{Namespace: other}})
			}
			r.Peers = append(r.Peers, Peer{Group: Group{Namespace: own.Name}})
			if d.often(70) {
				for range 1 + d.IntN(2) {
					n := pick(d, 8080, 8000, 3000, 5432, 3306, 9090)
					r.Ports = append(r.Ports, PortRange{Protocol: "TCP", Lo: n, Hi: n})
				}
			}
			d.w.Policies = append(d.w.Policies, &Policy{
				API: AuthorizationPolicy, Name: fmt.Sprintf("app-%d", i), Tier: MeshTier,
				Subject:  Group{Namespace: own.Name, Pods: Selector{equals("app", app.Labels["app"])}},
				Isolates: [2]bool{true, false}, Rules: []Rule{r},
			})
		}
	}
}

// The heavy shape follows the network policy load test that Red Hat published in August 2025.
const (
	heavyNamespaces = 240 // a tenth of it at size XS
	heavyPods       = 10
	heavyPolicies   = 20
	heavyItems      = 5
)

func (d *drawer) heavy() {
	w := d.w
	n := heavyNamespaces
	if w.Size.Name == "XS" {
		n /= 10
	}
	w.Size = Size{w.Size.Name, n * heavyPods, n * heavyPods, n * heavyPolicies}
	w.Nodes = 24
	d.apps = make([][]*Workload, n)
	for i := range n {
		name := fmt.Sprintf("density-%d", i)
		w.Namespaces = append(w.Namespaces, &Namespace{Name: name, Labels: map[string]string{nameLabel: name, "kube-burner.io/index": fmt.Sprint(i)}})
		for j := range heavyPods {
			d.add(i, fmt.Sprintf("pod-%d", j), "Deployment", map[string]string{"num": fmt.Sprint(j)}, 1, Port{"http", "TCP", 8080})
		}
	}
	for i, ns := range w.Namespaces {
		for j := range heavyPolicies {
			p := &Policy{
				API: NetworkPolicy, Name: fmt.Sprintf("policy-%d", j), Tier: MainTier, Isolates: [2]bool{true, true},
				Subject: Group{Namespace: ns.Name, Pods: Selector{in("num", d.numbers(heavyPods)...)}},
			}
			for _, dir := range []Direction{Ingress, Egress} {
				p.Rules = append(p.Rules, d.heavyRules(dir, i*heavyPolicies+j)...)
			}
			w.Policies = append(w.Policies, p)
		}
	}
}

// numbers is heavyItems different numbers below n.
func (d *drawer) numbers(n int) []string {
	var out []string
	for _, x := range d.Perm(n)[:heavyItems] {
		out = append(out, fmt.Sprint(x))
	}
	return out
}

func (d *drawer) heavyRules(dir Direction, number int) []Rule {
	var names []string
	for _, x := range d.Perm(len(d.w.Namespaces))[:heavyItems] {
		names = append(names, d.w.Namespaces[x].Name)
	}
	pods := Peer{Group: Group{Namespaces: Selector{in(nameLabel, names...)}, Pods: Selector{in("num", d.numbers(heavyPods)...)}}}
	var nets []Peer
	var ports []PortRange
	for i := range heavyItems {
		k := number*heavyItems + i
		nets = append(nets, Peer{CIDR: fmt.Sprintf("%d.%d.%d.0/24", 1+int(dir), k>>8&255, k&255)})
		single, lo := 1000+d.IntN(7000), 10000+i*5000+d.IntN(2000)
		ports = append(ports, PortRange{Protocol: "TCP", Lo: single, Hi: single}, PortRange{Protocol: "TCP", Lo: lo, Hi: lo + 5 + d.IntN(500)})
	}
	return []Rule{{dir, Allow, []Peer{pods}, ports}, {dir, Allow, nets, ports}}
}
