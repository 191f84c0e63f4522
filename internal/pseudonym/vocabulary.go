package pseudonym

import (
	"slices"
	"strings"
)

// vocabulary tells whether a word says something by itself, wherever it stands: to Kubernetes, to a mesh or a log
// agent, as a protocol, or in a Segmentation. Such a word tells nobody's secret, and with another in its place the
// input would say something else. Numbers and single letters are no names either.
func vocabulary(w string) bool {
	list := strings.Fields(known)
	if slices.Contains(list, w) {
		return true
	}
	for part := range strings.SplitSeq(w, "-") {
		if len(part) > 1 && strings.Trim(part, "0123456789") != "" && !slices.Contains(list, part) {
			return false
		}
	}
	return true
}

const known = `
all any api app apps auto batch client cluster cluster-admin com configmaps core cde cde-store connected-to create data
default delete deny dev disable disabled dns edit egress enable enabled endpoints enforce example false file get grpc
grpc-web host http http2 https icmp internal internet ingress io issuer istio istio-ingressgateway json k8s key kube-dns
kubernetes list local localhost mesh mongo mtls mutual mysql name namespace namespaces net networkpolicies nginx node nodes
gateway gateways networking security authorization authentication rbac storage certificates monitoring metrics
none ns off on org out-of-scope passthrough patch permissive plain plaintext pod pods policies port private prod production
proxy public read redis root restricted baseline privileged sa sctp secret secrets security-impacting server service services
simple spec ssl status strict svc system tcp test text tls true udp unknown unset update use user users value version view
watch web-socket websocket write www yaml yes no`
