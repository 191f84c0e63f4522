package exposure

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// service lists the ways in that a Service opens. ClusterIP alone opens none; ExternalName leads out.
func (s *Set) service(c *cluster.Cluster, svc *cluster.Service) {
	if svc.Type == "ExternalName" {
		return
	}
	kept := enforcer.No // externalTrafficPolicy Cluster, the default: the source is rewritten to a node's
	if svc.Object.Root.Get("spec", "externalTrafficPolicy").Str() == "Local" {
		kept = enforcer.Yes
	}
	nodes, nodesWhy := nodesPublic(c)
	for _, p := range svc.Ports {
		e := Entry{
			Via: svc.Ref, Pos: object.Pos{File: svc.Object.Pos.File, Line: p.Line}, Line: p.Line, Port: p.Port, Protocol: p.Protocol,
			AppProtocol: p.AppProtocol, SourcesKept: kept, Sources: netset.AllAddrs(), Targets: targets(svc, p),
		}
		if t := svc.Object.Root.Get("spec", "type"); t != nil {
			e.Pos = svc.Object.At(t)
		}
		if svc.Type == "LoadBalancer" {
			lb := e
			lb.Kind = LoadBalancer
			var why string
			lb.Public, why = loadBalancerPublic(svc)
			lb.Because = []string{why}
			ranges, whence := s.sourceRanges(svc)
			if whence != "" {
				lb.Sources = ranges
				lb.Because = append(lb.Because, whence)
				if lb.Public == enforcer.Yes && !ranges.Overlaps(publicAddrs()) {
					lb.Public = enforcer.No
					lb.Because = append(lb.Because, "none of the ranges is public")
				}
			}
			s.Entries = append(s.Entries, lb)
		}
		opensNodePort := svc.Type == "NodePort" ||
			(svc.Type == "LoadBalancer" && svc.Object.Root.Get("spec", "allocateLoadBalancerNodePorts").Str() != "false")
		if opensNodePort {
			np := e
			np.Kind, np.Port, np.Public, np.Because = NodePort, p.NodePort, nodes, []string{nodesWhy}
			if svc.Type == "LoadBalancer" {
				np.Because = append(np.Because, "a LoadBalancer also opens a port on every node, past the load balancer's filters, unless allocateLoadBalancerNodePorts is false")
			}
			s.Entries = append(s.Entries, np)
		}
		if len(svc.ExternalIPs) > 0 {
			x := e
			x.Kind, x.Public = ExternalIP, enforcer.Unknown
			x.Because = []string{fmt.Sprintf("externalIPs %s: who can route to a node with that address gets in", joinAddrs(svc.ExternalIPs))}
			if slices.ContainsFunc(svc.ExternalIPs, Public) {
				x.Public = enforcer.Yes
			}
			if v := svc.Object.Root.Get("spec", "externalIPs"); v != nil {
				x.Pos = svc.Object.At(v)
			}
			s.Entries = append(s.Entries, x)
		}
	}
}

func targets(svc *cluster.Service, p cluster.ServicePort) []Target {
	var out []Target
	for _, pod := range svc.Pods {
		if n, ok := p.Target(pod); ok {
			out = append(out, Target{pod.Workload, pod, n})
		}
	}
	return out
}

func joinAddrs(as []netip.Addr) string {
	var parts []string
	for _, a := range as {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, ", ")
}

// marker is an annotation that says where a load balancer stands. An empty value matches any value but
// "false".
type marker struct {
	key, value string
	public     enforcer.Answer
}

// markers are the clouds' annotations, in the order they are looked at (AWS Load Balancer Controller and
// AWS cloud provider, GKE, Azure, and others' documentation of Service annotations).
var markers = []marker{
	{"service.beta.kubernetes.io/aws-load-balancer-scheme", "internal", enforcer.No},
	{"service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing", enforcer.Yes},
	{"service.beta.kubernetes.io/aws-load-balancer-internal", "", enforcer.No},
	{"networking.gke.io/load-balancer-type", "Internal", enforcer.No},
	{"cloud.google.com/load-balancer-type", "Internal", enforcer.No},
	{"service.beta.kubernetes.io/azure-load-balancer-internal", "true", enforcer.No},
	{"service.beta.kubernetes.io/openstack-internal-load-balancer", "true", enforcer.No},
	{"service.beta.kubernetes.io/oci-load-balancer-internal", "true", enforcer.No},
	{"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private", enforcer.No},
	{"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "public", enforcer.Yes},
}

// loadBalancerPublic tells where a LoadBalancer stands: by the address it got, by annotation, by the class
// that makes it, else by the clouds' default, which is public.
func loadBalancerPublic(svc *cluster.Service) (enforcer.Answer, string) {
	var known bool
	for _, in := range svc.Object.Root.Get("status", "loadBalancer", "ingress").List() {
		if a, err := netip.ParseAddr(in.Get("ip").Str()); err == nil {
			known = true
			if Public(a) {
				return enforcer.Yes, "its address " + a.String() + " is public"
			}
		}
	}
	if known {
		return enforcer.No, "its address is private"
	}
	for _, k := range markers {
		v, ok := svc.Annotations[k.key]
		if ok && (v == k.value || (k.value == "" && v != "false")) {
			return k.public, "annotation " + k.key + ": " + v
		}
	}
	// The AWS Load Balancer Controller makes internal ones unless told otherwise; it acts on its class or
	// on these types of the old annotation.
	class := svc.Object.Root.Get("spec", "loadBalancerClass").Str()
	kind := svc.Annotations["service.beta.kubernetes.io/aws-load-balancer-type"]
	switch {
	case class == "service.k8s.aws/nlb" || kind == "external" || kind == "nlb-ip":
		return enforcer.No, "the AWS Load Balancer Controller makes internal load balancers unless aws-load-balancer-scheme says internet-facing"
	case class != "":
		return enforcer.Unknown, "whether loadBalancerClass " + class + " makes public load balancers is not known"
	}
	return enforcer.Yes, "a Service of type LoadBalancer without further marks is public on every large cloud"
}

// rangeAnnotations hold client ranges, separated by commas.
var rangeAnnotations = []string{
	"service.beta.kubernetes.io/load-balancer-source-ranges",
	"service.beta.kubernetes.io/aws-load-balancer-source-ranges",
	"service.beta.kubernetes.io/azure-allowed-ip-ranges",
}

// sourceRanges is the client ranges a load balancer is limited to, and where that is said; "" when nowhere.
func (s *Set) sourceRanges(svc *cluster.Service) (netset.Addrs, string) {
	const groups = "service.beta.kubernetes.io/aws-load-balancer-security-groups"
	if v := svc.Annotations[groups]; v != "" {
		return netset.Addrs{}, "" // the controller then ignores ranges; the groups are the cloud's
	}
	var out netset.Addrs
	field := svc.Object.Root.Get("spec", "loadBalancerSourceRanges")
	for _, v := range field.List() {
		out = out.Union(s.parseRange(svc, v, v.Str()))
	}
	if len(field.List()) > 0 {
		return out, "loadBalancerSourceRanges"
	}
	for _, k := range rangeAnnotations {
		if text, ok := svc.Annotations[k]; ok && strings.TrimSpace(text) != "" {
			for part := range strings.SplitSeq(text, ",") {
				out = out.Union(s.parseRange(svc, svc.Object.Root.Get("metadata", "annotations"), strings.TrimSpace(part)))
			}
			return out, "annotation " + k
		}
	}
	return netset.Addrs{}, ""
}

// parseRange reads one range. A range that can not be read counts as everyone: leaving it out would make
// the entry look narrower than it may be.
func (s *Set) parseRange(svc *cluster.Service, at *object.Value, text string) netset.Addrs {
	p, _, err := netset.PrefixFrom(text)
	if err != nil {
		s.Problems = append(s.Problems, object.Problem{
			Pos: svc.Object.At(at), Ref: svc.Ref, Msg: fmt.Sprintf("source range %q: %v", text, err),
			Hint: "write it as a CIDR; until then it counts as every address",
		})
		return netset.AllAddrs()
	}
	return netset.AddrsOf(p)
}

// notPublic is what the internet does not route: RFC 1918, 6598 (shared), 3927 and 4291 (link local),
// 4193 (unique local), loopback, multicast, this network.
const notPublic = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16,224.0.0.0/4,240.0.0.0/4," +
	"::/127,fc00::/7,fe80::/10,ff00::/8"

func publicAddrs() netset.Addrs {
	private, err := netset.ParseAddrs(notPublic)
	if err != nil {
		return netset.AllAddrs() // a constant; its test reads it
	}
	return netset.AllAddrs().Subtract(private)
}

// Public tells whether the internet routes an address.
func Public(a netip.Addr) bool { return publicAddrs().Contains(a.Unmap()) }
