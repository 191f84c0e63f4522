package report

import (
	"io"
	"math"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TraceProtocol is the version of the record of "why".
const TraceProtocol = "bulkhead.dev/why/v1"

// Verdict is the answer to a question about connections.
type Verdict string

// Allowed and Denied hold for every connection asked about. Partly means that some are allowed and some
// denied, all of them decided; Undecided that at least one depends on what is not known.
const (
	Allowed   Verdict = "allowed"
	Denied    Verdict = "denied"
	Partly    Verdict = "partly allowed"
	Undecided Verdict = "undecided"
)

// Why is the record of "why": one answer for each pair of peers that the question names. Lists are never null.
type Why struct {
	Protocol string           `json:"protocol"`
	Verdict  Verdict          `json:"verdict"` // of all answers together
	Notes    []string         `json:"notes"`   // how names were read: which pods a Service stands for
	Answers  []Answer         `json:"answers"`
	Problems []object.Problem `json:"problems"`
}

// Answer is one pair of peers with the rules that decide.
type Answer struct {
	Src     Peer           `json:"src"`
	Dst     Peer           `json:"dst"`
	SrcText string         `json:"srcText"` // as a person would call it: "internet", "Pod shop/web-1"
	DstText string         `json:"dstText"`
	Query   []Ports        `json:"query"`
	Verdict Verdict        `json:"verdict"`
	Must    []Ports        `json:"must"`
	May     []Ports        `json:"may"`
	Egress  Side           `json:"egress"`
	Ingress Side           `json:"ingress"`
	Mesh    []Side         `json:"mesh"` // the mesh's part at the source, then at the destination; none without a mesh
	Because []reach.Reason `json:"because"`
	Witness string         `json:"witness,omitempty"` // one concrete packet
}

// Side is what one end's policies say. Applies is false when no pod policy binds that end; Note says why.
type Side struct {
	Layer     string         `json:"layer"`     // "network", "mesh"
	Direction string         `json:"direction"` // "ingress", "egress"
	Applies   bool           `json:"applies"`
	Note      string         `json:"note,omitempty"`
	Isolated  string         `json:"isolated"` // "yes", "no", "unknown"
	Must      []Ports        `json:"must"`
	May       []Ports        `json:"may"`
	Policies  []PolicyTrace  `json:"policies"` // in evaluation order
	Remarks   []reach.Reason `json:"remarks"`  // what policies say of this end that changes no answer
}

// PolicyTrace is one policy that selects the end. Order is left out where a tier has none.
type PolicyTrace struct {
	Policy   object.Ref  `json:"policy"`
	Pos      object.Pos  `json:"pos"`
	Tier     string      `json:"tier"`
	Order    *float64    `json:"order,omitempty"`
	Isolates bool        `json:"isolates"`
	Rules    []RuleTrace `json:"rules"`
	Ends     []Ports     `json:"ends,omitempty"` // on the last policy of a tier: what the tier denies, as no rule of it decides
}

// RuleTrace is one rule of the direction asked about, with the part of the question it matches.
type RuleTrace struct {
	Action  string     `json:"action"`
	Path    string     `json:"path"`
	Pos     object.Pos `json:"pos"`
	Matches []Ports    `json:"matches"` // certainly
	Perhaps []Ports    `json:"perhaps"` // possibly, beyond matches
	Late    []Ports    `json:"late"`    // what of both an earlier rule decides otherwise
	Only    []string   `json:"only"`    // what may go through the connection
	Doubts  []string   `json:"doubts"`
}

// VerdictOf judges the bounds of a question. An empty question is denied.
func VerdictOf(q netset.Conns, b reach.Bounds) Verdict {
	must, may := b.Must.Intersect(q), b.May.Intersect(q)
	switch {
	case may.IsEmpty():
		return Denied
	case must.Covers(q):
		return Allowed
	case must.Equal(may):
		return Partly
	}
	return Undecided
}

// AnswerOf makes the record of a trace. src and dst are what the user calls the peers, "" for their own names.
func AnswerOf(t reach.Trace, src, dst string) Answer {
	a := Answer{
		Src: PeerOf(t.Src), Dst: PeerOf(t.Dst), SrcText: called(t.Src, src), DstText: called(t.Dst, dst), Query: PortsOf(t.Query), Verdict: VerdictOf(t.Query, t.Bounds),
		Must: PortsOf(t.Must.Intersect(t.Query)), May: PortsOf(t.May.Intersect(t.Query)),
		Egress: sideOf(t.Egress), Ingress: sideOf(t.Ingress), Mesh: []Side{},
		Because: append([]reach.Reason{}, t.Reasons...),
	}
	for _, s := range t.Mesh {
		a.Mesh = append(a.Mesh, sideOf(s))
	}
	if t.Witness != nil {
		a.Witness = t.Witness.String()
	}
	return a
}

func called(p reach.Peer, name string) string {
	switch {
	case name != "":
		return name
	case p.Pod != nil:
		return p.String()
	}
	return PeerOf(p).String()
}

func sideOf(s reach.Side) Side {
	out := Side{
		Layer: s.Layer.String(), Direction: s.Direction.String(), Remarks: append([]reach.Reason{}, s.Remarks...),
		Applies: s.Applies, Note: s.Note, Isolated: s.Isolated.String(), Must: PortsOf(s.Must), May: PortsOf(s.May), Policies: []PolicyTrace{},
	}
	for _, p := range s.Policies {
		pt := PolicyTrace{Policy: p.Policy.Ref, Pos: p.Policy.Pos, Isolates: p.Isolates, Tier: p.Policy.Tier.Name, Rules: []RuleTrace{}}
		if o := p.Policy.Order; !math.IsInf(o, 0) && p.Policy.Layer == policy.Network && p.Policy.Ref.Group != "networking.k8s.io" {
			pt.Order = &o
		}
		for _, r := range p.Rules {
			rt := RuleTrace{
				Action: r.Rule.Action.String(), Path: r.Rule.Path, Pos: r.Rule.Pos, Matches: PortsOf(r.Certain),
				Perhaps: PortsOf(r.Possible.Subtract(r.Certain)), Late: PortsOf(r.Late),
				Only: append([]string{}, r.Rule.Only...), Doubts: []string{},
			}
			for _, x := range r.Doubts {
				rt.Doubts = append(rt.Doubts, because(x.Pos, x.Ref, x.Msg))
			}
			pt.Rules = append(pt.Rules, rt)
		}
		if !p.Ends.IsEmpty() {
			pt.Ends = PortsOf(p.Ends)
		}
		out.Policies = append(out.Policies, pt)
	}
	return out
}

// WhyFormat is one way to write a Why.
type WhyFormat struct {
	Name  string
	Write func(io.Writer, *Why, Options) error
}

// WhyFormats is all of them; the first is the default.
var WhyFormats = []WhyFormat{
	{"text", whyText},
	{"json", func(w io.Writer, y *Why, _ Options) error { return encode(w, y) }},
}
