package enforcer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Detect tells the engine from the objects of a cluster. When they show none, or two that would both
// enforce, the profile is "unknown"; two of which one only carries traffic are no contradiction. What was
// seen is in Because either way. The objects show what is installed, not that it works.
func Detect(c *cluster.Cluster) Profile {
	d := look(c, "")
	p := d.chosen()
	d.uncovered(&p)
	p.Mesh = MeshOf(c)
	p.Because = d.evidence()
	return p
}

// look gathers the signs of all engines. Of the stated one, that the input does not hold its settings is no sign.
func look(c *cluster.Cluster, stated string) *detector {
	d := &detector{c: c, stated: stated, engines: map[string]*Profile{}}
	for _, w := range c.Workloads {
		if w.Ref.Kind == "DaemonSet" {
			d.daemonSet(w)
		}
	}
	for _, o := range c.Kind("operator.tigera.io", "Installation") {
		d.vote("calico", Yes, o.Ref, o.Pos, "the Tigera operator installs Calico")
	}
	for _, o := range c.Kind("config.openshift.io", "Network") {
		d.openShift(o)
	}
	d.k3s()
	d.autoMode()
	return d
}

// evidence is what was seen, sorted by place.
func (d *detector) evidence() []Evidence {
	slices.SortFunc(d.seen, Evidence.compare)
	return slices.Compact(d.seen)
}

// detector gathers signs. engines is what they say of each engine.
type detector struct {
	c       *cluster.Cluster
	stated  string // the engine that somebody named, "" for none
	engines map[string]*Profile
	seen    []Evidence
}

// untold is the answer where the input does not hold what decides about an engine: for the stated one the statement
// counts.
func (d *detector) untold(engine string) Answer {
	if engine == d.stated {
		return Yes
	}
	return Unknown
}

func (d *detector) see(ref object.Ref, pos object.Pos, msg string) {
	d.seen = append(d.seen, Evidence{Pos: pos, Ref: ref, Msg: msg})
}

// vote notes a sign of an engine. Signs of one engine that disagree leave open whether it enforces. The
// profile is there to be changed by what else the sign says.
func (d *detector) vote(name string, enforces Answer, ref object.Ref, pos object.Pos, msg string) *Profile {
	d.see(ref, pos, msg)
	p := d.engines[name]
	if p == nil {
		q := detected(name)
		q.Enforces = enforces
		p = &q
		d.engines[name] = p
	}
	p.Enforces = agree(p.Enforces, enforces)
	return p
}

// agree is what two answers have in common.
func agree(a, b Answer) Answer {
	if a == b {
		return a
	}
	return Unknown
}

// detected is the profile that Named gives, not stated by anyone. flannel is an engine that cannot be
// stated: it only carries traffic, as "none" does.
func detected(name string) Profile {
	of := name
	if name == "flannel" {
		of = "none"
	}
	p, err := Named(of)
	if err != nil {
		return Profile{Name: "unknown"}
	}
	p.Name, p.Stated = name, false
	return p
}

// chosen decides between the engines that were seen.
func (d *detector) chosen() Profile {
	var on, off, all []string
	for name, p := range d.engines {
		all = append(all, name)
		switch {
		case p.Enforces != No:
			on = append(on, name)
		case !carrier(name):
			off = append(off, name)
		}
	}
	slices.Sort(all)
	switch {
	case len(all) == 0:
		return detected("unknown")
	case len(on) == 1 && len(off) == 0:
		return *d.engines[on[0]]
	case len(on) == 0 && len(off) <= 1:
		// Nothing enforces. A carrier that also enforces when told to says more than flannel.
		return *d.engines[slices.MinFunc(all, func(a, b string) int {
			return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b))
		})]
	}
	return detected("unknown")
}

// carrier tells whether an engine that is switched off leaves the field to another: such engines are made to
// carry the traffic whose policies another one enforces. An agent of any other engine that is
// there but switched off may still lead traffic past the one that is on.
func carrier(name string) bool {
	switch name {
	case "aws", "flannel", "k3s", "kube-router":
		return true
	}
	return false
}

func rank(name string) int {
	switch {
	case name == "flannel":
		return 2
	case carrier(name):
		return 1
	}
	return 0
}

// uncovered looks for nodes on which the engine's agent cannot run: nothing enforces there.
func (d *detector) uncovered(p *Profile) {
	if p.Enforces != Yes {
		return
	}
	for _, n := range d.c.Nodes {
		what := Without(p.Name, n)
		if what == "" {
			continue
		}
		p.Enforces = Unknown
		d.see(n.Object.Ref, n.Object.Pos, fmt.Sprintf("%s, where the agent of %s does not run", what, p.Name))
	}
	if p.Name != "azure" { // Azure NPM has no rules for IPv6 (AKS "Secure traffic between pods by using network policies")
		return
	}
	for _, pod := range d.c.Pods {
		if slices.ContainsFunc(pod.IPs, func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }) {
			p.Enforces = Unknown
			d.see(pod.Object.Ref, pod.Object.Pos, "a pod with an IPv6 address, for which Azure NPM has no rules")
		}
	}
}

// openShift reads the type of the cluster's network.
func (d *detector) openShift(o *object.Object) {
	v := o.Root.Get("status", "networkType")
	if v.Str() == "" {
		v = o.Root.Get("spec", "networkType")
	}
	switch t := v.Str(); t {
	case "":
	case "OVNKubernetes":
		d.vote("ovn-kubernetes", Yes, o.Ref, o.At(v), "the cluster network is OVN-Kubernetes")
	default:
		d.see(o.Ref, o.At(v), fmt.Sprintf("the cluster network is of type %q", t))
	}
}

// daemonSet notes the engine whose agent w is, if it is one.
func (d *detector) daemonSet(w *cluster.Workload) {
	a, ok := agentOf(w)
	if !ok {
		return
	}
	enforces, why := Yes, "it enforces policies"
	for i, p := range w.Pods {
		if a.switched == nil {
			break
		}
		e, y := a.switched(d, p)
		if i > 0 && e != enforces {
			e, y = Unknown, "its pods differ in whether they enforce policies"
		}
		enforces, why = e, y
	}
	for _, o := range d.c.Kind(w.Ref.Group, w.Ref.Kind) {
		if o.Ref != w.Ref || enforces == No {
			continue
		}
		want, known := o.Root.Get("status", "desiredNumberScheduled").Int()
		ready, told := o.Root.Get("status", "numberReady").Int()
		switch {
		case known && want == 0:
			enforces, why = No, "it is to run on no node"
		case told && ready == 0:
			enforces, why = Unknown, "none of its pods is ready"
		}
	}
	p := d.vote(a.engine, enforces, w.Ref, w.Pos, fmt.Sprintf("the agent of %s: %s", a.engine, why))
	if a.fine != nil {
		a.fine(d, w, p)
	}
}

// k3s looks at the arguments that k3s writes on its nodes. Only those of servers tell whether the policy
// controller is on; agents take it from their server.
func (d *detector) k3s() {
	const key = "k3s.io/node-args"
	var agents []*cluster.Node
	place := func(n *cluster.Node) object.Pos {
		return n.Object.At(n.Object.Root.Get("metadata", "annotations", key))
	}
	for _, n := range d.c.Nodes {
		text, ok := n.Annotations[key]
		if !ok {
			continue
		}
		enforces, why := k3sArgs(text)
		if why == "" {
			agents = append(agents, n)
			continue
		}
		d.vote("k3s", enforces, n.Object.Ref, place(n), why)
	}
	if d.engines["k3s"] != nil {
		return
	}
	for _, n := range agents {
		d.vote("k3s", d.untold("k3s"), n.Object.Ref, place(n), "a k3s agent; whether its server enforces policies is not known")
	}
}
