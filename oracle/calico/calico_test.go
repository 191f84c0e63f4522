package calico_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/oracle/calico"
	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

func profile(t *testing.T) enforcer.Profile {
	t.Helper()
	p, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ownNode leaves out traffic between a pod and host-network pods of its own node, which takes other chains.
func ownNode(_ *world.World, p world.Packet) string {
	host := func(q *corev1.Pod) bool { return q != nil && q.Spec.HostNetwork }
	if p.Src.Pod != nil && p.Dst.Pod != nil && (host(p.Src.Pod) || host(p.Dst.Pod)) && p.Src.Pod.Spec.NodeName == p.Dst.Pod.Spec.NodeName {
		return "a pod and its own node"
	}
	return ""
}

func TestNetworkPolicy(t *testing.T) {
	world.Contest{
		Engines: calico.Felix,
		Draw: func(d *world.Draw) {
			d.AnyProtocol = true
			d.Cluster(world.Limits{OneNode: true})
			d.Isolate()
			d.NetworkPolicies(8)
		},
		Profile:    profile(t),
		Skip:       ownNode,
		Everyday:   10_000,
		Constructs: "testdata/networkpolicy.txt",
	}.Run(t)
}

// unsettled: which of two policies of one order and different kinds comes first has changed between releases;
// types of ICMP, rare protocols and ports of the source are not told apart.
var unsettled = []string{"tie", "partly", "not-understood"}

func TestCalicoPolicies(t *testing.T) {
	world.Contest{
		Engines: calico.Felix,
		Draw: func(d *world.Draw) {
			d.AnyProtocol = true
			d.Cluster(world.Limits{OneNode: true})
			d.NetworkPolicies(2)
			d.Forget()
			calico.Draw(d, 4)
		},
		Profile:    profile(t),
		Skip:       ownNode,
		Unsettled:  unsettled,
		Problems:   []string{"not told"},
		Everyday:   10_000,
		Constructs: "testdata/calico.txt",
	}.Run(t)
}
