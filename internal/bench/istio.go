package bench

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// strict makes every sidecar of the mesh refuse what does not come from the mesh.
func strict() *object.Value {
	return head("security.istio.io/v1", "PeerAuthentication", "istio-system", "default", tree(field("mtls", tree(field("mode", text("STRICT"))))))
}

func (p *Policy) authorization() *object.Value {
	labels := map[string]string{}
	for _, r := range p.Subject.Pods {
		labels[r.Key] = r.Values[0]
	}
	rules := each(p.Rules, func(r Rule) *object.Value {
		names := each(r.Peers, func(x Peer) string { return x.Namespace })
		v := tree(field("from", list(tree(field("source", tree(field("namespaces", texts(names...))))))))
		if len(r.Ports) > 0 {
			ports := each(r.Ports, func(x PortRange) string { return fmt.Sprint(x.Lo) })
			v.Fields = append(v.Fields, field("to", list(tree(field("operation", tree(field("ports", texts(ports...))))))))
		}
		return v
	})
	spec := tree(field("selector", tree(field("matchLabels", labelTree(labels)))), field("action", text("ALLOW")), field("rules", list(rules...)))
	return head("security.istio.io/v1", "AuthorizationPolicy", p.Subject.Namespace, p.Name, spec)
}

// sidecar is the container that a pod of the mesh has besides its own.
func sidecar() *object.Value {
	return tree(field("name", text("istio-proxy")), field("image", text("registry.example/istio/proxyv2:1.27.0")), field("args", texts("proxy", "sidecar")),
		field("ports", list(tree(field("name", text("http-envoy-prom")), field("containerPort", number(15090)), field("protocol", text("TCP"))))))
}
