package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

const (
	linkerdGroup  = "policy.linkerd.io"
	linkerdInject = "linkerd.io/inject"
	linkerdPolicy = "config.linkerd.io/default-inbound-policy"
	linkerdSkip   = "config.linkerd.io/skip-inbound-ports"
	linkerdEnv    = "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY"
)

// linkerd says whether a pod takes plain text by Linkerd's default policy, which its proxy was given, or which an
// annotation of the pod or namespace states (Linkerd "Authorization Policy", default policies). A Server object
// takes its port out of the default, and is not read.
func linkerd(c *cluster.Cluster, p *cluster.Pod) strictness {
	own, of := podMetadata(p).Get("annotations"), namespaceMetadata(c, p.Namespace.Name).Get("annotations")
	annotation := func(name string) string {
		if v := own.Get(name); v.IsSet() {
			return v.Str()
		}
		return of.Get(name).Str()
	}
	proxy := linkerdProxy(p)
	stored := !p.Template && p.Object.Root.Get("metadata", "uid").IsSet()
	switch inject := annotation(linkerdInject); {
	case proxy != nil:
	case stored, p.HostNetwork, inject != "enabled" && inject != "ingress":
		return strictness{status: pci.NotApplicable}
	}
	var servers []pci.Because
	for _, kind := range []string{"Server", "AuthorizationPolicy", "ServerAuthorization"} {
		for _, o := range c.Kind(linkerdGroup, kind) {
			if o.Ref.Namespace == p.Namespace.Name {
				servers = append(servers, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "may decide for ports of its pods"})
			}
		}
	}
	fix := &pci.Fix{Text: "set " + linkerdPolicy + ": all-authenticated on the namespace, or as the default of the installation"}
	mode := annotation(linkerdPolicy)
	for _, e := range proxy.Get("env").List() {
		if e.Get("name").Str() == linkerdEnv {
			mode = e.Get("value").Str()
		}
	}
	switch skipped := annotation(linkerdSkip); {
	case skipped != "":
		return strictness{pci.Fail, "takes plain text on ports " + skipped + ": they are kept from its proxy", nil, &pci.Fix{Text: "remove the annotation " + linkerdSkip}}
	case servers != nil:
		return strictness{pci.Unknown, "whether it takes plain text is not decided: policies of Linkerd may change it port by port", servers, nil}
	case mode == "":
		return strictness{pci.Unknown, "nothing in the input says which default policy Linkerd has here; its own is all-unauthenticated, which takes plain text", nil, fix}
	case mode == "all-authenticated", mode == "cluster-authenticated", mode == "deny":
		return strictness{status: pci.Pass}
	case strings.HasSuffix(mode, "-unauthenticated"), mode == "audit":
		return strictness{pci.Fail, "takes plain text as well: the default policy of Linkerd is " + mode, nil, fix}
	}
	return strictness{pci.Unknown, "the default policy of Linkerd is " + mode + ", which is not known", nil, fix}
}

// linkerdProxy is the proxy container of a pod, nil when it has none.
func linkerdProxy(p *cluster.Pod) *object.Value {
	for _, field := range []string{"containers", "initContainers"} { // among the latter as a native sidecar
		for _, c := range p.Spec.Get(field).List() {
			if c.Get("name").Str() == "linkerd-proxy" {
				return c
			}
		}
	}
	return nil
}

// podMetadata is that of the pod, or of the template it stands for.
func podMetadata(p *cluster.Pod) *object.Value {
	root := p.Object.Root
	if !p.Template {
		return root.Get("metadata")
	}
	if t := root.Get("spec", "template"); t.IsSet() {
		return t.Get("metadata")
	}
	return root.Get("spec", "jobTemplate", "spec", "template", "metadata")
}

func namespaceMetadata(c *cluster.Cluster, name string) *object.Value {
	if o := c.Object(object.Ref{Kind: "Namespace", Name: name}); o != nil {
		return o.Root.Get("metadata")
	}
	return nil
}
