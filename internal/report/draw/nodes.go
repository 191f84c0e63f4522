package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// short is the badge of a controller kind. KDL gives Job and CronJob the same letter; here a CronJob is CJ.
func short(kind string) string {
	switch kind {
	case "ReplicationController":
		return "RC"
	case "ReplicaSet":
		return "RS"
	case "Deployment":
		return "D"
	case "DeploymentConfig":
		return "DC"
	case "DaemonSet":
		return "DS"
	case "StatefulSet":
		return "SS"
	case "Job":
		return "J"
	case "CronJob":
		return "CJ"
	}
	return kind
}

const (
	manyParts  = 4 // containers, ports, volumes or settings of a workload that are drawn one by one
	manyBadges = 6
)

func workloadID(w *cluster.Workload) string {
	return "workload:" + w.Ref.GroupKind().Group + "/" + w.Ref.Kind + "/" + w.Ref.Namespace + "/" + w.Ref.Name
}

// workload is the node of a workload. Its pods differ only in rare cases; the first one is drawn.
func (g *Graph) workload(w *cluster.Workload) *Node {
	p := w.Pods[0]
	n := &Node{
		ID: workloadID(w), Kind: Workload,
		Object: w.Ref.String(), Title: w.Ref.Name, Namespace: w.Ref.Namespace, Pos: w.Pos.String(), workloads: []*cluster.Workload{w},
		Left: []Badge{{Text: short(w.Ref.Kind)}, {Text: g.cardinality(w)}}, Shield: g.shield([]*cluster.Workload{w}),
	}
	if p.HostNetwork {
		n.Sub = "host network"
	}
	for _, c := range p.Containers {
		part := Part{Name: c.Name}
		if c.Init {
			part.Role = "init"
		} else if isSidecar(p, c.Name) {
			part.Role = "sidecar"
		}
		n.Parts = append(n.Parts, part)
	}
	seen := map[string]bool{}
	for _, q := range p.Ports {
		b := portBadge(q.Number, q.Protocol, q.Name)
		if !seen[b.Text] {
			seen[b.Text] = true
			n.Ports = append(n.Ports, b)
		}
	}
	slices.SortStableFunc(n.Ports, func(a, b Badge) int { return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol)) })
	n.Below, n.Right = volumes(p)
	if s := g.inputOf(w).Scope; s != nil {
		n.Detail = append(n.Detail, "scope "+string(s.Class(w)))
	}
	for _, c := range p.Containers {
		if c.Image != "" {
			n.Detail = append(n.Detail, c.Name+": "+c.Image)
		}
	}
	return n
}

func isSidecar(p *cluster.Pod, name string) bool {
	for _, c := range p.Spec.Get("initContainers").List() {
		if c.Get("name").Str() == name && c.Get("restartPolicy").Str() == "Always" {
			return true
		}
	}
	return false
}

func portBadge(number int, proto netset.Protocol, name string) Badge {
	t := strconv.Itoa(number)
	if proto != netset.TCP {
		t += "/" + strings.ToLower(proto.String())
	}
	if name != "" && len(name) <= 10 {
		t += " " + name
	}
	return Badge{Text: t, Port: number, Protocol: proto}
}

// cardinality is how many pods there are: the range of an autoscaler, the nodes of a DaemonSet, else a number.
func (g *Graph) cardinality(w *cluster.Workload) string {
	if w.Ref.Kind == "DaemonSet" {
		sel := w.Pods[0].NodeSelector
		if len(sel) == 0 {
			return "all nodes"
		}
		var parts []string
		for k, v := range sel {
			parts = append(parts, k+"="+v)
		}
		slices.Sort(parts)
		return parts[0] + more(len(parts)-1)
	}
	for _, h := range g.in.Cluster.Kind("autoscaling", "HorizontalPodAutoscaler") {
		t := h.Root.Get("spec", "scaleTargetRef")
		if h.Ref.Namespace != w.Ref.Namespace || t.Get("kind").Str() != w.Ref.Kind || t.Get("name").Str() != w.Ref.Name {
			continue
		}
		least, ok := h.Root.Get("spec", "minReplicas").Int()
		if !ok {
			least = 1 // the default of the API
		}
		if most, ok := h.Root.Get("spec", "maxReplicas").Int(); ok {
			return fmt.Sprintf("%d:%d", least, most)
		}
	}
	return strconv.Itoa(w.Replicas)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" +%d", n)
}

// volumes are the badges of data below a pod and of settings beside it.
func volumes(p *cluster.Pod) (below, right []Badge) {
	for _, v := range p.Spec.Get("volumes").List() {
		name := v.Get("name").Str()
		switch {
		case v.Get("configMap").IsSet():
			right = append(right, Badge{Text: v.Get("configMap", "name").Str()})
		case v.Get("secret").IsSet():
			right = append(right, Badge{Text: v.Get("secret", "secretName").Str() + " (secret)"})
		case v.Get("projected").IsSet() && strings.HasPrefix(name, "kube-api-access"), v.Get("downwardAPI").IsSet():
		case v.Get("emptyDir").IsSet():
			below = append(below, Badge{Text: name + " emptyDir"})
		case v.Get("hostPath").IsSet():
			below = append(below, Badge{Text: v.Get("hostPath", "path").Str() + " hostPath"})
		default:
			below = append(below, Badge{Text: name})
		}
	}
	for _, t := range p.Object.Root.Get("spec", "volumeClaimTemplates").List() {
		below = append(below, Badge{Text: t.Get("metadata", "name").Str()})
	}
	return below, right
}

// shield tells how many policies isolate the pods, and whether in each direction all of them are isolated.
func (g *Graph) shield(ws []*cluster.Workload) *Shield {
	policies := map[*policy.Policy]bool{}
	states := [2]string{"yes", "yes"}
	for _, w := range ws {
		for _, d := range policy.Directions {
			for _, p := range w.Pods {
				iso := g.inputOf(w).Model.Isolation(p, d)
				for _, q := range iso.Policies {
					policies[q] = true
				}
				switch {
				case !iso.May:
					states[d] = "no"
				case !iso.Must && states[d] == "yes":
					states[d] = "unknown"
				}
				if p.Template {
					break
				}
			}
		}
	}
	return &Shield{Policies: len(policies), Ingress: states[policy.Ingress], Egress: states[policy.Egress]}
}

// serviceType is the badge of a Service.
func serviceType(s *cluster.Service) string {
	switch {
	case s.Type == "LoadBalancer":
		return "LB"
	case s.Type == "NodePort":
		return "NP"
	case s.Type == "ExternalName":
		return "EN"
	case len(s.ExternalIPs) > 0:
		return "EIP"
	case s.Headless:
		return "HS"
	}
	return "CIP"
}

// services adds the Services in front of what is drawn as workloads, and the ways in that are Services.
func (g *Graph) services(keep map[*cluster.Workload]bool) {
	for _, s := range g.in.Cluster.Services {
		t := serviceType(s)
		n := &Node{
			ID: "service:" + s.Ref.Namespace + "/" + s.Ref.Name, Kind: Service, Object: s.Ref.String(), Title: s.Ref.Name,
			Namespace: s.Ref.Namespace, Left: []Badge{{Text: t}}, Pos: s.Object.Pos.String(), service: s,
		}
		if t == "EN" {
			if keep != nil || g.opt.View == Exposure {
				continue
			}
			n.Kind, n.Edge, n.Sub = Alias, "bottom", s.Object.Root.Get("spec", "externalName").Str()
			n.Title = s.Ref.Namespace + "/" + s.Ref.Name
			g.put(n)
			continue
		}
		drawn := true
		for _, p := range s.Pods {
			leaf := g.leaf[p.Workload]
			drawn = drawn && leaf != nil && leaf.Kind == Workload
			if !slices.Contains(n.workloads, p.Workload) {
				n.workloads = append(n.workloads, p.Workload)
			}
		}
		if !drawn || len(s.Pods) == 0 {
			continue // within a bundle, or in front of nothing
		}
		for _, p := range s.Ports {
			n.Ports = append(n.Ports, portBadge(p.Port, p.Protocol, p.Name))
		}
		if t == "LB" || t == "NP" || t == "EIP" {
			n.Edge, n.Sub = "top", s.Ref.Namespace
		} else {
			g.home(n)
		}
		g.put(n)
	}
}

// home puts a Service into the frame of the first workload behind it, which may lie in another zone than others.
func (g *Graph) home(n *Node) {
	leaf := g.leaf[n.workloads[0]]
	for _, b := range g.Bands {
		for _, f := range b.Frames {
			if slices.Contains(f.Nodes, leaf.ID) {
				n.Zone = f.Zone
				f.Nodes = append(f.Nodes, n.ID)
				return
			}
		}
	}
}

// entries adds the ways in that are no Services, one node for each object, and the claims of drawn workloads.
func (g *Graph) entries() {
	for i := range g.in.Exposure.Entries {
		e := &g.in.Exposure.Entries[i]
		if e.Via.Group == "" && (e.Via.Kind == "Service" || e.Via.Kind == "Pod") || e.Dangling() || len(g.behind(e)) == 0 {
			continue
		}
		if isWorkload(g.in.Cluster, e.Via) {
			continue // a host port: it is told at the workload
		}
		id := "entry:" + e.Via.Group + "/" + e.Via.Kind + "/" + e.Via.Namespace + "/" + e.Via.Name
		n := g.byID[id]
		if n == nil {
			n = &Node{ID: id, Kind: Entry, Object: e.Via.String(), Title: e.Via.Name, Namespace: e.Via.Namespace, Edge: "top", Pos: e.Pos.String(), Left: []Badge{{Text: entryBadge(e.Kind, e.Via.Kind)}}, entry: e}
			if e.Host != "" {
				n.Sub = e.Host
			} else {
				n.Sub = e.Via.Namespace
			}
			g.put(n)
		}
		line := e.Host + e.Path
		if line != "" && !slices.Contains(n.Detail, line) {
			n.Detail = append(n.Detail, line)
		}
		if e.Port > 0 {
			b := portBadge(e.Port, e.Protocol, "")
			if !slices.ContainsFunc(n.Ports, func(x Badge) bool { return x.Text == b.Text }) {
				n.Ports = append(n.Ports, b)
			}
		}
		for _, w := range g.behind(e) {
			if !slices.Contains(n.workloads, w) {
				n.workloads = append(n.workloads, w)
			}
		}
	}
	g.fewEntries()
	if g.opt.View == Network {
		g.claims()
	}
}

// manyEntries is how many ways in stand on the edge of the cluster one by one, Services and others each.
const manyEntries = 12

// fewEntries draws what stands on the edge of the cluster as one where it is too much: first what is no Service,
// then Services.
func (g *Graph) fewEntries() {
	for _, kind := range []Kind{Entry, Service} {
		var many []*Node
		for _, n := range g.Nodes {
			if n.Kind == kind && n.Edge == "top" {
				many = append(many, n)
			}
		}
		if len(many) <= manyEntries {
			continue
		}
		one := &Node{ID: "entries:" + string(kind), Kind: Entry, Title: fmt.Sprintf("%d ways in", len(many)), Sub: "Ingresses and routes", Edge: "top", Left: []Badge{{Text: "IN"}}, merged: many}
		if kind == Service {
			one.Sub = "LoadBalancer, NodePort"
		}
		gone := map[*Node]bool{}
		for _, n := range many {
			gone[n] = true
			delete(g.byID, n.ID)
			one.Detail = append(one.Detail, n.Object+" "+n.Sub)
			for _, w := range n.workloads {
				if !slices.Contains(one.workloads, w) {
					one.workloads = append(one.workloads, w)
				}
			}
		}
		g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return gone[n] })
		g.put(one)
	}
}

// public tells whether clients outside may get in: yes when they can through one of those drawn as one.
func (n *Node) public() enforcer.Answer {
	if n.entry != nil {
		return n.entry.Public
	}
	answer := enforcer.No
	for _, m := range n.merged {
		switch {
		case m.entry == nil || m.entry.Public == enforcer.Unknown:
			if answer == enforcer.No {
				answer = enforcer.Unknown
			}
		case m.entry.Public == enforcer.Yes:
			return enforcer.Yes
		}
	}
	return answer
}

// way finds the node of a way in, which may be drawn together with others.
func (g *Graph) way(id string) *Node {
	if n := g.byID[id]; n != nil {
		return n
	}
	for _, n := range g.Nodes {
		if n.Kind == Entry && slices.ContainsFunc(n.merged, func(m *Node) bool { return m.ID == id }) {
			return n
		}
	}
	return nil
}

// behind is the drawn workloads that an entry leads to.
func (g *Graph) behind(e *exposure.Entry) []*cluster.Workload {
	var out []*cluster.Workload
	for _, t := range e.Targets {
		if g.leaf[t.Workload] != nil && !slices.Contains(out, t.Workload) {
			out = append(out, t.Workload)
		}
	}
	return out
}

func isWorkload(c *cluster.Cluster, ref object.Ref) bool {
	return slices.ContainsFunc(c.Workloads, func(w *cluster.Workload) bool { return w.Ref == ref })
}

func entryBadge(kind, object string) string {
	switch object {
	case "Ingress":
		return "ING"
	case "Route":
		return "RT"
	case "Gateway":
		return "GW"
	case "HTTPRoute":
		return "HR"
	}
	if kind == "route" {
		return "RT"
	}
	return "IN"
}

// manyClaims is the number of claims above which only the badges of volumes tell of them.
const manyClaims = 24

// claims adds the claims for volumes of the workloads that are drawn one by one.
func (g *Graph) claims() {
	type use struct {
		w            *cluster.Workload
		claim, class string
	}
	var uses []use
	for _, w := range g.in.Cluster.Workloads {
		if leaf := g.leaf[w]; leaf == nil || leaf.Kind != Workload {
			continue
		}
		p := w.Pods[0]
		for _, v := range p.Spec.Get("volumes").List() {
			if c := v.Get("persistentVolumeClaim", "claimName").Str(); c != "" {
				uses = append(uses, use{w, c, ""})
			}
		}
		for _, t := range p.Object.Root.Get("spec", "volumeClaimTemplates").List() {
			uses = append(uses, use{w, t.Get("metadata", "name").Str(), t.Get("spec", "storageClassName").Str()})
		}
	}
	if len(uses) > manyClaims {
		g.Notes = append(g.Notes, fmt.Sprintf("%d claims for volumes are shown at their workloads only", len(uses)))
		return
	}
	for _, u := range uses {
		for _, o := range g.in.Cluster.Kind("", "PersistentVolumeClaim") {
			if o.Ref.Namespace == u.w.Ref.Namespace && o.Ref.Name == u.claim {
				u.class = o.Root.Get("spec", "storageClassName").Str()
			}
		}
		id := "storage:" + u.w.Ref.Namespace + "/" + u.claim
		if u.w.Ref.Kind == "StatefulSet" {
			id += "/" + u.w.Ref.Name
		}
		n := g.byID[id]
		if n == nil {
			n = &Node{ID: id, Kind: Storage, Object: "PersistentVolumeClaim " + u.w.Ref.Namespace + "/" + u.claim, Title: u.claim, Sub: u.class, Namespace: u.w.Ref.Namespace, Edge: "bottom"}
			g.put(n)
		}
		n.workloads = append(n.workloads, u.w)
	}
}
