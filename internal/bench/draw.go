package bench

import (
	"fmt"
	"math/rand/v2"
)

// podsANode is how many pods share a node.
const podsANode = 100

// Draw makes a world. The same seed gives the same world, on every machine.
func Draw(shape Shape, size Size, seed uint64) *World {
	d := &drawer{Rand: rand.New(rand.NewPCG(seed, 4)), w: &World{Shape: shape, Size: size}}
	if shape == Heavy {
		d.heavy()
		return d.w
	}
	d.namespaces()
	d.workloads()
	d.policies()
	switch shape {
	case Typical, Adversarial:
		d.admin(AdminNetworkPolicy, BaselineAdmin)
	case Cluster:
		d.admin(ClusterNetworkPolicy, ClusterNetworkPolicy)
	case Calico, Mixed:
		d.admin(CalicoPolicy, "")
	case Cilium:
		d.ciliumDenials()
	case Plain, Istio, Heavy:
	}
	if shape == Istio || shape == Mixed {
		d.authorization()
	}
	return d.w
}

type drawer struct {
	*rand.Rand
	w              *World
	teams, tenants int
	apps           [][]*Workload // by namespace
	names          int           // of policies in the namespace at hand
}

func pick[T any](d *drawer, xs ...T) T { return xs[d.IntN(len(xs))] }

// often is true for n of 100 draws.
func (d *drawer) often(n int) bool { return d.IntN(100) < n }

// The namespaces that others rely on come first.
const (
	systemNS = iota
	monitoringNS
	ingressNS
	firstNS // the first one of users
)

var (
	envs   = []string{"prod", "prod", "staging", "dev", "test"}
	scopes = []string{"in", "connected", "out", "out", "out", "out", "out", "out"}
	roles  = []string{"frontend", "backend", "backend", "db", "cache"}
)

const nameLabel = "kubernetes.io/metadata.name"

func (d *drawer) namespaces() {
	n := max(d.w.Size.Workloads/10-firstNS, 1)
	d.teams, d.tenants = min(max(n/10, 4), 100), max(n/5, 3)
	for _, name := range []string{"kube-system", "monitoring", "ingress-nginx"} {
		d.w.Namespaces = append(d.w.Namespaces, &Namespace{Name: name, Labels: map[string]string{nameLabel: name, "team": "platform"}})
	}
	for i := range n {
		name := fmt.Sprintf("ns-%04d", i)
		labels := map[string]string{
			nameLabel: name, "env": pick(d, envs...), "team": fmt.Sprintf("team-%d", d.IntN(d.teams)), "tenant": fmt.Sprintf("tenant-%d", d.IntN(d.tenants)),
			"pci-scope": pick(d, scopes...),
		}
		ns := &Namespace{Name: name, Labels: labels}
		if (d.w.Shape == Istio || d.w.Shape == Mixed) && d.often(50) {
			ns.Mesh = true
			labels["istio-injection"] = "enabled"
		}
		d.w.Namespaces = append(d.w.Namespaces, ns)
	}
}

// workloads fills every namespace with five to fifteen, so that pods and workloads add up to the size.
func (d *drawer) workloads() {
	w := d.w
	d.apps = make([][]*Workload, len(w.Namespaces))
	w.Nodes = max(w.Size.Pods/podsANode, 3)
	d.add(systemNS, "coredns", "Deployment", map[string]string{"k8s-app": "kube-dns"}, 2,
		Port{"dns", "UDP", 53}, Port{"dns-tcp", "TCP", 53}, Port{"metrics", "TCP", 9153})
	d.add(monitoringNS, "prometheus", "StatefulSet", map[string]string{"app": "prometheus", "tier": "backend"}, 2, Port{"web", "TCP", 9090})
	d.add(monitoringNS, "node-exporter", "DaemonSet", map[string]string{"app": "node-exporter"}, w.Nodes, Port{"metrics", "TCP", 9100}).Host = true
	d.add(ingressNS, "controller", "Deployment", map[string]string{"app": "ingress-nginx", "tier": "frontend"}, 3,
		Port{"http", "TCP", 80}, Port{"https", "TCP", 443})
	left := w.Size.Workloads - len(w.Workloads)
	for ns := firstNS; ns < len(w.Namespaces); ns++ {
		n := 5 + d.IntN(11)
		if rest := len(w.Namespaces) - ns; rest == 1 {
			n = left
		} else {
			n = min(max(n, left-(rest-1)*15), left-(rest-1)*5)
		}
		for i := range max(n, 1) {
			left--
			d.app(ns, i, left)
		}
	}
}

func (d *drawer) add(ns int, name, kind string, labels map[string]string, replicas int, ports ...Port) *Workload {
	labels["app.kubernetes.io/name"] = name
	x := &Workload{
		Namespace: d.w.Namespaces[ns], Name: name, Kind: kind, Labels: labels, Ports: ports, First: d.w.Pods, Replicas: replicas,
	}
	d.w.Pods += replicas
	d.w.Workloads = append(d.w.Workloads, x)
	d.apps[ns] = append(d.apps[ns], x)
	return x
}

// dimensions is how many labels of their own workloads of an adversarial world have; each has that many values.
const dimensions, dimensionValues = 5, 12

func (d *drawer) app(ns, i, left int) {
	name := fmt.Sprintf("app-%d", i)
	role := pick(d, roles...)
	labels := map[string]string{
		"app": name, "tier": role, "version": fmt.Sprintf("v%d", 1+d.IntN(3)), "app.kubernetes.io/part-of": d.w.Namespaces[ns].Name,
	}
	if d.often(10) {
		labels["internet"] = "yes"
	}
	if d.w.Shape == Adversarial {
		for k := range dimensions {
			labels[fmt.Sprintf("dim-%d", k)] = fmt.Sprintf("v%d", d.IntN(dimensionValues))
		}
	}
	kind := "Deployment"
	if role == "db" {
		kind = "StatefulSet"
	}
	ports := []Port{{"http", "TCP", pick(d, 8080, 8080, 8000, 3000)}, {"metrics", "TCP", pick(d, 9090, 9090, 9102)}}
	switch role {
	case "db":
		ports[0] = Port{"sql", "TCP", pick(d, 5432, 3306)}
	case "cache":
		ports = append(ports, Port{"gossip", "UDP", 7946})
	}
	wanted := d.w.Size.Pods - d.w.Pods
	replicas := wanted
	if left > 0 {
		mean := max(wanted/(left+1), 1)
		replicas = 1 + d.IntN(2*mean-1)
	}
	d.add(ns, name, kind, labels, max(replicas, 1), ports...)
}
