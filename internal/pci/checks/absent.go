package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// absent says why a selector of pods certainly matches nobody, with what comes nearest to it. It is "" when it
// matches someone, and when its pods may be where the input does not reach.
func absent(in *pci.Input, q *policy.Peer) string {
	if _, pods := in.Model.PeerPods(q); len(pods) > 0 {
		return ""
	}
	for _, p := range in.Cluster.Pods {
		if p.HostNetwork && q.Pods.Matches(p.Labels) && (q.Namespace == p.Namespace.Name || q.Namespace == "" && q.NamespaceSelector.Matches(p.Namespace.Labels)) {
			return fmt.Sprintf("%s uses its node's network, and selectors never match such pods", p.Workload.Ref)
		}
	}
	if q.Namespace == "" {
		if why := unlabelled(in, q.NamespaceSelector); why != "" {
			return why
		}
	}
	if len(q.Pods) == 0 && slices.ContainsFunc(in.Cluster.Namespaces, func(ns *cluster.Namespace) bool {
		return q.Namespace == ns.Name || q.Namespace == "" && q.NamespaceSelector.Matches(ns.Labels)
	}) {
		return "" // a whole namespace that is there, and empty today
	}
	if !in.Cluster.Complete && (elsewhere(in, q) || madeByOperator(in, q) || optional(in, q)) {
		return ""
	}
	return "there are no " + peerText(q) + nearest(in, q)
}

// elsewhere tells whether pods that a peer matches may live outside the input: it can mean a namespace of
// which the input holds no pods, and the input does not claim to be everything.
func elsewhere(in *pci.Input, q *policy.Peer) bool {
	return !in.Cluster.Complete && (q.Namespace == "" || !hasPods(in, q.Namespace))
}

// unlabelled finds the namespace that a selector means by its name and that lacks the label. The API server
// puts only kubernetes.io/metadata.name on namespaces.
func unlabelled(in *pci.Input, sel cluster.Selector) string {
	for _, r := range sel {
		if r.Op != cluster.In || r.Key == cluster.NameLabel {
			continue
		}
		if slices.ContainsFunc(in.Cluster.Namespaces, func(ns *cluster.Namespace) bool { return !ns.Declared || r.Matches(ns.Labels) }) {
			continue
		}
		for _, v := range r.Values {
			if in.Cluster.Namespace(v) != nil {
				return fmt.Sprintf("no namespace has the label %s=%s; namespace %s is here without it, and always has %s=%s", r.Key, v, v, cluster.NameLabel, v)
			}
		}
	}
	return ""
}

// podMakers is API groups, with their kinds where not all of them are meant, whose objects an operator turns
// into pods.
var podMakers = map[string][]string{
	"monitoring.coreos.com":        {"Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"},
	"kafka.strimzi.io":             nil,
	"postgresql.cnpg.io":           nil,
	"acid.zalan.do":                nil,
	"ceph.rook.io":                 nil,
	"elasticsearch.k8s.elastic.co": nil,
	"kibana.k8s.elastic.co":        nil,
	"rabbitmq.com":                 nil,
	"minio.min.io":                 nil,
	"k8s.mariadb.com":              nil,
	"opentelemetry.io":             nil,
	"jaegertracing.io":             nil,
	"k8s.keycloak.org":             nil,
	"serving.knative.dev":          nil,
	"tekton.dev":                   nil,
}

// madeByOperator tells whether pods of these labels may be made at run time: a label of some controller's
// domain that no pod of the input carries, or the kind or name of an object that an operator turns into pods.
func madeByOperator(in *pci.Input, q *policy.Peer) bool {
	for _, r := range q.Pods {
		domain, _, qualified := strings.Cut(r.Key, "/")
		if qualified && domain != "app.kubernetes.io" && !carried(in, r.Key) {
			return true
		}
		for _, v := range r.Values {
			switch r.Key + "=" + v {
			case "component=singleuser-server": // JupyterHub makes them for its users
				return true
			}
		}
		switch r.Key {
		case "job-name", "controller-uid", "controller-revision-hash", "pod-template-hash":
			return true
		}
	}
	for _, o := range in.Cluster.Objects {
		kinds, listed := podMakers[o.Ref.Group]
		if !listed || kinds != nil && !slices.Contains(kinds, o.Ref.Kind) || q.Namespace != "" && o.Ref.Namespace != "" && o.Ref.Namespace != q.Namespace {
			continue
		}
		for _, r := range q.Pods {
			for _, v := range r.Values {
				if r.Op == cluster.In && (v == o.Ref.Name || strings.EqualFold(v, o.Ref.Kind)) {
					return true
				}
			}
		}
	}
	return false
}

func carried(in *pci.Input, key string) bool {
	return slices.ContainsFunc(in.Cluster.Pods, func(p *cluster.Pod) bool {
		_, has := p.Labels[key]
		return has
	})
}

// optional tells whether a peer goes by a mark that clients put on themselves ("db-client: true") and that
// nobody has put on yet.
func optional(in *pci.Input, q *policy.Peer) bool {
	return slices.ContainsFunc(q.Pods, func(r cluster.Requirement) bool {
		mark := r.Op == cluster.Exists || r.Op == cluster.In && len(r.Values) == 1 && r.Values[0] == "true"
		return mark && !carried(in, r.Key)
	})
}

// chart tells whether a policy comes from a Helm chart, by the labels that charts put on.
func chart(in *pci.Input, p *policy.Policy) bool {
	o := in.Cluster.Object(p.Ref)
	if o == nil {
		return false
	}
	labels := o.Root.Get("metadata", "labels")
	return labels.Get("helm.sh/chart").Str() != "" || labels.Get("app.kubernetes.io/managed-by").Str() == "Helm" || labels.Get("heritage").Str() == "Helm"
}

func alivePeer(in *pci.Input, r *policy.Rule) bool {
	for i := range r.Peers {
		if _, pods := in.Model.PeerPods(&r.Peers[i]); r.Peers[i].Kind != policy.PodPeer || len(pods) > 0 {
			return true
		}
	}
	return false
}

// meantAnd says when a peer selects pods of the policy's own namespace, which has none such, beside a peer
// that is a whole namespace: two entries of a list where one with both selectors was meant. An empty
// podSelector in that place is meant: "that namespace, or my own".
func meantAnd(in *pci.Input, p *policy.Policy, r *policy.Rule, q *policy.Peer) string {
	own := p.Namespace()
	if own == "" || q.Namespace != own || len(q.Pods) == 0 || !in.Cluster.Complete && !hasPods(in, own) {
		return ""
	}
	for i := range r.Peers {
		s := &r.Peers[i]
		if s.Kind != policy.PodPeer || s.Namespace == own || len(s.Pods) > 0 {
			continue
		}
		both := *s
		both.Pods = q.Pods
		if _, pods := in.Model.PeerPods(&both); len(pods) > 0 || absent(in, q) != "" {
			return fmt.Sprintf("there are no %s, and the namespace beside it is let in as a whole; for those pods of that namespace write both selectors in one entry", peerText(q))
		}
	}
	return ""
}

func peerText(q *policy.Peer) string {
	what, where := "pods", "any namespace"
	if len(q.Pods) > 0 {
		what = "pods labelled " + q.Pods.String()
	}
	if q.Namespace != "" {
		where = "namespace " + q.Namespace
	} else if len(q.NamespaceSelector) > 0 {
		where = "a namespace labelled " + q.NamespaceSelector.String()
	}
	return what + " in " + where
}

// nearest says which label comes closest to a selector that matches nobody: the same key with a like value,
// or the same value under another key.
func nearest(in *pci.Input, q *policy.Peer) string {
	for _, r := range q.Pods {
		if r.Op != cluster.In {
			continue
		}
		for _, p := range in.Cluster.Pods {
			if q.Namespace != "" && p.Namespace.Name != q.Namespace {
				continue
			}
			v, has := p.Labels[r.Key]
			for _, want := range r.Values {
				if has && near(v, want) {
					return fmt.Sprintf(" (%s has %s=%s)", p.Workload.Ref, r.Key, v)
				}
			}
		}
		if other := underOtherKey(in, q.Namespace, r); other != "" {
			return other
		}
	}
	return ""
}

func underOtherKey(in *pci.Input, namespace string, r cluster.Requirement) string {
	for _, p := range in.Cluster.Pods {
		if _, has := p.Labels[r.Key]; has || namespace != "" && p.Namespace.Name != namespace {
			continue
		}
		for _, l := range cluster.MatchLabels(p.Labels) { // sorted
			if slices.Contains(r.Values, l.Values[0]) && len(l.Values[0]) > 1 {
				return fmt.Sprintf(" (%s has %s)", p.Workload.Ref, l)
			}
		}
	}
	return ""
}

// near tells whether two names look like one mistyped: one holds the other, they differ in one letter, or two
// neighbours are swapped.
func near(a, b string) bool {
	if a == b || a == "" || b == "" {
		return false
	}
	if strings.Contains(a, b) || strings.Contains(b, a) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	var at []int
	for i := range len(a) {
		if a[i] != b[i] {
			at = append(at, i)
		}
	}
	swapped := len(at) == 2 && at[1] == at[0]+1 && a[at[0]] == b[at[1]] && a[at[1]] == b[at[0]]
	return len(at) == 1 || swapped
}
