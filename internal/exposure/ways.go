package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// passage is an entry whose traffic workloads of the cluster pass on. Who gets in is decided when all ways to
// those workloads are known; another passage may be one of them.
type passage struct {
	entry  Entry
	front  *front
	doubts []string                  // what keeps the entry from being certain
	narrow func(e *Entry, kept bool) // what the object itself lets in; may be nil
}

// front is who takes the traffic of routing objects.
type front struct {
	controllers []*cluster.Workload
	services    []*cluster.Service // of a gateway that has no pods of its own
	// open is the pod ports on which the controllers take this traffic, sorted; nil when that is not known.
	open []int
	// lost is why the ways that lead to open may not be all, "" when they are.
	lost string
	// decided is set when the controllers' ways in have no say: then the rest is in entry.
	decided bool
	entry   Entry // Public, Sources and Because; before a front is settled Because is what led to it
}

// key tells fronts apart. Fronts of one key let the same clients in.
func (fr *front) key() string {
	var b strings.Builder
	for _, w := range fr.controllers {
		b.WriteString(w.Ref.Group + "/" + w.Ref.String() + " ")
	}
	for _, s := range fr.services {
		b.WriteString(s.Ref.String() + " ")
	}
	for _, n := range fr.open {
		b.WriteString(strconv.Itoa(n) + " ")
	}
	return b.String() + fr.lost + "\n" + strings.Join(fr.entry.Because, "\n")
}

// pass keeps an entry until its front is settled. Entries share nothing, so what e holds is copied.
func (f *finder) pass(e Entry, fr *front, doubts []string, narrow func(e *Entry, kept bool)) {
	e.Targets, e.Because = slices.Clone(e.Targets), slices.Clone(e.Because)
	e.Controllers = slices.Clone(fr.controllers)
	f.passages = append(f.passages, passage{e, fr, doubts, narrow})
}

// settle decides who gets in through each passage. A front is decided after all passages that lead to its
// controllers; where they lead to each other in a circle, they count as ways that are not decided.
func (f *finder) settle() {
	s := settler{finder: f, ways: map[*cluster.Workload][]*Entry{}, viaService: map[object.Ref][]*Entry{}, verdicts: map[string]settled{}}
	feeders := map[*cluster.Workload]map[*stage]bool{}
	for i := range f.passages {
		st := s.stage(f.passages[i].front)
		st.passages = append(st.passages, &f.passages[i])
		for _, w := range st.controllers {
			s.ways[w] = nil
			feeders[w] = map[*stage]bool{}
		}
	}
	for i := range f.Entries {
		s.index(&f.Entries[i])
	}
	for _, st := range s.stages {
		for _, p := range st.passages {
			for _, t := range p.entry.Targets {
				if feeders[t.Workload] == nil {
					continue
				}
				feeders[t.Workload][st] = true
				if slices.Contains(st.controllers, t.Workload) {
					st.own[t.Port] = true
				}
			}
		}
	}
	var out []*Entry
	waiting := s.stages
	for len(waiting) > 0 {
		var later []*stage
		for _, st := range waiting {
			if s.ready(st, feeders) {
				out = append(out, s.finish(st)...)
			} else {
				later = append(later, st)
			}
		}
		if len(later) == len(waiting) { // a circle
			for _, st := range later {
				s.circle = append(s.circle, st.controllers...)
			}
			for _, st := range later {
				out = append(out, s.finish(st)...)
			}
			later = nil
		}
		waiting = later
	}
	for _, e := range out {
		f.add(*e)
	}
	f.passages = nil
}

// stage is all passages through the same controllers.
type stage struct {
	controllers []*cluster.Workload
	passages    []*passage
	own         map[int]bool // the ports of the controllers to which the passages themselves lead; 0 is any
	done        bool
}

// within tells whether all of a's controllers are b's: then a leads b's clients to b and brings no new ones.
func (a *stage) within(b []*cluster.Workload) bool {
	return len(a.controllers) > 0 && !slices.ContainsFunc(a.controllers, func(w *cluster.Workload) bool { return !slices.Contains(b, w) })
}

type settled struct {
	public  enforcer.Answer
	sources netset.Addrs
	kept    bool
	because []string
}

type settler struct {
	*finder
	stages     []*stage
	byKey      map[string]*stage
	ways       map[*cluster.Workload][]*Entry // to the controllers
	viaService map[object.Ref][]*Entry
	verdicts   map[string]settled
	circle     []*cluster.Workload // controllers that lead to each other
}

func (s *settler) stage(fr *front) *stage {
	key := (&front{controllers: fr.controllers}).key()
	if fr.decided || len(fr.controllers) == 0 {
		key = "" // depends on nobody
	}
	if s.byKey == nil {
		s.byKey = map[string]*stage{}
	}
	st := s.byKey[key]
	if st == nil {
		st = &stage{own: map[int]bool{}}
		if key != "" {
			st.controllers = fr.controllers
		}
		s.byKey[key] = st
		s.stages = append(s.stages, st)
	}
	return st
}

// index remembers the entries that lead to controllers, and those of Services.
func (s *settler) index(e *Entry) {
	var seen []*cluster.Workload
	for _, t := range e.Targets {
		if _, isController := s.ways[t.Workload]; isController && !slices.Contains(seen, t.Workload) {
			s.ways[t.Workload] = append(s.ways[t.Workload], e)
			seen = append(seen, t.Workload)
		}
	}
	if e.Via.Kind == "Service" && e.Via.Group == "" {
		s.viaService[e.Via] = append(s.viaService[e.Via], e)
	}
}

func (s *settler) ready(st *stage, feeders map[*cluster.Workload]map[*stage]bool) bool {
	for _, w := range st.controllers {
		for feeder := range feeders[w] {
			if !feeder.done && feeder != st && !feeder.within(st.controllers) {
				return false
			}
		}
	}
	return true
}

func (s *settler) finish(st *stage) []*Entry {
	var out []*Entry
	for _, p := range st.passages {
		e := p.entry
		fr := p.front
		v := settled{public: fr.entry.Public, sources: fr.entry.Sources, because: fr.entry.Because}
		if !fr.decided {
			key := fr.key()
			known, ok := s.verdicts[key]
			if !ok {
				known = s.verdict(st, fr)
				s.verdicts[key] = known
			}
			v = known
		}
		tail := e.Because
		e.Public, e.Sources, e.Because = v.public, v.sources, slices.Clone(v.because)
		if p.narrow != nil {
			p.narrow(&e, v.kept)
		}
		if len(p.doubts) > 0 && e.Public == enforcer.Yes {
			e.Public = enforcer.Unknown
		}
		e.Because = slices.Concat(e.Because, p.doubts, tail)
		out = append(out, &e)
	}
	st.done = true
	for _, e := range out {
		s.index(e)
	}
	return out
}

// verdict judges a front by the ways in to its controllers.
func (s *settler) verdict(st *stage, fr *front) settled {
	v := settled{public: enforcer.Unknown, sources: netset.AllAddrs(), because: slices.Clone(fr.entry.Because)}
	ways, beside := s.waysTo(st, fr)
	if len(ways) == 0 && len(s.circle) == 0 {
		if beside {
			v.because = append(v.because, "ways in lead to the controller, and none to the ports on which it takes this traffic")
		} else if len(fr.controllers)+len(fr.services) > 0 {
			v.because = append(v.because, "nothing in the input leads to the controller from outside")
		}
		return v
	}
	v.public, v.sources, v.kept = enforcer.No, netset.Addrs{}, true
	var lines []string
	for _, x := range ways {
		switch {
		case x.Public == enforcer.Yes:
			v.public = enforcer.Yes
		case x.Public == enforcer.Unknown && v.public == enforcer.No:
			v.public = enforcer.Unknown
		}
		v.sources = v.sources.Union(x.Sources)
		v.kept = v.kept && x.SourcesKept == enforcer.Yes
		lines = append(lines, x.Kind+" of "+x.Via.String()+": public "+x.Public.String()+", "+x.Because[0])
	}
	if slices.ContainsFunc(fr.controllers, func(w *cluster.Workload) bool { return slices.Contains(s.circle, w) }) {
		lines = append(lines, "routing objects lead to the controllers of each other in a circle, which is not followed")
		v.sources, v.kept = netset.AllAddrs(), false
		if v.public == enforcer.No {
			v.public = enforcer.Unknown
		}
	}
	if st.own[0] || slices.ContainsFunc(fr.open, func(n int) bool { return st.own[n] }) {
		v.sources = netset.AllAddrs()
		if v.public == enforcer.No && fr.open != nil {
			v.public = enforcer.Unknown
			lines = append(lines, "the controller passes traffic on to itself, which is not followed")
		}
	}
	if fr.lost != "" && v.public == enforcer.Yes {
		v.public = enforcer.Unknown
		lines = append(lines, fr.lost)
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("and %d more", more))
	}
	v.because = append(v.because, lines...)
	return v
}

// maxLines limits the ways to a controller that an entry names.
const maxLines = 20

// waysTo gives the entries that lead to the ports of a front, in their order; beside tells that there are
// some to other ports.
func (s *settler) waysTo(st *stage, fr *front) (ways []*Entry, beside bool) {
	seen := map[*Entry]bool{}
	for _, w := range fr.controllers {
		for _, x := range s.ways[w] {
			if own := (&stage{controllers: x.Controllers}); own.within(st.controllers) && (x.Kind == Ingress || x.Kind == Route) {
				continue
			}
			hits := x.AllPorts || fr.open == nil || slices.ContainsFunc(x.Targets, func(t Target) bool {
				return t.Workload == w && (t.Port == 0 || slices.Contains(fr.open, t.Port))
			})
			switch {
			case !hits:
				beside = true
			case !seen[x]:
				seen[x] = true
				ways = append(ways, x)
			}
		}
	}
	for _, svc := range fr.services {
		ways = append(ways, s.viaService[svc.Ref]...)
	}
	slices.SortStableFunc(ways, func(a, b *Entry) int {
		return cmp.Or(a.Via.Compare(b.Via), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Port, b.Port))
	})
	return ways, beside
}

// listening finds the pod ports that take what clients send to a port of a gateway: those to which Services
// lead from that port, and the port itself. Where nothing tells, every way to the controllers counts, and
// none of them for sure.
func (f *finder) listening(fr *front, port int, protocol netset.Protocol) {
	if port == 0 || len(fr.controllers) == 0 {
		return
	}
	open, found := []int{port}, false
	for _, s := range f.cluster.Services {
		for _, p := range s.Ports {
			if p.Port != port || p.Protocol != protocol {
				continue
			}
			for _, pod := range s.Pods {
				if n, ok := p.Target(pod); ok && slices.Contains(fr.controllers, pod.Workload) {
					open, found = append(open, n), true
				}
			}
		}
	}
	for _, w := range fr.controllers {
		for _, pod := range w.Pods {
			found = found || slices.ContainsFunc(pod.Ports, func(p cluster.Port) bool { return p.Number == port && p.Protocol == protocol })
		}
	}
	if !found {
		fr.lost = "which of these ways lead to port " + strconv.Itoa(port) + " of the gateway is not known"
		return
	}
	slices.Sort(open)
	fr.open = slices.Compact(open)
}
