package scope

import (
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// shared finds what serves the cardholder data environment, or shares something with it that is no node.
func (c *computer) shared() {
	c.names()
	c.entries()
	c.parts()
	c.accounts()
	c.volumes()
}

// IsDNS tells whether pods of the workload answer the cluster's DNS queries: kube-dns and CoreDNS by the label
// that all installers give them, the cache on nodes, and OpenShift's.
func IsDNS(w *cluster.Workload) bool {
	return slices.ContainsFunc(w.Pods, func(p *cluster.Pod) bool {
		switch ns, app := p.Namespace.Name, p.Labels["k8s-app"]; ns {
		case "kube-system":
			return app == "kube-dns" || app == "coredns" || app == "node-local-dns"
		case "openshift-dns":
			return p.Labels["dns.operator.openshift.io/daemonset-dns"] != ""
		}
		return false
	})
}

func (c *computer) names() {
	port := netset.Ports(netset.UDP, 53, 53).Union(netset.Ports(netset.TCP, 53, 53)).Union(netset.Ports(netset.UDP, 5353, 5353)).Union(netset.Ports(netset.TCP, 5353, 5353))
	for j, dns := range c.Cluster.Workloads {
		if !IsDNS(dns) || c.stated(j) {
			continue
		}
		best := Reason{}
		for _, i := range c.env() {
			w := c.Cluster.Workloads[i]
			if i == j {
				continue
			}
			b := c.Model.Between(reach.OfWorkload(w), reach.OfWorkload(dns))
			sure := c.sure[i] && b.Must.Overlaps(port)
			if !b.May.Overlaps(port) || best.Code != "" && (best.Sure || !sure) {
				continue
			}
			best = Reason{Code: Names, Class: SecurityImpacting, Sure: sure, With: w, Ref: dns.Ref, Pos: dns.Pos, Msg: "answers the DNS queries of " + w.Ref.String()}
		}
		if best.Code != "" {
			c.give(j, best)
		}
	}
}

// entries finds the controllers that pass traffic from outside on to the cardholder data environment.
func (c *computer) entries() {
	seen := map[[2]int]bool{}
	for _, e := range c.Exposure.Entries {
		for _, t := range e.Targets {
			i := c.number[t.Workload]
			if !c.may[i] {
				continue
			}
			for _, w := range e.Controllers {
				j := c.number[w]
				if c.stated(j) || j == i || seen[[2]int{j, i}] {
					continue
				}
				seen[[2]int{j, i}] = true
				c.give(j, Reason{
					Code: Entry, Class: SecurityImpacting, Sure: c.sure[i] && len(e.Controllers) == 1, With: t.Workload, Ref: e.Via, Pos: e.Pos,
					Msg: "passes what comes in by " + e.Via.String() + " on to " + t.Workload.Ref.String(),
				})
			}
		}
	}
}

// parts finds the parts of the control plane, the engine that enforces policies and the mesh's control plane.
func (c *computer) parts() {
	engine := map[object.Ref]object.Pos{}
	for _, e := range c.Profile.Because {
		engine[e.Ref] = e.Pos
	}
	proxied := slices.ContainsFunc(c.members(c.may), func(i int) bool {
		return slices.ContainsFunc(c.Cluster.Workloads[i].Pods, func(p *cluster.Pod) bool {
			return slices.ContainsFunc(p.Containers, func(k cluster.Container) bool { return k.Name == "istio-proxy" || k.Name == "linkerd-proxy" })
		})
	})
	if len(c.perhaps) == 0 {
		return
	}
	sure, served := len(c.places) > 0, false
	for i, w := range c.Cluster.Workloads {
		part := component(w)
		served = served || part == "kube-apiserver"
		if c.stated(i) {
			continue
		}
		if part != "" {
			c.give(i, Reason{Code: Control, Class: SecurityImpacting, Sure: sure, Ref: w.Ref, Pos: w.Pos, Msg: "is " + part + ", which rules every workload"})
		}
		if pos, has := engine[w.Ref]; has {
			c.give(i, Reason{Code: Segmenting, Class: SecurityImpacting, Sure: sure, Ref: w.Ref, Pos: pos, Msg: "enforces the policies that part the environment"})
		}
		l := w.Pods[0].Labels
		if proxied && (l["app"] == "istiod" || l["linkerd.io/control-plane-component"] != "") {
			c.give(i, Reason{Code: Mesh, Class: SecurityImpacting, Sure: sure, Ref: w.Ref, Pos: w.Pos, Msg: "configures the mesh's proxies beside the environment's containers"})
		}
	}
	if !served {
		c.out.Systems = append(c.out.Systems, System{Kind: "ControlPlane", Name: "Kubernetes API server and etcd", Sure: sure, Msg: "rule every workload; the input does not hold them"})
	}
}

// component is the part of Kubernetes that a workload runs, by the program its containers start.
func component(w *cluster.Workload) string {
	for _, p := range w.Pods {
		for _, k := range p.Containers {
			image := path.Base(k.Image)
			image, _, _ = strings.Cut(image, "@")
			image, _, _ = strings.Cut(image, ":")
			names := []string{image}
			if len(k.Command) > 0 {
				names = append(names, path.Base(k.Command[0]))
			}
			for _, n := range names {
				switch n {
				case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "kube-proxy":
					return n
				case "etcd":
					if p.Namespace.Name == "kube-system" || p.Namespace.Name == "openshift-etcd" {
						return n
					}
				}
			}
		}
	}
	return ""
}

// accounts finds workloads that share a service account with the cardholder data environment. An account that
// everything in a namespace has, and that may do nothing, tells nobody anything.
func (c *computer) accounts() {
	granted := map[rbac.Subject]bool{}
	for _, g := range c.access.Grants {
		granted[g.Subject] = true
	}
	of := firsts[account]{}
	for _, i := range c.env() {
		for _, p := range c.Cluster.Workloads[i].Pods {
			of.add(account{p.Namespace.Name, p.ServiceAccount}, i)
		}
	}
	for j, w := range c.Cluster.Workloads {
		if c.stated(j) {
			continue
		}
		seen := map[account]bool{}
		for _, p := range w.Pods {
			at := account{p.Namespace.Name, p.ServiceAccount}
			i := of.beside(at, j)
			s := rbac.Subject{Kind: "ServiceAccount", Namespace: at.namespace, Name: at.name}
			if i < 0 || seen[at] || at.name == "default" && !granted[s] || at.name == "" {
				continue
			}
			seen[at] = true
			with := c.Cluster.Workloads[i]
			c.give(j, Reason{
				Code: SameAccount, Class: SecurityImpacting, Sure: c.sure[i], With: with, Ref: w.Ref, Pos: p.Pos(),
				Msg: s.String() + " is that of " + with.Ref.String() + ", too",
			})
		}
	}
}

// volumes finds workloads that mount a claim that the cardholder data environment mounts, too.
func (c *computer) volumes() {
	type volume struct{ namespace, claim string }
	mounted := func(p *cluster.Pod, each func(volume, *object.Value)) {
		for _, v := range p.Spec.Get("volumes").List() {
			if claim := v.Get("persistentVolumeClaim", "claimName").Str(); claim != "" {
				each(volume{p.Namespace.Name, claim}, v)
			}
		}
	}
	of := firsts[volume]{}
	for _, i := range c.env() {
		for _, p := range c.Cluster.Workloads[i].Pods {
			mounted(p, func(v volume, _ *object.Value) { of.add(v, i) })
		}
	}
	for j, w := range c.Cluster.Workloads {
		if c.stated(j) {
			continue
		}
		seen := map[volume]bool{}
		for _, p := range w.Pods {
			mounted(p, func(v volume, at *object.Value) {
				i := of.beside(v, j)
				if i < 0 || seen[v] {
					return
				}
				seen[v] = true
				with := c.Cluster.Workloads[i]
				c.give(j, Reason{
					Code: Volume, Class: SecurityImpacting, Sure: c.sure[i], With: with, Ref: w.Ref, Pos: object.Pos{File: p.Pos().File, Line: at.Line},
					Msg: "PersistentVolumeClaim " + v.namespace + "/" + v.claim + " is mounted by " + with.Ref.String() + ", too",
				})
			})
		}
	}
}
