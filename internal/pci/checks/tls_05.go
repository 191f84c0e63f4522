package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls05 = pci.Check{
	ID: "TLS-05", Title: "API server and kubelets know each other, and renew how", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.7", "4.2.1"}, Guidance: []string{"4.3", "5.1"},
	Why: "Without --kubelet-certificate-authority the API server does not check which kubelet it sends commands and their input to: whoever takes a " +
		"node's address reads them. A kubelet that signs its own certificate cannot be checked.",
	Fix: "Set --kubelet-certificate-authority on the API server, and rotateCertificates and serverTLSBootstrap on kubelets, with something that " +
		"approves their requests after checking them.",
	Evidence: "The flag of each kube-apiserver; rotateCertificates, and serverTLSBootstrap or tlsCertFile, as each kubelet runs with them. Who " +
		"approves the requests is asked." + kubeletSource,
	Run: runTLS05,
}

func runTLS05(in *pci.Input) []pci.Finding {
	found := eachAPIServer(in, "Does the API server check the certificates of kubelets (--kubelet-certificate-authority)? Add the manifest of kube-apiserver to the input.",
		"check the certificates of kubelets", func(c component) *pci.Finding {
			f, set, sure := c.get("kubelet-certificate-authority")
			switch {
			case set && f.value != "":
				return nil
			case !sure:
				return &pci.Finding{Status: pci.Unknown, Key: "ca", Message: "whether it checks the certificates of kubelets is not known"}
			}
			return &pci.Finding{
				Status: pci.Fail, Key: "ca", Message: "does not check the certificates of kubelets: --kubelet-certificate-authority is not set",
				Fix: &pci.Fix{Text: "let the cluster sign the kubelets' certificates (serverTLSBootstrap), then set --kubelet-certificate-authority"},
			}
		})
	found = append(found, eachKubelet(in, "Do kubelets renew their certificates (rotateCertificates), and are those for serving signed by the cluster (serverTLSBootstrap)?",
		"renew their client certificates", []string{"rotateCertificates"}, func(_ kubelet, v *object.Value) string {
			if !v.True() { // the default is false in both forms
				return "does not renew its client certificate (rotateCertificates)"
			}
			return ""
		})...)
	if len(kubelets(in)) == 0 {
		return found
	}
	// A certificate given as a file does as well; it is a field of its own, so the pair is judged as one.
	return append(found, eachKubeletPair(in)...)
}

func eachKubeletPair(in *pci.Input) []pci.Finding {
	found := eachKubelet(in, "", "have a serving certificate that can be checked", []string{"serverTLSBootstrap"}, func(k kubelet, v *object.Value) string {
		if !v.True() && k.config.Get("tlsCertFile").Str() == "" {
			return "signs its serving certificate itself: neither serverTLSBootstrap nor tlsCertFile is set, so the API server cannot check it"
		}
		return ""
	})
	if slices.ContainsFunc(kubelets(in), func(k kubelet) bool { return k.config.Get("serverTLSBootstrap").True() }) {
		found = append(found, pci.Finding{Status: pci.Manual, Key: "approver", Message: "Who approves the kubelets' requests for serving certificates, and does it check the names and addresses in them?"})
	}
	return found
}
