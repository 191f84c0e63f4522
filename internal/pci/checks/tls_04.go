package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls04 = pci.Check{
	ID: "TLS-04", Title: "kubelets ask whether the caller has the right", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"2.2.6", "7.3.1"}, Guidance: []string{"2.1"},
	Why: "With the mode AlwaysAllow every caller whose name the kubelet knows may run commands in every container of the node.",
	Fix: "Set authorization.mode: Webhook in the kubelet's configuration: it then asks the API server.",
	Evidence: "authorization.mode as each kubelet runs with it (configz). A configuration file without the field means Webhook; files are asked " +
		"about." + kubeletSource,
	Run: func(in *pci.Input) []pci.Finding {
		return eachKubelet(in, "Do kubelets ask the API server for the rights of callers (authorization.mode: Webhook)?", "ask for rights", []string{"authorization", "mode"}, func(k kubelet, v *object.Value) string {
			switch {
			case v.IsSet() && v.Str() != "Webhook":
				return fmt.Sprintf("lets every caller do everything: authorization.mode is %s", v.Str())
			case !v.IsSet() && k.running:
				return "does not say that it asks for rights, though it says what it runs with"
			}
			return ""
		})
	},
}
