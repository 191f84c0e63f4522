package enforcer

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// MeshOf looks for Istio: its control plane, what installs it, or a proxy that it put into a pod. Yes when there
// is some; else Unknown, since a control plane need not be in the input, nor in the cluster.
func MeshOf(c *cluster.Cluster) Answer {
	for _, gk := range [][2]string{{"install.istio.io", "IstioOperator"}, {"sailoperator.io", "Istio"}} {
		if len(c.Kind(gk[0], gk[1])) > 0 {
			return Yes
		}
	}
	for _, o := range c.Kind("admissionregistration.k8s.io", "MutatingWebhookConfiguration") {
		for _, w := range o.Root.Get("webhooks").List() {
			if strings.HasSuffix(w.Get("name").Str(), "sidecar-injector.istio.io") {
				return Yes
			}
		}
	}
	for _, w := range c.Workloads {
		for _, p := range w.Pods {
			for _, k := range p.Containers {
				switch imageName(k) {
				case "pilot", "proxyv2", "ztunnel":
					return Yes
				}
			}
		}
	}
	return Unknown
}
