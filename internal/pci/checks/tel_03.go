package checks

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tel03 = pci.Check{
	ID: "TEL-03", Title: "metrics are fetched and passed on over TLS", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "Prometheus fetches over plain HTTP unless told otherwise. Metrics tell who uses what and how much, a token sent along in clear text opens " +
		"more than metrics, and numbers that anybody can forge hide an attack.",
	Fix: "Set scheme: https with a tlsConfig that checks the certificate, and https for remote write.",
	Evidence: "The scrape configurations, remote writes and remote reads of Prometheus in ConfigMaps, in ServiceMonitor, PodMonitor, Probe and ScrapeConfig " +
		"objects, and of Prometheus and PrometheusAgent objects, and Alloy's scrapes and remote writes. A service mesh that encrypts is not seen here " +
		"(TEL-06). Sources: Prometheus, configuration; Prometheus operator, API reference.",
	Run: func(in *pci.Input) []pci.Finding {
		return telemetry(in, metricLinks(in), pci.Medium, "scrapes and remote writes", "go over TLS, with the certificate checked", "prometheus")
	},
}

const monitoring = "monitoring.coreos.com"

func metricLinks(in *pci.Input) []link {
	var out []link
	for _, t := range configTexts(in) {
		switch {
		case strings.HasSuffix(t.key, ".alloy") || strings.HasSuffix(t.key, ".river"):
			out = append(out, alloyText(t, "prometheus.remote_write", "prometheus.scrape")...)
		case strings.Contains(t.text, "scrape_configs:") && !strings.Contains(t.text, "positions:") && !strings.Contains(t.text, "exporters:"):
			out = append(out, prometheusText(t)...)
		}
	}
	for _, k := range []struct{ kind, list string }{{"ServiceMonitor", "endpoints"}, {"PodMonitor", "podMetricsEndpoints"}} {
		for _, o := range in.Cluster.Kind(monitoring, k.kind) {
			for _, e := range o.Root.Get("spec", k.list).List() {
				l := link{ref: o.Ref, pos: o.At(e), what: "scrape of port " + orDefault(e.Get("port").Str(), e.Get("targetPort").Str())}
				out = append(out, scrape(l, e, "relabelings", "targetLabel"))
			}
		}
	}
	for _, o := range in.Cluster.Kind(monitoring, "ScrapeConfig") {
		out = append(out, scrape(link{ref: o.Ref, pos: o.Pos, what: "scrape"}, o.Root.Get("spec"), "relabelings", "targetLabel"))
	}
	for _, o := range in.Cluster.Kind(monitoring, "Probe") {
		spec := o.Root.Get("spec")
		prober := spec.Get("prober", "url").Str()
		l := scrape(link{ref: o.Ref, pos: o.At(spec.Get("prober")), what: "scrape of the prober", to: withoutUser(prober)}, spec.Get("prober"), "", "")
		l.secret = anyOf(spec.Get("basicAuth"), spec.Get("authorization"), spec.Get("bearerTokenSecret"), spec.Get("oauth2"))
		if here(hostOf(prober)) {
			l.state = linkLocal
		}
		out = append(out, l.skips(spec.Get("tlsConfig", "insecureSkipVerify").Str()))
	}
	for _, o := range in.Cluster.Kind(monitoring, "RemoteWrite") {
		out = append(out, remote(o, o.Root.Get("spec"), "remote write"))
	}
	for _, kind := range []string{"Prometheus", "PrometheusAgent"} {
		for _, o := range in.Cluster.Kind(monitoring, kind) {
			for _, w := range o.Root.Get("spec", "remoteWrite").List() {
				out = append(out, remote(o, w, "remote write"))
			}
			for _, w := range o.Root.Get("spec", "remoteRead").List() {
				out = append(out, remote(o, w, "remote read"))
			}
		}
	}
	return out
}

// remote reads a remote write or read of the operator's objects.
func remote(o *object.Object, w *object.Value, what string) link {
	l := link{ref: o.Ref, pos: o.At(w), what: what, secret: anyOf(w.Get("basicAuth"), w.Get("authorization"), w.Get("bearerToken"), w.Get("bearerTokenFile"), w.Get("oauth2"))}
	return l.toURL(w.Get("url").Str()).skips(w.Get("tlsConfig", "insecureSkipVerify").Str())
}

func prometheusText(t textOf) []link {
	v, err := settings.YAML(t.text)
	if err != nil {
		return []link{t.unread(err.Error())}
	}
	var out []link
	for _, s := range v.Get("scrape_configs").List() {
		out = append(out, job(t.link(s.Line, "job "+s.Get("job_name").Str()), s))
	}
	for _, list := range []struct{ key, what string }{{"remote_write", "remote write"}, {"remote_read", "remote read"}} {
		for _, w := range v.Get(list.key).List() {
			l := t.link(w.Line, list.what)
			l.secret = anyOf(w.Get("basic_auth"), w.Get("authorization"), w.Get("bearer_token"), w.Get("bearer_token_file"), w.Get("oauth2"))
			out = append(out, l.toURL(w.Get("url").Str()).skips(w.Get("tls_config", "insecure_skip_verify").Str()))
		}
	}
	return out
}

// job judges one of scrape_configs; targets that are all in the pod itself do not count.
func job(l link, s *object.Value) link {
	if targets := staticTargets(s); len(targets) > 0 && !slices.ContainsFunc(targets, func(a string) bool { return !here(hostOf(a)) }) {
		l.state = linkLocal
		return l
	}
	return scrape(l, s, "relabel_configs", "target_label")
}

// staticTargets gives the targets of a job that has no other kind of them.
func staticTargets(s *object.Value) []string {
	var out []string
	for _, f := range s.Map() {
		if strings.HasSuffix(f.Name, "_sd_configs") {
			return nil
		}
	}
	for _, c := range s.Get("static_configs").List() {
		for _, a := range c.Get("targets").List() {
			out = append(out, a.Str())
		}
	}
	return out
}

// scrape judges one job or endpoint: http is the default, and a rule that writes __scheme__ decides at run time.
func scrape(l link, s *object.Value, relabel, target string) link {
	first := func(names ...string) *object.Value {
		for _, n := range names {
			if v := s.Get(n); v.IsSet() {
				return v
			}
		}
		return nil
	}
	l.secret = anyOf(first("basic_auth", "basicAuth"), first("authorization"), first("bearer_token", "bearerTokenSecret"), first("bearer_token_file", "bearerTokenFile"), first("oauth2"))
	scheme := strings.ToLower(s.Get("scheme").Str())
	rewritten := slices.ContainsFunc(s.Get(relabel).List(), func(r *object.Value) bool { return r.Get(target).Str() == "__scheme__" })
	switch {
	case variable(scheme):
		l.state, l.why = linkUnknown, "the scheme is filled in when it starts"
	case rewritten:
		l.state, l.why = linkUnknown, "a label of the target decides on TLS (__scheme__)"
	case scheme == "https":
		l.state = linkGood
	case scheme == "" || scheme == "http":
		l.state = linkPlain
	default:
		l.state, l.why = linkUnknown, "the scheme "+scheme+" is not known"
	}
	tls := first("tls_config", "tlsConfig")
	return l.skips(tls.Get("insecure_skip_verify").Str(), tls.Get("insecureSkipVerify").Str())
}
