package exposure

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// limits is the client addresses that a load balancer lets pass.
type limits struct {
	sources    netset.Addrs
	understood bool // no range was unreadable
	sure       bool // the load balancer is one that heeds them
	hole       bool // public only by a family that no range speaks of
	because    []string
}

// ranges reads loadBalancerSourceRanges, which is stronger than the annotation of the same meaning
// (cloud-provider GetLoadBalancerSourceRanges), and what the clouds add to it.
func (f *finder) ranges(s *cluster.Service, v verdict) limits {
	spec := s.Object.Root.Get("spec", "loadBalancerSourceRanges")
	r := limits{understood: true, sure: v.cloud == aws || v.cloud == gcp || v.cloud == azure}
	var texts []rangeText
	for _, it := range spec.List() {
		texts = append(texts, rangeText{strings.TrimSpace(it.Str()), it})
	}
	field := "loadBalancerSourceRanges"
	if len(texts) == 0 {
		field = "service.beta.kubernetes.io/load-balancer-source-ranges"
		texts = annotationRanges(s, field)
	}
	if v.cloud == azure || v.cloud == "" {
		const more = "service.beta.kubernetes.io/azure-allowed-ip-ranges"
		if extra := annotationRanges(s, more); len(extra) > 0 {
			texts, field = append(texts, extra...), field+", "+more
		}
	}
	if len(texts) == 0 {
		r.sources = netset.AllAddrs()
		r.because = []string{"no source ranges"}
		r.open(s, v)
		return r
	}
	for _, t := range texts {
		p, _, err := netset.PrefixFrom(t.text)
		if err != nil {
			r.understood = false
			f.problem(s.Object, t.at, "source range "+t.text+": "+err.Error(), "want a CIDR such as 192.0.2.0/24; the API server refuses this")
			continue
		}
		r.sources = r.sources.Union(netset.AddrsOf(p))
	}
	if !r.understood {
		r.sources = netset.AllAddrs()
		r.because = []string{"a source range was not understood"}
		return r
	}
	r.because = []string{field + " " + r.sources.String()}
	f.holes(s, &r)
	r.open(s, v)
	return r
}

type rangeText struct {
	text string
	at   *object.Value
}

func annotationRanges(s *cluster.Service, key string) []rangeText {
	var out []rangeText
	at := s.Object.Root.Get("metadata", "annotations", key)
	for t := range strings.SplitSeq(s.Annotations[key], ",") {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, rangeText{t, at})
		}
	}
	return out
}

// open widens r where the ranges are not the last word.
func (r *limits) open(s *cluster.Service, v verdict) {
	switch {
	case v.byAWS && s.Annotations[awsAnnotation+"security-groups"] != "":
		r.because = append(r.because, "security groups are given, so source ranges are ignored; what the groups let in is not in the input")
	case v.cloud == azure && s.Annotations["service.beta.kubernetes.io/azure-allowed-service-tags"] != "":
		r.because = append(r.because, "service tags are let in; which addresses they mean is not in the input")
	default:
		return
	}
	r.sources = netset.AllAddrs()
}

// holes adds the whole of a family that the Service serves and no range speaks of: kube-proxy filters each
// family by its own ranges, and no range means no filter (EXP-12).
func (f *finder) holes(s *cluster.Service, r *limits) {
	v4, v6 := f.served(s)
	closed := !hasPublic(r.sources)
	if v6 && r.sources.V6().IsEmpty() {
		r.sources = r.sources.Union(netset.AllIPv6())
		r.because = append(r.because, "the Service also has IPv6, which no source range limits")
	}
	if v4 && r.sources.V4().IsEmpty() {
		r.sources = r.sources.Union(netset.AllIPv4())
		r.because = append(r.because, "the Service also has IPv4, which no source range limits")
	}
	r.hole = closed && hasPublic(r.sources)
}

// served tells which families s has as far as it says: by its families, its addresses, or its policy on a
// cluster that has both.
func (f *finder) served(s *cluster.Service) (v4, v6 bool) {
	v4, v6 = slices.Contains(s.IPFamilies, "IPv4"), slices.Contains(s.IPFamilies, "IPv6")
	isV6 := func(a netip.Addr) bool { return a.Is6() }
	v6 = v6 || slices.ContainsFunc(s.ClusterIPs, isV6)
	v4 = v4 || slices.ContainsFunc(s.ClusterIPs, netip.Addr.Is4)
	switch s.Object.Root.Get("spec", "ipFamilyPolicy").Str() {
	case "RequireDualStack":
		return true, true
	case "PreferDualStack":
		return v4 || f.cluster.IPv4, v6 || f.cluster.IPv6
	}
	return v4, v6
}
