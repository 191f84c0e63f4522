package exposure

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// front decides who can send requests to an Ingress: by the cloud's load balancer that its class stands for,
// or by the ways to the controllers in the cluster that serve the class: then the result is not nil.
func (f *finder) front(o *object.Object, e *Entry, proxies []proxy, groups map[string][]*object.Object) *front {
	name, class := f.class(o)
	controller := ""
	if class != nil {
		controller = class.Root.Get("spec", "controller").Str()
	}
	switch {
	case isALB(name, controller), name == "" && len(proxies) == 0 && o.Root.Get("metadata", "annotations", albAnnotation+"scheme").IsSet():
		f.alb(o, class, e, groups)
		return nil
	case name == "gce-internal":
		e.Public, e.Because = enforcer.No, []string{"ingress class gce-internal makes internal load balancers"}
		return nil
	case name == "gce" || name == "" && f.cloud == gcp && len(proxies) == 0:
		e.Public, e.Because = enforcer.Yes, []string{"ingress class gce makes external load balancers"}
		return nil
	}
	for _, p := range proxies {
		if serves(p, name, controller) {
			e.Controllers = append(e.Controllers, p.workload)
		}
	}
	switch seen, why := statusAddresses(o); {
	case seen == enforcer.Yes:
		e.Public, e.Because = enforcer.Yes, []string{why}
	case len(e.Controllers) > 0:
		return viaControllers(e)
	case seen == enforcer.No:
		e.Public, e.Because = enforcer.No, []string{why}
	default:
		e.Because = []string{"where its controller can be reached from is not in the input; look at the controller's Service"}
	}
	return nil
}

// serves tells whether p may be the controller of a class. Only what it states itself can speak against it.
func serves(p proxy, class, controller string) bool {
	if controller != "" && p.value != "" {
		return p.value == controller
	}
	if controller == "" && class != "" && p.class != "" {
		return p.class == class
	}
	want := ""
	switch {
	case controller == "k8s.io/ingress-nginx" || strings.HasPrefix(controller, "nginx.org/"):
		want = "nginx"
	case strings.HasPrefix(controller, "traefik.io/"):
		want = "traefik"
	case strings.HasPrefix(controller, "haproxy.org/"):
		want = "haproxy"
	case strings.HasPrefix(controller, "projectcontour.io/"):
		want = "contour"
	case strings.HasPrefix(controller, "ingress-controllers.konghq.com/"):
		want = "kong"
	}
	others := slices.DeleteFunc([]string{"nginx", "traefik", "haproxy", "contour", "kong"}, func(s string) bool { return s == want })
	return want == "" || hasImage(p.workload, want) || !hasImage(p.workload, others...)
}

// viaControllers leaves an Ingress to the ways in to its controllers.
func viaControllers(e *Entry) *front {
	return &front{controllers: e.Controllers, entry: Entry{Because: []string{"its controller looks to be " + namesOf(e.Controllers)}}}
}

func namesOf(ws []*cluster.Workload) string {
	var names []string
	for _, w := range ws {
		names = append(names, w.Ref.String())
	}
	return strings.Join(names, ", ")
}

// allowList is the client ranges that ingress-nginx is told to accept. They count only when the controller
// sees clients: otherwise the range that holds the node's address lets everyone in.
func (f *finder) allowList(o *object.Object, e *Entry, kept bool) {
	var text string
	annotations := o.Root.Get("metadata", "annotations")
	for _, k := range []string{"allowlist-source-range", "whitelist-source-range"} {
		if v := annotations.Get("nginx.ingress.kubernetes.io/" + k).Str(); v != "" && text == "" {
			text = v
		}
	}
	nginx := !slices.ContainsFunc(e.Controllers, func(w *cluster.Workload) bool { return !hasImage(w, "ingress-nginx") })
	switch {
	case text == "":
	case !nginx:
		e.Because = append(e.Because, "the allow list is heeded by ingress-nginx only")
	case !kept:
		e.Because = append(e.Because, "the allow list is not counted, because the controller does not see the addresses of clients")
	default:
		allowed, err := netset.ParseAddrs(text)
		if err != nil {
			f.problem(o, annotations, "allow list "+text+": "+err.Error(), "it is not counted")
			return
		}
		e.Sources = e.Sources.Intersect(allowed)
		e.Because = append(e.Because, "the allow list lets in "+allowed.String())
		if !hasPublic(e.Sources) {
			e.Public = enforcer.No
		}
	}
}

const albAnnotation = "alb.ingress.kubernetes.io/"

func isALB(class, controller string) bool {
	return controller == "ingress.k8s.aws/alb" || controller == "eks.amazonaws.com/alb" || controller == "" && class == "alb"
}

// albGroups gathers Ingresses that share an ALB: each is served by the load balancer that any of them shapes.
func (f *finder) albGroups() map[string][]*object.Object {
	out := map[string][]*object.Object{}
	for _, o := range f.cluster.Kind("networking.k8s.io", "Ingress") {
		if g := o.Root.Get("metadata", "annotations", albAnnotation+"group.name").Str(); g != "" {
			out[g] = append(out[g], o)
		}
	}
	return out
}

// alb is the rule of the AWS Load Balancer Controller for Ingresses: internal unless an annotation of one of
// the group, or the parameters of the class, say internet-facing.
func (f *finder) alb(o *object.Object, class *object.Object, e *Entry, groups map[string][]*object.Object) {
	members := []*object.Object{o}
	if g := o.Root.Get("metadata", "annotations", albAnnotation+"group.name").Str(); g != "" {
		members = groups[g]
	}
	params, missing := f.albParameters(class)
	e.Sources = netset.Addrs{}
	e.Public, e.Because = enforcer.No, []string{"an ALB is internal unless " + albAnnotation + "scheme says internet-facing"}
	for _, m := range members {
		annotations := m.Root.Get("metadata", "annotations").Strings()
		if annotations[albAnnotation+"scheme"] == "internet-facing" {
			e.Public, e.Because = enforcer.Yes, []string{"annotation " + albAnnotation + "scheme of " + m.Ref.String() + " is internet-facing"}
		}
		e.Sources = e.Sources.Union(f.inbound(m, annotations))
	}
	switch scheme := params.Get("scheme").Str(); {
	case scheme == "internet-facing":
		e.Public, e.Because = enforcer.Yes, []string{"the parameters of its class say internet-facing"}
	case scheme == "internal":
		e.Public, e.Because = enforcer.No, []string{"the parameters of its class say internal"}
	case missing && e.Public == enforcer.No:
		e.Public, e.Because = enforcer.Unknown, []string{"the parameters of its class are not in the input; they may make the ALB public"}
	}
	if cidrs := params.Get("inboundCIDRs").List(); len(cidrs) > 0 {
		e.Because = append(e.Because, "inboundCIDRs of the class are not counted")
		e.Sources = netset.AllAddrs()
	}
	if seen, why := statusAddresses(o); seen == enforcer.No {
		// The name of the load balancer that is there now; what was asked for may come later.
		e.Because = append(e.Because, why)
		if e.Public == enforcer.Yes {
			e.Public = enforcer.Unknown
		}
	}
	if e.Public == enforcer.Yes && !hasPublic(e.Sources) {
		e.Public = enforcer.No
		e.Because = append(e.Because, "none of the inbound-cidrs is public")
	}
}

// albParameters is the spec of the IngressClassParams of class; missing when it has some that are not in the
// input.
func (f *finder) albParameters(class *object.Object) (spec *object.Value, missing bool) {
	if class == nil || !class.Root.Get("spec", "parameters").IsSet() {
		return nil, false
	}
	for _, group := range []string{"elbv2.k8s.aws", "eks.amazonaws.com"} {
		for _, o := range f.cluster.Kind(group, "IngressClassParams") {
			if o.Ref.Name == class.Root.Get("spec", "parameters", "name").Str() {
				return o.Root.Get("spec"), false
			}
		}
	}
	return nil, true
}

// inbound is the client addresses that an Ingress asks its ALB to let in; all when security groups are given,
// which make the controller ignore the ranges.
func (f *finder) inbound(o *object.Object, annotations map[string]string) netset.Addrs {
	text := annotations[albAnnotation+"inbound-cidrs"]
	if text == "" || annotations[albAnnotation+"security-groups"] != "" {
		return netset.AllAddrs()
	}
	a, err := netset.ParseAddrs(text)
	if err != nil {
		f.problem(o, o.Root.Get("metadata", "annotations", albAnnotation+"inbound-cidrs"), "inbound-cidrs "+text+": "+err.Error(), "until it is mended it counts as every address")
		return netset.AllAddrs()
	}
	return a
}
