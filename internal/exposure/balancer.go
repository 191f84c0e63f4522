package exposure

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// cloud is where the nodes run; "" when not known or when nodes differ.
type cloud string

const (
	aws   cloud = "aws"
	gcp   cloud = "gcp"
	azure cloud = "azure"
)

// cloudOf asks the provider ids of nodes, then the labels of managed node pools.
func cloudOf(c *cluster.Cluster) cloud {
	var found cloud
	for i, n := range c.Nodes {
		scheme, _, _ := strings.Cut(n.Object.Root.Get("spec", "providerID").Str(), "://")
		this := cloud(scheme)
		switch {
		case scheme == "gce" || n.Labels["cloud.google.com/gke-nodepool"] != "":
			this = gcp
		case n.Labels["eks.amazonaws.com/nodegroup"] != "":
			this = aws
		case n.Labels["kubernetes.azure.com/cluster"] != "":
			this = azure
		case scheme == "k3s" || scheme == "kind": // not a cloud: any load balancer may be installed
			this = ""
		}
		if i > 0 && this != found {
			return ""
		}
		found = this
	}
	return found
}

// verdict is whether a load balancer faces the internet, before its source ranges.
type verdict struct {
	public  enforcer.Answer
	stated  bool  // somebody wrote it down; otherwise it is a default
	cloud   cloud // whose rules were applied; "" when not known
	byAWS   bool  // the AWS Load Balancer Controller (or EKS Auto Mode) makes it
	because []string
}

// mark is an annotation that makes a load balancer internal (Kubernetes "Service", "Internal load balancer",
// and the providers' own pages). A value of "*" is any.
type mark struct {
	cloud      cloud
	key, value string
}

func internalMarks() []mark {
	return []mark{
		{gcp, "networking.gke.io/load-balancer-type", "internal"},
		{gcp, "cloud.google.com/load-balancer-type", "internal"},
		{aws, awsAnnotation + "internal", "*"},
		{azure, "service.beta.kubernetes.io/azure-load-balancer-internal", "true"},
		{"ibm", "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private"},
		{"openstack", "service.beta.kubernetes.io/openstack-internal-load-balancer", "true"},
		{"baidu", "service.beta.kubernetes.io/cce-load-balancer-internal-vpc", "true"},
		{"qcloud", "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid", "*"},
		{"alicloud", "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", "intranet"},
		{"oci", "service.beta.kubernetes.io/oci-load-balancer-internal", "true"},
	}
}

const awsAnnotation = "service.beta.kubernetes.io/aws-load-balancer-"

func (m mark) holds(annotations map[string]string) bool {
	v := annotations[m.key]
	if m.value == "*" { // "0.0.0.0/0" was the documented value once
		return v != "" && !strings.EqualFold(v, "false")
	}
	return strings.EqualFold(v, m.value)
}

// frontend judges a Service of type LoadBalancer. What was observed is stronger than what was asked for, but
// a private address in front of which somebody asked for a public one stays open.
func (f *finder) frontend(s *cluster.Service) verdict {
	v := f.asked(s)
	seen, why := statusAddresses(s.Object)
	switch {
	case seen == enforcer.Unknown:
		return v
	case seen == enforcer.No && v.public == enforcer.Yes && v.stated:
		v.public, v.because = enforcer.Unknown, append([]string{why}, v.because...)
	default:
		v.public, v.because = seen, []string{why}
	}
	return v
}

func (f *finder) asked(s *cluster.Service) verdict {
	class := s.Object.Root.Get("spec", "loadBalancerClass").Str()
	kind := s.Annotations[awsAnnotation+"type"]
	switch {
	case class == "service.k8s.aws/nlb" || class == "eks.amazonaws.com/nlb",
		class == "" && (kind == "external" || kind == "nlb-ip") && (f.cloud == "" || f.cloud == aws):
		return awsController(s)
	case class == "networking.gke.io/l4-regional-internal":
		return verdict{enforcer.No, true, gcp, false, []string{"load balancer class " + class}}
	case strings.HasPrefix(class, "networking.gke.io/l4-regional-external"):
		return verdict{enforcer.Yes, true, gcp, false, []string{"load balancer class " + class}}
	case class != "":
		return verdict{enforcer.Unknown, false, "", false, []string{"whether load balancers of class " + class + " are public is not known"}}
	}
	return f.marked(s)
}

// awsController is the rule of the AWS Load Balancer Controller: internal unless asked otherwise.
func awsController(s *cluster.Service) verdict {
	v := verdict{public: enforcer.No, stated: true, cloud: aws, byAWS: true}
	scheme, internal := s.Annotations[awsAnnotation+"scheme"], s.Annotations[awsAnnotation+"internal"]
	switch {
	case scheme == "internet-facing":
		v.public, v.because = enforcer.Yes, []string{"annotation aws-load-balancer-scheme is internet-facing"}
	case scheme == "internal":
		v.because = []string{"annotation aws-load-balancer-scheme is internal"}
	case scheme != "":
		v.public, v.because = enforcer.Unknown, []string{"annotation aws-load-balancer-scheme is " + scheme + ", want internal or internet-facing"}
	case internal == "true":
		v.because = []string{"annotation aws-load-balancer-internal is true"}
	case internal != "":
		v.public, v.because = enforcer.Yes, []string{"annotation aws-load-balancer-internal is " + internal}
	default:
		v.stated, v.because = false, []string{"the AWS Load Balancer Controller makes internal load balancers by default"}
	}
	return v
}

// marked is the rule of the load balancers that come with a cloud: public unless marked.
func (f *finder) marked(s *cluster.Service) verdict {
	v := verdict{cloud: f.cloud}
	var internal, foreign, public []string
	for _, m := range internalMarks() {
		switch value := s.Annotations[m.key]; {
		case value == "":
		case f.cloud != "" && f.cloud != m.cloud:
			foreign = append(foreign, "annotation "+m.key+" means nothing on "+string(f.cloud))
		case m.holds(s.Annotations):
			internal = append(internal, "annotation "+m.key+" is "+value)
			v.cloud = m.cloud
		default:
			public = append(public, "annotation "+m.key+" is "+value)
		}
	}
	scheme := s.Annotations[awsAnnotation+"scheme"]
	if scheme == "internet-facing" && (f.cloud == "" || f.cloud == aws) {
		public = append(public, "annotation aws-load-balancer-scheme is "+scheme)
	}
	switch {
	case len(internal) > 0 && len(public) > 0:
		v.because = slices.Concat(internal, public, []string{"which of them counts is not known"})
	case len(internal) > 0:
		v.public, v.stated, v.because = enforcer.No, true, internal
	case scheme == "internal" && (f.cloud == "" || f.cloud == aws):
		v.because = []string{"annotation aws-load-balancer-scheme is internal, but only the AWS Load Balancer Controller heeds it, and nothing says that it makes this load balancer"}
	case len(public) > 0:
		v.public, v.stated, v.because = enforcer.Yes, true, slices.Concat(public, foreign)
	default:
		v.public, v.because = enforcer.Yes, append(foreign, "by default a cloud load balancer is public")
		if f.cloud == "" {
			if public, why := f.pools(); why != "" {
				v.public, v.because = public, append(foreign, why)
			}
		}
	}
	return v
}

// pools judges by the address pools of load balancers inside the cluster (MetalLB, Cilium). The text is ""
// when there are none.
func (f *finder) pools() (enforcer.Answer, string) {
	var all netset.Addrs
	n := 0
	read := func(o *object.Object, v *object.Value, text string) bool {
		n++
		a, err := netset.ParseAddrs(text)
		if err != nil {
			f.problem(o, v, "address pool "+text+": "+err.Error(), "")
		}
		all = all.Union(a)
		return err == nil
	}
	ok := true
	for _, o := range f.cluster.Kind("metallb.io", "IPAddressPool") {
		for _, v := range o.Root.Get("spec", "addresses").List() {
			ok = read(o, v, v.Str()) && ok
		}
	}
	for _, o := range f.cluster.Kind("cilium.io", "CiliumLoadBalancerIPPool") {
		for _, v := range o.Root.Get("spec", "blocks").List() {
			text := v.Get("cidr").Str()
			if text == "" {
				text = v.Get("start").Str()
				if stop := v.Get("stop").Str(); stop != "" {
					text += "-" + stop
				}
			}
			ok = read(o, v, text) && ok
		}
	}
	switch {
	case n == 0:
		return enforcer.Unknown, ""
	case ok && !hasPublic(all):
		return enforcer.No, "the address pools of load balancers hold private addresses only"
	case !ok || !publicAddrs().Covers(all):
		return enforcer.Unknown, "which address pool it takes its address from is not known"
	}
	return enforcer.Yes, "the address pools of load balancers hold public addresses"
}

func (f *finder) loadBalancer(s *cluster.Service, e Entry) Entry {
	v := f.frontend(s)
	r := f.ranges(s, v)
	e.Kind, e.Public, e.Sources = LoadBalancer, v.public, r.sources
	why := slices.Concat(v.because, r.because)
	switch {
	case v.public == enforcer.No:
	case !r.understood:
		e.Public = enforcer.Unknown
	case r.hole:
		e.Public = enforcer.Unknown
		why = append(why, "whether clients of that family get in is up to the load balancer")
	case hasPublic(r.sources):
	case r.sure:
		e.Public = enforcer.No
		why = append(why, "no public address is let in")
	default:
		e.Public = enforcer.Unknown
		why = append(why, "source ranges count only if the load balancer heeds them, and which one it is is not known")
	}
	if kept, because := awsKept(s, v, e.SourcesKept); because != "" {
		e.SourcesKept, e.Because = kept, append([]string{because}, e.Because[1:]...)
	}
	e.Because = append(why, e.Because...)
	return e
}

// awsKept knows the AWS load balancers that put their own address in place of the client's: the classic one,
// and network load balancers with pod targets unless told to keep it. The text is "" when it has nothing to
// say.
func awsKept(s *cluster.Service, v verdict, kept enforcer.Answer) (enforcer.Answer, string) {
	kind := s.Annotations[awsAnnotation+"type"]
	if v.cloud != aws {
		return kept, ""
	}
	auto := s.Object.Root.Get("spec", "loadBalancerClass").Str() == "eks.amazonaws.com/nlb"
	switch {
	case !v.byAWS && kind != "nlb":
		return enforcer.No, "a classic AWS load balancer puts its own address in place of the client's"
	case v.byAWS && (kind == "nlb-ip" || auto || s.Annotations[awsAnnotation+"nlb-target-type"] == "ip"):
		if strings.Contains(s.Annotations[awsAnnotation+"target-group-attributes"], "preserve_client_ip.enabled=true") {
			return enforcer.Yes, "preserve_client_ip.enabled is true"
		}
		return enforcer.No, "an AWS network load balancer with pod targets puts its own address in place of the client's"
	}
	return kept, ""
}
