package enforcer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func TestAnswerString(t *testing.T) {
	for a, want := range map[enforcer.Answer]string{0: "unknown", enforcer.Yes: "yes", enforcer.No: "no", 9: "answer(9)"} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	want := []string{
		"kube", "calico", "cilium", "antrea", "ovn-kubernetes", "kube-router", "kindnet", "k3s", "weave", "aws",
		"gke", "azure", "none", "unknown",
	}
	if d := cmp.Diff(want, enforcer.Names()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, n := range want {
		p, err := enforcer.Named(n)
		if err != nil || p.Name != n || !p.Stated {
			t.Errorf("Named(%q) is %+v, %v", n, p, err)
		}
		if p.Enforces != enforcer.Yes && p.PodsByAddr == enforcer.Yes {
			t.Errorf("%s does not surely enforce and claims fine points", n)
		}
	}
}

func TestNamedError(t *testing.T) {
	p, err := enforcer.Named("flannel")
	want := `enforcer "flannel" is not known; want one of kube, calico, cilium, antrea, ovn-kubernetes, ` +
		"kube-router, kindnet, k3s, weave, aws, gke, azure, none, unknown"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if d := cmp.Diff(enforcer.Profile{}, p); d != "" {
		t.Errorf("a profile beside the error:\n%s", d)
	}
}

func TestHonours(t *testing.T) {
	np := object.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}
	old := object.GroupKind{Group: "extensions", Kind: "NetworkPolicy"}
	anp := object.GroupKind{Group: "policy.networking.k8s.io", Kind: "AdminNetworkPolicy"}
	gnp := object.GroupKind{Group: "projectcalico.org", Kind: "GlobalNetworkPolicy"}
	crd := object.GroupKind{Group: "crd.projectcalico.org", Kind: "NetworkPolicy"}
	staged := object.GroupKind{Group: "projectcalico.org", Kind: "StagedNetworkPolicy"}
	cnp := object.GroupKind{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}
	acnp := object.GroupKind{Group: "crd.antrea.io", Kind: "ClusterNetworkPolicy"}
	ovn := object.GroupKind{Group: "k8s.ovn.org", Kind: "EgressFirewall"}
	mesh := object.GroupKind{Group: "security.istio.io", Kind: "AuthorizationPolicy"}
	other := object.GroupKind{Group: "example.com", Kind: "Rule"}
	const y, n, u = enforcer.Yes, enforcer.No, enforcer.Unknown
	kinds := []object.GroupKind{np, old, anp, gnp, crd, staged, cnp, acnp, ovn, mesh, other}
	for name, want := range map[string][]enforcer.Answer{
		"kube":           {y, y, u, n, n, n, n, n, n, y, u},
		"calico":         {y, y, u, y, y, n, n, n, n, y, u},
		"cilium":         {y, y, u, n, n, n, y, n, n, y, u},
		"gke":            {y, y, u, n, n, n, u, n, n, y, u},
		"aws":            {y, y, u, n, n, n, n, n, n, y, u},
		"azure":          {y, y, n, n, n, n, n, n, n, y, u},
		"kube-router":    {y, y, u, n, n, n, n, n, n, y, u},
		"k3s":            {y, y, u, n, n, n, n, n, n, y, u},
		"kindnet":        {y, y, u, n, n, n, n, n, n, y, u},
		"antrea":         {y, y, u, n, n, n, n, y, n, y, u},
		"ovn-kubernetes": {y, y, u, n, n, n, n, n, y, y, u},
		"weave":          {y, y, n, n, n, n, n, n, n, y, u},
		"none":           {n, n, n, n, n, n, n, n, n, y, n},
		"unknown":        {u, u, u, u, u, n, u, u, u, y, u},
	} {
		p, err := enforcer.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range kinds {
			if got := p.Honours(k); got != want[i] {
				t.Errorf("%s honours %v: %v, want %v", name, k, got, want[i])
			}
		}
	}
}

// Every row of the table: whether policies count, pods and nodes by address, endPort, SCTP, egress, and what
// else is denied.
func TestProfiles(t *testing.T) {
	const y, n, u = enforcer.Yes, enforcer.No, enforcer.Unknown
	want := map[string][7]enforcer.Answer{
		"kube":           {y, y, y, y, y, y, u},
		"calico":         {y, y, y, y, y, y, y},
		"cilium":         {y, n, n, y, u, y, y},
		"antrea":         {y, y, y, y, y, y, u},
		"ovn-kubernetes": {y, y, y, y, y, y, u},
		"kube-router":    {y, y, y, y, u, y, u},
		"kindnet":        {y, y, y, y, y, y, u},
		"k3s":            {y, y, y, y, u, y, u},
		"weave":          {y, y, y, n, u, y, u},
		"aws":            {y, u, u, y, u, y, u},
		"gke":            {y, n, n, y, u, y, u},
		"azure":          {y, y, y, u, u, y, u},
		"none":           {n, n, n, n, n, n, n},
		"unknown":        {},
	}
	for _, name := range enforcer.Names() {
		p, err := enforcer.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		got := [7]enforcer.Answer{p.Enforces, p.PodsByAddr, p.NodesByAddr, p.EndPort, p.SCTP, p.Egress, p.OtherProtocols}
		if d := cmp.Diff(want[name], got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// A Multus policy is for further networks, and enforced by a controller that no engine brings.
func TestHonoursMultus(t *testing.T) {
	for _, name := range enforcer.Names() {
		p, err := enforcer.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Honours(object.GroupKind{Group: "k8s.cni.cncf.io", Kind: "MultiNetworkPolicy"}); got != enforcer.Unknown {
			t.Errorf("%s: %v, want unknown", name, got)
		}
	}
}
