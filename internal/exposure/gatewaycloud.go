package exposure

import (
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// cloudGateway judges Gateways that stand for load balancers of a cloud, without proxies in the cluster. The
// text is "" for all others.
func (f *finder) cloudGateway(g *gateway, class *object.Object, controller string) (enforcer.Answer, string) {
	switch {
	case strings.HasPrefix(g.class, "gke-l7-") && (class == nil || strings.HasPrefix(controller, "networking.gke.io/")):
		switch {
		case strings.Contains(g.class, "rilb") || strings.Contains(g.class, "internal"):
			return enforcer.No, "gateway class " + g.class + " makes internal load balancers"
		case strings.Contains(g.class, "gxlb") || strings.Contains(g.class, "external"):
			return enforcer.Yes, "gateway class " + g.class + " makes external load balancers"
		}
		return enforcer.Unknown, "whether load balancers of gateway class " + g.class + " are public is not known"
	case controller == "gateway.k8s.aws/alb" || controller == "gateway.k8s.aws/nlb":
		return f.awsGateway(g, class)
	}
	return enforcer.Unknown, ""
}

// awsGateway is the rule of the AWS Load Balancer Controller: internal unless a LoadBalancerConfiguration of
// the Gateway or of its class says otherwise. Which of two wins is up to mergingMode of the class's.
func (f *finder) awsGateway(g *gateway, class *object.Object) (enforcer.Answer, string) {
	var schemes []string
	for _, ref := range []*object.Value{g.object.Root.Get("spec", "infrastructure", "parametersRef"), rootOf(class).Get("spec", "parametersRef")} {
		if !ref.IsSet() {
			continue
		}
		ns := ref.Get("namespace").Str()
		if ns == "" {
			ns = g.object.Ref.Namespace
		}
		found := false
		for _, o := range f.cluster.Kind("gateway.k8s.aws", "LoadBalancerConfiguration") {
			if o.Ref.Name == ref.Get("name").Str() && o.Ref.Namespace == ns {
				found = true
				if scheme := o.Root.Get("spec", "scheme").Str(); scheme != "" {
					schemes = append(schemes, scheme)
				}
			}
		}
		if !found {
			return enforcer.Unknown, "LoadBalancerConfiguration " + ns + "/" + ref.Get("name").Str() + " is not in the input; it may make the load balancer public"
		}
	}
	switch {
	case len(schemes) == 0:
		return enforcer.No, "the AWS Load Balancer Controller makes internal load balancers by default"
	case len(schemes) > 1 && schemes[0] != schemes[1]:
		return enforcer.Unknown, "its LoadBalancerConfiguration says " + schemes[0] + ", and that of its class " + schemes[1]
	case schemes[0] == "internet-facing":
		return enforcer.Yes, "its LoadBalancerConfiguration says internet-facing"
	case schemes[0] == "internal":
		return enforcer.No, "its LoadBalancerConfiguration says internal"
	}
	return enforcer.Unknown, "its LoadBalancerConfiguration says " + schemes[0] + ", want internal or internet-facing"
}

// gatewayAddresses tells whether the addresses in the status of a Gateway are public, as statusAddresses does.
func gatewayAddresses(o *object.Object) (enforcer.Answer, string) {
	answer, why := enforcer.Unknown, ""
	for _, v := range o.Root.Get("status", "addresses").List() {
		text := v.Get("value").Str()
		if a, err := netip.ParseAddr(text); err == nil {
			if Public(a) {
				return enforcer.Yes, "the address " + a.String() + " of " + o.Ref.String() + " is public"
			}
			answer, why = enforcer.No, "the address "+a.String()+" of "+o.Ref.String()+" is private"
			continue
		}
		host := strings.ToLower(text)
		if strings.HasPrefix(host, "internal-") && strings.HasSuffix(host, ".amazonaws.com") {
			answer, why = enforcer.No, "the name "+host+" of "+o.Ref.String()+" is that of an internal load balancer"
		}
	}
	return answer, why
}

// addressHosts is the names that a Gateway asks for as its addresses: with Istio that of a Service whose pods
// serve it.
func addressHosts(o *object.Object) []string {
	var out []string
	for _, v := range o.Root.Get("spec", "addresses").List() {
		if v.Get("type").Str() == "Hostname" && v.Get("value").Str() != "" {
			out = append(out, strings.ToLower(v.Get("value").Str()))
		}
	}
	return out
}

// labelsMeet tells whether the labels of a namespace meet a selector. Labels of a namespace that is not in the input are
// not known, except for its name.
func labelsMeet(s cluster.Selector, ns *cluster.Namespace) enforcer.Answer {
	if ns == nil {
		return enforcer.Unknown
	}
	answer := enforcer.Yes
	for _, r := range s {
		switch {
		case r.Key != cluster.NameLabel && !ns.Declared:
			answer = enforcer.Unknown
		case !r.Matches(ns.Labels):
			return enforcer.No
		}
	}
	return answer
}

// rootOf is the tree of o, nil when there is no such object.
func rootOf(o *object.Object) *object.Value {
	if o == nil {
		return nil
	}
	return o.Root
}
