package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// The fields are those of the API container.googleapis.com v1, ControlPlaneEndpointsConfig and
// MasterAuthorizedNetworksConfig.
var cp02 = pci.Check{
	ID: "CP-02", Title: "the API server of Google Kubernetes Engine is not open to the internet", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.4.2", "2.2.7"}, Guidance: []string{"4.2"},
	Why: "A cluster of Google Kubernetes Engine has a public address unless told otherwise. Authorized networks limit it, but one switch lets in " +
		"every virtual machine of Google Cloud, of any customer, and the endpoint by DNS name is not limited by addresses at all.",
	Fix: "Switch the public endpoint off, or enable authorized networks with the networks of administrators, without access from Google Cloud " +
		"addresses. Allow external traffic over the DNS endpoint only behind a perimeter of VPC Service Controls.",
	Evidence: "The output of gcloud container clusters describe. More than 65,536 public IPv4 addresses together count as open. Firewalls and " +
		"VPC Service Controls are not in that output. Source: reference of the API container v1.",
	Run: func(in *pci.Input) []pci.Finding {
		return described(in, providers()[1], "the API server is not open to the internet", gkeEndpoint)
	},
}

func gkeEndpoint(o *object.Object) *pci.Finding {
	spec := o.Root.Get("spec")
	ip := spec.Get("controlPlaneEndpointsConfig", "ipEndpointsConfig")
	allowed := ip.Get("authorizedNetworksConfig")
	if !allowed.IsSet() {
		allowed = spec.Get("masterAuthorizedNetworksConfig")
	}
	dns := spec.Get("controlPlaneEndpointsConfig", "dnsEndpointConfig", "allowExternalTraffic")
	closed := isFalse(ip.Get("enabled")) || isFalse(ip.Get("enablePublicEndpoint")) ||
		!ip.Get("enablePublicEndpoint").IsSet() && spec.Get("privateClusterConfig", "enablePrivateEndpoint").True()
	google := allowed.Get("gcpPublicCidrsAccessEnabled")
	var cidrs []*object.Value
	for _, b := range allowed.Get("cidrBlocks").List() {
		cidrs = append(cidrs, b.Get("cidrBlock"))
	}
	switch {
	case !anyOf(ip, allowed, spec.Get("privateClusterConfig")):
		return &pci.Finding{Status: pci.Unknown, Key: "absent", Message: "neither controlPlaneEndpointsConfig nor masterAuthorizedNetworksConfig is in the output: it was cut down"}
	case dns.True():
		return &pci.Finding{
			Status: pci.Fail, Key: "dns", Pos: o.At(dns),
			Message: "the DNS endpoint takes traffic from outside of Google Cloud (dnsEndpointConfig.allowExternalTraffic), and no list of networks limits it",
			Fix:     &pci.Fix{Text: "switch allowExternalTraffic off, or show the perimeter of VPC Service Controls that limits it and declare the deviation"},
		}
	case closed:
		return nil
	case !allowed.Get("enabled").True():
		return &pci.Finding{
			Status: pci.Fail, Key: "all", Pos: o.At(allowed), Message: "the public endpoint lets everybody in: authorized networks are not enabled",
			Fix: &pci.Fix{Text: "enable authorized networks, or switch the public endpoint off"},
		}
	case google.True():
		return &pci.Finding{
			Status: pci.Fail, Key: "google", Pos: o.At(google), Message: "every virtual machine of Google Cloud with a public address may connect, of any customer (gcpPublicCidrsAccessEnabled)",
			Fix: &pci.Fix{Text: "switch access from Google Cloud's public addresses off"},
		}
	}
	if f := allowList(o, allowed, "authorized networks", cidrs); f != nil {
		return f
	}
	if !google.IsSet() {
		return &pci.Finding{
			Status: pci.Unknown, Key: "google", Pos: o.At(allowed),
			Message: "authorized networks are narrow, but the output does not say whether Google Cloud's public addresses are let in as well (gcpPublicCidrsAccessEnabled)",
		}
	}
	return nil
}
