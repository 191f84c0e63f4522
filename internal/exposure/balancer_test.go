package exposure_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
)

const (
	onAWS   = "apiVersion: v1\nkind: Node\nmetadata: {name: node1}\nspec: {providerID: \"aws:///eu-west-1a/i-1\"}\n---\n"
	onGCP   = "apiVersion: v1\nkind: Node\nmetadata: {name: node1}\nspec: {providerID: \"gce://p/z/n\"}\n---\n"
	onAzure = "apiVersion: v1\nkind: Node\nmetadata: {name: node1, labels: {kubernetes.azure.com/cluster: c}}\n---\n"
	onEKS   = "apiVersion: v1\nkind: Node\nmetadata: {name: node1, labels: {eks.amazonaws.com/nodegroup: g}}\n---\n"
	onKind  = "apiVersion: v1\nkind: Node\nmetadata: {name: node1}\nspec: {providerID: \"kind://docker/kind/n\"}\n---\n"
	onTwo   = onAWS + "apiVersion: v1\nkind: Node\nmetadata: {name: m}\nspec: {providerID: \"gce://p/z/m\"}\n---\n"

	awsLB = "service.beta.kubernetes.io/aws-load-balancer-"
)

func TestLoadBalancer(t *testing.T) {
	status := func(s string) string { return "status: {loadBalancer: {ingress: [" + s + "]}}" }
	for _, c := range []struct {
		name        string
		before      string // objects
		annotations string // flow map entries
		spec        string // flow map entries
		after       string // lines after spec
		want        enforcer.Answer
		from        string // Sources; "" is everyone
		because     string // part of a reason
	}{
		{name: "plain", want: enforcer.Yes, because: "by default a cloud load balancer is public"},
		{name: "plain on two clouds", before: onTwo, want: enforcer.Yes},

		// Status addresses.
		{name: "public address", after: status("{ip: 203.0.113.7}"), want: enforcer.Yes, because: "203.0.113.7 is public"},
		{name: "private address", after: status("{ip: 10.0.0.7}"), want: enforcer.No, because: "10.0.0.7 is private"},
		{name: "one of both", after: status("{ip: 10.0.0.7}, {ip: \"2001:db8::7\"}"), want: enforcer.Yes},
		{name: "public address against an internal mark", annotations: "networking.gke.io/load-balancer-type: Internal", after: status("{ip: 203.0.113.7}"), want: enforcer.Yes},
		{name: "private address, public asked for", annotations: awsLB + "scheme: internet-facing", after: status("{ip: 10.0.0.7}"), want: enforcer.Unknown},
		{name: "a name tells nothing", after: status("{hostname: x.elb.eu-west-1.amazonaws.com}"), want: enforcer.Yes},
		{name: "the name of an internal ELB", after: status("{hostname: internal-x.eu-west-1.elb.amazonaws.com}"), want: enforcer.No},
		{name: "a name that only looks so", after: status("{hostname: internal-x.example.com}"), want: enforcer.Yes},

		// AWS.
		{name: "AWS controller by class", spec: "loadBalancerClass: service.k8s.aws/nlb", want: enforcer.No, because: "internal load balancers by default"},
		{name: "AWS controller by type", annotations: awsLB + "type: external", want: enforcer.No},
		{name: "AWS controller by old type", annotations: awsLB + "type: nlb-ip", want: enforcer.No},
		{name: "AWS controller, internet-facing", annotations: awsLB + "type: external, " + awsLB + "scheme: internet-facing", want: enforcer.Yes},
		{name: "AWS controller, internal", annotations: awsLB + "type: external, " + awsLB + "scheme: internal", want: enforcer.No},
		{name: "AWS controller, no such scheme", annotations: awsLB + "type: external, " + awsLB + "scheme: outside", want: enforcer.Unknown},
		{name: "AWS controller, old annotation", annotations: awsLB + "type: external, " + awsLB + "internal: \"false\"", want: enforcer.Yes},
		{name: "AWS controller, old annotation true", annotations: awsLB + "type: external, " + awsLB + "internal: \"true\"", want: enforcer.No},
		{name: "the type of AWS on GCP", before: onGCP, annotations: awsLB + "type: external", want: enforcer.Yes},
		{name: "EKS Auto Mode", spec: "loadBalancerClass: eks.amazonaws.com/nlb", want: enforcer.No},
		{name: "AWS cloud provider, network load balancer", annotations: awsLB + "type: nlb", want: enforcer.Yes},
		{name: "AWS cloud provider, internal", annotations: awsLB + "internal: \"true\"", want: enforcer.No},
		{name: "AWS cloud provider, internal as it was once written", annotations: awsLB + "internal: 0.0.0.0/0", want: enforcer.No},
		{name: "AWS cloud provider, not internal", annotations: awsLB + "internal: \"false\"", want: enforcer.Yes},
		{name: "scheme alone means nothing to the AWS cloud provider", annotations: awsLB + "scheme: internal", want: enforcer.Unknown, because: "nothing says that it makes this load balancer"},
		{name: "scheme and internal disagree", annotations: awsLB + "scheme: internet-facing, " + awsLB + "internal: \"true\"", want: enforcer.Unknown},

		// Others.
		{name: "GKE", annotations: "networking.gke.io/load-balancer-type: Internal", want: enforcer.No},
		{name: "GKE, old", annotations: "cloud.google.com/load-balancer-type: internal", want: enforcer.No},
		{name: "GKE, external", annotations: "networking.gke.io/load-balancer-type: External", want: enforcer.Yes},
		{name: "GKE class", spec: "loadBalancerClass: networking.gke.io/l4-regional-internal", want: enforcer.No},
		{name: "GKE class, external", spec: "loadBalancerClass: networking.gke.io/l4-regional-external", want: enforcer.Yes},
		{name: "Azure", annotations: "service.beta.kubernetes.io/azure-load-balancer-internal: \"true\"", want: enforcer.No},
		{name: "Azure mark on AWS", before: onEKS, annotations: "service.beta.kubernetes.io/azure-load-balancer-internal: \"true\"", want: enforcer.Yes, because: "means nothing on aws"},
		{name: "two clouds' marks against each other", annotations: "service.beta.kubernetes.io/azure-load-balancer-internal: \"true\", networking.gke.io/load-balancer-type: External", want: enforcer.Unknown},
		{name: "OpenStack", annotations: "service.beta.kubernetes.io/openstack-internal-load-balancer: \"true\"", want: enforcer.No},
		{name: "another class", spec: "loadBalancerClass: example.com/lb", want: enforcer.Unknown, because: "class example.com/lb"},

		// Pools.
		{name: "MetalLB, private", before: "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [192.168.1.240-192.168.1.250, \"fd00::/120\"]}\n---\n", want: enforcer.No},
		{name: "MetalLB, public", before: onKind + "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [203.0.113.0/24]}\n---\n", want: enforcer.Yes, because: "hold public"},
		{name: "MetalLB, both", before: "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [203.0.113.0/24, 10.0.0.0/24]}\n---\n", want: enforcer.Unknown},
		{name: "pools do not count in a cloud", before: onAWS + "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/24]}\n---\n", want: enforcer.Yes},
		{name: "Cilium, private", before: "apiVersion: cilium.io/v2alpha1\nkind: CiliumLoadBalancerIPPool\nmetadata: {name: p}\nspec: {blocks: [{cidr: 10.0.10.0/24}, {start: 10.0.20.1, stop: 10.0.20.9}, {start: 10.0.30.1}]}\n---\n", want: enforcer.No},

		// Source ranges.
		{name: "internal with ranges", annotations: "networking.gke.io/load-balancer-type: Internal", spec: "loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.No, from: "10.0.0.0/8"},
		{name: "private ranges of a known cloud", before: onGCP, spec: "loadBalancerSourceRanges: [10.0.0.0/8, 192.168.0.0/16]", want: enforcer.No, from: "10.0.0.0/8,192.168.0.0/16"},
		{name: "private ranges that may not be heeded", spec: "loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.Unknown, from: "10.0.0.0/8"},
		{name: "public ranges", spec: "loadBalancerSourceRanges: [203.0.113.0/24]", want: enforcer.Yes, from: "203.0.113.0/24"},
		{name: "ranges by annotation", annotations: "service.beta.kubernetes.io/load-balancer-source-ranges: \"203.0.113.0/24, 198.51.100.1/32\"", want: enforcer.Yes, from: "198.51.100.1/32,203.0.113.0/24"},
		{name: "the field is stronger than the annotation", annotations: "service.beta.kubernetes.io/load-balancer-source-ranges: 0.0.0.0/0", spec: "loadBalancerSourceRanges: [203.0.113.0/24]", want: enforcer.Yes, from: "203.0.113.0/24"},
		{name: "security groups make ranges moot", annotations: awsLB + "type: external, " + awsLB + "scheme: internet-facing, " + awsLB + "security-groups: sg-1", spec: "loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.Yes},
		{name: "Azure ranges", before: onAzure, annotations: "service.beta.kubernetes.io/azure-allowed-ip-ranges: 203.0.113.0/24", want: enforcer.Yes, from: "203.0.113.0/24"},
		{name: "Azure ranges add to the others", before: onAzure, annotations: "service.beta.kubernetes.io/azure-allowed-ip-ranges: 203.0.113.0/24", spec: "loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.Yes, from: "10.0.0.0/8,203.0.113.0/24"},
		{name: "Azure ranges mean nothing on AWS", before: onAWS, annotations: "service.beta.kubernetes.io/azure-allowed-ip-ranges: 203.0.113.0/24", want: enforcer.Yes},
		{name: "Azure service tags", before: onAzure, annotations: "service.beta.kubernetes.io/azure-allowed-service-tags: AzureCloud", spec: "loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.Yes},
		{name: "no range for the other family", before: onGCP, spec: "ipFamilies: [IPv4, IPv6], loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.Unknown, from: "10.0.0.0/8,::/0", because: "IPv6, which no source range limits"},
		{name: "no range for IPv4", before: onGCP, spec: "ipFamilyPolicy: RequireDualStack, loadBalancerSourceRanges: [\"fd00::/8\"]", want: enforcer.Unknown, from: "0.0.0.0/0,fd00::/8"},
		{name: "no second family on a cluster of one", before: onGCP, spec: "ipFamilyPolicy: PreferDualStack, loadBalancerSourceRanges: [10.0.0.0/8]", want: enforcer.No, from: "10.0.0.0/8"},
		{name: "ranges of both families", before: onGCP, spec: "ipFamilyPolicy: RequireDualStack, loadBalancerSourceRanges: [10.0.0.0/8, \"fd00::/8\"]", want: enforcer.No, from: "10.0.0.0/8,fd00::/8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := "type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 443}]"
			if c.spec != "" {
				spec += ", " + c.spec
			}
			set := find(t, c.before+"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {"+c.annotations+"}}\nspec: {"+spec+"}\n"+c.after, cluster.Options{})
			if len(set.Entries) != 1 {
				t.Fatalf("got %d entries, want 1: %s", len(set.Entries), lines(set))
			}
			e := set.Entries[0]
			from := e.Sources.String()
			if e.Sources.IsAll() {
				from = ""
			}
			if e.Kind != exposure.LoadBalancer || e.Public != c.want || from != c.from || !strings.Contains(strings.Join(e.Because, "; "), c.because) {
				t.Errorf("got %s because %q; want public=%s from=%q because %q", line(e), e.Because, c.want, c.from, c.because)
			}
			for _, p := range set.Problems {
				t.Errorf("problem: %s", p)
			}
		})
	}
}

// What cannot be read counts as everyone, with the place.
func TestUnreadableRanges(t *testing.T) {
	for _, c := range []struct {
		name, yaml, problem string
		want                enforcer.Answer
	}{
		{
			name:    "range",
			yaml:    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  type: LoadBalancer\n  allocateLoadBalancerNodePorts: false\n  ports: [{port: 80}, {port: 443, name: b}]\n  loadBalancerSourceRanges:\n    - 10.0.0.0/8\n    - 10.0.0\n",
			problem: "in.yaml:10: Service default/s: source range 10.0.0:", want: enforcer.Unknown,
		},
		{
			name:    "range of an internal one",
			yaml:    "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    networking.gke.io/load-balancer-type: Internal\n    service.beta.kubernetes.io/load-balancer-source-ranges: x\nspec:\n  type: LoadBalancer\n  allocateLoadBalancerNodePorts: false\n  ports: [{port: 80}]\n",
			problem: "in.yaml:7: Service default/s: source range x:", want: enforcer.No,
		},
		{
			name:    "pool",
			yaml:    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p, namespace: m}\nspec:\n  addresses:\n    - 10.0.0.0/33\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}\n",
			problem: "in.yaml:6: IPAddressPool m/p: address pool 10.0.0.0/33:", want: enforcer.Unknown,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, c.yaml, cluster.Options{})
			if len(set.Problems) != 1 || !strings.HasPrefix(set.Problems[0].String(), c.problem) {
				t.Errorf("got %v, want one that begins %q", set.Problems, c.problem)
			}
			for _, e := range set.Entries {
				if e.Public != c.want || !e.Sources.IsAll() {
					t.Errorf("got %s, want public=%s from everyone", line(e), c.want)
				}
			}
		})
	}
}

// Load balancers of AWS that put their own address in place of the client's.
func TestKeptByAWS(t *testing.T) {
	for _, c := range []struct {
		name, before, annotations, spec string
		want                            enforcer.Answer
	}{
		{name: "classic", before: onAWS, want: enforcer.No},
		{name: "network", before: onAWS, annotations: awsLB + "type: nlb", want: enforcer.Yes},
		{name: "network by the controller, to nodes", before: onAWS, annotations: awsLB + "type: external", want: enforcer.Yes},
		{name: "to pods", before: onAWS, annotations: awsLB + "type: external, " + awsLB + "nlb-target-type: ip", want: enforcer.No},
		{name: "to pods, old type", annotations: awsLB + "type: nlb-ip", want: enforcer.No},
		{name: "to pods, kept", annotations: awsLB + "type: nlb-ip, " + awsLB + "target-group-attributes: \"preserve_client_ip.enabled=true\"", want: enforcer.Yes},
		{name: "Auto Mode", spec: ", loadBalancerClass: eks.amazonaws.com/nlb", want: enforcer.No},
		{name: "elsewhere", before: onGCP, want: enforcer.Yes},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, c.before+"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {"+c.annotations+"}}\nspec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, externalTrafficPolicy: Local, ports: [{port: 80}]"+c.spec+"}\n", cluster.Options{})
			if got := set.Entries[0].SourcesKept; got != c.want {
				t.Errorf("kept: got %s, want %s; %q", got, c.want, set.Entries[0].Because)
			}
		})
	}
}
