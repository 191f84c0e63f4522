package knp_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/oracle/knp"
	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// profile is upstream's, with what it leaves open settled as the engine has it: no selector matches a
// host-network pod.
func profile(t *testing.T) enforcer.Profile {
	t.Helper()
	p, err := enforcer.Named("kube")
	if err != nil {
		t.Fatal(err)
	}
	p.HostPods = enforcer.No
	return p
}

// ownNode leaves out traffic between a pod and host-network pods of its own node: it does not come by the engine.
func ownNode(_ *world.World, p world.Packet) string {
	host := func(q *corev1.Pod) bool { return q != nil && q.Spec.HostNetwork }
	if p.Src.Pod != nil && p.Dst.Pod != nil && (host(p.Src.Pod) || host(p.Dst.Pod)) && p.Src.Pod.Spec.NodeName == p.Dst.Pod.Spec.NodeName {
		return "a pod and its own node"
	}
	return ""
}

func TestNetworkPolicy(t *testing.T) {
	world.Contest{
		Engines: knp.NetworkPolicies,
		Draw: func(d *world.Draw) {
			d.Cluster(world.Limits{})
			d.Isolate()
			d.NetworkPolicies(8)
		},
		Profile:    profile(t),
		Skip:       ownNode,
		Everyday:   10_000,
		Constructs: "testdata/networkpolicy.txt",
	}.Run(t)
}

// adminUnsettled: what a domain name stands for is not in the input. Engines that take one order throughout are
// more certain than an answer that allows for any order at each end by itself. And where the API leaves open
// whether the Baseline tier counts, our answer does not look whether it would say the same as no tier at all.
var adminUnsettled = []string{"not-understood", "tie", "engine-habit"}

func TestClusterNetworkPolicy(t *testing.T) {
	world.Contest{
		Engines: knp.ClusterNetworkPolicies,
		Draw: func(d *world.Draw) {
			d.Cluster(world.Limits{})
			d.NetworkPolicies(3)
			d.Forget()
			knp.DrawClusterNetworkPolicies(d)
		},
		Profile:    profile(t),
		Skip:       ownNode,
		Unsettled:  adminUnsettled,
		Problems:   []string{"domainNames: the addresses of"},
		Everyday:   10_000,
		Constructs: "testdata/clusternetworkpolicy.txt",
	}.Run(t)
}

func TestAdminNetworkPolicy(t *testing.T) {
	world.Contest{
		Engines: knp.AdminNetworkPolicies,
		Draw: func(d *world.Draw) {
			d.Cluster(world.Limits{})
			d.NetworkPolicies(3)
			d.Forget()
			knp.DrawAdminNetworkPolicies(d)
		},
		Profile:    profile(t),
		Skip:       ownNode,
		Unsettled:  adminUnsettled,
		Problems:   []string{"domainNames: the addresses of"},
		Everyday:   10_000,
		Constructs: "testdata/adminnetworkpolicy.txt",
	}.Run(t)
}
