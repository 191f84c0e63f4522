package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp11 = pci.Check{
	ID: "EXP-11", Title: "no interface for administrators is public", Since: "0.2.0", Severity: pci.Critical,
	Requirements: []string{"2.2.7", "1.4.2"}, Guidance: []string{"1.1", "4.2"},
	Why: "Dashboards, deployment tools, stores of metrics and registries command the cluster or show its inside. They are made for a few people, and " +
		"flaws in them are found again and again.",
	Fix: "Reach them through a bastion or VPN, or limit the load balancer's source ranges to the networks of administrators.",
	Evidence: "Pods are recognised by the names of the images of common administration interfaces; others are not. A way in that is public and lets in " +
		"more addresses than an allow-list of administrators holds is a failure, declared or not. Whether people log in with a second factor is asked.",
	Run: runExp11,
}

// adminImages is the last parts of the names of images that serve an administration interface, by their projects'
// own manifests, with what to call them.
func adminImages() map[string]string {
	return map[string]string{
		"dashboard": "Kubernetes Dashboard", "dashboard-web": "Kubernetes Dashboard", "dashboard-api": "Kubernetes Dashboard", "headlamp": "Headlamp",
		"argocd": "Argo CD", "argocli": "Argo Workflows", "argo-rollouts": "Argo Rollouts", "rancher": "Rancher", "portainer-ce": "Portainer", "portainer": "Portainer",
		"grafana": "Grafana", "grafana-enterprise": "Grafana", "prometheus": "Prometheus", "alertmanager": "Alertmanager", "thanos": "Thanos",
		"kibana": "Kibana", "opensearch-dashboards": "OpenSearch Dashboards", "elasticsearch": "Elasticsearch", "jaeger": "Jaeger", "jaeger-query": "Jaeger",
		"kiali": "Kiali", "hubble-ui": "Hubble UI", "longhorn-ui": "Longhorn", "octant": "Octant", "kubecost-cost-model": "Kubecost", "goldilocks": "Goldilocks",
		"jenkins": "Jenkins", "gitlab-webservice-ee": "GitLab", "gitea": "Gitea", "nexus3": "Nexus", "harbor-core": "Harbor", "harbor-portal": "Harbor",
		"registry": "a container registry", "registry-photon": "Harbor", "vault": "Vault", "consul": "Consul", "etcd": "etcd", "pgadmin4": "pgAdmin",
		"phpmyadmin": "phpMyAdmin", "adminer": "Adminer", "mongo-express": "Mongo Express", "redisinsight": "Redis Insight", "airflow": "Airflow", "minio": "MinIO",
		"polaris": "Polaris", "weave-scope": "Weave Scope", "scope": "Weave Scope", "tekton-dashboard": "Tekton Dashboard", "keycloak": "Keycloak",
	}
}

func runExp11(in *pci.Input) []pci.Finding {
	names := adminImages()
	admin := map[*cluster.Workload]string{}
	of := 0
	for _, w := range in.Cluster.Workloads {
		if name := adminOf(w, names); name != "" {
			admin[w] = name
			of++
		}
	}
	bad := map[*cluster.Workload]bool{}
	var found []pci.Finding
	for _, x := range ways(in) {
		if x.public() == enforcer.No {
			continue
		}
		for _, w := range x.workloads() {
			name := admin[w]
			if name == "" {
				continue
			}
			one := x.to(w)
			p := through(in, one, pci.PublicAddrs())
			if p.open == enforcer.No {
				continue
			}
			status, text := pci.Fail, "%s leads the internet to %s, %s"
			switch {
			case p.open != enforcer.Yes || one.public() != enforcer.Yes:
				status, text = pci.Unknown, "whether %s leads the internet to %s, %s, is not decided"
			case !tooMany(one.clients()):
				status, text = pci.Manual, "%s lets chosen public addresses in to %s, %s. Are they those of administrators, and do people log in with a second factor?"
			}
			f := one.finding(in, status, pci.Critical, text, one.text(), w.Ref, name)
			f.Key, f.Witness = w.Ref.String(), p.witness
			f.Because = append(f.Because, p.because...)
			if status == pci.Fail {
				f.Fix = &pci.Fix{Text: "close it to the internet, or limit its clients to the networks of administrators"}
			}
			bad[w] = true
			found = append(found, f)
		}
	}
	return withSummary(found, of, of-len(bad), "administration interfaces", "not open to the internet")
}

// adminOf names the administration interface that a workload serves, "" for none.
func adminOf(w *cluster.Workload, names map[string]string) string {
	for _, p := range w.Pods {
		for _, c := range p.Containers {
			image, _, _ := strings.Cut(c.Image, "@")
			base := image[strings.LastIndexByte(image, '/')+1:]
			base, _, _ = strings.Cut(base, ":")
			base = strings.TrimPrefix(strings.TrimPrefix(base, "mirrored-"), "hardened-")
			if name := names[base]; name != "" && !c.Init {
				return name
			}
		}
	}
	return ""
}
