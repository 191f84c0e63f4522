package load

import (
	"cmp"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Coverage is the account of what an answer rests on. All lists are present in JSON, also when empty.
type Coverage struct {
	Sources  []string    `json:"sources"`  // as the user named them
	Files    int         `json:"files"`    // streams read: files, standard input, files of charts and kustomizations
	Bytes    int64       `json:"bytes"`    // read from those
	Objects  int         `json:"objects"`  // kept
	Kinds    []KindCount `json:"kinds"`    // by kind name
	Skipped  []Skipped   `json:"skipped"`  // by place
	Missing  []Missing   `json:"missing"`  // by place
	Live     bool        `json:"live"`     // a cluster was asked
	Complete bool        `json:"complete"` // only a cluster was asked, for all namespaces, and nothing was refused
}

// KindCount is how many objects of one kind were kept.
type KindCount struct {
	Kind  string `json:"kind"` // "networking.k8s.io/NetworkPolicy", "Pod" for the core group
	Count int    `json:"count"`
}

// Skipped is a file or document that looks as if it mattered and was not read.
type Skipped struct {
	Pos    object.Pos `json:"pos"`
	Reason string     `json:"reason"`
}

func (s Skipped) compare(t Skipped) int {
	return cmp.Or(s.Pos.Compare(t.Pos), cmp.Compare(s.Reason, t.Reason))
}

// Missing is something known to exist, or likely to, that is not in the input.
type Missing struct {
	What string     `json:"what"` // "Namespace pay", "networkpolicies.networking.k8s.io", a URL
	Why  string     `json:"why"`
	Pos  object.Pos `json:"pos"` // where the input shows that it is missing
}

func (m Missing) compare(n Missing) int {
	return cmp.Or(m.Pos.Compare(n.Pos), cmp.Compare(m.What, n.What), cmp.Compare(m.Why, n.Why))
}

func (cov *Coverage) count(objects []*object.Object) {
	n := map[string]int{}
	for _, o := range objects {
		n[kindName(o.Ref.GroupKind())]++
	}
	for k, v := range n {
		cov.Kinds = append(cov.Kinds, KindCount{k, v})
	}
	slices.SortFunc(cov.Kinds, func(a, b KindCount) int { return cmp.Compare(a.Kind, b.Kind) })
	cov.Objects = len(objects)
}

// fill makes empty lists print as [] rather than null.
func (cov *Coverage) fill() {
	cov.Sources = append([]string{}, cov.Sources...)
	cov.Kinds = append([]KindCount{}, cov.Kinds...)
	cov.Skipped = append([]Skipped{}, cov.Skipped...)
	cov.Missing = append([]Missing{}, cov.Missing...)
}

func kindName(gk object.GroupKind) string {
	if gk.Group == "" {
		return gk.Kind
	}
	return gk.Group + "/" + gk.Kind
}

// missingNamespaces names the namespaces that objects live in but nobody declares: their labels are not
// known, so namespace selectors cannot be decided on them.
func (c *collector) missingNamespaces() {
	declared, first := map[string]bool{}, map[string]object.Pos{}
	for _, o := range c.objects {
		if o.Ref.GroupKind() == (object.GroupKind{Kind: "Namespace"}) {
			declared[o.Ref.Name] = true
		}
		if _, ok := first[o.Ref.Namespace]; !ok && o.Ref.Namespace != "" {
			first[o.Ref.Namespace] = o.At(o.Root.Get("metadata", "namespace"))
		}
	}
	for ns, at := range first {
		if !declared[ns] {
			c.missing(at, "Namespace "+ns, "objects are in it, but it is not in the input: its labels are not known")
		}
	}
}

// operatorPods names custom resources for which an operator creates pods that no manifest shows.
func (c *collector) operatorPods() {
	kinds := operatorKinds()
	for _, o := range c.objects {
		if operator, ok := kinds[o.Ref.GroupKind()]; ok && !c.hasProxies(o) {
			c.missing(o.Pos, "pods of "+o.Ref.String(), "pods are made by an operator ("+operator+")")
		}
	}
}

// hasProxies tells whether o is a Gateway whose pods are in the input after all, by the label that controllers put on
// them (Gateway API, GEP-1762).
func (c *collector) hasProxies(o *object.Object) bool {
	const group = "gateway.networking.k8s.io"
	if o.Ref.GroupKind() != (object.GroupKind{Group: group, Kind: "Gateway"}) || o.Ref.Name == "" {
		return false
	}
	return slices.ContainsFunc(c.objects, func(w *object.Object) bool {
		pod := w.Root.Get("spec", "template")
		if w.Ref.GroupKind() == (object.GroupKind{Kind: "Pod"}) {
			pod = w.Root
		}
		return w.Ref.Namespace == o.Ref.Namespace && pod.Get("metadata", "labels", group+"/gateway-name").Str() == o.Ref.Name
	})
}

// operatorKinds lists kinds whose objects make pods, with the operator that does it.
func operatorKinds() map[object.GroupKind]string {
	return map[object.GroupKind]string{
		{Group: "monitoring.coreos.com", Kind: "Prometheus"}:                  "Prometheus operator",
		{Group: "monitoring.coreos.com", Kind: "PrometheusAgent"}:             "Prometheus operator",
		{Group: "monitoring.coreos.com", Kind: "Alertmanager"}:                "Prometheus operator",
		{Group: "monitoring.coreos.com", Kind: "ThanosRuler"}:                 "Prometheus operator",
		{Group: "kafka.strimzi.io", Kind: "Kafka"}:                            "Strimzi",
		{Group: "kafka.strimzi.io", Kind: "KafkaNodePool"}:                    "Strimzi",
		{Group: "kafka.strimzi.io", Kind: "KafkaConnect"}:                     "Strimzi",
		{Group: "kafka.strimzi.io", Kind: "KafkaBridge"}:                      "Strimzi",
		{Group: "kafka.strimzi.io", Kind: "KafkaMirrorMaker2"}:                "Strimzi",
		{Group: "postgresql.cnpg.io", Kind: "Cluster"}:                        "CloudNativePG",
		{Group: "postgresql.cnpg.io", Kind: "Pooler"}:                         "CloudNativePG",
		{Group: "acid.zalan.do", Kind: "postgresql"}:                          "Zalando Postgres operator",
		{Group: "postgres-operator.crunchydata.com", Kind: "PostgresCluster"}: "Crunchy Postgres operator",
		{Group: "ceph.rook.io", Kind: "CephCluster"}:                          "Rook",
		{Group: "ceph.rook.io", Kind: "CephObjectStore"}:                      "Rook",
		{Group: "ceph.rook.io", Kind: "CephFilesystem"}:                       "Rook",
		{Group: "elasticsearch.k8s.elastic.co", Kind: "Elasticsearch"}:        "ECK",
		{Group: "kibana.k8s.elastic.co", Kind: "Kibana"}:                      "ECK",
		{Group: "logstash.k8s.elastic.co", Kind: "Logstash"}:                  "ECK",
		{Group: "beat.k8s.elastic.co", Kind: "Beat"}:                          "ECK",
		{Group: "agent.k8s.elastic.co", Kind: "Agent"}:                        "ECK",
		{Group: "opensearch.opster.io", Kind: "OpenSearchCluster"}:            "OpenSearch operator",
		{Group: "redis.redis.opstreelabs.in", Kind: "Redis"}:                  "Redis operator",
		{Group: "redis.redis.opstreelabs.in", Kind: "RedisCluster"}:           "Redis operator",
		{Group: "databases.spotahome.com", Kind: "RedisFailover"}:             "Redis operator",
		{Group: "app.redislabs.com", Kind: "RedisEnterpriseCluster"}:          "Redis Enterprise operator",
		{Group: "rabbitmq.com", Kind: "RabbitmqCluster"}:                      "RabbitMQ cluster operator",
		{Group: "mongodbcommunity.mongodb.com", Kind: "MongoDBCommunity"}:     "MongoDB operator",
		{Group: "mongodb.com", Kind: "MongoDB"}:                               "MongoDB operator",
		{Group: "psmdb.percona.com", Kind: "PerconaServerMongoDB"}:            "Percona operator",
		{Group: "pxc.percona.com", Kind: "PerconaXtraDBCluster"}:              "Percona operator",
		{Group: "mysql.oracle.com", Kind: "InnoDBCluster"}:                    "MySQL operator",
		{Group: "k8s.mariadb.com", Kind: "MariaDB"}:                           "MariaDB operator",
		{Group: "planetscale.com", Kind: "VitessCluster"}:                     "Vitess operator",
		{Group: "cassandra.datastax.com", Kind: "CassandraDatacenter"}:        "cass-operator",
		{Group: "k8ssandra.io", Kind: "K8ssandraCluster"}:                     "K8ssandra",
		{Group: "minio.min.io", Kind: "Tenant"}:                               "MinIO operator",
		{Group: "keycloak.org", Kind: "Keycloak"}:                             "Keycloak operator",
		{Group: "k8s.keycloak.org", Kind: "Keycloak"}:                         "Keycloak operator",
		{Group: "grafana.integreatly.org", Kind: "Grafana"}:                   "Grafana operator",
		{Group: "jaegertracing.io", Kind: "Jaeger"}:                           "Jaeger operator",
		{Group: "opentelemetry.io", Kind: "OpenTelemetryCollector"}:           "OpenTelemetry operator",
		{Group: "argoproj.io", Kind: "ArgoCD"}:                                "Argo CD operator",
		{Group: "argoproj.io", Kind: "Workflow"}:                              "Argo Workflows",
		{Group: "argoproj.io", Kind: "CronWorkflow"}:                          "Argo Workflows",
		{Group: "tekton.dev", Kind: "TaskRun"}:                                "Tekton",
		{Group: "tekton.dev", Kind: "PipelineRun"}:                            "Tekton",
		{Group: "sparkoperator.k8s.io", Kind: "SparkApplication"}:             "Spark operator",
		{Group: "flink.apache.org", Kind: "FlinkDeployment"}:                  "Flink operator",
		{Group: "ray.io", Kind: "RayCluster"}:                                 "KubeRay",
		{Group: "kubeflow.org", Kind: "Notebook"}:                             "Kubeflow",
		{Group: "serving.knative.dev", Kind: "Service"}:                       "Knative Serving",
		{Group: "operator.tigera.io", Kind: "Installation"}:                   "Tigera operator",
		{Group: "install.istio.io", Kind: "IstioOperator"}:                    "Istio operator",
		{Group: "sailoperator.io", Kind: "Istio"}:                             "Sail operator",
		{Group: "gateway.networking.k8s.io", Kind: "Gateway"}:                 "its gateway controller",
		{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease"}:                "Flux: the chart is not in the input",
		{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization"}:         "Flux: the path it applies may not be in the input",
		{Group: "helm.cattle.io", Kind: "HelmChart"}:                          "Helm controller: the chart is not in the input",
		{Group: "argoproj.io", Kind: "Application"}:                           "Argo CD: what it applies may not be in the input",
		{Group: "argoproj.io", Kind: "ApplicationSet"}:                        "Argo CD: what it applies may not be in the input",
	}
}
