package cilium

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Labels that Cilium puts on every pod besides its own (pkg/k8s/apis/cilium.io, SanitizePodLabels).
const (
	labelPrefix     = "io.cilium.k8s"
	labelNamespace  = "io.kubernetes.pod.namespace"
	labelNamespaces = labelPrefix + ".namespace.labels."
	labelAccount    = labelPrefix + ".policy.serviceaccount"
	labelCluster    = labelPrefix + ".policy.cluster"
)

// splitKey is source and key of a label as selectors write them: "k8s:app", "reserved:host", "app" for any source
// (pkg/labels, parseSource).
func splitKey(text string) (source, key string) {
	if rest, ok := strings.CutPrefix(text, "$"); ok {
		return "reserved", rest
	}
	source, key, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return "any", text
	case source == "":
		return "any", key
	}
	return source, key
}

// picked is a selector of endpoints, sorted by what its requirements are about.
type picked struct {
	term     policy.Term // of pods; its Namespace is not set
	spaces   []cluster.Requirement
	reserved []cluster.Requirement // on identities that are no pods, keys without "reserved:"
	// none: no pod meets it. positive: only what has labels of Kubernetes meets it, so nothing but pods.
	none, positive bool
	// byNamespace, byNamespaceLabels: it says something about the namespace itself.
	byNamespace, byNamespaceLabels bool
	clusters                       bool // it says something about the cluster
	elsewhere                      bool // it may match pods of other clusters
	// doubts say that it may match anything, narrow ones that it may match the pods of term.
	doubts, narrow []policy.Doubt
}

// pick reads a selector of endpoints.
func (c *compiler) pick(v *object.Value, path string) picked {
	var p picked
	s, doubts := c.selector(v, path)
	p.doubts = doubts
	var pods, accounts []cluster.Requirement
	for _, r := range s {
		source, key := splitKey(r.Key)
		r.Key = key
		wants := r.Op == cluster.In || r.Op == cluster.Exists
		switch {
		case source == "reserved":
			p.reserved = append(p.reserved, r)
			continue
		case source != "any" && source != "k8s" || strings.Contains(key, "="):
			p.doubts = append(p.doubts, c.Unclear(v, "%s: labels of source %s are not modelled", path, source))
			continue
		case key == labelNamespace:
			p.byNamespace = true
			r.Key = cluster.NameLabel
			p.implied(r, &p.spaces)
		case strings.HasPrefix(key, labelNamespaces) && !filtered(key):
			p.byNamespaceLabels = true
			r.Key = strings.TrimPrefix(key, labelNamespaces)
			p.spaces = append(p.spaces, r)
		case key == labelAccount:
			r.Key = cluster.AccountName
			p.implied(r, &accounts)
		case key == labelCluster:
			c.byCluster(&p, r, v, path)
		case strings.HasPrefix(key, labelPrefix):
			p.doubts = append(p.doubts, c.Unclear(v, "%s: the label %s, which Cilium itself sets, is not modelled", path, key))
		case c.settings.customLabels():
			p.narrow = append(p.narrow, c.Unclear(v, "%s: whether the label %s counts is not known, as the agents have label filters of their own", path, key))
			if wants { // otherwise pods that have the label may be matched, too
				pods = append(pods, r)
			}
		case filtered(key):
			if c.filteredOut(&p, r, v, path) {
				pods = append(pods, r)
			}
		default:
			pods = append(pods, r)
		}
		p.positive = p.positive || wants
	}
	p.term.Pods, p.term.ServiceAccounts = cluster.NewSelector(pods...), cluster.NewSelector(accounts...)
	return p
}

// implied adds a requirement on a label that every pod has.
func (p *picked) implied(r cluster.Requirement, to *[]cluster.Requirement) {
	switch r.Op {
	case cluster.Exists:
	case cluster.DoesNotExist:
		p.none = true
	default:
		*to = append(*to, r)
	}
}

// byCluster judges a requirement on the name of the cluster, which is the same for all pods in the input.
func (c *compiler) byCluster(p *picked, r cluster.Requirement, v *object.Value, path string) {
	p.clusters = true
	name, known := c.settings.clusterName()
	switch {
	case r.Op == cluster.Exists:
		p.elsewhere = true
	case r.Op == cluster.DoesNotExist:
		p.none = true
	case !known:
		p.elsewhere = true
		p.narrow = append(p.narrow, c.Unclear(v, "%s: the name of the cluster is not known, so it is not known whether %s matches it; add ConfigMap cilium-config", path, r))
	default:
		p.none = p.none || !r.MatchesValue(name, true)
		p.elsewhere = p.elsewhere || r.Op == cluster.NotIn || len(r.Values) > 1 || r.Values[0] != name
	}
}

// filteredOut judges a requirement on a label that is no part of a pod's identity by default: for policies,
// pods do not have it. It reports whether the requirement still says who may match.
func (c *compiler) filteredOut(p *picked, r cluster.Requirement, v *object.Value, path string) bool {
	without := r.MatchesValue("", false)
	if _, known := c.settings.get("labels"); !known {
		p.narrow = append(p.narrow, c.Unclear(v,
			"%s: by default Cilium does not look at the label %s, and its settings are not in the input; add ConfigMap cilium-config", path, r.Key))
		return !without
	}
	who := "no pod is matched"
	if without {
		who = "every pod is matched as if it lacked it"
	}
	c.Warn(v, "use another label, or add it to the setting labels of Cilium", "%s: Cilium does not look at the label %s, so %s", path, r.Key, who)
	p.none = p.none || !without
	return false
}

// filtered tells whether a label of a pod is left out of its identity by default (defaultLabelPrefixCfg in
// pkg/labelsfilter; all its expressions are tied to the beginning of the key).
func filtered(key string) bool {
	if strings.Contains(key, "beta.kubernetes.io") {
		return true
	}
	for _, kept := range []string{labelNamespace, strings.TrimSuffix(labelNamespaces, "."), "app.kubernetes.io", labelCluster, labelAccount} {
		if strings.HasPrefix(key, kept) {
			return false
		}
	}
	return slices.ContainsFunc([]string{
		"io.kubernetes", "kubernetes.io", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/controller-uid", "k8s.io", "pod-template-generation",
		"pod-template-hash", "controller-revision-hash", "controller-uid", "annotation", "etcd_node", "topology.kubernetes.io",
	}, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// in narrows the selector to namespaces.
func (p *picked) in(more ...cluster.Requirement) policy.Term {
	t := p.term
	t.Namespace, t.NamespaceSelector = policy.OneNamespace(cluster.NewSelector(append(slices.Clone(p.spaces), more...)...))
	return t
}

func ownNamespace(name string) cluster.Requirement {
	return cluster.Requirement{Key: cluster.NameLabel, Op: cluster.In, Values: []string{name}}
}

// selector reads a label selector of Cilium strictly; keys are as written. With doubts it must not be used.
func (c *compiler) selector(v *object.Value, path string) (cluster.Selector, []policy.Doubt) {
	if !c.isMap(v, path) {
		return nil, nil
	}
	doubts := c.Fields(v, path, "matchLabels", "matchExpressions")
	c.isMap(v.Get("matchLabels"), path+".matchLabels")
	seen := map[[2]string]bool{}
	for _, f := range v.Get("matchLabels").Map() {
		source, key := splitKey(f.Name)
		if seen[[2]string{source, key}] {
			// They are one key once the source is filled in, and the value of either may remain.
			doubts = append(doubts, c.Unclear(f.Value, "%s.matchLabels has the label %s twice, with its source and without", path, key))
		}
		seen[[2]string{source, key}] = true
	}
	for i, e := range c.list(v.Get("matchExpressions"), path+".matchExpressions") {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		doubts = append(doubts, c.Fields(e, at, "key", "operator", "values")...)
		c.Text(e.Get("key"), at+".key")
		c.list(e.Get("values"), at+".values")
	}
	s, bad := cluster.ParseSelector(v)
	for _, b := range bad {
		if strings.Contains(b.Msg, "unknown field") {
			continue // told above, with its doubt
		}
		c.Refused(&object.Value{Line: b.Line}, refused, "%s.%s: %s", path, b.Path, b.Msg)
	}
	for _, r := range s {
		_, key := splitKey(r.Key)
		msgs := validation.IsQualifiedName(key)
		if strings.Count(r.Key, ":") > 1 {
			msgs = append(msgs, "more than one source")
		}
		for _, value := range r.Values {
			msgs = append(msgs, validation.IsValidLabelValue(value)...)
		}
		if len(msgs) > 0 {
			c.Refused(v, "Cilium refuses the object", "%s: %s: %s", path, r, strings.Join(slices.Compact(msgs), "; "))
		}
	}
	return cluster.NewSelector(s...), doubts
}
