package checks

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// segTest is one test of the segmentation, as its record states it: kind SegmentationTest, see
// docs/guide/segmentation-test.md.
type segTest struct {
	object *object.Object
	spec   *object.Value
	ended  string // day, "" when not stated or no day
	cells  []testCell
}

// What a connection that was tried came to. A refusal comes from the destination or from a filter that answers.
const (
	tryConnected = "connected"
	tryRefused   = "refused"
	tryFiltered  = "filtered"
	tryError     = "error"
)

// testCell is what was tried between two ends on some ports.
type testCell struct {
	pos      object.Pos
	from, to string
	src, dst *reach.Peer // nil when the end is not in the input
	conns    netset.Conns
	v6       bool
	result   string
	listener bool   // something certainly listened on the ports
	control  string // what a connection to the same destination from an allowed place came to
	err      string
}

// maxCells bounds what one record may cost.
const maxCells = 200_000

// segTests reads the records, the latest last.
func segTests(in *pci.Input) []segTest {
	var out []segTest
	workloads := map[string]*cluster.Workload{}
	all := in.Cluster.Kind(imports, "SegmentationTest")
	if len(all) == 0 {
		return nil
	}
	for _, w := range in.Cluster.Workloads {
		name := w.Ref.Namespace + "/" + w.Ref.Name
		if workloads[name] == nil {
			workloads[name] = w
		}
	}
	for _, o := range all {
		t := segTest{object: o, spec: o.Root.Get("spec")}
		if _, err := time.Parse(time.DateOnly, t.spec.Get("ended").Str()); err == nil {
			t.ended = t.spec.Get("ended").Str()
		}
		for i, v := range t.spec.Get("cells").List() {
			if i == maxCells {
				t.cells = append(t.cells, testCell{pos: o.At(v), err: fmt.Sprintf("more than %d cells; this one and all after it are not read", maxCells)})
				break
			}
			t.cells = append(t.cells, readCell(o, v, workloads))
		}
		out = append(out, t)
	}
	slices.SortStableFunc(out, func(a, b segTest) int {
		return cmp.Or(cmp.Compare(a.ended, b.ended), a.object.Ref.Compare(b.object.Ref))
	})
	return out
}

func readCell(o *object.Object, v *object.Value, workloads map[string]*cluster.Workload) testCell {
	c := testCell{
		pos: o.At(v), from: v.Get("from").Str(), to: v.Get("to").Str(), result: v.Get("result").Str(), control: v.Get("control").Str(),
		listener: v.Get("listener").True(), v6: v.Get("family").Str() == "ipv6",
	}
	var err error
	switch {
	case c.from == "" || c.to == "":
		c.err = "it has no from or no to"
	case !slices.Contains([]string{tryConnected, tryRefused, tryFiltered, tryError}, c.result):
		c.err = fmt.Sprintf("result %q is none of connected, refused, filtered and error", c.result)
	case !slices.Contains([]string{"", "ipv4", "ipv6"}, v.Get("family").Str()):
		c.err = fmt.Sprintf("family %q is neither ipv4 nor ipv6", v.Get("family").Str())
	}
	if c.conns, err = netset.Parse(v.Get("ports").Str()); err != nil && c.err == "" {
		c.err = "ports: " + err.Error()
	}
	c.src, c.dst = testEnd(c.from, workloads), testEnd(c.to, workloads)
	return c
}

// testEnd finds what an end stands for: a workload, or an address outside.
func testEnd(name string, workloads map[string]*cluster.Workload) *reach.Peer {
	if w := workloads[name]; w != nil {
		p := reach.OfWorkload(w)
		return &p
	}
	if a, err := netip.ParseAddr(name); err == nil {
		p := reach.OfAddrs(netset.OneAddr(a))
		return &p
	}
	return nil
}

// proved says what the cell shows, with doubt "" when it shows it.
func (c testCell) proved() (open bool, doubt string) {
	switch c.result {
	case tryConnected:
		return true, ""
	case tryRefused:
		if c.listener {
			return false, ""
		}
		return false, "refused, and whether the port was only closed is not stated: open a listener there and try again"
	case tryFiltered:
		if c.control == tryConnected {
			return false, ""
		}
		return false, "no answer, and no control shows that the destination would have answered from an allowed place"
	}
	return false, "the try ended in an error"
}

func (c testCell) text() string { return fmt.Sprintf("%s -> %s %s", c.from, c.to, c.conns) }

// noTest is the question where no record is in the input.
func noTest(question string) []pci.Finding {
	return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: question + " Add the record of the test (kind SegmentationTest) to the input."}}
}

// grouped makes one finding of the cells of a test that say the same.
type grouped struct {
	finding pci.Finding
	cells   []string
}

func groupCells(into []grouped, key string, f pci.Finding, c testCell) []grouped {
	i := slices.IndexFunc(into, func(g grouped) bool { return g.finding.Key == key && g.finding.Subject == f.Subject })
	if i < 0 {
		f.Key = key
		into, i = append(into, grouped{finding: f}), len(into)
	}
	into[i].cells = append(into[i].cells, c.text())
	if len(into[i].finding.Because) < 50 {
		into[i].finding.Because = append(into[i].finding.Because, pci.Because{Ref: f.Subject, Pos: c.pos, Msg: c.text() + ": " + c.result})
	}
	return into
}

// findings writes what the groups say: "text: a -> b tcp/1; c -> d tcp/2".
func groupFindings(groups []grouped) []pci.Finding {
	var out []pci.Finding
	for _, g := range groups {
		g.finding.Message = fmt.Sprintf("%s: %s", g.finding.Message, listedBy(g.cells))
		g.finding.Because = tidy(g.finding.Because)
		g.finding.Pos = g.finding.Because[0].Pos
		out = append(out, g.finding)
	}
	return out
}

// inCDE tells whether an end is in the cardholder data environment.
func (c testCell) inCDE(in *pci.Input, p *reach.Peer) bool {
	return p != nil && p.Workload != nil && in.Scope.InCDE(p.Workload)
}

// strange tells whether an end is out of scope.
func (c testCell) strange(in *pci.Input, p *reach.Peer) bool {
	return p != nil && p.Workload != nil && in.Scope != nil && outside(in, p.Workload) || strings.HasPrefix(c.from, "new-namespace")
}
