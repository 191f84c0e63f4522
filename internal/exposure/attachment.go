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

// parent is one parentRef of a route, with the defaults filled in.
type parent struct {
	at                             *object.Value
	group, kind, namespace, name   string
	section                        string
	port                           int // 0 is any
	byDefault, accepted, isRefused bool
	refusal                        string
}

func (p parent) String() string { return p.kind + " " + p.namespace + "/" + p.name }

// parentsOf reads the parentRefs of a route, and finds the Gateways that take routes by default when the
// route asks for them.
func (f *finder) parentsOf(o *object.Object, gateways []*gateway) []parent {
	var out []parent
	seen := map[string]bool{}
	for _, v := range o.Root.Get("spec", "parentRefs").List() {
		p := readParent(v, o.Ref.Namespace)
		key := fmt.Sprintln(p.group, p.kind, p.namespace, p.name, p.section, p.port)
		if seen[key] {
			continue
		}
		seen[key] = true
		p.observed(o)
		out = append(out, p)
	}
	if o.Root.Get("spec", "useDefaultGateways").Str() != "All" {
		return out
	}
	for _, g := range gateways {
		if g.object.Root.Get("spec", "defaultScope").Str() == "All" {
			r := g.object.Ref
			out = append(out, parent{at: o.Root.Get("spec", "useDefaultGateways"), group: r.Group, kind: r.Kind, namespace: r.Namespace, name: r.Name, byDefault: true})
		}
	}
	return out
}

func readParent(v *object.Value, namespace string) parent {
	p := parent{
		at: v, group: gatewayGroup, kind: cmp.Or(v.Get("kind").Str(), "Gateway"), namespace: cmp.Or(v.Get("namespace").Str(), namespace),
		name: v.Get("name").Str(), section: v.Get("sectionName").Str(),
	}
	if g := v.Get("group"); g.IsSet() { // "" is the core group
		p.group = g.Str()
	}
	p.port, _ = v.Get("port").Int()
	return p
}

// observed takes in what the controllers say of the attachment in the status of the route.
func (p *parent) observed(o *object.Object) {
	for _, s := range o.Root.Get("status", "parents").List() {
		q := readParent(s.Get("parentRef"), o.Ref.Namespace)
		if q.group != p.group || q.kind != p.kind || q.namespace != p.namespace || q.name != p.name || q.section != p.section || q.port != p.port {
			continue
		}
		for _, c := range s.Get("conditions").List() {
			if c.Get("type").Str() != "Accepted" {
				continue
			}
			switch c.Get("status").Str() {
			case "True":
				p.accepted = true
			case "False":
				p.isRefused, p.refusal = true, c.Get("reason").Str()
			}
		}
	}
}

// attach gives the doors to a route, and for parents that it is not attached to why.
func (f *finder) attach(o *object.Object, gateways []*gateway) (doors []door, why []string) {
	hosts := hostsOf(o.Root.Get("spec", "hostnames"))
	for _, p := range f.parentsOf(o, gateways) {
		found, because := f.attachTo(o, p, hosts, gateways)
		if len(found) == 0 && p.accepted {
			found = f.somewhere(o, hosts, "its status says that "+p.String()+" accepts it, although: "+strings.Join(because, "; "))
		}
		doors, why = append(doors, found...), append(why, because...)
	}
	return doors, why
}

// inMesh tells whether a parent stands for traffic between pods (Gateway API, GAMMA).
func inMesh(p parent) bool {
	return p.kind == "Service" && (p.group == "" || p.group == gatewayGroup) || p.kind == "ServiceEntry" && p.group == istioGroup
}

// somewhere is the doors of a route of whose gateway nothing is known.
func (f *finder) somewhere(o *object.Object, hosts []string, why string) []door {
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	protocol := netset.TCP
	if o.Ref.Kind == "UDPRoute" {
		protocol = netset.UDP
	}
	fr := unknownFront(why)
	var out []door
	for _, h := range hosts {
		out = append(out, door{front: fr, host: h, protocol: protocol})
	}
	return out
}

func (f *finder) attachTo(o *object.Object, p parent, hosts []string, gateways []*gateway) (doors []door, why []string) {
	switch {
	case inMesh(p):
		return nil, []string{"parent " + p.String() + " is for traffic between pods of a mesh"}
	case p.group != gatewayGroup || p.kind != "Gateway" && p.kind != "ListenerSet":
		return f.somewhere(o, hosts, "parent "+p.String()+" of group "+p.group+" is not modelled"), nil
	}
	found, section := false, false
	for _, g := range gateways {
		own := p.kind == "Gateway" && g.object.Ref.Namespace == p.namespace && g.object.Ref.Name == p.name
		found = found || own
		for _, l := range g.listeners {
			r := l.owner.Ref
			if r.Kind != p.kind || r.Namespace != p.namespace || r.Name != p.name {
				continue
			}
			found = true
			if p.section != "" && p.section != l.name || p.port != 0 && p.port != l.port {
				continue
			}
			section = true
			more, because := f.attachToListener(o, l, hosts)
			if p.isRefused {
				for i := range more {
					more[i].doubts = append(more[i].doubts, "its status says that "+p.String()+" does not accept it: "+p.refusal)
				}
			}
			doors, why = append(doors, more...), append(why, because...)
		}
	}
	switch {
	case !found && slices.Contains(f.idleSets, object.Ref{Group: gatewayGroup, Kind: p.kind, Namespace: p.namespace, Name: p.name}):
		why = append(why, "no Gateway takes the listeners of "+p.String())
	case !found && f.cluster.Complete:
		why = append(why, p.String()+" is not in the cluster")
	case !found:
		doors = f.somewhere(o, hosts, p.String()+" is not in the input, so who reaches it is not known")
	case !section && (p.section != "" || p.port != 0):
		why = append(why, fmt.Sprintf("%s has no listener %s", p, wanted(p)))
	case !section:
		why = append(why, p.String()+" has no listeners")
	}
	return doors, why
}

func wanted(p parent) string {
	switch {
	case p.port == 0:
		return p.section
	case p.section == "":
		return fmt.Sprintf("on port %d", p.port)
	}
	return fmt.Sprintf("%s on port %d", p.section, p.port)
}

// attachToListener asks whether a listener takes a route: by kind, by namespace, and by a host that both
// mean (Gateway API, Listener.allowedRoutes and hostname).
func (f *finder) attachToListener(o *object.Object, l *listener, hosts []string) ([]door, []string) {
	var doubts []string
	for _, ask := range []func() (enforcer.Answer, string){
		func() (enforcer.Answer, string) { return takesKind(l, o.Ref.Kind) },
		func() (enforcer.Answer, string) {
			return f.fromNamespace(l.owner, l.at.Get("allowedRoutes", "namespaces"), "Same", o.Ref.Namespace)
		},
	} {
		switch ok, why := ask(); ok {
		case enforcer.No:
			return nil, []string{l.String() + " does not take it: " + why}
		case enforcer.Unknown:
			doubts = append(doubts, "whether "+l.String()+" takes it is not certain: "+why)
		case enforcer.Yes:
		}
	}
	host := l.host
	if l.protocol == "TCP" || l.protocol == "UDP" {
		host = "" // ignored for protocols without host names
	}
	met := []string{host}
	if len(hosts) > 0 {
		met = nil
		for _, h := range hosts {
			if both, ok := hostsMeet(host, h); ok && !slices.Contains(met, both) {
				met = append(met, both)
			}
		}
	}
	if len(met) == 0 {
		return nil, []string{l.String() + " is for host " + host + ", and none of the hosts of the route is one of those"}
	}
	l.used = true
	var doors []door
	for _, h := range met {
		d := door{front: l.front, host: h, port: l.port, protocol: l.transport(), tls: l.tls, doubts: slices.Concat(l.doubts, doubts)}
		if l.passes {
			d.because = []string{"TLS is passed on unopened"}
		}
		doors = append(doors, d)
	}
	return doors, nil
}

// takesKind asks by the kinds that a listener names, else by those that its protocol carries.
func takesKind(l *listener, kind string) (enforcer.Answer, string) {
	var carries enforcer.Answer
	switch l.protocol {
	case "HTTP", "HTTPS":
		carries = answer(kind == "HTTPRoute" || kind == "GRPCRoute")
	case "TLS":
		carries = answer(kind == "TLSRoute" || kind == "TCPRoute" && !l.passes)
	case "TCP":
		carries = answer(kind == "TCPRoute")
	case "UDP":
		carries = answer(kind == "UDPRoute")
	}
	kinds := l.at.Get("allowedRoutes", "kinds").List()
	named := slices.ContainsFunc(kinds, func(v *object.Value) bool {
		return v.Get("kind").Str() == kind && (!v.Get("group").IsSet() || v.Get("group").Str() == gatewayGroup)
	})
	switch {
	case len(kinds) > 0 && !named:
		return enforcer.No, kind + " is not among the kinds that it allows"
	case carries == enforcer.No && named:
		return enforcer.Unknown, "it allows " + kind + " by name, and protocol " + l.protocol + " does not carry it"
	case carries == enforcer.No:
		return enforcer.No, "protocol " + l.protocol + " does not carry a " + kind
	case carries == enforcer.Unknown:
		return enforcer.Unknown, "what protocol " + l.protocol + " carries is up to its controller"
	}
	return enforcer.Yes, ""
}

func answer(yes bool) enforcer.Answer {
	if yes {
		return enforcer.Yes
	}
	return enforcer.No
}

// fromNamespace asks whether objects of a namespace may attach to owner; v has from and selector.
func (f *finder) fromNamespace(owner *object.Object, v *object.Value, byDefault, namespace string) (enforcer.Answer, string) {
	switch from := cmp.Or(v.Get("from").Str(), byDefault); from {
	case "All":
		return enforcer.Yes, ""
	case "None":
		return enforcer.No, "it takes none from outside of it"
	case "Same":
		return answer(namespace == owner.Ref.Namespace), "it takes those of its own namespace " + owner.Ref.Namespace + " only, not of " + namespace
	case "Selector":
		s := v.Get("selector")
		selector, bad := cluster.ParseSelector(s)
		for _, u := range bad {
			f.problem(owner, &object.Value{Line: u.Line}, "selector: "+u.Path+": "+u.Msg, "whom it takes is not certain until it is mended")
		}
		if len(bad) > 0 || !s.IsSet() {
			return enforcer.Unknown, "its selector of namespaces is not understood"
		}
		ok := labelsMeet(selector, f.cluster.Namespace(namespace))
		if ok == enforcer.Unknown {
			return ok, "it selects namespaces by " + selector.String() + ", and the labels of namespace " + namespace + " are not in the input"
		}
		return ok, "it selects namespaces by " + selector.String() + ", which " + namespace + " does not meet"
	default:
		f.problem(owner, v.Get("from"), "from "+from+": want All, Same, Selector or None", "whom it takes is not certain until it is mended")
		return enforcer.Unknown, "it takes those of namespaces " + from + ", which is not understood"
	}
}
