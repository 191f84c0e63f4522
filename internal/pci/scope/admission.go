package scope

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const admissionGroup = "admissionregistration.k8s.io"

// admission finds what the API server asks about objects of the cardholder data environment before it stores
// them: a mutating webhook writes into them what it likes, a validating one is a control over them.
func (c *computer) admission() {
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		for _, o := range c.Cluster.Kind(admissionGroup, kind) {
			for _, hook := range o.Root.Get("webhooks").List() {
				asked := c.asks(hook)
				if asked == enforcer.No {
					continue
				}
				c.hook(o, hook, kind == "MutatingWebhookConfiguration", asked == enforcer.Yes)
			}
		}
	}
}

// hook gives the reason to the workloads that answer for a webhook.
func (c *computer) hook(o *object.Object, hook *object.Value, mutates, sure bool) {
	does := "decides which objects of the cardholder data environment are admitted"
	if mutates {
		does = "may change objects of the cardholder data environment when they are stored"
	}
	policy := hook.Get("failurePolicy").Str()
	if policy == "Ignore" {
		does += ", and they pass unseen when it does not answer"
	}
	msg := fmt.Sprintf("as webhook %s it %s", hook.Get("name").Str(), does)
	at := o.At(hook)
	if url := hook.Get("clientConfig", "url").Str(); url != "" {
		c.out.Systems = append(c.out.Systems, System{Kind: "Webhook", Name: hook.Get("name").Str(), Sure: sure, Ref: o.Ref, Pos: at, Msg: "at " + url + ", " + does})
		return
	}
	ref := hook.Get("clientConfig", "service")
	ns, name := ref.Get("namespace").Str(), ref.Get("name").Str()
	found := false
	for _, s := range c.Cluster.Services {
		if s.Ref.Namespace != ns || s.Ref.Name != name {
			continue
		}
		var seen []*cluster.Workload
		for _, p := range s.Pods {
			if found = true; !slices.Contains(seen, p.Workload) {
				seen = append(seen, p.Workload)
				c.give(c.number[p.Workload], Reason{Code: Admission, Class: SecurityImpacting, Sure: sure, Ref: o.Ref, Pos: at, Msg: msg})
			}
		}
	}
	if !found {
		c.out.Systems = append(c.out.Systems, System{
			Kind: "Webhook", Name: hook.Get("name").Str(), Sure: sure, Ref: o.Ref, Pos: at,
			Msg: fmt.Sprintf("Service %s/%s, whose pods are not in the input, %s", ns, name, does),
		})
	}
}

// asks tells whether the API server asks a webhook about objects in a namespace of the cardholder data
// environment.
func (c *computer) asks(hook *object.Value) enforcer.Answer {
	if !slices.ContainsFunc(hook.Get("rules").List(), concerns) {
		return enforcer.No
	}
	answer := enforcer.No
	for i, w := range c.Cluster.Workloads {
		if !c.may[i] {
			continue
		}
		for _, p := range w.Pods {
			a := selects(hook.Get("namespaceSelector"), p.Namespace.Labels, p.Namespace.Declared)
			if a == enforcer.No {
				continue
			}
			// Pods can be held against the objectSelector; objects that make pods have labels of their own.
			if b := selects(hook.Get("objectSelector"), p.Labels, true); b != enforcer.Yes {
				a = enforcer.Unknown
			}
			if len(hook.Get("matchConditions").List()) > 0 || !c.sure[i] {
				a = enforcer.Unknown
			}
			if answer = either(answer, a); answer == enforcer.Yes {
				return answer
			}
		}
	}
	return answer
}

// selects holds labels against a selector; known says that they are all.
func selects(v *object.Value, labels map[string]string, known bool) enforcer.Answer {
	if !v.IsSet() {
		return enforcer.Yes
	}
	s, bad := cluster.ParseSelector(v)
	if len(bad) > 0 {
		return enforcer.Unknown
	}
	answer := enforcer.Yes
	for _, r := range s {
		switch {
		case !known && r.Key != cluster.NameLabel:
			answer = enforcer.Unknown
		case !r.Matches(labels):
			return enforcer.No
		}
	}
	return answer
}

// governing is the resources, by group, whose change changes a workload or who may talk to it.
func governing() map[string][]string {
	return map[string][]string{
		"":                          {"pods", "replicationcontrollers", "secrets", "configmaps", "serviceaccounts", "services", "endpoints", "namespaces"},
		"apps":                      {"deployments", "statefulsets", "daemonsets", "replicasets"},
		"batch":                     {"jobs", "cronjobs"},
		"networking.k8s.io":         {"networkpolicies", "ingresses"},
		"discovery.k8s.io":          {"endpointslices"},
		"crd.projectcalico.org":     {"networkpolicies", "globalnetworkpolicies"},
		"projectcalico.org":         {"networkpolicies", "globalnetworkpolicies"},
		"cilium.io":                 {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"},
		"security.istio.io":         {"authorizationpolicies", "peerauthentications"},
		"gateway.networking.k8s.io": {"httproutes", "tlsroutes", "tcproutes", "grpcroutes", "gateways"},
	}
}

// concerns tells whether a rule of a webhook covers writing one of the governing resources.
func concerns(rule *object.Value) bool {
	has := func(field, word string) bool {
		return slices.ContainsFunc(rule.Get(field).List(), func(v *object.Value) bool { return v.Str() == word || v.Str() == "*" })
	}
	if !has("operations", "CREATE") && !has("operations", "UPDATE") {
		return false
	}
	for group, resources := range governing() {
		if !has("apiGroups", group) {
			continue
		}
		for _, r := range resources {
			if has("resources", r) || has("resources", "*/*") || has("resources", r+"/*") {
				return true
			}
		}
	}
	return false
}
