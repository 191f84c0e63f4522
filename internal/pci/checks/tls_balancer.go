package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// policyHolder is how objects of a kind speak of the security policy of an AWS load balancer.
type policyHolder struct {
	gk        object.GroupKind
	policy    string   // annotation
	encrypted []string // annotations, each of which says that the load balancer ends TLS
}

func policyHolders() []policyHolder {
	const service, alb = "service.beta.kubernetes.io/aws-load-balancer-", "alb.ingress.kubernetes.io/"
	return []policyHolder{
		{object.GroupKind{Kind: "Service"}, service + "ssl-negotiation-policy", []string{service + "ssl-cert"}},
		{object.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}, alb + "ssl-policy", []string{alb + "certificate-arn", alb + "ssl-redirect"}},
	}
}

// balancerTLS reads the security policies of load balancers of AWS: from annotations, else from the flag of the AWS
// Load Balancer Controller. Without either the default of that controller, and of AWS's interface, took TLS 1.0 in
// all versions that are documented; which version runs is not known, so it is left open.
func balancerTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	fallback, known := "", false
	for _, c := range components(in, "aws-load-balancer-controller") {
		if f, set, sure := c.get("default-ssl-policy"); set && sure {
			fallback, known = f.value, true
		}
	}
	classes := slices.ContainsFunc(in.Cluster.Kind("elbv2.k8s.aws", "IngressClassParams"), func(o *object.Object) bool {
		return o.Root.Get("spec", "sslPolicy").IsSet()
	})
	for _, h := range policyHolders() {
		for _, o := range in.Cluster.Kind(h.gk.Group, h.gk.Kind) {
			notes := o.Root.Get("metadata", "annotations")
			u := tlsUse{ref: o.Ref, pos: o.Pos, key: h.policy, what: "the load balancer"}
			ends := slices.IndexFunc(h.encrypted, func(a string) bool { return notes.Get(a).IsSet() })
			switch v := notes.Get(h.policy); {
			case v.IsSet():
				u.pos = o.At(v)
				u.policy(v.Str())
			case ends < 0:
				continue
			case classes && h.gk.Kind == "Ingress":
				u.pos = o.At(notes.Get(h.encrypted[ends]))
				u.unsure = "it states no security policy, and which IngressClassParams it goes by is not read"
			case known:
				u.pos = o.At(notes.Get(h.encrypted[ends]))
				u.policy(fallback)
			default:
				u.pos = o.At(notes.Get(h.encrypted[ends]))
				u.unsure = "it states no security policy, and the default of AWS and its controller is one that takes TLS 1.0 (ELBSecurityPolicy-2016-08)"
			}
			out = append(out, u)
		}
	}
	return out
}

// policy is what a security policy of AWS takes, by its name. Those with TLS13-1-2, TLS13-1-3, TLS-1-2 or FS-1-2 take
// nothing older; of these the extended ones, and those of 2017, also take ciphers without forward secrecy.
func (u *tlsUse) policy(name string) {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case !strings.HasPrefix(name, "ELBSecurityPolicy-"):
		u.unsure = fmt.Sprintf("what the security policy %q takes is not known", name)
	case has("TLS13-1-2-Ext", "TLS-1-2-Ext", "TLS-1-2-2017"):
		u.suites = []string{"TLS_RSA_WITH_AES_128_GCM_SHA256"}
	case has("TLS13-1-2", "TLS13-1-3", "TLS-1-2", "FS-1-2"):
	case has("TLS13-1-1", "TLS-1-1", "FS-1-1"):
		u.versions = []string{"TLSv1.1"}
	default:
		u.versions = []string{"TLSv1.0"}
	}
}
