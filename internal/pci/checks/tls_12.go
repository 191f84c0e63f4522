package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls12 = pci.Check{
	ID: "TLS-12", Title: "the cluster's authority is used inside of the cluster only", Since: "0.1.0", Severity: pci.Medium,
	Guidance: []string{"5.2"},
	Why: "Whoever trusts the cluster's authority for a web site trusts every certificate that the cluster signs, and whoever gets the cluster " +
		"to sign one is then that web site.",
	Fix: "Take certificates for applications from an authority of their own, and keep the key of the cluster's from pods.",
	Evidence: "Requests that the cluster's own signers signed for servers other than kubelets, pods outside of the control plane that mount the " +
		"folder of the cluster's keys from a node; and servers that showed a recorded handshake a certificate of the authority in kube-root-ca.crt. Where else the authority is trusted is asked. Source: Kubernetes documentation, " +
		"certificate signing requests, Kubernetes signers.",
	Run: runTLS12,
}

func runTLS12(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of := 0
	for _, o := range in.Cluster.Kind("certificates.k8s.io", "CertificateSigningRequest") {
		signer := o.Root.Get("spec", "signerName").Str()
		if !strings.HasPrefix(signer, "kubernetes.io/") || !o.Root.Get("status", "certificate").IsSet() {
			continue
		}
		of++
		server := slices.ContainsFunc(o.Root.Get("spec", "usages").List(), func(v *object.Value) bool { return v.Str() == "server auth" })
		if !server || signer == "kubernetes.io/kubelet-serving" {
			continue
		}
		found = append(found, pci.Finding{
			Status: pci.Fail, Subject: o.Ref, Pos: o.At(o.Root.Get("spec", "signerName")), Key: "server",
			Message: fmt.Sprintf("the signer %s signed a certificate for a server, asked for by %s", signer, o.Root.Get("spec", "username").Str()),
			Fix:     &pci.Fix{Text: "take it from an authority of your own, for example by cert-manager"},
		})
	}
	control := map[object.Ref]bool{}
	for _, program := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"} {
		for _, c := range components(in, program) {
			control[c.ref] = true
		}
	}
	for _, w := range in.Cluster.Workloads {
		of++
		p := w.Pods[0]
		for _, v := range p.Spec.Get("volumes").List() {
			path := v.Get("hostPath", "path")
			inside, above := holdsKeys(path.Str())
			if control[w.Ref] || !inside && !above {
				continue
			}
			f := pci.Finding{
				Status: pci.Fail, Subject: w.Ref, Pos: p.Object.At(path), Key: "mount",
				Message: fmt.Sprintf("mounts %s of its node, where the cluster's keys are", path.Str()), Fix: &pci.Fix{Text: "mount only the files that it needs, and never the key of the authority"},
			}
			if above {
				f.Status, f.Fix = pci.Manual, nil
				f.Message = fmt.Sprintf("mounts %s of its node. Does it run on machines of the control plane, where the cluster's keys are in it?", path.Str())
			}
			found = append(found, f)
			break
		}
	}
	shown, servers := outsideAuthority(in)
	found, of = append(found, shown...), of+servers
	out := withSummary(found, of, of-len(found), "signed requests, workloads and servers", "nothing leads the cluster's authority outside")
	return append(out, pci.Finding{Status: pci.Manual, Key: "trust", Message: "Is the cluster's authority trusted anywhere outside of the cluster, by browsers, clients or other systems?"})
}

// holdsKeys tells whether a path of a node is in the folder of the authority's keys, or above it, as kubeadm,
// RKE2 and k3s lay it out. A certificate alone is no key.
func holdsKeys(path string) (inside, above bool) {
	if path == "" || strings.HasSuffix(path, ".crt") {
		return false, false
	}
	p := strings.TrimSuffix(path, "/") + "/"
	for _, keys := range []string{"/etc/kubernetes/pki/", "/var/lib/rancher/rke2/server/tls/", "/var/lib/rancher/k3s/server/tls/"} {
		inside = inside || strings.HasPrefix(p, keys)
		above = above || strings.HasPrefix(keys, p)
	}
	return inside, above && !inside
}
