package checks

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

// Plugins that are no connection, and such as always use https: the interfaces of clouds.
var (
	noConnection = []string{"stdout", "null", "file", "counter", "exit", "flowcounter", "lib", "plot", "console", "blackhole", "relabel", "rewrite_tag_filter", "retag", "label_router", "detect_exceptions"}
	alwaysHTTPS  = []string{
		"s3", "cloudwatch", "cloudwatch_logs", "kinesis", "kinesis_firehose", "kinesis_streams", "firehose", "stackdriver", "bigquery", "google_cloud", "gcs",
		"azure", "azure_kusto", "azure_logs_ingestion", "logdna", "nrlogs", "newrelic", "chronicle", "oracle_log_analytics", "azure-loganalytics",
	}
)

// defaultHere are the outputs of Fluent Bit that send to 127.0.0.1 when they have no host (Fluent Bit manual, outputs).
var defaultHere = []string{
	"es", "opensearch", "forward", "http", "loki", "tcp", "udp", "splunk", "influxdb", "gelf", "syslog", "nats", "pgsql", "websocket", "opentelemetry",
	"prometheus_remote_write", "skywalking", "kafka-rest",
}

func fluentBitText(t textOf) []link {
	sections, included, err := settings.FluentBit(t.text)
	if err != nil {
		return []link{t.unread(err.Error())}
	}
	var out []link
	for _, s := range sections {
		if s.Name == "OUTPUT" {
			out = append(out, fluentBitOutput(t, s))
		}
	}
	return append(out, absentIncludes(t, included)...)
}

// absentIncludes stands for included files that are not beside the text in its ConfigMap.
func absentIncludes(t textOf, included []string) []link {
	var out []link
	for _, name := range included {
		base := path.Base(name)
		here := slices.ContainsFunc(t.object.Root.Get("data").Map(), func(f object.Field) bool {
			ok, err := path.Match(base, f.Name)
			return ok && err == nil
		})
		if !here {
			out = append(out, t.unread("it includes "+name+", which is not in the input"))
		}
	}
	return out
}

func fluentBitYAML(t textOf, v *object.Value) []link {
	var out []link
	for _, o := range v.Get("pipeline", "outputs").List() {
		s := sectionOf(o)
		s.Line = o.Line
		out = append(out, fluentBitOutput(t, s))
	}
	for _, v := range v.Get("includes").List() {
		out = append(out, absentIncludes(t, []string{v.Str()})...)
	}
	return out
}

// fluentBitOutput judges by the keys "tls" and "tls.verify" that all outputs over TCP share; the defaults are
// off and on, and the host is the pod itself (Fluent Bit manual, TLS and outputs).
func fluentBitOutput(t textOf, s settings.Section) link {
	text := func(name string) string { k, _ := s.Get(name); return k.Value }
	name := strings.ToLower(text("name"))
	l := t.link(s.Line, "output "+name)
	for _, k := range []string{"http_passwd", "passwd", "http_token", "splunk_token", "shared_key", "bearer_token", "apikey", "header"} {
		l.secret = l.secret || text(k) != ""
	}
	on, known := yes(text("tls"))
	verify := text("tls.verify")
	host := text("host")
	switch {
	case slices.Contains(noConnection, name):
		l.state = linkLocal
		return l
	case variable(name):
		l.state, l.why = linkUnknown, "the plugin is filled in when it starts"
		return l
	case slices.Contains(alwaysHTTPS, name) && text("endpoint") == "":
		l.state = linkGood
		return l.checks(verify)
	case name == "prometheus_exporter" || name == "vivo_exporter": // a listener
		return l.hostTLS(orDefault(host, "0.0.0.0"), on, known)
	case name == "kafka":
		protocol := strings.ToLower(text("rdkafka.security.protocol"))
		return l.hostTLS(text("brokers"), strings.HasSuffix(protocol, "ssl"), !variable(protocol))
	case name == "gelf" || name == "syslog":
		mode := strings.ToLower(text("mode"))
		on = mode == "tls"
		known = !variable(mode)
	}
	if host == "" && text("upstream") != "" {
		l.state, l.why = linkUnknown, "its servers stand in the file "+text("upstream")
		return l
	}
	if host == "" && text("endpoint") != "" {
		host = text("endpoint")
	}
	switch {
	case host == "" && slices.Contains(defaultHere, name):
		l.state = linkLocal
		return l
	case host == "" && !slices.Contains([]string{"datadog", "td"}, name):
		l.state, l.why = linkUnknown, "it has no host, and where this plugin sends to is not known here"
		return l
	}
	if strings.Contains(host, "://") { // an endpoint
		return l.toURL(host).checks(verify)
	}
	return l.hostTLS(orDefault(host, name+"'s own host"), on, known).checks(verify)
}

func fluentdText(t textOf) []link {
	sections, included, err := settings.Fluentd(t.text)
	if err != nil {
		return []link{t.unread(err.Error())}
	}
	var out []link
	var walk func([]settings.Section, int)
	walk = func(list []settings.Section, depth int) {
		for _, s := range list {
			if k, typed := s.Get("@type"); typed && (s.Name == "match" || s.Name == "store") && k.Value != "copy" && k.Value != "roundrobin" {
				out = append(out, fluentdOutput(t.link(s.Line, "output "+k.Value), s))
			}
			walk(s.Within, depth+1)
		}
	}
	walk(sections, 0)
	return append(out, absentIncludes(t, included)...)
}

// fluentdOutput judges an output by the options of its plugin; their defaults are those of the plugins'
// documentation.
func fluentdOutput(l link, s settings.Section) link {
	text := func(name string) string { k, _ := s.Get(name); return k.Value }
	on := func(name string) bool { yes, _ := yes(text(name)); return yes }
	for _, k := range []string{"password", "hec_token", "shared_key", "bearer_token"} {
		_, inner := s.Inner(k)
		l.secret = l.secret || text(k) != "" || inner
	}
	kind := strings.ToLower(text("@type"))
	switch kind {
	case "forward":
		var hosts []string
		for _, in := range s.Within {
			if host, _ := in.Get("host"); in.Name == "server" {
				hosts = append(hosts, host.Value)
			}
		}
		transport := text("transport")
		return l.hostTLS(strings.Join(hosts, ","), transport == "tls", !variable(transport)).
			skips(text("tls_insecure_mode"), text("tls_allow_self_signed_cert")).checks(text("tls_verify_hostname"))
	case "elasticsearch", "elasticsearch_dynamic", "elasticsearch_data_stream", "opensearch", "opensearch_data_stream":
		host, scheme := text("host"), strings.ToLower(text("scheme"))
		if hosts := text("hosts"); hosts != "" {
			host = hosts
		}
		return l.withTLS(orDefault(host, "localhost"), scheme == "https", !variable(scheme)).checks(text("ssl_verify"))
	case "http":
		mode := text("tls_verify_mode")
		if variable(mode) {
			return l.toURL(text("endpoint")).skips(mode)
		}
		return l.toURL(text("endpoint")).verified(mode == "none")
	case "loki":
		return l.toURL(orDefault(text("url"), "https://logs-prod-us-central1.grafana.net")).skips(text("insecure_tls"))
	case "splunk_hec", "splunkhec":
		protocol := strings.ToLower(orDefault(text("protocol"), "https"))
		return l.withTLS(orDefault(text("hec_host"), text("full_url")), protocol == "https", !variable(protocol)).skips(text("insecure_ssl"))
	case "kafka", "kafka2", "rdkafka2":
		tls := on("ssl_ca_certs_from_system") || text("ssl_ca_cert") != "" || text("ssl_client_cert") != ""
		return l.hostTLS(text("brokers"), tls, true).checks(text("ssl_verify_hostname"))
	case "syslog", "remote_syslog":
		return l.hostTLS(text("host"), on("tls") || text("transport") == "tls", true)
	}
	switch {
	case slices.Contains(noConnection, kind):
		l.state = linkLocal
	case slices.Contains(alwaysHTTPS, kind) && !strings.HasPrefix(text("s3_endpoint")+text("endpoint"), "http:"):
		l.state = linkGood
	default:
		l.state, l.why = linkUnknown, fmt.Sprintf("the plugin %q is not known here", kind)
	}
	return l
}
