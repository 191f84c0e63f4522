package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func anObject(group, kind, namespace string) *object.Object {
	return &object.Object{Ref: object.Ref{Group: group, Kind: kind, Namespace: namespace, Name: "x"}, Root: &object.Value{Kind: object.Map}}
}

func TestFindOpaque(t *testing.T) {
	for _, c := range []struct {
		group, kind, namespace string
		want                   string // the namespace it can affect, "all", or "" for not opaque
		restricts              bool
	}{
		{"example.com", "ClusterNetworkPolicy", "", "all", false},
		{"crd.antrea.io", "NetworkPolicy", "shop", "shop", false},
		{"crd.antrea.io", "ClusterNetworkPolicy", "", "all", false},
		{"crd.antrea.io", "Tier", "", "", false}, // does nothing without policies
		{"k8s.ovn.org", "EgressFirewall", "shop", "shop", false},
		{"networking.istio.io", "VirtualService", "shop", "", false},
		{"k8s.cni.cncf.io", "MultiNetworkPolicy", "shop", "shop", true},
		{"security.antrea.tanzu.vmware.com", "ClusterNetworkPolicy", "", "all", false},
		{"networking.k8s.aws", "ApplicationNetworkPolicy", "shop", "shop", false},
		{"networking.k8s.aws", "PolicyEndpoint", "shop", "", false}, // a computed copy
		{"vpcresources.k8s.aws", "SecurityGroupPolicy", "shop", "shop", false},
		{"k8s.ovn.org", "UserDefinedNetwork", "shop", "shop", true},
		{"k8s.ovn.org", "EgressIP", "", "", false}, // changes addresses only
		{"kubeovn.io", "SecurityGroup", "", "all", true},
		{"security.kubearmor.com", "KubeArmorPolicy", "shop", "shop", true},
		{"access.smi-spec.io", "TrafficTarget", "shop", "all", true},
		{"policy.linkerd.io", "Server", "shop", "shop", true},
		{"consul.hashicorp.com", "ServiceIntentions", "shop", "all", true},
		{"example.com", "AcmeNetworkPolicy", "shop", "shop", false},
		{"example.com", "EdgeFirewallPolicy", "", "all", false},
		{"controlplane.antrea.io", "NetworkPolicy", "shop", "", false}, // a computed copy
		{"constraints.gatekeeper.sh", "K8sRequireNetworkPolicy", "", "", false},
		{"kyverno.io", "ClusterPolicy", "", "", false},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "", "", false},
		{"networking.k8s.io", "NetworkPolicyList", "", "", false},
		{"networking.k8s.io", "NetworkPolicy", "shop", "", false}, // known
		{"policy", "PodDisruptionBudget", "shop", "", false},
	} {
		cl, _ := cluster.New([]*object.Object{anObject(c.group, c.kind, c.namespace)}, cluster.Options{})
		known := func(gk object.GroupKind) bool {
			return gk == object.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}
		}
		got := policy.FindOpaque(cl, known)
		var want []policy.Opaque
		if c.want != "" {
			o := policy.Opaque{Ref: object.Ref{Group: c.group, Kind: c.kind, Namespace: c.namespace, Name: "x"}, Namespace: c.want, Restricts: c.restricts}
			if c.want == "all" {
				o.Namespace = ""
			}
			want = append(want, o)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s in %q (-want +got):\n%s", c.group, c.kind, c.namespace, diff)
		}
	}
}

func TestFindOpaqueSorted(t *testing.T) {
	cl, _ := cluster.New([]*object.Object{
		anObject("k8s.ovn.org", "EgressFirewall", "z"), anObject("k8s.ovn.org", "EgressFirewall", "a"),
	}, cluster.Options{})
	got := policy.FindOpaque(cl, func(object.GroupKind) bool { return false })
	if len(got) != 2 || got[0].Namespace != "a" {
		t.Errorf("got %+v", got)
	}
}

// TestHostFirewall: a clusterwide policy of Cilium is modelled, and what it says of nodes is not.
func TestHostFirewall(t *testing.T) {
	rule := func(fields ...string) *object.Value {
		v := &object.Value{Kind: object.Map}
		for _, f := range fields {
			v.Fields = append(v.Fields, object.Field{Name: f, Value: &object.Value{Kind: object.Map}})
		}
		return v
	}
	for _, c := range []struct {
		name string
		root *object.Value
		want bool
	}{
		{"spec about pods", &object.Value{Kind: object.Map, Fields: []object.Field{{Name: "spec", Value: rule("endpointSelector", "ingress")}}}, false},
		{"spec about nodes", &object.Value{Kind: object.Map, Fields: []object.Field{{Name: "spec", Value: rule("nodeSelector", "ingress")}}}, true},
		{"second of specs", &object.Value{Kind: object.Map, Fields: []object.Field{{Name: "specs", Value: &object.Value{
			Kind: object.List, Items: []*object.Value{rule("endpointSelector"), rule("nodeSelector")},
		}}}}, true},
		{"nothing", &object.Value{Kind: object.Map}, false},
	} {
		o := anObject("cilium.io", "CiliumClusterwideNetworkPolicy", "")
		o.Root = c.root
		cl, _ := cluster.New([]*object.Object{o}, cluster.Options{})
		got := policy.FindOpaque(cl, func(object.GroupKind) bool { return true })
		switch {
		case len(got) > 0 != c.want:
			t.Errorf("%s: got %+v", c.name, got)
		case c.want && (!got[0].Hosts || !got[0].Restricts || got[0].Namespace != "" || got[0].Msg == ""):
			t.Errorf("%s: got %+v", c.name, got[0])
		}
	}
}

// TestHostEndpoints: they close nodes, and leave pods alone.
func TestHostEndpoints(t *testing.T) {
	for _, group := range []string{"projectcalico.org", "crd.projectcalico.org"} {
		cl, _ := cluster.New([]*object.Object{anObject(group, "HostEndpoint", "")}, cluster.Options{})
		got := policy.FindOpaque(cl, func(object.GroupKind) bool { return false })
		if len(got) != 1 || !got[0].Hosts || !got[0].Restricts || !strings.Contains(got[0].Msg, "failsafe ports") {
			t.Errorf("%s: got %+v", group, got)
		}
	}
}

func TestWords(t *testing.T) {
	got := []string{
		policy.Ingress.String(), policy.Egress.String(), policy.Direction(7).String(),
		policy.Allow.String(), policy.Deny.String(), policy.Pass.String(), policy.Action(7).String(),
	}
	want := []string{"ingress", "egress", "direction(7)", "allow", "deny", "pass", "action(7)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
