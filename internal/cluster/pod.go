package cluster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// tree is the parts of a pod, or of a template, that are read, found in one pass over its fields.
type tree struct {
	labels, annotations, owners *object.Value
	uid                         bool
	spec                        *object.Value
	phase                       string
	ip, ips                     *object.Value
}

func newTree(v *object.Value) tree {
	var t tree
	for _, f := range v.Map() {
		switch f.Name {
		case "metadata":
			for _, f := range f.Value.Map() {
				switch f.Name {
				case "labels":
					t.labels = f.Value
				case "annotations":
					t.annotations = f.Value
				case "ownerReferences":
					t.owners = f.Value
				case "uid":
					t.uid = f.Value.Str() != ""
				}
			}
		case "spec":
			t.spec = f.Value
		case "status":
			for _, f := range f.Value.Map() {
				switch f.Name {
				case "phase":
					t.phase = f.Value.Str()
				case "podIP":
					t.ip = f.Value
				case "podIPs":
					t.ips = f.Value
				}
			}
		}
	}
	return t
}

// alike is what the pod before had, for pods that have the same: most pods are one of many of their workload.
type alike struct {
	workload      *Workload
	labelTree     *object.Value
	labels        map[string]string
	inits, main   *object.Value
	hostNetwork   bool
	ports         []Port
	containers    []Container
	whole         bool // no problem was told of ports
	names         []netip.Addr
	pods          []Pod
	yesPtr, noPtr *bool
}

// pod reads a pod or a template: t is of what has metadata and spec.
func (b *builder) pod(o *object.Object, w *Workload, t *tree, isTemplate bool) *Pod {
	x := &b.like
	if len(x.pods) == cap(x.pods) {
		x.pods = make([]Pod, 0, min(max(2*cap(x.pods), 1), 256))
	}
	x.pods = append(x.pods, Pod{
		Workload: w, Namespace: b.namespaces[w.Ref.Namespace], Name: o.Ref.Name, Template: isTemplate, Stored: t.uid && !isTemplate,
		Object: o, Spec: t.spec, ServiceAccount: "default",
	})
	p := &x.pods[len(x.pods)-1]
	if len(t.annotations.Map()) > 0 {
		p.Annotations = t.annotations
	}
	var inits, main *object.Value
	for _, f := range t.spec.Map() {
		switch f.Name {
		case "serviceAccountName":
			if s := f.Value.Str(); s != "" {
				p.ServiceAccount = s
			}
		case "hostNetwork":
			p.HostNetwork = f.Value.True()
		case "nodeName":
			p.NodeName = f.Value.Str()
		case "nodeSelector":
			p.NodeSelector = f.Value.Strings()
		case "automountServiceAccountToken":
			if f.Value.IsSet() {
				p.AutomountToken = x.truth(f.Value.True())
			}
		case "initContainers":
			inits = f.Value
		case "containers":
			main = f.Value
		}
	}
	if x.workload != w {
		x.workload, x.labels, x.labelTree, x.whole = w, nil, nil, false
	}
	if x.labels == nil || !sameTexts(x.labelTree, t.labels) {
		x.labels, x.labelTree = t.labels.Strings(), t.labels
		if x.labels == nil {
			x.labels = map[string]string{}
		}
	}
	p.Labels = x.labels
	if o.Ref.Kind == "Job" && o.Ref.Group == "batch" && isTemplate { // labels that the Job controller adds
		p.Labels["job-name"], p.Labels["batch.kubernetes.io/job-name"] = o.Ref.Name, o.Ref.Name
		x.labels = nil
	}
	p.IPs = x.addrs(t)
	if x.whole && x.inits == inits && x.main == main && x.hostNetwork == p.HostNetwork {
		p.Ports, p.Containers = x.ports, x.containers
		return p
	}
	problems := len(b.problems)
	b.containers(o, p, inits.List(), main.List())
	x.inits, x.main, x.hostNetwork, x.ports, x.containers = inits, main, p.HostNetwork, p.Ports, p.Containers
	x.whole = len(b.problems) == problems
	return p
}

func (x *alike) truth(on bool) *bool {
	at := &x.noPtr
	if on {
		at = &x.yesPtr
	}
	if *at == nil {
		*at = &on
	}
	return *at
}

// sameTexts tells whether two maps of scalars have the same fields in the same order.
func sameTexts(a, b *object.Value) bool {
	if a == b {
		return true
	}
	f, g := a.Map(), b.Map()
	if len(f) != len(g) {
		return false
	}
	for i := range f {
		if f[i].Name != g[i].Name || f[i].Value.Str() != g[i].Value.Str() {
			return false
		}
	}
	return true
}

// addrs is the addresses of a pod, sorted.
func (x *alike) addrs(t *tree) []netip.Addr {
	list := t.ips.List()
	if cap(x.names)-len(x.names) <= len(list) {
		x.names = make([]netip.Addr, 0, max(256, len(list)+1))
	}
	before := len(x.names)
	add := func(v *object.Value) {
		if a := addr(v); a.IsValid() && !slices.Contains(x.names[before:], a) {
			x.names = append(x.names, a)
		}
	}
	first := ""
	for i, v := range list {
		v = v.Get("ip")
		if i == 0 {
			first = v.Str()
		}
		add(v)
	}
	if t.ip.Str() != first {
		add(t.ip)
	}
	if before == len(x.names) {
		return nil
	}
	out := x.names[before:len(x.names):len(x.names)]
	if len(out) > 1 {
		slices.SortFunc(out, netip.Addr.Compare)
	}
	return out
}

func (b *builder) containers(o *object.Object, p *Pod, inits, main []*object.Value) {
	if n := len(inits) + len(main); n > 0 {
		p.Containers = make([]Container, 0, n)
	}
	var sidecars []*object.Value
	for _, c := range inits {
		sidecar := c.Get("restartPolicy").Str() == "Always"
		p.Containers = append(p.Containers, container(c, !sidecar))
		if sidecar {
			sidecars = append(sidecars, c)
		}
	}
	n := 0
	for _, c := range main {
		p.Containers = append(p.Containers, container(c, false))
		n += len(c.Get("ports").List())
	}
	if n > 0 {
		p.Ports = make([]Port, 0, n)
	}
	// Of two ports of one name that of a container counts before that of a sidecar (Kubernetes FindPort).
	for _, c := range main {
		b.ports(o, p, c)
	}
	for _, c := range sidecars {
		b.ports(o, p, c)
	}
	if len(p.Ports) == 0 {
		p.Ports = nil
	}
}

func (b *builder) ports(o *object.Object, p *Pod, c *object.Value) {
	for _, v := range c.Get("ports").List() {
		n, ok := v.Get("containerPort").Int()
		if !ok || n < 1 || n > 65535 {
			b.problem(o, v, object.Error, "containerPort "+v.Get("containerPort").Str()+": want a number from 1 to 65535", "the port is left out")
			continue
		}
		proto := netset.TCP
		if s := v.Get("protocol").Str(); s != "" {
			var err error
			if proto, err = netset.ParseProtocol(s); err != nil || proto > netset.SCTP {
				b.problem(o, v, object.Error, "protocol "+s+": want TCP, UDP or SCTP", "the port is left out")
				continue
			}
		}
		hostPort, ok := v.Get("hostPort").Int()
		if h := v.Get("hostPort"); h.IsSet() && (!ok || hostPort < 0 || hostPort > 65535) {
			b.problem(o, h, object.Error, "hostPort "+h.Str()+": want a number from 1 to 65535", "the host port is left out")
			hostPort = 0
		}
		if p.HostNetwork && hostPort == 0 {
			hostPort = n // the API server's default under hostNetwork
		}
		p.Ports = append(p.Ports, Port{
			Name: v.Get("name").Str(), Number: n, Protocol: proto, HostPort: hostPort,
			HostIP: v.Get("hostIP").Str(), Container: c.Get("name").Str(), Line: v.Line,
		})
	}
}

func container(c *object.Value, isInit bool) Container {
	sec := c.Get("securityContext")
	return Container{
		Name: c.Get("name").Str(), Image: c.Get("image").Str(), Init: isInit,
		Command: texts(c.Get("command")), Args: texts(c.Get("args")),
		Privileged: sec.Get("privileged").True(),
		Added:      capabilities(sec.Get("capabilities", "add")), Dropped: capabilities(sec.Get("capabilities", "drop")),
		Line: c.Line,
	}
}

func capabilities(v *object.Value) []string {
	names := texts(v)
	for i, n := range names {
		names[i] = strings.TrimPrefix(strings.ToUpper(n), "CAP_")
	}
	return names
}

func texts(v *object.Value) []string {
	var out []string
	for _, it := range v.List() {
		out = append(out, it.Str())
	}
	return out
}

func addr(v *object.Value) netip.Addr {
	a, err := netip.ParseAddr(v.Str())
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func addrs(list *object.Value, field string) []netip.Addr {
	var out []netip.Addr
	for _, v := range list.List() {
		if a := addr(v.Get(field)); a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}
