package enforcer

import (
	"slices"
	"strings"
)

// Sees tells whether selectors of pods can go by a label key. Cilium leaves labels out of what it knows of a pod
// unless it is told otherwise, so that a selector which asks for one binds nobody (Cilium "Limiting
// Identity-Relevant Labels"; the list is defaultLabelPrefixCfg in pkg/labelsfilter).
func (p Profile) Sees(key string) Answer {
	if p.Name != "cilium" && p.Name != "gke" && p.Enforces == Yes || !leftOut(key) {
		return Yes
	}
	return Unknown // the list can be set
}

func leftOut(key string) bool {
	if strings.Contains(key, "beta.kubernetes.io") {
		return true
	}
	if strings.HasPrefix(key, "app.kubernetes.io") || strings.HasPrefix(key, "io.kubernetes.pod.namespace") {
		return false
	}
	return slices.ContainsFunc([]string{
		"io.kubernetes", "kubernetes.io", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/controller-uid", "k8s.io", "pod-template-generation",
		"pod-template-hash", "controller-revision-hash", "controller-uid", "annotation", "etcd_node", "topology.kubernetes.io",
	}, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}
