package calico

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// addrSet is what selectors mean besides pods: the addresses of a network set or host endpoint.
type addrSet struct {
	ref    object.Ref
	addrs  netset.Addrs
	labels map[string]string
	// unknown, when not nil, tells of which labels nothing is known, and why because is.
	unknown func(key string) bool
	because string
	maybe   *policy.Doubt // it is possibly not meant
	doubt   *policy.Doubt // the addresses are not understood
}

// setKinds are the kinds of objects that addrSets come from.
var setKinds = [...]string{"GlobalNetworkSet", "NetworkSet", "HostEndpoint"}

// selected finds the sets that x certainly or possibly means.
func selected(x *expr, c *cluster.Cluster) []addrSet {
	var out []addrSet
	for _, g := range groups {
		for _, kind := range setKinds {
			for _, o := range c.Kind(g, kind) {
				s := labelled(o, c)
				must, may := x.eval(s.labels, s.unknown)
				if !may {
					continue
				}
				s.read(o)
				if !must {
					s.maybe = &policy.Doubt{Pos: o.Pos, Ref: o.Ref, Msg: s.because}
				}
				out = append(out, s)
			}
		}
	}
	return out
}

// labelled is a set with the labels that selectors see, and without its addresses.
func labelled(o *object.Object, c *cluster.Cluster) addrSet {
	s := addrSet{ref: o.Ref, labels: maps.Clone(o.Root.Get("metadata", "labels").Strings())}
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	switch o.Ref.Kind {
	case "HostEndpoint":
		s.fromProfiles(o, c)
	case "NetworkSet":
		s.fromNamespace(o.Ref.Namespace, c)
	}
	return s
}

// read adds the addresses.
func (s *addrSet) read(o *object.Object) {
	r := policy.NewReader(o)
	if o.Ref.Kind == "HostEndpoint" {
		s.addrs = readHostEndpoint(r)
	} else {
		s.addrs = readNetworkSet(r)
	}
	if len(r.Doubts) > 0 {
		s.doubt = &r.Doubts[0]
	}
}

// fromNamespace adds what a network set has from its namespace. Its own labels come first.
func (s *addrSet) fromNamespace(name string, c *cluster.Cluster) {
	own := maps.Clone(s.labels)
	inherit := func(key, value string) {
		if _, has := own[key]; !has {
			s.labels[key] = value
		}
	}
	ns := c.Namespace(name)
	if ns != nil {
		for k, v := range ns.Labels {
			inherit(prefixNamespace+k, v)
		}
	}
	inherit(prefixNamespace+nameLabel, name)
	s.labels[labelNamespace] = name
	if ns == nil || !ns.Declared {
		s.because = fmt.Sprintf("the labels of namespace %s are not in the input, so it is not known whether the selector means %s", name, s.ref)
		s.unknown = func(key string) bool {
			_, known := s.labels[key]
			return !known && strings.HasPrefix(key, prefixNamespace)
		}
	}
}

// fromProfiles adds the labels that a host endpoint has from its profiles.
func (s *addrSet) fromProfiles(o *object.Object, c *cluster.Cluster) {
	own := maps.Clone(s.labels)
	for _, v := range o.Root.Get("spec", "profiles").List() {
		name := v.Str()
		if name == "projectcalico-default-allow" { // has no labels (resources.DefaultAllowProfile in libcalico-go)
			continue
		}
		found := false
		for _, g := range groups {
			for _, p := range c.Kind(g, "Profile") {
				if p.Ref.Name != name {
					continue
				}
				found = true
				for k, value := range p.Root.Get("spec", "labelsToApply").Strings() {
					if _, has := own[k]; !has {
						s.labels[k] = value
					}
				}
			}
		}
		if !found {
			s.because = fmt.Sprintf("profile %s is not in the input, so it is not known whether the selector means %s", name, s.ref)
			s.unknown = func(key string) bool { _, has := own[key]; return !has }
		}
	}
}

// readNetworkSet reads a network set; what is not understood is a doubt of the whole set.
func readNetworkSet(r *policy.Reader) netset.Addrs {
	spec := r.Object.Root.Get("spec")
	r.Whole(r.Fields(r.Object.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	if v := spec.Get("allowedEgressDomains"); v.IsSet() {
		r.NotModelled(v, "spec.allowedEgressDomains: which addresses the names have is not known")
	}
	r.Whole(r.Fields(spec, "spec", "nets", "allowedEgressDomains"))
	var all netset.Addrs
	for i, v := range r.List(spec.Get("nets"), "spec.nets") {
		at := fmt.Sprintf("spec.nets[%d]", i)
		p, hostBits, ok := readNet(r, v, at)
		if ok && hostBits {
			r.Warn(v, "write "+p.String(), "%s: %s has bits set behind its prefix length and is read as %s", at, v.Str(), p)
		}
		if ok {
			all = all.Union(netset.AddrsOf(p))
		}
	}
	return all
}

// readHostEndpoint gives the addresses that selectors mean by a host endpoint: the expected ones alone
// (HostEndpointSpec.ExpectedIPs).
func readHostEndpoint(r *policy.Reader) netset.Addrs {
	spec := r.Object.Root.Get("spec")
	r.Whole(r.Fields(r.Object.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	r.Whole(r.Fields(spec, "spec", "node", "interfaceName", "expectedIPs", "profiles", "ports"))
	var all netset.Addrs
	for i, v := range r.List(spec.Get("expectedIPs"), "spec.expectedIPs") {
		a, err := netip.ParseAddr(v.Str())
		if err != nil || a.Zone() != "" {
			r.Refused(v, "Calico refuses the object", "spec.expectedIPs[%d]: %+q is no address", i, v.Str())
			continue
		}
		all = all.Union(netset.OneAddr(a.Unmap()))
	}
	return all
}

// readNet reads a CIDR, or one address, as cnet.ParseCIDROrIP does. What is neither is refused.
func readNet(r *policy.Reader, v *object.Value, at string) (p netip.Prefix, hostBits, ok bool) {
	text, ok := r.Text(v, at)
	if !ok {
		if !v.IsSet() {
			r.Refused(v, "Calico refuses the object", "%s is empty", at)
		}
		return p, false, false
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), false, true
	}
	p, hostBits, err := netset.PrefixFrom(text)
	if err != nil {
		r.Refused(v, "Calico refuses the object; write a block like 10.0.0.0/8 or fd00::/8", "%s: %v", at, err)
		return p, false, false
	}
	if p.Addr().Is4() && strings.Contains(text, ":") {
		r.Refused(v, "write "+p.String(), "%s: %s is IPv4 written as IPv6", at, text)
		return p, false, false
	}
	return p, hostBits, true
}
