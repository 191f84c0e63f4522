package checks

import (
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tel01 = pci.Check{
	ID: "TEL-01", Title: "logs travel over TLS", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"10.3.2", "10.3.3", "8.3.2"}, Guidance: []string{"4.3", "8.1"},
	Why: "Who sits between a log shipper and its store reads what applications write, can leave lines out, and gets the password of the store. " +
		"In a flat network that is every pod of the cluster.",
	Fix: "Switch TLS and the check of the certificate on in the shipper's output. Encryption by the network plugin covers traffic between nodes " +
		"only, and neither end of it.",
	Evidence: "The outputs of Fluent Bit, Fluentd, Vector, Beats, Promtail and Alloy in ConfigMaps, of ClusterLogForwarder and of the logging " +
		"operator. Outputs to the same pod do not count. Configurations in Secrets or images are asked about. A service mesh " +
		"that encrypts is not seen here (TEL-06). Sources: the reference of each program's outputs.",
	Run: func(in *pci.Input) []pci.Finding {
		return telemetry(in, logLinks(in), pci.High, "log outputs", "go over TLS, with the certificate checked",
			"fluent-bit", "fluentd", "vector", "filebeat", "promtail", "fluentd-kubernetes-daemonset", "aws-for-fluent-bit")
	},
}

func logLinks(in *pci.Input) []link {
	var out []link
	for _, t := range configTexts(in) {
		out = append(out, logText(t)...)
	}
	return append(out, logObjects(in)...)
}

// logText knows a configuration by its form, and by its name where the form could be another's.
func logText(t textOf) []link {
	lower, ext := strings.ToLower(t.text), path.Ext(t.key)
	switch {
	case strings.Contains(lower, "[output]") || strings.Contains(lower, "[service]") && strings.Contains(lower, "@include"):
		return fluentBitText(t)
	case ext == ".conf" && strings.Contains(lower, "<match"):
		return fluentdText(t)
	case (ext == ".alloy" || ext == ".river") && strings.Contains(lower, "{"):
		return alloyText(t, "loki.write")
	case ext == ".toml" && strings.Contains(lower, "sinks."):
		v, err := settings.TOML(t.text)
		if err != nil {
			return []link{t.unread(err.Error())}
		}
		return vectorSinks(t, v.Get("sinks"))
	}
	marks := []string{"sinks:", "clients:", "output.", "output:", "pipeline:", "includes:"}
	if !slices.ContainsFunc(marks, func(m string) bool { return strings.Contains(t.text, m) }) && !strings.Contains(t.text, `"sinks"`) {
		return nil
	}
	shipper := strings.Contains(t.key, "vector") || strings.Contains(t.key, "promtail") || strings.Contains(t.key, "beat") || strings.Contains(t.key, "fluent")
	v, err := settings.YAML(t.text)
	switch {
	case err != nil && shipper:
		return []link{t.unread(err.Error())}
	case err != nil:
		return nil
	case v.Get("sinks").IsSet() && (v.Get("sources").IsSet() || shipper):
		return vectorSinks(t, v.Get("sinks"))
	case v.Get("pipeline", "outputs").IsSet(), shipper && v.Get("includes").IsSet():
		return fluentBitYAML(t, v)
	case v.Get("clients").IsSet() && (v.Get("scrape_configs").IsSet() || v.Get("positions").IsSet()):
		return promtailClients(t, v.Get("clients"))
	}
	return beatOutputs(t, v)
}

// logObjects reads the outputs of operators.
func logObjects(in *pci.Input) []link {
	var out []link
	for _, group := range []string{"logging.openshift.io", "observability.openshift.io"} {
		for _, o := range in.Cluster.Kind(group, "ClusterLogForwarder") {
			for _, v := range o.Root.Get("spec", "outputs").List() {
				out = append(out, forwarderOutput(o, v))
			}
		}
	}
	for _, kind := range []string{"Output", "ClusterOutput"} {
		for _, o := range in.Cluster.Kind("logging.banzaicloud.io", kind) {
			for _, f := range o.Root.Get("spec").Map() {
				s := sectionOf(f.Value)
				s.Keys = append(s.Keys, settings.Key{Name: "@type", Value: strings.ToLower(f.Name), Line: f.Line})
				l := fluentdOutput(link{ref: o.Ref, pos: object.Pos{File: o.Pos.File, Line: f.Line}, what: "output " + f.Name}, s)
				if f.Name != "loggingRef" && f.Name != "enabledNamespaces" {
					out = append(out, l)
				}
			}
		}
	}
	return out
}

// sectionOf writes an object of the logging operator as the section that it makes of it.
func sectionOf(v *object.Value) settings.Section {
	var s settings.Section
	for _, f := range v.Map() {
		switch {
		case f.Value == nil:
		case f.Value.Kind == object.Map:
			in := sectionOf(f.Value)
			in.Name, in.Line = f.Name, f.Line
			s.Within = append(s.Within, in)
		case f.Value.Kind == object.List:
			for _, it := range f.Value.Items {
				in := sectionOf(it)
				in.Name, in.Line = strings.TrimSuffix(f.Name, "s"), f.Line
				s.Within = append(s.Within, in)
			}
		default:
			s.Keys = append(s.Keys, settings.Key{Name: f.Name, Value: f.Value.Str(), Line: f.Line})
		}
	}
	return s
}

// forwarderOutput reads an output of OpenShift's ClusterLogForwarder, of both versions: a URL, and
// tls.insecureSkipVerify.
func forwarderOutput(o *object.Object, v *object.Value) link {
	kind := v.Get("type").Str()
	l := link{ref: o.Ref, pos: o.At(v), what: "output " + v.Get("name").Str(), secret: anyOf(v.Get("secret"), v.Get(kind, "authentication"))}
	address := v.Get("url").Str()
	if address == "" {
		address = v.Get(kind, "url").Str()
	}
	switch {
	case address != "":
		l = l.toURL(address)
	case slices.Contains([]string{"cloudwatch", "googleCloudLogging", "azureMonitor", "lokiStack"}, kind):
		l.state = linkGood
	default:
		l.state, l.why = linkUnknown, "it has no url"
	}
	return l.skips(v.Get("tls", "insecureSkipVerify").Str())
}
