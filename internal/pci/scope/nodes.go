package scope

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// nodes finds what runs, or may run, on the nodes of the cardholder data environment's pods.
func (c *computer) nodes() {
	if len(c.perhaps) == 0 {
		return
	}
	p := newPlacing(c)
	if !p.known {
		c.open("no Node is in the input: which workloads may run on the same nodes is not known")
	}
	for i, w := range c.Cluster.Workloads {
		if c.stated(i) {
			continue
		}
		trait, at := takeover(w)
		r := Reason{Code: Node, Class: SharedNode, Ref: w.Ref, Pos: w.Pos}
		if trait != "" {
			r.Code, r.Class, r.Pos = Takeover, SecurityImpacting, at
			trait = trait + ", and "
		}
		node, with, sure := p.meets(i, w)
		switch {
		case with < 0:
			continue
		case node != "" && sure:
			r.Msg = fmt.Sprintf("%sruns on node %s with %s", trait, node, c.Cluster.Workloads[with].Ref)
		case node != "":
			r.Msg = fmt.Sprintf("%smay run on node %s, as %s may", trait, node, c.Cluster.Workloads[with].Ref)
		default:
			r.Msg = fmt.Sprintf("%snothing in the input keeps it from the nodes of %s", trait, c.Cluster.Workloads[with].Ref)
		}
		r.Sure, r.With = sure && c.sure[with], c.Cluster.Workloads[with]
		c.give(i, r)
	}
	for _, n := range p.used() {
		i := p.bound[n][0]
		w := c.Cluster.Workloads[i]
		s := System{Kind: "Node", Name: n, Sure: c.sure[i], Ref: w.Ref, Pos: w.Pos, Msg: "runs " + w.Ref.String()}
		if o := p.objects[n]; o != nil {
			s.Ref, s.Pos = o.Ref, o.Pos
		}
		c.out.Systems = append(c.out.Systems, s)
	}
}

// takeover tells by what a workload's pods can rule the node they run on, and where it stands.
func takeover(w *cluster.Workload) (trait string, at object.Pos) {
	for _, p := range w.Pods {
		in := func(v *object.Value) object.Pos {
			return object.Pos{File: p.Pos().File, Line: max(p.Pos().Line, lineOf(v))}
		}
		for i := range p.Containers {
			k := &p.Containers[i]
			where := object.Pos{File: p.Pos().File, Line: k.Line}
			if k.Privileged {
				return "container " + k.Name + " is privileged", where
			}
			for _, had := range []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"} {
				if slices.Contains(k.Added, had) {
					return "container " + k.Name + " has the capability " + had, where
				}
			}
		}
		for _, f := range []string{"hostPID", "hostIPC"} {
			if v := p.Spec.Get(f); v.True() {
				return "it has " + f, in(v)
			}
		}
		for _, v := range p.Spec.Get("volumes").List() {
			if path := v.Get("hostPath", "path").Str(); path != "" {
				return "it mounts " + path + " of its node", in(v)
			}
		}
		if p.HostNetwork {
			return "it is on the network of its node", p.Pos()
		}
	}
	return "", object.Pos{}
}

func lineOf(v *object.Value) int {
	if v == nil {
		return 0
	}
	return v.Line
}

// placing knows where workloads run and may run.
type placing struct {
	c       *computer
	bound   firsts[string] // by node: workloads of the cardholder data environment that run there
	open    firsts[string] // by node: those that may
	known   bool           // the input holds the nodes
	objects map[string]*object.Object
	owners  map[object.Ref]*object.Object
	fits    map[string][]bool // by constraints: which nodes
	env     []int             // the environment
}

func newPlacing(c *computer) *placing {
	p := &placing{
		c: c, bound: firsts[string]{}, open: firsts[string]{}, known: len(c.Cluster.Nodes) > 0,
		objects: map[string]*object.Object{}, owners: map[object.Ref]*object.Object{}, fits: map[string][]bool{},
	}
	for _, n := range c.Cluster.Nodes {
		p.objects[n.Name] = n.Object
	}
	for _, o := range c.Cluster.Objects {
		if template(o).IsSet() {
			p.owners[o.Ref] = o
		}
	}
	p.env = c.env()
	for _, i := range p.env {
		w := c.Cluster.Workloads[i]
		for _, pod := range w.Pods {
			if pod.NodeName != "" {
				p.bound.add(pod.NodeName, i)
			}
		}
		for k, ok := range p.eligible(w) {
			if ok {
				p.open.add(c.Cluster.Nodes[k].Name, i)
			}
		}
	}
	return p
}

// template is the pod spec of an object that makes pods.
func template(o *object.Object) *object.Value {
	if v := o.Root.Get("spec", "template", "spec"); v.IsSet() {
		return v
	}
	return o.Root.Get("spec", "jobTemplate", "spec", "template", "spec")
}

func (p *placing) used() []string {
	var out []string
	for n := range p.bound {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// meets gives the workload of the cardholder data environment that w shares a node with, for certain or
// possibly, and the node when one can be named; -1 when nodes certainly part them.
func (p *placing) meets(own int, w *cluster.Workload) (node string, with int, sure bool) {
	for _, pod := range w.Pods {
		if i := p.bound.beside(pod.NodeName, own); i >= 0 && (node == "" || pod.NodeName < node) {
			node, with = pod.NodeName, i
		}
	}
	if node != "" {
		return node, with, true
	}
	if p.known {
		for k, ok := range p.eligible(w) {
			if !ok {
				continue
			}
			n := p.c.Cluster.Nodes[k].Name
			for _, there := range []firsts[string]{p.open, p.bound} {
				if i := there.beside(n, own); i >= 0 {
					return n, i, false
				}
			}
		}
		return "", -1, false
	}
	for _, i := range p.env {
		if i != own && !apart(w, p.c.Cluster.Workloads[i]) {
			return "", i, false
		}
	}
	return "", -1, false
}

// apart tells whether the node selectors of two workloads can never meet.
func apart(a, b *cluster.Workload) bool {
	for _, p := range a.Pods {
		for _, q := range b.Pods {
			differ := false
			for k, v := range p.NodeSelector {
				if u, has := q.NodeSelector[k]; has && u != v {
					differ = true
				}
			}
			if !differ {
				return false
			}
		}
	}
	return true
}

// eligible tells of each node whether pods of w may be put there. Where the owner's template is not in the
// input, affinity and tolerations are not known, and only the node selector tells.
func (p *placing) eligible(w *cluster.Workload) []bool {
	if !p.known {
		return nil
	}
	spec, whole := w.Pods[0].Spec, w.Pods[0].Template
	if o := p.owners[w.Ref]; o != nil {
		spec, whole = template(o), true
	}
	key := fmt.Sprint(whole) + string(spec.Get("nodeSelector").AppendJSON(nil)) + string(spec.Get("affinity", "nodeAffinity").AppendJSON(nil)) + string(spec.Get("tolerations").AppendJSON(nil)) + spec.Get("nodeName").Str()
	if out, ok := p.fits[key]; ok {
		return out
	}
	out := make([]bool, len(p.c.Cluster.Nodes))
	for k, n := range p.c.Cluster.Nodes {
		out[k] = selected(spec.Get("nodeSelector").Strings(), n) && (!whole || attracted(spec, n) && tolerated(spec, n))
	}
	p.fits[key] = out
	return out
}

func selected(want map[string]string, n *cluster.Node) bool {
	for k, v := range want {
		if got, has := n.Labels[k]; !has || got != v {
			return false
		}
	}
	return true
}

// attracted holds the required node affinity of a pod spec against a node (NodeSelector in core/v1): one of the
// terms must hold, and a term without conditions never does.
func attracted(spec *object.Value, n *cluster.Node) bool {
	required := spec.Get("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
	if !required.IsSet() {
		return true
	}
	return slices.ContainsFunc(required.Get("nodeSelectorTerms").List(), func(term *object.Value) bool {
		labels, fields := term.Get("matchExpressions").List(), term.Get("matchFields").List()
		if len(labels)+len(fields) == 0 {
			return false
		}
		name := map[string]string{"metadata.name": n.Name}
		return !slices.ContainsFunc(labels, func(r *object.Value) bool { return !demands(r, n.Labels) }) &&
			!slices.ContainsFunc(fields, func(r *object.Value) bool { return !demands(r, name) })
	})
}

// demands tells whether a requirement may hold. What is not understood may.
func demands(r *object.Value, labels map[string]string) bool {
	got, has := labels[r.Get("key").Str()]
	listed := slices.ContainsFunc(r.Get("values").List(), func(v *object.Value) bool { return v.Str() == got })
	switch r.Get("operator").Str() {
	case "In":
		return has && listed
	case "NotIn":
		return !has || !listed
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	case "Gt", "Lt":
		return has
	}
	return true
}

// tolerated tells whether no taint of the node keeps the pod away (core/v1 Toleration). An effect that is no ban
// does not.
func tolerated(spec *object.Value, n *cluster.Node) bool {
	for _, taint := range n.Object.Root.Get("spec", "taints").List() {
		effect := taint.Get("effect").Str()
		if effect != "NoSchedule" && effect != "NoExecute" || strings.HasPrefix(taint.Get("key").Str(), "node.kubernetes.io/") {
			continue // the latter come and go with the state of the node
		}
		if !slices.ContainsFunc(spec.Get("tolerations").List(), func(t *object.Value) bool {
			key, operator := t.Get("key").Str(), cmp.Or(t.Get("operator").Str(), "Equal")
			return (key == taint.Get("key").Str() || key == "" && operator == "Exists") &&
				(operator == "Exists" || operator == "Equal" && t.Get("value").Str() == taint.Get("value").Str()) &&
				(t.Get("effect").Str() == "" || t.Get("effect").Str() == effect)
		}) {
			return false
		}
	}
	return true
}
