package exposure

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// shard is a router of OpenShift with the IngressController that shapes it; nil when that is not in the input.
type shard struct {
	workload   *cluster.Workload
	controller *object.Object
}

// routerLabel is what the ingress operator puts on the pods of a router, with the name of its IngressController.
const routerLabel = "ingresscontroller.operator.openshift.io/deployment-ingresscontroller"

// readOpenShift makes an entry for each router port of each Route.
func (f *finder) readOpenShift() {
	shards := f.shards()
	for _, o := range f.cluster.Kind("route.openshift.io", "Route") {
		if f.readable(o, "v1") {
			f.readOpenShiftRoute(o, f.fits(o, openshiftRouteFields), shards)
		}
	}
}

// shards finds the routers by the operator's label, and those of version 3 by image.
func (f *finder) shards() []shard {
	var out []shard
	for _, w := range f.cluster.Workloads {
		name := w.Pods[0].Labels[routerLabel]
		if name == "" && !hasImage(w, "haproxy-router") {
			continue
		}
		s := shard{workload: w}
		for _, o := range f.cluster.Kind("operator.openshift.io", "IngressController") {
			if o.Ref.Name == name {
				s.controller = o
			}
		}
		out = append(out, s)
	}
	return out
}

// takes tells whether a router serves a Route, by the selectors of its IngressController.
func (f *finder) takes(s shard, o *object.Object) (enforcer.Answer, string) {
	if s.controller == nil {
		return enforcer.Yes, ""
	}
	spec := s.controller.Root.Get("spec")
	out, why := enforcer.Yes, ""
	for _, field := range []string{"routeSelector", "namespaceSelector"} {
		if !spec.Get(field).IsSet() {
			continue
		}
		selector, bad := cluster.ParseSelector(spec.Get(field))
		ok := answer(selector.Matches(o.Root.Get("metadata", "labels").Strings()))
		if field == "namespaceSelector" {
			ok = labelsMeet(selector, f.cluster.Namespace(o.Ref.Namespace))
		}
		switch {
		case len(bad) > 0 || ok == enforcer.Unknown:
			out, why = enforcer.Unknown, "whether "+s.controller.Ref.String()+" takes it by "+field+" is not known"
		case ok == enforcer.No:
			return enforcer.No, s.controller.Ref.String() + " does not take it: " + field + " is " + selector.String()
		}
	}
	policy := spec.Get("routeAdmission", "wildcardPolicy").Str()
	if o.Root.Get("spec", "wildcardPolicy").Str() == "Subdomain" && policy != "WildcardsAllowed" {
		return enforcer.No, s.controller.Ref.String() + " does not take Routes with wildcardPolicy Subdomain"
	}
	return out, why
}

func (f *finder) readOpenShiftRoute(o *object.Object, understood bool, shards []shard) {
	spec := o.Root.Get("spec")
	var doubts []string
	if !understood {
		f.flawed(o)
		doubts = append(doubts, notUnderstood)
	}
	fr := &front{entry: Entry{Sources: netset.AllAddrs()}}
	var refused []string
	certain := false
	for _, s := range shards {
		ok, why := f.takes(s, o)
		if ok == enforcer.No {
			refused = append(refused, why)
			continue
		}
		certain = certain || ok == enforcer.Yes
		fr.controllers = append(fr.controllers, s.workload)
		if ok == enforcer.Unknown {
			fr.entry.Because = append(fr.entry.Because, why)
		}
	}
	host, hostDoubts := routeHost(o)
	doubts = append(doubts, hostDoubts...)
	switch {
	case len(fr.controllers) == 0 && len(refused) > 0:
		f.nowhere(o, nil, host, append([]string{"no router of the input takes it"}, refused...)...)
		return
	case len(fr.controllers) == 0:
		fr = unknownFront("no router is in the input, so who reaches it is not known")
	default:
		fr.entry.Because = append([]string{"its router looks to be " + namesOf(fr.controllers)}, fr.entry.Because...)
		if !certain {
			doubts = append(doubts, "it is not certain that a router takes it")
		}
	}
	h := hall{at: spec, paths: []string{cmp.Or(spec.Get("path").Str(), "/")}}
	doors := routeDoors(spec.Get("tls"), fr, host, doubts)
	if spec.Get("tls", "termination").Str() == "passthrough" {
		h.paths = nil
	}
	f.routeBackends(o, &h)
	for i := range doors {
		d := &doors[i]
		switch known := d.tls; known {
		case enforcer.Yes, enforcer.No:
		case enforcer.Unknown:
			f.problem(o, spec.Get("tls"), "tls termination "+spec.Get("tls", "termination").Str()+": want edge, passthrough or reencrypt", "whether it takes TLS is not certain until it is mended")
		}
		own := *d.front
		f.listening(&own, d.port, netset.TCP)
		d.front = &own
	}
	f.ways(o, doors, []hall{h})
}

// routeHost is the host that a Route serves: with wildcardPolicy Subdomain every name beside it.
func routeHost(o *object.Object) (host string, doubts []string) {
	spec := o.Root.Get("spec")
	host = plainHost(spec.Get("host").Str())
	for _, v := range o.Root.Get("status", "ingress").List() {
		host = cmp.Or(host, plainHost(v.Get("host").Str()))
		for _, c := range v.Get("conditions").List() {
			if c.Get("type").Str() == "Admitted" && c.Get("status").Str() == "False" {
				doubts = append(doubts, "its status says that router "+v.Get("routerName").Str()+" does not admit it: "+c.Get("reason").Str())
			}
		}
	}
	if spec.Get("wildcardPolicy").Str() == "Subdomain" {
		if _, parent, ok := strings.Cut(host, "."); ok {
			host = "*." + parent
		}
	}
	return host, doubts
}

// routeDoors is the ports on which a router takes a Route: 443 with TLS; 80 without, or when the policy for
// insecure traffic lets requests in besides (OpenShift, Route.spec.tls).
func routeDoors(tls *object.Value, fr *front, host string, doubts []string) []door {
	plain := door{front: fr, host: host, port: 80, protocol: netset.TCP, tls: enforcer.No, doubts: doubts}
	secure := door{front: fr, host: host, port: 443, protocol: netset.TCP, tls: enforcer.Yes, doubts: doubts}
	if !tls.IsSet() {
		return []door{plain}
	}
	switch tls.Get("termination").Str() {
	case "edge", "reencrypt":
	case "passthrough":
		secure.because = []string{"TLS is passed on unopened"}
		return []door{secure} // in clear text it is closed or redirected at most
	default:
		secure.tls, plain.tls = enforcer.Unknown, enforcer.Unknown
		return []door{secure, plain}
	}
	switch policy := tls.Get("insecureEdgeTerminationPolicy").Str(); policy {
	case "", "None":
		return []door{secure}
	case "Redirect":
		secure.because = []string{"requests in clear text are redirected"}
		return []door{secure}
	case "Allow":
		plain.because = []string{"insecureEdgeTerminationPolicy is Allow"}
		return []door{secure, plain}
	default:
		plain.doubts = append(slices.Clone(doubts), "insecureEdgeTerminationPolicy "+policy+" is not known")
		return []door{secure, plain}
	}
}

// routeBackends adds the Services of a Route. A router compares a target port with the name of the Service's
// port and with the number on the pods.
func (f *finder) routeBackends(o *object.Object, h *hall) {
	b := backends{f, h, o}
	spec := o.Root.Get("spec")
	wanted := spec.Get("port", "targetPort").Str()
	for _, v := range append([]*object.Value{spec.Get("to")}, spec.Get("alternateBackends").List()...) {
		name := v.Get("name").Str()
		switch kind := v.Get("kind").Str(); {
		case kind != "" && kind != "Service":
			b.unknown("backend " + kind + " " + name + " is not modelled")
			continue
		case name == "":
			b.say("it names no backend")
			continue
		case b.weight(v.Get("weight"), 100) == 0:
			b.say("backend " + name + " has weight 0 and gets nothing")
			continue
		}
		s := b.serviceNamed(o.Ref.Namespace, name)
		if s == nil {
			continue
		}
		found := false
		for _, p := range s.Ports {
			if wanted == "" || p.Name == wanted || routerPort(s, p, wanted) {
				b.port(s, p, nil)
				found = true
			}
		}
		if !found {
			b.say(s.Ref.String() + " has no port " + wanted)
		}
	}
}

// routerPort tells whether a port of s leads to a pod port of that number.
func routerPort(s *cluster.Service, p cluster.ServicePort, wanted string) bool {
	number, ok := (&object.Value{Kind: object.String, Text: wanted}).Int()
	if !ok {
		return false
	}
	if p.TargetName == "" && s.Selector != nil {
		return p.TargetNumber == number
	}
	return s.Selector == nil || slices.ContainsFunc(s.Pods, func(pod *cluster.Pod) bool {
		n, ok := p.Target(pod)
		return ok && n == number
	})
}
