package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tel02 = pci.Check{
	ID: "TEL-02", Title: "traces and metrics travel over TLS", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "Spans carry URLs, statements and sometimes what users typed. A collector that sends or takes them in clear text gives them to everybody " +
		"in between, and a collector that takes them from everybody can be filled with lies.",
	Fix: "Take insecure and insecure_skip_verify out of exporters, use https endpoints, and give receivers that listen beyond the pod a certificate.",
	Evidence: "Exporters, OTLP receivers and what Prometheus receivers scrape, as far as a pipeline uses them, in ConfigMaps and OpenTelemetryCollector objects, and Alloy's exporters. Other " +
		"receivers are not looked at. A service mesh that encrypts is not seen here (TEL-06). Source: OpenTelemetry Collector, configtls.",
	Run: func(in *pci.Input) []pci.Finding {
		return telemetry(in, traceLinks(in), pci.Medium, "exporters and receivers of collectors", "go over TLS, with the certificate checked",
			"opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "aws-otel-collector", "otelcol")
	},
}

func traceLinks(in *pci.Input) []link {
	var out []link
	for _, t := range configTexts(in) {
		switch {
		case strings.HasSuffix(t.key, ".alloy") || strings.HasSuffix(t.key, ".river"):
			out = append(out, alloyText(t, "otelcol.exporter.")...)
		case strings.Contains(t.text, "exporters:") && strings.Contains(t.text, "pipelines:"):
			out = append(out, collectorText(t)...)
		}
	}
	for _, o := range in.Cluster.Kind("opentelemetry.io", "OpenTelemetryCollector") {
		config := o.Root.Get("spec", "config")
		t := textOf{object: o, key: "spec.config", text: config.Str(), pos: o.At(config)}
		if config != nil && config.Kind == object.String {
			out = append(out, collectorText(t)...)
			continue
		}
		out = append(out, collector(config, func(v *object.Value, what string) link {
			return link{ref: o.Ref, pos: o.At(v), what: what}
		})...)
	}
	return out
}

func collectorText(t textOf) []link {
	v, err := settings.YAML(t.text)
	if err != nil {
		return []link{t.unread(err.Error())}
	}
	return collector(v, func(v *object.Value, what string) link { return t.link(v.Line, what) })
}

// collector judges what pipelines use: what is defined and not used does not run.
func collector(v *object.Value, begin func(*object.Value, string) link) []link {
	used := map[string]bool{}
	for _, p := range v.Get("service", "pipelines").Map() {
		for _, side := range []string{"exporters", "receivers"} {
			for _, name := range p.Value.Get(side).List() {
				used[side+" "+name.Str()] = true
			}
		}
	}
	var out []link
	for _, f := range v.Get("exporters").Map() {
		if used["exporters "+f.Name] {
			out = append(out, collectorExporter(begin(&object.Value{Line: f.Line}, "exporter "+f.Name), f.Name, f.Value))
		}
	}
	for _, f := range v.Get("receivers").Map() {
		kind, _, _ := strings.Cut(f.Name, "/")
		if kind == "prometheus" && used["receivers "+f.Name] {
			for _, s := range f.Value.Get("config", "scrape_configs").List() {
				out = append(out, job(begin(s, fmt.Sprintf("receiver %s, job %s", f.Name, s.Get("job_name").Str())), s))
			}
		}
		if kind != "otlp" || !used["receivers "+f.Name] {
			continue
		}
		for _, p := range f.Value.Get("protocols").Map() {
			l := begin(&object.Value{Line: p.Line}, fmt.Sprintf("receiver %s, %s", f.Name, p.Name))
			endpoint := p.Value.Get("endpoint").Str()
			if endpoint == "" { // the default is this pod since version 0.104, and every address before
				l.state, l.why = linkUnknown, "it listens on the default address, which hangs on the version"
			} else {
				l = l.withTLS(strings.ReplaceAll(endpoint, "${env:MY_POD_IP}", "0.0.0.0"), p.Value.Get("tls").IsSet(), true)
			}
			out = append(out, l)
		}
	}
	return out
}

func collectorExporter(l link, name string, v *object.Value) link {
	kind, _, _ := strings.Cut(name, "/")
	tls := v.Get("tls")
	l.secret = anyOf(v.Get("headers", "authorization"), v.Get("headers", "Authorization"), v.Get("auth"), v.Get("token"), v.Get("api_key"))
	address := ""
	for _, key := range []string{"endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint"} {
		if s := v.Get(key).Str(); s != "" && (address == "" || strings.HasPrefix(s, "http:")) {
			address = s
		}
	}
	for _, e := range append(v.Get("endpoints").List(), v.Get("brokers").List()...) {
		if address == "" || strings.HasPrefix(e.Str(), "http:") {
			address = e.Str()
		}
	}
	insecure, known := yes(tls.Get("insecure").Str())
	switch {
	case slices.Contains([]string{"debug", "logging", "nop", "file", "forward"}, kind):
		l.state = linkLocal
		return l
	case kind == "prometheus": // a listener
		return l.withTLS(orDefault(address, "0.0.0.0:8889"), tls.Get("cert_file").IsSet(), true)
	case kind == "kafka":
		return l.withTLS(orDefault(address, "its brokers"), tls.IsSet() && !insecure || v.Get("auth", "tls").IsSet(), known).skips(tls.Get("insecure_skip_verify").Str())
	case address == "" && (strings.HasPrefix(kind, "aws") || strings.HasPrefix(kind, "google") || kind == "datadog" || kind == "azuremonitor"):
		l.state = linkGood
		return l
	case address == "":
		l.state, l.why = linkUnknown, "it has no endpoint"
		return l
	}
	return l.withTLS(address, !insecure, known).skips(tls.Get("insecure_skip_verify").Str())
}
