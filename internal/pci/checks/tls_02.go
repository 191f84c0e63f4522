package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// The defaults of a configuration file and those of flags differ; see kubelet.go for what is believed when.
const kubeletSource = " Source: Kubernetes reference, kubelet configuration (v1beta1), and kubelet authentication/authorization."

var tls02 = pci.Check{
	ID: "TLS-02", Title: "kubelets have no read-only port", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"2.2.6", "2.2.7"}, Guidance: []string{"4.3"},
	Why: "The read-only port (tcp/10255) tells every caller the pods of the node with their environment, in clear text and without a question.",
	Fix: "Set readOnlyPort: 0 in the kubelet's configuration.",
	Evidence: "readOnlyPort as each kubelet runs with it (configz). A configuration file without the field means 0, but a flag would win: files " +
		"are asked about." + kubeletSource,
	Run: func(in *pci.Input) []pci.Finding {
		return eachKubelet(in, "Is the read-only port of kubelets (tcp/10255) off?", "have no read-only port", []string{"readOnlyPort"}, func(_ kubelet, v *object.Value) string {
			if n, ok := v.Int(); v.IsSet() && (!ok || n != 0) {
				return fmt.Sprintf("serves the state of its node without TLS and to everybody on tcp/%s", v.Str())
			}
			return ""
		})
	},
}
