package checks

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// imports is the API group of what a cloud's command line says of a cluster; internal/load makes such objects.
const imports = "import.bulkhead.dev"

// provider is a cloud that runs the control plane itself.
type provider struct {
	name    string
	kind    string // of its imported description
	label   string // that its nodes carry
	command string // that prints the description
}

// The labels are those of each provider's documentation on node pools.
func providers() []provider {
	return []provider{
		{"Amazon EKS", "EKSCluster", "eks.amazonaws.com/nodegroup", "aws eks describe-cluster"},
		{"Google Kubernetes Engine", "GKECluster", "cloud.google.com/gke-nodepool", "gcloud container clusters describe --format json"},
		{"Azure Kubernetes Service", "AKSCluster", "kubernetes.azure.com/cluster", "az aks show"},
	}
}

// onNodes finds a node that the provider's labels mark.
func (p provider) onNodes(c *cluster.Cluster) *cluster.Node {
	for _, n := range c.Nodes {
		if _, has := n.Labels[p.label]; has {
			return n
		}
	}
	return nil
}

// runBy says who runs the control plane, when it is a provider that shows none of its settings; "" when it is
// not known or somebody else.
func runBy(c *cluster.Cluster) string {
	for _, p := range providers() {
		if len(c.Kind(imports, p.kind)) > 0 || p.onNodes(c) != nil {
			return p.name
		}
	}
	return ""
}

// hidden is the finding of a check about the control plane when the input shows nothing of it: a provider's
// is for the provider to prove, another one is asked for.
func hidden(in *pci.Input, question string) []pci.Finding {
	if name := runBy(in.Cluster); name != "" {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "provider", Message: name +
			" runs the control plane and does not show this setting: see the provider's attestation and who is responsible for what in it"}}
	}
	return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: question}}
}

// described runs a check over the imported descriptions of a provider's clusters. judge gives nil when the
// cluster holds.
func described(in *pci.Input, p provider, sentence string, judge func(*object.Object) *pci.Finding) []pci.Finding {
	var found []pci.Finding
	all := in.Cluster.Kind(imports, p.kind)
	if len(all) == 0 {
		if n := p.onNodes(in.Cluster); n != nil {
			return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: fmt.Sprintf(
				"the nodes are those of %s. Which networks may reach the API server? Add the output of `%s` to the input.", p.name, p.command)}}
		}
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "nothing in the input is of " + p.name}}
	}
	for _, o := range all {
		if f := judge(o); f != nil {
			f.Subject = o.Ref
			if f.Pos.File == "" {
				f.Pos = o.Pos
			}
			found = append(found, *f)
		}
	}
	return withSummary(found, len(all), len(all)-len(found), "clusters", sentence)
}

// mostClients is how many public addresses may reach an API server before the list of them is no restriction:
// a /16 of IPv4, a /48 of IPv6.
const mostClients = 65536

// tooMany tells whether addresses hold more public ones than an allow-list should.
func tooMany(a netset.Addrs) bool {
	public := a.Intersect(pci.PublicAddrs())
	v6 := new(big.Int).Lsh(big.NewInt(mostClients), 64)
	return public.V4().Count().Cmp(big.NewInt(mostClients)) > 0 || public.V6().Count().Cmp(v6) > 0
}

// publicClients writes the public addresses among a: "every public IPv4 address and 256 public IPv6
// addresses".
func publicClients(a netset.Addrs) string {
	all := pci.PublicAddrs()
	public := a.Intersect(all)
	v4, v6 := howMany(public.V4(), all.V4(), "public IPv4"), howMany(public.V6(), all.V6(), "public IPv6")
	switch {
	case v4 == "" && v6 == "":
		return "no public address"
	case v4 == "":
		return v6
	case v6 == "":
		return v4
	}
	return v4 + " and " + v6
}

// cidrList reads a list of CIDRs or single addresses. bad is the first entry that is not one, -1 when all are.
func cidrList(list []*object.Value) (out netset.Addrs, bad int) {
	for i, v := range list {
		a, err := netset.ParseAddrs(v.Str())
		if err != nil || v.Kind != object.String {
			return out, i
		}
		out = out.Union(a)
	}
	return out, -1
}

// allowList judges the networks that an API server with a public endpoint lets in.
func allowList(o *object.Object, list *object.Value, path string, cidrs []*object.Value) *pci.Finding {
	a, bad := cidrList(cidrs)
	because := []pci.Because{}
	for _, v := range cidrs {
		because = append(because, pci.Because{Ref: o.Ref, Pos: o.At(v), Msg: "lets in " + v.Str()})
	}
	switch {
	case bad >= 0:
		return &pci.Finding{Status: pci.Unknown, Pos: o.At(cidrs[bad]), Key: "bad", Message: fmt.Sprintf("%s: %q is no network, so it is not known who reaches the API server", path, cidrs[bad].Str())}
	case tooMany(a):
		return &pci.Finding{
			Status: pci.Fail, Pos: o.At(list), Key: "wide", Because: because,
			Message: fmt.Sprintf("%s may connect to the API server (%s)", publicClients(a), path),
			Fix:     &pci.Fix{Text: "name the networks of administrators and of systems that deploy, or close the public endpoint"},
		}
	}
	return nil
}

// isFalse tells whether a boolean is there and false.
func isFalse(v *object.Value) bool { return v.IsSet() && v.Kind == object.Bool && !v.True() }

// anyOf tells whether one of the values is set.
func anyOf(vs ...*object.Value) bool {
	return slices.ContainsFunc(vs, func(v *object.Value) bool { return v.IsSet() })
}
