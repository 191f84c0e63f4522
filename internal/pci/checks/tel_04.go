package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tel04 = pci.Check{
	ID: "TEL-04", Title: "stores of logs and metrics listen with TLS", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "A store that listens without TLS makes every client send in clear text, its administrators and their passwords too.",
	Fix: "Give the listener a certificate, and let clients check it.",
	Evidence: "The listeners of Elasticsearch, Kibana, OpenSearch, Loki, Grafana, Prometheus, Alertmanager and Hubble, where their objects or " +
		"ConfigMaps are in the input. A proxy or mesh in front is not seen here. Sources: Elastic Cloud on Kubernetes, TLS certificates; " +
		"OpenSearch, security settings; Loki, server; Grafana, configuration; Prometheus operator, API reference; Cilium, cilium-config.",
	Run: func(in *pci.Input) []pci.Finding {
		return telemetry(in, storeListeners(in), pci.Medium, "listeners of stores", "have TLS",
			"elasticsearch", "opensearch", "loki", "grafana", "kibana", "alertmanager")
	},
}

func storeListeners(in *pci.Input) []link {
	var out []link
	for _, gk := range []object.GroupKind{{Group: "elasticsearch.k8s.elastic.co", Kind: "Elasticsearch"}, {Group: "kibana.k8s.elastic.co", Kind: "Kibana"}} {
		for _, o := range in.Cluster.Kind(gk.Group, gk.Kind) { // the operator makes a certificate unless told not to
			off := o.Root.Get("spec", "http", "tls", "selfSignedCertificate", "disabled")
			l := link{ref: o.Ref, pos: o.At(off), what: "http", state: linkGood}
			if off.True() && !o.Root.Get("spec", "http", "tls", "certificate").IsSet() {
				l.state = linkPlain
			}
			out = append(out, l)
		}
	}
	for _, kind := range []string{"Prometheus", "Alertmanager"} {
		for _, o := range in.Cluster.Kind(monitoring, kind) {
			l := link{ref: o.Ref, pos: o.Pos, what: "web", state: linkPlain}
			if o.Root.Get("spec", "web", "tlsConfig").IsSet() {
				l.state = linkGood
			}
			if o.Root.Get("spec", "listenLocal").True() {
				l.state = linkLocal
			}
			out = append(out, l)
		}
	}
	for _, t := range configTexts(in) {
		if l, ok := listenerText(t); ok {
			out = append(out, l)
		}
	}
	return append(out, hubble(in)...)
}

// listenerText knows configurations of servers by their key, and by what only they have.
func listenerText(t textOf) (link, bool) {
	l := link{ref: t.object.Ref, pos: t.pos, what: t.key}
	switch {
	case t.key == "grafana.ini":
		l.state = linkPlain
		switch protocol := iniKey(t.text, "server", "protocol"); {
		case protocol == "https" || protocol == "h2":
			l.state = linkGood
		case variable(protocol):
			l.state, l.why = linkUnknown, "the protocol is filled in when it starts"
		case protocol == "socket":
			l.state = linkLocal
		}
		return l, true
	case t.key == "elasticsearch.yml" || t.key == "opensearch.yml" || strings.Contains(t.text, "schema_config:"):
	default:
		return l, false
	}
	v, err := settings.YAML(t.text)
	if err != nil {
		return t.unread(err.Error()), true
	}
	state := func(off, on *object.Value, unset string) {
		switch {
		case off.True() || isFalse(on):
			l.state = linkPlain
		case on.True():
			l.state = linkGood
		case unset == "":
			l.state = linkPlain
		default:
			l.state, l.why = linkUnknown, unset
		}
	}
	switch t.key {
	case "elasticsearch.yml":
		off := dotted(v, "xpack.security.enabled")
		if isFalse(off) {
			l.state = linkPlain
			return l, true
		}
		state(nil, dotted(v, "xpack.security.http.ssl.enabled"), "whether xpack.security.http.ssl is on hangs on the version and on the first start")
	case "opensearch.yml":
		state(dotted(v, "plugins.security.disabled"), dotted(v, "plugins.security.ssl.http.enabled"), "")
	default: // Loki
		l.state = linkPlain
		if v.Get("server", "http_tls_config").IsSet() {
			l.state = linkGood
		}
	}
	return l, true
}

// iniKey reads one key of one section; "" when it is not there.
func iniKey(text, section, key string) string {
	in, value := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = strings.Trim(line, "[]")
			continue
		}
		name, v, ok := strings.Cut(line, "=")
		if ok && in == section && strings.TrimSpace(name) == key {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// hubble reads Cilium's switch for the servers of flow data.
func hubble(in *pci.Input) []link {
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		if o.Ref.Namespace != "kube-system" || o.Ref.Name != "cilium-config" || o.Root.Get("data", "enable-hubble").Str() != "true" {
			continue
		}
		if o.Root.Get("data", "hubble-listen-address").Str() == "" { // a socket on the node only
			return nil
		}
		off := o.Root.Get("data", "hubble-disable-tls")
		l := link{ref: o.Ref, pos: o.At(off), what: "Hubble", state: linkGood}
		on, known := yes(off.Str())
		switch {
		case on:
			l.state = linkPlain
		case !off.IsSet() || !known:
			l.state, l.why = linkUnknown, "hubble-disable-tls does not say whether TLS is on"
		}
		return []link{l}
	}
	return nil
}
