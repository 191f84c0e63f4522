package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// The other records, with text that attacks the reader in every place text can stand.
const attack = "\x1b[2J|<script>\u202e=1\n@you"

var attacker = Peer{Kind: attack, Namespace: attack, Name: attack}

func hostileListing() *Listing {
	why := reach.Reason{Code: "pod-address", Msg: attack, Pos: object.Pos{File: attack, Line: 3}}
	return &Listing{
		Protocol: ListingProtocol, Problems: []object.Problem{},
		Connections: []Connection{
			{Src: attacker, Dst: Peer{FQDN: attack}, Must: PortsOf(netset.None()), May: PortsOf(netset.All()), Because: []reach.Reason{why}},
			{Src: Peer{Entity: attack}, Dst: Peer{CIDRs: []string{attack}}, Must: PortsOf(netset.All()), May: PortsOf(netset.All()), Because: []reach.Reason{}},
		},
		Exposure: []Exposed{
			{
				Via: object.Ref{Kind: attack, Name: attack}, Kind: attack, Public: attack, Port: attack, Sources: []string{}, Because: []string{attack},
				Targets: []Target{{Workload: attacker, Port: 80, Must: PortsOf(netset.All())}, {Workload: attacker, May: PortsOf(netset.All())}, {Workload: attacker}},
			},
			{Via: object.Ref{Kind: "Service", Name: "none"}, Kind: "NodePort", Public: "no"},
		},
	}
}

func hostileChanges() *Changes {
	c := Change{Src: attacker, Dst: attacker}
	for _, p := range []*[]Ports{&c.Added, &c.Removed, &c.MaybeAdded, &c.MaybeRemoved} {
		*p = PortsOf(netset.All())
	}
	return &Changes{Protocol: ChangesProtocol, Changes: []Change{c}, Problems: []object.Problem{}}
}

func hostileWhy() *Why {
	all, none := PortsOf(netset.All()), []Ports{}
	pos := object.Pos{File: attack, Line: 1}
	side := Side{Layer: attack, Direction: attack, Applies: true, Note: attack, Isolated: "unknown", Must: none, May: none, Policies: []PolicyTrace{
		{Policy: object.Ref{Kind: attack, Name: attack}, Pos: pos, Rules: []RuleTrace{
			{Action: attack, Path: attack, Pos: pos, Matches: all, Perhaps: all, Doubts: []string{attack}},
		}},
		{Policy: object.Ref{Kind: attack, Name: attack}, Pos: pos, Rules: []RuleTrace{{Path: attack, Pos: pos}}},
		{Policy: object.Ref{Kind: attack, Name: attack}, Pos: pos, Rules: []RuleTrace{{}, {}}},
	}}
	a := Answer{
		Src: attacker, Dst: attacker, SrcText: attack, DstText: attack, Query: all, Verdict: Undecided, Must: none, May: all,
		Egress: side, Ingress: side, Because: []reach.Reason{{Msg: attack}}, Witness: attack,
	}
	b := a
	b.Verdict, b.Egress, b.Ingress = Denied, Side{Layer: "network", Direction: "egress", Note: attack}, Side{Layer: "network", Direction: "ingress"}
	return &Why{Protocol: TraceProtocol, Verdict: Undecided, Notes: []string{attack}, Answers: []Answer{a, b}, Problems: []object.Problem{}}
}

func TestHostileAnswersAreHarmless(t *testing.T) {
	outputs := map[string]string{}
	var b bytes.Buffer
	save := func(name string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		outputs[name] = b.String()
		b.Reset()
	}
	for _, f := range ListFormats {
		save("list "+f.Name, f.Write(&b, hostileListing(), Options{}))
	}
	for _, f := range ChangesFormats {
		save("diff "+f.Name, f.Write(&b, hostileChanges(), Options{}))
	}
	for _, f := range WhyFormats {
		save("why "+f.Name, f.Write(&b, hostileWhy(), Options{}))
	}
	for name, out := range outputs {
		for _, r := range strings.ReplaceAll(out, "\r\n", "\n") {
			if r != '\n' && unsafeRune(r) {
				t.Errorf("%s holds %U:\n%s", name, r, out)
				break
			}
		}
		if strings.HasSuffix(name, "markdown") && (strings.Contains(out, "<script") || strings.Contains(out, "@you")) {
			t.Errorf("%s holds markup:\n%s", name, out)
		}
		if out == "" {
			t.Errorf("%s is empty", name)
		}
	}
	golden(t, "hostile_why.txt", []byte(outputs["why text"]))
	golden(t, "hostile_list.txt", []byte(outputs["list text"]))
	golden(t, "hostile_diff.txt", []byte(outputs["diff text"]))
}

func TestEmptyAnswersSaySo(t *testing.T) {
	var b bytes.Buffer
	for _, f := range ListFormats[:1] {
		if err := f.Write(&b, &Listing{}, Options{}); err != nil || !strings.Contains(b.String(), "no connection is allowed") {
			t.Errorf("%s: %v, %q", f.Name, err, &b)
		}
	}
	for _, f := range ChangesFormats {
		b.Reset()
		err := f.Write(&b, &Changes{Changes: []Change{}}, Options{})
		if f.Name != "json" && (err != nil || !strings.Contains(strings.ToLower(b.String()), "no difference")) {
			t.Errorf("%s: %v, %q", f.Name, err, &b)
		}
	}
}

func TestChangesAreCertainOnlyWithoutMaybe(t *testing.T) {
	some := PortsOf(netset.All())
	for _, c := range []struct {
		change Change
		want   bool
	}{
		{Change{}, false}, {Change{MaybeAdded: some, MaybeRemoved: some}, false}, {Change{Added: some}, true}, {Change{Removed: some, MaybeAdded: some}, true},
	} {
		if got := (Changes{Changes: []Change{c.change}}).Certain(); got != c.want {
			t.Errorf("%+v: got %v", c.change, got)
		}
	}
	c := ChangeOf(reach.Change{Src: reach.OfAddrs(netset.AllIPv4()), Dst: reach.Peer{Entity: reach.Nodes}, Added: netset.All()})
	if got := fmt.Sprint(c.Src, " ", c.Dst, " ", len(c.Added), c.Removed == nil); got != "0.0.0.0/0 nodes 5 false" {
		t.Errorf("got %s", got)
	}
}
