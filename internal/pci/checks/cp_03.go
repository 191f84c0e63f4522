package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// The fields are those of the API Microsoft.ContainerService, ManagedClusterAPIServerAccessProfile.
var cp03 = pci.Check{
	ID: "CP-03", Title: "the API server of Azure Kubernetes Service is not open to the internet", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.4.2", "2.2.7"}, Guidance: []string{"4.2"},
	Why: "The API server of a cluster that is not private has a public address, and everybody reaches it unless authorized ranges are set.",
	Fix: "Make the cluster private, or set authorized ranges to the networks of administrators and of systems that deploy.",
	Evidence: "The output of az aks show: enablePrivateCluster and the authorized ranges. More than 65,536 public IPv4 addresses together count as " +
		"open. Source: reference of Microsoft.ContainerService managedClusters, ManagedClusterAPIServerAccessProfile.",
	Run: func(in *pci.Input) []pci.Finding {
		return described(in, providers()[2], "the API server is not open to the internet", aksEndpoint)
	},
}

func aksEndpoint(o *object.Object) *pci.Finding {
	profile := o.Root.Get("spec", "apiServerAccessProfile")
	if profile == nil {
		return &pci.Finding{Status: pci.Unknown, Key: "absent", Message: "apiServerAccessProfile is not in the output: it was cut down"}
	}
	if profile.Get("enablePrivateCluster").True() {
		return nil
	}
	var ranges *object.Value
	for _, f := range profile.Map() { // the command line and the API spell it differently
		if strings.EqualFold(f.Name, "authorizedIPRanges") {
			ranges = f.Value
		}
	}
	if len(ranges.List()) == 0 {
		return &pci.Finding{
			Status: pci.Fail, Key: "all", Pos: o.At(profile), Message: "everybody may connect to the API server: the cluster is not private and has no authorized ranges",
			Fix: &pci.Fix{Text: "make the cluster private, or set authorized ranges"},
		}
	}
	return allowList(o, ranges, "authorized ranges", ranges.List())
}
