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
	admin := object.GroupKind{Group: "policy.networking.k8s.io", Kind: "ClusterNetworkPolicy"}
	gnp := object.GroupKind{Group: "projectcalico.org", Kind: "GlobalNetworkPolicy"}
	crd := object.GroupKind{Group: "crd.projectcalico.org", Kind: "NetworkPolicy"}
	staged := object.GroupKind{Group: "projectcalico.org", Kind: "StagedNetworkPolicy"}
	cnp := object.GroupKind{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}
	acnp := object.GroupKind{Group: "crd.antrea.io", Kind: "ClusterNetworkPolicy"}
	ovn := object.GroupKind{Group: "k8s.ovn.org", Kind: "EgressFirewall"}
	sdn := object.GroupKind{Group: "network.openshift.io", Kind: "EgressNetworkPolicy"}
	aws := object.GroupKind{Group: "networking.k8s.aws", Kind: "ApplicationNetworkPolicy"}
	gke := object.GroupKind{Group: "networking.gke.io", Kind: "FQDNNetworkPolicy"}
	sgp := object.GroupKind{Group: "vpcresources.k8s.aws", Kind: "SecurityGroupPolicy"}
	istio := object.GroupKind{Group: "security.istio.io", Kind: "AuthorizationPolicy"}
	linkerd := object.GroupKind{Group: "policy.linkerd.io", Kind: "Server"}
	other := object.GroupKind{Group: "example.com", Kind: "Rule"}
	const y, n, u = enforcer.Yes, enforcer.No, enforcer.Unknown
	kinds := []object.GroupKind{np, old, anp, admin, gnp, crd, staged, cnp, acnp, ovn, sdn, aws, gke, sgp, istio, linkerd, other}
	for name, want := range map[string][]enforcer.Answer{
		"kube":           {y, y, y, y, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"calico":         {y, y, u, u, y, y, n, n, n, n, n, n, n, u, u, y, u},
		"cilium":         {y, y, n, u, n, n, n, y, n, n, n, n, n, u, u, y, u},
		"gke":            {y, y, u, u, n, n, n, u, n, n, n, n, u, u, u, y, u},
		"aws":            {y, y, u, u, n, n, n, n, n, n, n, u, n, u, u, y, u},
		"azure":          {y, y, n, n, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"kube-router":    {y, y, u, u, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"k3s":            {y, y, u, u, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"kindnet":        {y, y, u, u, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"antrea":         {y, y, u, u, n, n, n, n, y, n, n, n, n, u, u, y, u},
		"ovn-kubernetes": {y, y, u, u, n, n, n, n, n, y, n, n, n, u, u, y, u},
		"weave":          {y, y, n, n, n, n, n, n, n, n, n, n, n, u, u, y, u},
		"none":           {n, n, n, n, n, n, n, n, n, n, n, n, n, u, u, y, n},
		"unknown":        {u, u, u, u, u, u, n, u, u, u, u, u, u, u, u, y, u},
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

// What was found out of a kind goes before the name of the engine, unless nothing is enforced at all.
func TestHonoursSingleKinds(t *testing.T) {
	cnp := object.GroupKind{Group: "policy.networking.k8s.io", Kind: "ClusterNetworkPolicy"}
	p, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	p.Kinds = []enforcer.KindAnswer{{Kind: cnp, Honour: enforcer.Yes}}
	for enforces, want := range map[enforcer.Answer]enforcer.Answer{
		enforcer.Yes: enforcer.Yes, enforcer.No: enforcer.No, enforcer.Unknown: enforcer.Unknown,
	} {
		p.Enforces = enforces
		if got := p.Honours(cnp); got != want {
			t.Errorf("enforces %v: got %v, want %v", enforces, got, want)
		}
	}
	istio := object.GroupKind{Group: "networking.istio.io", Kind: "Sidecar"}
	if p.Mesh = enforcer.Yes; p.Honours(istio) != enforcer.Yes {
		t.Errorf("with a mesh: %v", p.Honours(istio))
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

// The rest of each row: node peers, rules of types not named, baseline over isolation, baseline by direction, host-network pods by
// selector, from the own node, to it, dropped to it, and pods without an owner.
func TestProfilesFinePoints(t *testing.T) {
	const y, n, u = enforcer.Yes, enforcer.No, enforcer.Unknown
	want := map[string][9]enforcer.Answer{
		"kube":           {y, n, n, u, u, y, u, n, y},
		"calico":         {u, n, n, y, n, y, y, u, y},
		"cilium":         {u, y, u, y, n, y, y, n, y},
		"antrea":         {u, u, n, u, u, y, u, n, y},
		"ovn-kubernetes": {u, u, n, u, u, y, u, n, y},
		"kube-router":    {u, n, n, u, n, y, u, n, y},
		"kindnet":        {u, n, n, n, n, y, u, n, y},
		"k3s":            {u, n, n, u, n, y, u, n, y},
		"weave":          {u, u, n, u, u, y, u, n, y},
		"aws":            {u, u, n, u, u, y, u, n, u},
		"gke":            {u, y, u, y, n, y, y, n, y},
		"azure":          {u, u, n, u, u, y, u, n, y},
		"none":           {n, n, n, n, n, y, n, n, n},
		"unknown":        {},
	}
	for _, name := range enforcer.Names() {
		p, err := enforcer.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		got := [9]enforcer.Answer{
			p.NodePeers, p.RulesAlways, p.BaselineOverIsolation, p.BaselineByDirection, p.HostPods,
			p.FromOwnNode, p.ToOwnNode, p.DropsToOwnNode, p.BarePods,
		}
		if d := cmp.Diff(want[name], got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if p.Mesh != u || len(p.Kinds) > 0 {
			t.Errorf("%s knows what a name can not tell: %+v", name, p)
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
