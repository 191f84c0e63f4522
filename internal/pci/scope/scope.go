// Package scope is the computed scope: what each workload is to the cardholder data environment by what it can
// reach, what may reach it, and what it can do there without a packet. It starts from what is declared to handle
// account data and believes no other declaration.
//
// Every answer is a pair, like those of package reach: the class that is certain, and the one that cannot be
// ruled out. A workload is out of scope only when both say so.
package scope

import (
	"cmp"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Class is what a workload is computed to be.
type Class string

// CDE handles account data, or nothing at all stands between it and what does. ConnectedTo may exchange packets
// with that, in either direction. SecurityImpacting can change it without a packet, or serves it. SharedNode only
// runs on a node with it: in scope unless someone argues otherwise.
const (
	CDE               Class = "cde"
	ConnectedTo       Class = "connected-to"
	SecurityImpacting Class = "security-impacting"
	SharedNode        Class = "shared-node"
	OutOfScope        Class = "out-of-scope"
)

// Undecided is the text where the two classes of a workload differ.
const Undecided = "undecided"

// Classes is all classes, from the most to the least in scope.
func Classes() []Class {
	return []Class{CDE, ConnectedTo, SecurityImpacting, SharedNode, OutOfScope}
}

// Rank is the place in Classes.
func (c Class) Rank() int { return slices.Index(Classes(), c) }

// Declared is what somebody says of a workload.
type Declared uint8

// Nothing: nobody says anything. Unsure: the input does not tell which of its declarations holds. Account: it
// handles account data. Inside: it is in scope otherwise. Outside: it is out of scope.
const (
	Nothing Declared = iota
	Unsure
	Account
	Inside
	Outside
)

// Input is what the scope is computed from.
type Input struct {
	Cluster  *cluster.Cluster
	Model    *reach.Model
	Profile  enforcer.Profile
	Exposure exposure.Set
	Declared func(*cluster.Workload) Declared
	// Needed tells whether some of the connections are declared to be needed; nil when nobody declares any. Cuts
	// leave them open where they can.
	Needed func(src, dst *cluster.Workload, conns netset.Conns) bool
}

// Reason is one fact that puts a workload into a class, for certain or possibly.
type Reason struct {
	Code  string // stable: see the constants
	Class Class
	Sure  bool
	// With is the workload of the cardholder data environment that it concerns, nil for all. For a Flow, from is
	// the direction and Conns what is open.
	With  *cluster.Workload
	Dir   policy.Direction // of a Flow, seen from With
	Conns netset.Conns     // of a Flow
	Ref   object.Ref       // the object that shows it
	Pos   object.Pos
	Msg   string
}

// The codes of reasons.
const (
	Stated       = "declared"      // to handle account data
	Segment      = "same-segment"  // everything is open both ways
	Flow         = "flow"          // some connection
	Rights       = "rights"        // its account may do something through the API
	RightsAbsent = "rights-absent" // the input does not tell what its account may do
	Admission    = "admission"     // it is asked about objects, and may change or refuse them
	Takeover     = "node-takeover" // it can take over a node that runs the CDE's pods
	Node         = "node"          // it runs on one of these nodes
	Names        = "names"         // it answers the CDE's DNS queries
	Entry        = "entry"         // it passes traffic from outside on to the CDE
	Control      = "control-plane"
	Segmenting   = "segmenting" // it enforces the policies
	Mesh         = "mesh"       // it configures the CDE's proxies
	SameAccount  = "account"    // it runs with the same service account
	Volume       = "volume"     // it mounts the same volume
	Unstated     = "not-stated" // nobody says whether it handles account data
)

// Workload is what is computed of one workload. Most is at least as much in scope as Least. Reasons are sorted
// by class, certain ones first; those that make no difference to the class are there too.
type Workload struct {
	*cluster.Workload
	Declared    Declared
	Least, Most Class
	Reasons     []Reason
}

// Decided tells whether the class is certain.
func (w *Workload) Decided() bool { return w.Least == w.Most }

// Class is the class, or Undecided.
func (w *Workload) Class() Class {
	if w.Decided() {
		return w.Least
	}
	return Undecided
}

// Has tells whether some reason has the code, and is certain when sure is asked for.
func (w *Workload) Has(code string, sure bool) bool {
	return slices.ContainsFunc(w.Reasons, func(r Reason) bool { return r.Code == code && (r.Sure || !sure) })
}

// Result is the computed scope. It is immutable.
type Result struct {
	Workloads []Workload // in the order of Cluster.Workloads
	// Systems is what is no workload and yet in scope, sorted: nodes, people and groups, webhooks elsewhere.
	Systems []System
	Paths   Paths
	// None says that nothing is declared to handle account data: then no class is certain.
	None bool
	// Open is what the input lacks for certain answers, in sentences.
	Open []string
}

// System is something in scope that is no workload.
type System struct {
	Kind string // "Node", "User", "Group", "ServiceAccount", "Webhook"
	Name string
	Sure bool
	Ref  object.Ref
	Pos  object.Pos
	Msg  string
}

// Of gives what is computed of a workload, nil for one of another cluster. It takes a search.
func (r *Result) Of(w *cluster.Workload) *Workload {
	i, ok := slices.BinarySearchFunc(r.Workloads, w, func(x Workload, w *cluster.Workload) int { return x.Ref.Compare(w.Ref) })
	if !ok {
		return nil
	}
	return &r.Workloads[i]
}

// Counts gives the number of workloads of each class and of those undecided, which is the last one.
func (r *Result) Counts() (classes []Class, counts []int) {
	classes = append(Classes(), Undecided)
	counts = make([]int, len(classes))
	for i := range r.Workloads {
		counts[slices.Index(classes, r.Workloads[i].Class())]++
	}
	return classes, counts
}

// computer is the state of one computation.
type computer struct {
	*Input
	out    Result
	number map[*cluster.Workload]int
	access rbac.Access
	rows   rows
	sure   []bool // certainly in the CDE
	may    []bool // possibly in it
	// places is the namespaces of the certain CDE, and of the possible one.
	places, perhaps []string
}

// Compute computes the scope. The cost is one look at all workloads for each one of the cardholder data
// environment, and for each one on a way into it.
func Compute(in *Input) *Result {
	n := len(in.Cluster.Workloads)
	c := &computer{
		Input: in, number: make(map[*cluster.Workload]int, n), access: rbac.Read(in.Cluster), sure: make([]bool, n), may: make([]bool, n),
	}
	c.rows = rows{m: in.Model, ws: in.Cluster.Workloads, number: c.number}
	for i, w := range in.Cluster.Workloads {
		c.number[w] = i
		c.out.Workloads = append(c.out.Workloads, Workload{Workload: w, Declared: in.Declared(w)})
	}
	c.out.None = !slices.ContainsFunc(c.out.Workloads, func(w Workload) bool { return w.Declared == Account })
	c.network()
	c.places, c.perhaps = c.namespaces(c.sure), c.namespaces(c.may)
	c.rights()
	c.admission()
	c.nodes()
	c.shared()
	c.out.Paths = c.paths()
	for i := range c.out.Workloads {
		c.conclude(&c.out.Workloads[i])
	}
	slices.SortFunc(c.out.Systems, func(a, b System) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), a.Ref.Compare(b.Ref), cmp.Compare(a.Msg, b.Msg))
	})
	return &c.out
}

func (c *computer) namespaces(in []bool) []string {
	var out []string
	for i, w := range c.Cluster.Workloads {
		if in[i] {
			out = append(out, w.Ref.Namespace)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stated tells whether a workload is declared to handle account data: what else it may do makes no difference. What
// is only found to be in the environment keeps its other reasons, because nobody meant it to be there.
func (c *computer) stated(i int) bool { return c.out.Workloads[i].Declared == Account }

// env is the environment: what is declared first, then what is certainly in it, then what may be.
func (c *computer) env() []int {
	out := c.members(c.may)
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Or(sureFirst(c.stated(a), c.stated(b)), sureFirst(c.sure[a], c.sure[b]))
	})
	return out
}

// firsts is, by key, the first two different workloads of the environment that have something: of two, one is
// not the workload that is asked about.
type firsts[K comparable] map[K][]int

func (f firsts[K]) add(k K, i int) {
	if have := f[k]; len(have) < 2 && !slices.Contains(have, i) {
		f[k] = append(have, i)
	}
}

// beside gives the first one that is not i, and -1 when there is none.
func (f firsts[K]) beside(k K, i int) int {
	for _, j := range f[k] {
		if j != i {
			return j
		}
	}
	return -1
}

// give adds a reason to a workload.
func (c *computer) give(i int, r Reason) {
	c.out.Workloads[i].Reasons = append(c.out.Workloads[i].Reasons, r)
}

// conclude sorts the reasons of a workload and takes the classes from them.
func (c *computer) conclude(w *Workload) {
	if w.Declared == Nothing || w.Declared == Unsure {
		w.Reasons = append(w.Reasons, Reason{Code: Unstated, Class: CDE, Ref: w.Ref, Pos: w.Pos, Msg: "nobody says whether it handles account data"})
	}
	slices.SortFunc(w.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Class.Rank(), b.Class.Rank()), sureFirst(a.Sure, b.Sure), cmp.Compare(a.Code, b.Code),
			a.Ref.Compare(b.Ref), a.Pos.Compare(b.Pos), cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.Msg, b.Msg))
	})
	w.Least, w.Most = OutOfScope, OutOfScope
	if c.out.None {
		w.Most = CDE
	}
	for _, r := range w.Reasons {
		if r.Class.Rank() < w.Most.Rank() {
			w.Most = r.Class
		}
		if r.Sure && r.Class.Rank() < w.Least.Rank() {
			w.Least = r.Class
		}
	}
}

func sureFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
