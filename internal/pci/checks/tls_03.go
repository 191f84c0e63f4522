package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls03 = pci.Check{
	ID: "TLS-03", Title: "kubelets do not serve strangers", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"2.2.6", "7.3.1"}, Guidance: []string{"1.1"},
	Why: "A kubelet that takes anonymous requests serves everybody who reaches tcp/10250, up to running commands in containers when it does not " +
		"ask for rights either.",
	Fix: "Set authentication.anonymous.enabled: false in the kubelet's configuration.",
	Evidence: "authentication.anonymous.enabled as each kubelet runs with it (configz). A configuration file without the field means false; files " +
		"are asked about." + kubeletSource,
	Run: func(in *pci.Input) []pci.Finding {
		return eachKubelet(in, "Do kubelets refuse anonymous requests?", "take no anonymous requests", []string{"authentication", "anonymous", "enabled"}, func(k kubelet, v *object.Value) string {
			switch {
			case v.IsSet() && !isFalse(v):
				return "takes anonymous requests (authentication.anonymous.enabled)"
			case !v.IsSet() && k.running:
				return "does not say that it refuses anonymous requests, though it says what it runs with"
			}
			return ""
		})
	},
}
