package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// The fields are those of the Amazon EKS API reference, VpcConfigResponse.
var cp01 = pci.Check{
	ID: "CP-01", Title: "the API server of Amazon EKS is not open to the internet", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.4.2", "2.2.7"}, Guidance: []string{"4.2"},
	Why: "Amazon EKS publishes the API server to every address unless told otherwise. Whoever gets hold of a credential can then use it from " +
		"anywhere, and each flaw of the API server is a flaw at the edge.",
	Fix: "Close the public endpoint (endpointPublicAccess false, endpointPrivateAccess true), or limit publicAccessCidrs to the networks of " +
		"administrators and of systems that deploy.",
	Evidence: "The output of aws eks describe-cluster. More than 65,536 public IPv4 addresses together, or a /48 of IPv6, count as open, however " +
		"they are written. Source: Amazon EKS API reference, VpcConfigResponse; user guide, cluster API server endpoint.",
	Run: func(in *pci.Input) []pci.Finding {
		return described(in, providers()[0], "the API server is not open to the internet", eksEndpoint)
	},
}

func eksEndpoint(o *object.Object) *pci.Finding {
	vpc := o.Root.Get("spec", "resourcesVpcConfig")
	public, cidrs := vpc.Get("endpointPublicAccess"), vpc.Get("publicAccessCidrs")
	switch {
	case isFalse(public):
		return nil
	case !public.True():
		return &pci.Finding{Status: pci.Unknown, Key: "public", Message: "resourcesVpcConfig.endpointPublicAccess is not in the output, so it is not known whether the endpoint is public"}
	case len(cidrs.List()) == 0:
		return &pci.Finding{
			Status: pci.Unknown, Key: "cidrs", Pos: o.At(public),
			Message: "the endpoint is public, and the output does not list who may reach it (publicAccessCidrs); the default of Amazon EKS is everybody",
		}
	}
	return allowList(o, cidrs, "resourcesVpcConfig.publicAccessCidrs", cidrs.List())
}
