package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// readRoutes makes the entries of all routing objects but Ingresses.
func (f *finder) readRoutes() {
	f.readGatewayAPI()
	f.readIstio()
	f.readOpenShift()
	f.readTraefik()
	f.readContour()
}

// door is one way through a gateway or proxy to a routing object: a listener with a host.
type door struct {
	front    *front
	host     string
	port     int // what clients connect to, as the gateway has it; 0 when not known
	protocol netset.Protocol
	tls      enforcer.Answer
	doubts   []string // why it is not certain that it leads to the object
	because  []string
}

// hall is where the requests of one rule go, by any of its doors. paths is nil for connections.
type hall struct {
	at      *object.Value
	paths   []string
	back    Entry    // Targets, Foreign, AppProtocol and Because
	unread  []string // what may be behind it besides and is not understood
	doubts  []string // why it is not certain that requests get there
	because []string
}

// maxHosts limits the hosts of an object that are told apart: the APIs take far fewer.
const maxHosts = 256

// hostsOf reads a list of hosts. Too many stand for any host.
func hostsOf(list *object.Value) []string {
	var out []string
	for _, v := range list.List() {
		if h := plainHost(v.Str()); !slices.Contains(out, h) {
			out = append(out, h)
		}
		if len(out) > maxHosts {
			return []string{""}
		}
	}
	return out
}

// maxWays limits the entries that hosts and paths of one object make. Over it they are drawn together.
const maxWays = 2000

// ways makes the entries of o: one for each door, hall and path.
func (f *finder) ways(o *object.Object, doors []door, halls []hall) {
	n := 0
	for _, h := range halls {
		n += len(doors) * max(1, len(h.paths))
	}
	if n > maxWays {
		doors, halls = drawnTogether(o, doors, halls)
	}
	for _, d := range doors {
		for _, h := range halls {
			paths := h.paths
			if len(paths) == 0 {
				paths = []string{""}
			}
			for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
				e := h.back
				e.Via, e.Pos, e.Line, e.Kind, e.SourcesKept = o.Ref, o.At(h.at), o.At(h.at).Line, Route, enforcer.No
				e.Host, e.Path, e.Port, e.Protocol, e.TLS = d.host, path, d.port, d.protocol, d.tls
				e.Because = slices.Concat(d.because, h.because, h.back.Because)
				f.pass(e, d.front, slices.Concat(d.doubts, h.doubts), nil)
			}
		}
	}
	if len(doors) > 0 {
		for _, h := range halls {
			for _, why := range h.unread {
				f.unread(o, h.at, "", why)
			}
		}
	}
}

// drawnTogether makes one way of all hosts and paths that a door of the same front and port leads to: it
// names none of them, and leads wherever one of them does.
func drawnTogether(o *object.Object, doors []door, halls []hall) ([]door, []hall) {
	all := hall{at: o.Root.Get("spec"), because: []string{fmt.Sprintf("it has more than %d hosts and paths, which are shown as one", maxWays)}}
	for _, h := range halls {
		all.back.Targets = append(all.back.Targets, h.back.Targets...)
		all.back.Foreign = all.back.Foreign.Union(h.back.Foreign)
		all.unread = append(all.unread, h.unread...)
		if len(h.paths) > 0 {
			all.paths = []string{"/"}
		}
	}
	slices.Sort(all.unread)
	all.unread = slices.Compact(all.unread)
	slices.SortStableFunc(all.back.Targets, compareTargets)
	all.back.Targets = slices.Compact(all.back.Targets)
	oneHost := !slices.ContainsFunc(doors, func(d door) bool { return d.host != doors[0].host })
	var few []door
	seen := map[string]bool{}
	for _, d := range doors {
		d.because = nil
		if !oneHost {
			d.host = ""
		}
		key := d.front.key() + fmt.Sprint(d.port, d.protocol, d.tls, len(d.doubts) > 0)
		if !seen[key] {
			seen[key] = true
			few = append(few, d)
		}
	}
	return few, []hall{all}
}

func compareTargets(a, b Target) int {
	return cmp.Or(a.Workload.Ref.Compare(b.Workload.Ref), cmp.Compare(a.Pod.Name, b.Pod.Name), cmp.Compare(a.Port, b.Port))
}

// nowhere is the entry of a routing object that nothing outside leads to.
func (f *finder) nowhere(o *object.Object, at *object.Value, host string, because ...string) {
	f.add(Entry{
		Via: o.Ref, Pos: o.At(at), Line: o.At(at).Line, Kind: Route, Public: enforcer.No, SourcesKept: enforcer.No, Host: host,
		Because: because,
	})
}

// unread is the entry of a part of o that may lead in and is not understood.
func (f *finder) unread(o *object.Object, at *object.Value, host, why string) {
	f.add(Entry{Via: o.Ref, Pos: o.At(at), Line: o.At(at).Line, Kind: NotModelled, Sources: netset.AllAddrs(), Host: host, Because: []string{why}})
}

const notUnderstood = "parts of it are not understood, so what it exposes is not certain"

// flawed adds the entry for what the misread parts of o may expose besides.
func (f *finder) flawed(o *object.Object) { f.unread(o, nil, "", notUnderstood) }

// backends gathers where a rule leads.
type backends struct {
	f      *finder
	hall   *hall
	object *object.Object
}

// service adds the pods behind the ports of a Service that wanted picks; port is how the rule names them.
func (b backends) service(namespace, name, port string, wanted func(cluster.ServicePort) bool) {
	s := b.serviceNamed(namespace, name)
	if s == nil {
		return
	}
	found := false
	for _, p := range s.Ports {
		if wanted(p) {
			b.port(s, p, nil)
			found = true
		}
	}
	if !found {
		b.say(strings.TrimSpace(s.Ref.String() + " has no port " + port))
	}
}

// serviceNamed looks a Service up; nil, and said why, when nothing of the cluster is behind it.
func (b backends) serviceNamed(namespace, name string) *cluster.Service {
	s := b.f.services[object.Ref{Kind: "Service", Namespace: namespace, Name: name}]
	switch {
	case s == nil:
		b.say("Service " + namespace + "/" + name + " is not in the input")
	case s.Type == "ExternalName":
		b.say(s.Ref.String() + " is the name " + s.Object.Root.Get("spec", "externalName").Str() + ", which may be outside")
		return nil
	}
	return s
}

// port adds the pods behind a port of s, only those with the labels of a subset when it is not nil.
func (b backends) port(s *cluster.Service, p cluster.ServicePort, subset func(*cluster.Pod) bool) {
	targets, because := b.f.targets(s, p)
	n := len(b.hall.back.Targets)
	for _, t := range targets {
		if subset == nil || subset(t.Pod) {
			b.hall.back.Targets = append(b.hall.back.Targets, t)
		}
	}
	b.hall.back.Foreign = b.hall.back.Foreign.Union(s.Foreign)
	b.hall.back.AppProtocol = cmp.Or(b.hall.back.AppProtocol, p.AppProtocol)
	for _, why := range because {
		b.say(why)
	}
	if n == len(b.hall.back.Targets) && s.Foreign.IsEmpty() && len(because) == 0 {
		b.say("no pod is behind " + s.Ref.String())
	}
}

func (b backends) say(why string) {
	if !slices.Contains(b.hall.back.Because, why) {
		b.hall.back.Because = append(b.hall.back.Because, why)
	}
}

// unknown adds something that the rule leads to and that is not read.
func (b backends) unknown(why string) {
	if !slices.Contains(b.hall.unread, why) {
		b.hall.unread = append(b.hall.unread, why)
	}
}

// weight reads a weight; ok is false for one that the API server refuses.
func (b backends) weight(v *object.Value, byDefault int) int {
	if !v.IsSet() {
		return byDefault
	}
	n, ok := v.Int()
	if !ok || n < 0 {
		b.f.problem(b.object, v, "weight "+v.Str()+": want a number that is not negative", "it is taken for a weight that is not 0")
		return 1
	}
	return n
}

// readable tells whether o is of a version that is read; else it gets an entry that says so.
func (f *finder) readable(o *object.Object, versions ...string) bool {
	if slices.Contains(versions, o.Version) {
		return true
	}
	f.addUnmodelled(o, "version "+o.Version+" of "+o.Ref.Kind+" is not modelled: what it exposes is not known")
	return false
}

// proxiesLike is the workloads that run one of the images and are proxies, in the order of the cluster.
func (f *finder) proxiesLike(images ...string) []*cluster.Workload {
	var out []*cluster.Workload
	for _, p := range f.proxies {
		if hasImage(p.workload, images...) {
			out = append(out, p.workload)
		}
	}
	return out
}

// unknownFront is for an object of which nothing in the input tells who serves it.
func unknownFront(why ...string) *front {
	return &front{decided: true, entry: Entry{Sources: netset.AllAddrs(), Because: why}}
}
