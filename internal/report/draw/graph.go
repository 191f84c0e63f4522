// Package draw is the diagrams of a cluster: what may talk to what, in zones and namespaces, drawn in a notation
// grown from KDL (Kubernetes Deployment Language). A Graph says what is drawn, a Picture says where, and the
// formats write them. What is drawn is the effect of all policies, taken from the model, never the policies
// themselves; Check proves that the two agree.
//
// Values go in and bytes come out: times and digests are the caller's. The same input gives the same bytes.
package draw

import (
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Notation is the version of the notation, which stands in the legend.
const Notation = "KDL+ 1"

// View is what a diagram is about.
type View string

// The views of PCI DSS 1.2.3 (Network), 1.2.4 (Dataflow), of the ways in, of one chain of connections, and of zones
// as a table, which DrawMatrix makes.
const (
	Network  View = "network"
	Dataflow View = "dataflow"
	Exposure View = "exposure"
	Path     View = "path"
	Zones    View = "matrix"
)

// Options choose what is drawn. The zero value is the whole network.
type Options struct {
	View   View
	Budget int      // boxes above which namespaces, then zones, are drawn as one box each; 0 for the default
	Expand []string // namespaces and zones that are never drawn as one box
	// Focus leaves only these workloads and those within Hops connections of one of them; nil for all.
	Focus []*cluster.Workload
	Hops  int
	Only  map[*cluster.Workload]bool // nil for all; no others are drawn
	// Pairs leaves only the connections between these; nil for all. Connections with addresses are then left out.
	Pairs map[[2]*cluster.Workload]bool
	// LetIn is what policies let pass from an entry to a target. Exposure needs it.
	LetIn func(exposure.Entry, exposure.Target) reach.Bounds
	// Before is what the cluster was: then the picture tells what is new and what is gone. nil for none.
	Before *pci.Input
	// Explain gives the rules that decide a connection, a line each; nil when nobody asks for them.
	Explain func(src, dst reach.Peer, conns netset.Conns) []string
	// Previous is where things stood in an older picture, by Safe of the ID: what is still there keeps its row and its order.
	// nil for none.
	Previous map[string]Placed
	Skin     Skin
	Title    Title
}

// Title is what the title block and the foot say. Empty fields are left out.
type Title struct {
	Cluster, Digest, Tool, Source, Filter, Reviewer string
	Time                                            time.Time
}

// Kind is what a node is.
type Kind string

// Bundle is a whole namespace or zone in one box.
const (
	Workload Kind = "workload"
	Service  Kind = "service"
	Entry    Kind = "entry"   // an Ingress, a route, or another way in that is no Service
	Alias    Kind = "alias"   // a Service of type ExternalName
	Storage  Kind = "storage" // a claim for a volume
	Outside  Kind = "outside" // addresses
	Bundle   Kind = "bundle"
)

// Badge is a small labelled box at an edge of a node. Port is 0 for badges that are no port.
type Badge struct {
	Text     string          `json:"text"`
	Port     int             `json:"port,omitempty"`
	Protocol netset.Protocol `json:"-"`
}

// Part is a container. Role is "", "init" or "sidecar".
type Part struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
}

// Shield counts the policies that isolate a workload's pods. A half-known state is "unknown".
type Shield struct {
	Policies int    `json:"policies"`
	Ingress  string `json:"ingress"` // "yes", "no", "unknown"
	Egress   string `json:"egress"`
}

// Node is one box. IDs are made of kinds and names, and stay the same from one version of a cluster to the next.
type Node struct {
	ID        string   `json:"id"`
	Kind      Kind     `json:"kind"`
	Object    string   `json:"object,omitempty"` // Kind namespace/name
	Title     string   `json:"title"`
	Sub       string   `json:"sub,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Zone      string   `json:"zone,omitempty"`
	Left      []Badge  `json:"left,omitempty"`  // controller and number, or type of a Service
	Ports     []Badge  `json:"ports,omitempty"` // on the top edge
	Right     []Badge  `json:"right,omitempty"` // ConfigMaps and Secrets
	Below     []Badge  `json:"below,omitempty"` // volumes
	Parts     []Part   `json:"parts,omitempty"`
	Shield    *Shield  `json:"shield,omitempty"`
	Groups    []string `json:"groups,omitempty"` // names of the groups in which everybody may talk to everybody
	Detail    []string `json:"detail,omitempty"` // lines for the reader who asks for more
	Pos       string   `json:"pos,omitempty"`
	Edge      string   `json:"edge,omitempty"` // "top", "bottom": stands on the edge of the cluster
	Change    string   `json:"change,omitempty"`

	workloads []*cluster.Workload // what it stands for, or what is behind it
	addrs     netset.Addrs
	merged    []*Node // the sets of addresses that are drawn as this one
	inner     flow    // traffic between the workloads of a bundle
	service   *cluster.Service
	entry     *exposure.Entry
}

// Frame is a namespace, or the part of one that lies in a zone.
type Frame struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Zone  string   `json:"zone"` // ID of the band
	Nodes []string `json:"nodes"`
	Group []string `json:"groups,omitempty"`
}

// Band is a zone. Declared is false for the band of what no zone takes, Title is "" when nobody stated zones.
type Band struct {
	ID     string    `json:"id"`
	Title  string    `json:"title"`
	Class  pci.Class `json:"class"`
	Role   string    `json:"role,omitempty"`
	Frames []*Frame  `json:"frames"`
	Groups []string  `json:"groups,omitempty"`
}

// Verdict is how sure a wire is.
type Verdict string

// The verdicts of wires. Structure is no verdict: the wire says how objects hang together.
const (
	Allowed   Verdict = "allowed"
	Undecided Verdict = "undecided"
	Denied    Verdict = "denied"
	Structure Verdict = "structure"
)

// Wire is one line: each of From may open the same connections to each of To, but none to itself. A frame or band
// stands for every workload in it, and a Service for the workloads behind it.
type Wire struct {
	ID      string   `json:"id"`
	From    []string `json:"from"`
	To      []string `json:"to"`
	Ports   string   `json:"ports,omitempty"` // as the pods see them
	Verdict Verdict  `json:"verdict"`
	Needs   []string `json:"needs,omitempty"`       // the declared needs that cover it, each a part of it or of its ends
	Missing bool     `json:"needMissing,omitempty"` // one end is in the CDE and no need covers it
	Account bool     `json:"accountData,omitempty"`
	Crosses bool     `json:"crossesCDE,omitempty"` // one end is in the CDE and the other is not
	Pairs   int      `json:"pairs,omitempty"`      // of workloads, and of workloads with addresses
	Label   string   `json:"label,omitempty"`
	Change  string   `json:"change,omitempty"`  // "added", "removed"
	Because []string `json:"because,omitempty"` // the rules that decide, for the first pair of its ends

	conns netset.Conns
}

// Group is workloads that may all open the same connections to each other.
type Group struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // nodes, frames or bands
	Ports   string   `json:"ports"`
	Verdict Verdict  `json:"verdict"`
	Count   int      `json:"workloads"`
	Crosses bool     `json:"crossesCDE,omitempty"` // some of them are in the CDE and some are not
	Some    bool     `json:"some,omitempty"`       // members stand for many workloads, and some of each may, to some of each
	Change  string   `json:"change,omitempty"`

	conns netset.Conns
}

// Graph is what a diagram shows.
type Graph struct {
	Protocol string   `json:"protocol"`
	Notation string   `json:"notation"`
	View     View     `json:"view"`
	Title    Title    `json:"-"`
	Bands    []*Band  `json:"bands"`
	Nodes    []*Node  `json:"nodes"`
	Wires    []*Wire  `json:"wires"`
	Groups   []*Group `json:"groups"`
	Notes    []string `json:"notes"` // what was left out or drawn as one
	Matrix   *Matrix  `json:"matrix,omitempty"`

	in    *pci.Input
	opt   Options
	byID  map[string]*Node
	leaf  map[*cluster.Workload]*Node
	zoned bool
	keep  map[*cluster.Workload]bool // what is drawn; nil for all
	gone  map[*cluster.Workload]bool // those of before that are no longer there
}

// Protocol is the version of the JSON record of a graph. Fields are only ever added to it.
const Protocol = "bulkhead.dev/map/v1"

// flow is connections, certain and possible.
type flow struct {
	must, may netset.Conns
	pairs     int
}
