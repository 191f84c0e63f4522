package world

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Engine decides packets of one world.
type Engine interface {
	Allows(f Flow) (bool, error)
}

// Contest is an engine against ours.
type Contest struct {
	// Engines are the engine with w before it. There are several when its specification leaves something open
	// that the engine settles by habit, one for each way to settle it: an answer of ours may then be open
	// where they part.
	Engines func(w *World) ([]Engine, error)
	Draw    func(d *Draw) // fills in the world of d
	Profile enforcer.Profile
	// Skip says why a packet is of no use, "" when it is.
	Skip func(w *World, p Packet) string
	// Unsettled are the codes of reasons for which an answer of ours may be more open than the engines: the
	// input can not tell, or the engines' ways to settle something hang together. Any other reason fails the
	// test.
	Unsettled []string
	// Problems are parts of the messages that compiling a world may give; any other error fails the test.
	Problems []string
	Everyday int // packets of a run that asks for no number
	// Constructs is the file with every construct that a run must draw, one a line.
	Constructs string
}

// perWorld is how many packets of a world both are asked. trials is how many of its constructs are replaced;
// then the engine is asked about probes more packets, and both about those that the construct decided.
const (
	perWorld = 120
	trials   = 5
	probes   = 500
)

// longRun is how many verdicts must be enough for every construct to have decided one.
const longRun = 200_000

// referee is one run of a contest.
type referee struct {
	Contest
	t         *testing.T
	generated map[string]int // construct to worlds that have it
	decided   map[string]int // construct to packets that it decided
	open      map[string]int // reason code to packets left open with the engines
	wider     map[string]int // reason code to packets that only we leave open
	skipped   map[string]int
	verdicts  int
	allowed   int
}

// Run compares until the wanted number of packets has been decided by both. BULKHEAD_ORACLE_CASES and
// BULKHEAD_ORACLE_SEED change number and seed.
func (c Contest) Run(t *testing.T) {
	t.Helper()
	total, seed := number(t, "BULKHEAD_ORACLE_CASES", c.Everyday), number(t, "BULKHEAD_ORACLE_SEED", 1)
	r := &referee{Contest: c, t: t, generated: map[string]int{}, decided: map[string]int{}, open: map[string]int{}, wider: map[string]int{}, skipped: map[string]int{}}
	d := &Draw{Rand: rand.New(rand.NewPCG(uint64(seed), 0))}
	worlds := 0
	for ; r.verdicts < total; worlds++ {
		d.World = &World{}
		c.Draw(d)
		r.world(d)
	}
	t.Logf("seed %d: %d verdicts on %d clusters agree, %d allowed; open on both sides: %s; open on ours only: %s; not asked: %s",
		seed, r.verdicts, worlds, r.allowed, counts(r.open), counts(r.wider), counts(r.skipped))
	if r.allowed < r.verdicts/10 || r.allowed > r.verdicts*9/10 {
		t.Errorf("%d of %d packets allowed: the clusters are too one-sided to test anything", r.allowed, r.verdicts)
	}
	r.coverage(total)
}

// Ask compares both on a cluster that somebody drew elsewhere. It gives how many packets were asked about and how
// many of them are allowed.
func (c Contest) Ask(t *testing.T, w *World, packets []Packet) (asked, allowed int) {
	t.Helper()
	r := &referee{Contest: c, t: t, open: map[string]int{}, wider: map[string]int{}, skipped: map[string]int{}}
	s := r.sit(w)
	for _, p := range packets {
		if r.usable(w, p) {
			r.compare(s, p)
		}
	}
	return r.verdicts, r.allowed
}

// world asks for one cluster, and then again with the least tested of its constructs replaced.
func (r *referee) world(d *Draw) {
	w := d.World
	var packets []Packet
	for range perWorld + probes {
		if p := d.Packet(); r.usable(w, p) {
			packets = append(packets, p)
		}
	}
	base := r.sit(w)
	for _, p := range packets[:min(perWorld, len(packets))] {
		r.compare(base, p)
	}
	seen := map[string]bool{}
	for _, s := range w.Sites {
		if !seen[s.Construct] {
			seen[s.Construct] = true
			r.generated[s.Construct]++
		}
	}
	sites := slices.Clone(w.Sites)
	d.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
	slices.SortStableFunc(sites, func(a, b Site) int { return cmp.Compare(r.decided[a.Construct], r.decided[b.Construct]) })
	for _, s := range sites[:min(trials, len(sites))] {
		w.Without(s, func() {
			other := r.sit(w)
			for _, p := range packets {
				if r.truth(base, p) != r.truth(other, p) {
					r.decided[s.Construct]++
					r.compare(other, p)
				}
			}
		})
	}
}

func (r *referee) usable(w *World, p Packet) bool {
	why := ""
	switch {
	case p.Src.Pod == nil && p.Dst.Pod == nil:
		why = "both ends outside"
	case p.Src.Pod == p.Dst.Pod:
		why = "a pod to itself" // answered "loopback" whatever policies say
	case (p.Src.Pod == nil || p.Dst.Pod == nil) && len(p.Flows()) == 0:
		why = "no common address family"
	case r.Skip != nil:
		why = r.Skip(w, p)
	}
	if why != "" {
		r.skipped[why]++
	}
	return why == ""
}

func (r *referee) sit(w *World) *session {
	r.t.Helper()
	s, err := r.Contest.sit(w)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, w.YAML())
	}
	return s
}

// truth is what the engines say, asked once.
func (r *referee) truth(s *session, p Packet) bounds {
	r.t.Helper()
	if b, ok := s.asked[p]; ok {
		return b
	}
	b, err := s.truth(p)
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", p, err, s.world.YAML())
	}
	s.asked[p] = b
	return b
}

// compare asks both about a packet.
func (r *referee) compare(s *session, p Packet) {
	r.t.Helper()
	o := outcome{truth: r.truth(s, p)}
	s.ours(p, &o)
	if o.wrong(r.Unsettled) {
		r.fail(s.world, p, o)
	}
	r.verdicts++
	if o.truth.must {
		r.allowed++
	}
	if o.ours.must != o.ours.may {
		count := r.open
		if o.ours != o.truth {
			count = r.wider
		}
		for _, code := range o.codes() {
			count[code]++
		}
	}
}

// fail prints the smallest cluster with the same disagreement that is easily found.
func (r *referee) fail(w *World, p Packet, o outcome) {
	r.t.Helper()
	whole := w.YAML()
	w.shrink(p, func() bool {
		v, err := r.Contest.sit(w)
		if err != nil {
			return false
		}
		small := outcome{}
		if small.truth, err = v.truth(p); err != nil {
			return false
		}
		v.ours(p, &small)
		return small.wrong(r.Unsettled) && small.truth == o.truth && small.ours == o.ours
	})
	r.t.Fatalf("%s\n%s\nSMALL\n%s\nWHOLE\n%s", p, o, w.YAML(), whole)
}

// session is both opponents with the same cluster before them.
type session struct {
	world   *World
	engines []Engine
	asked   map[Packet]bounds
	model   *reach.Model
	pods    map[string]*cluster.Pod
}

func (c Contest) sit(w *World) (*session, error) {
	engines, err := c.Engines(w)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	objects, problems, _ := load.Parse(w.JSON(), "world.json", load.Limits{})
	if len(problems) > 0 {
		return nil, fmt.Errorf("load: %v", problems)
	}
	cl, problems := cluster.New(objects, cluster.Options{})
	if len(problems) > 0 {
		return nil, fmt.Errorf("cluster: %v", problems)
	}
	set := kinds.Compile(cl)
	for _, p := range set.Problems {
		if p.Severity == object.Error && !slices.ContainsFunc(c.Problems, func(m string) bool { return strings.Contains(p.Msg, m) }) {
			return nil, fmt.Errorf("compile: %v", p)
		}
	}
	s := &session{world: w, engines: engines, asked: map[Packet]bounds{}, model: reach.Compile(cl, set, c.Profile), pods: map[string]*cluster.Pod{}}
	for _, p := range cl.Pods {
		s.pods[p.Namespace.Name+"/"+p.Name] = p
	}
	return s, nil
}

// bounds is what is certain and what is possible.
type bounds struct{ must, may bool }

// outcome is what both say of one packet.
type outcome struct {
	truth, ours bounds
	reasons     []reach.Reason
}

func (s *session) truth(p Packet) (bounds, error) {
	b := bounds{must: true}
	for _, e := range s.engines {
		allowed := false
		for _, f := range p.Flows() {
			ok, err := e.Allows(f)
			if err != nil {
				return b, fmt.Errorf("engine: %w", err)
			}
			allowed = allowed || ok
		}
		b.must = b.must && allowed
		b.may = b.may || allowed
	}
	return b, nil
}

// ours fills in what the product says.
func (s *session) ours(p Packet, o *outcome) {
	src, dst := s.peer(p.Src), s.peer(p.Dst)
	b := s.model.Between(src, dst)
	proto := map[corev1.Protocol]netset.Protocol{
		corev1.ProtocolTCP: netset.TCP, corev1.ProtocolUDP: netset.UDP, corev1.ProtocolSCTP: netset.SCTP, ICMP: netset.ICMP, GRE: netset.Other,
	}[p.Proto]
	o.ours = bounds{b.Must.Contains(proto, uint16(p.Port)), b.May.Contains(proto, uint16(p.Port))}
	if o.ours.must != o.ours.may {
		o.reasons = s.model.Reasons(src, dst)
	}
}

func (s *session) peer(e End) reach.Peer {
	if e.Pod != nil {
		return reach.OfPod(s.pods[e.String()])
	}
	return reach.OfAddrs(netset.OneAddr(e.Addr))
}

// wrong tells whether our answer is neither the engines' nor one that a listed reason leaves open around theirs.
func (o outcome) wrong(unsettled []string) bool {
	switch {
	case o.ours.must && !o.ours.may, o.ours.must != o.ours.may && len(o.reasons) == 0:
		return true // what is certain must be possible, and what is open has a reason
	case o.ours == o.truth:
		return false
	case o.ours.must && !o.truth.must, o.truth.may && !o.ours.may:
		return true
	}
	return !slices.ContainsFunc(o.reasons, func(r reach.Reason) bool { return slices.Contains(unsettled, r.Code) })
}

func (o outcome) codes() []string {
	var out []string
	for _, r := range o.reasons {
		out = append(out, r.Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// String is both answers for the one who reads the failure.
func (o outcome) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "engine: certain %v, possible %v; ours: certain %v, possible %v", o.truth.must, o.truth.may, o.ours.must, o.ours.may)
	for _, r := range o.reasons {
		fmt.Fprintf(&b, "\n\t%s: %s", r.Code, r)
	}
	return b.String()
}

// coverage logs how often each construct was drawn, and how many packets it decided. Every run must draw each,
// and in a long one each must have decided something.
func (r *referee) coverage(total int) {
	var lines []string
	for _, c := range slices.Sorted(maps.Keys(r.generated)) {
		lines = append(lines, fmt.Sprintf("%6d clusters, decided %6d packets: %s", r.generated[c], r.decided[c], c))
	}
	r.t.Logf("constructs:\n%s", strings.Join(lines, "\n"))
	if os.Getenv("BULKHEAD_UPDATE") != "" {
		text := strings.Join(slices.Sorted(maps.Keys(r.generated)), "\n") + "\n"
		if err := os.WriteFile(r.Constructs, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(r.Constructs)
	if err != nil {
		r.t.Fatal(err)
	}
	listed := map[string]bool{}
	for c := range strings.Lines(string(want)) {
		c = strings.TrimSpace(c)
		listed[c] = true
		switch {
		case r.generated[c] == 0 && total >= r.Everyday:
			r.t.Errorf("%q was never drawn", c)
		case r.decided[c] == 0 && total >= longRun:
			r.t.Errorf("%q decided no packet, though it was in %d clusters", c, r.generated[c])
		}
	}
	for c := range r.generated {
		if !listed[c] {
			r.t.Errorf("%q is not in %s; run with BULKHEAD_UPDATE=1", c, r.Constructs)
		}
	}
}

func counts(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
