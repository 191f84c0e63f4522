package cilium

import (
	"strconv"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// settings is what the ConfigMap of the agents says about how policies are read.
type settings struct {
	data  *object.Value // nil when there is no ConfigMap, or more than one
	mixed bool          // nodes have settings of their own
}

func readSettings(cl *cluster.Cluster) settings {
	var s settings
	n := 0
	for _, o := range cl.Kind("", "ConfigMap") {
		if o.Ref.Name == "cilium-config" {
			s.data = o.Root.Get("data")
			n++
		}
	}
	if n != 1 {
		s.data = nil
	}
	s.mixed = len(cl.Kind(group, "CiliumNodeConfig")) > 0
	return s
}

// get gives a setting. known is false when the input does not tell; a setting that is known and not there is "".
func (s settings) get(key string) (value string, known bool) {
	if s.data == nil || s.mixed {
		return "", false
	}
	return s.data.Get(key).Str(), true
}

// off tells whether a switch is certainly off, on whether it is certainly on. Neither holds when it is not
// stated.
func (s settings) off(key string) bool {
	v, _ := s.get(key)
	on, err := strconv.ParseBool(v)
	return err == nil && !on
}

func (s settings) on(key string) bool {
	v, _ := s.get(key)
	on, err := strconv.ParseBool(v)
	return err == nil && on
}

// clusterName is the name that the label io.cilium.k8s.policy.cluster carries on the pods of this cluster.
func (s settings) clusterName() (name string, known bool) {
	if name, known = s.get("cluster-name"); known && name == "" {
		name = "default" // pkg/defaults, ClusterName
	}
	return name, known
}

// mesh tells whether pods of other clusters may carry labels that selectors match. A cluster that takes part in
// a Cluster Mesh has an id of its own.
func (s settings) mesh() bool {
	id, known := s.get("cluster-id")
	return known && id != "" && id != "0" && !s.on("policy-default-local-cluster")
}

// customLabels tells whether labels are filtered by rules of the user, so that the default filter does not
// hold (pkg/labelsfilter).
func (s settings) customLabels() bool {
	labels, _ := s.get("labels")
	file, _ := s.get("label-prefix-file")
	return labels != "" || file != ""
}
