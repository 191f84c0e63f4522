package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// vectorSinks judges by the scheme of the endpoint, or by tls.enabled where there is only an address (Vector
// reference, sinks; verify_certificate is on by default).
func vectorSinks(t textOf, sinks *object.Value) []link {
	var out []link
	for _, f := range sinks.Map() {
		v := f.Value
		kind := v.Get("type").Str()
		l := t.link(f.Line, "sink "+f.Name)
		l.secret = anyOf(v.Get("auth"), v.Get("default_token"), v.Get("api_key"), v.Get("default_api_key"))
		address := ""
		for _, name := range []string{"endpoint", "uri", "url", "address", "bootstrap_servers"} {
			if s := v.Get(name).Str(); s != "" {
				address = s
			}
		}
		for _, e := range v.Get("endpoints").List() {
			if address == "" || strings.HasPrefix(e.Str(), "http:") {
				address = e.Str()
			}
		}
		tls := v.Get("tls")
		on, known := yes(tls.Get("enabled").Str())
		switch {
		case slices.Contains(noConnection, kind) || v.Get("mode").Str() == "unix":
			l.state = linkLocal
		case address == "" && (strings.HasPrefix(kind, "aws_") || strings.HasPrefix(kind, "gcp_") || strings.HasPrefix(kind, "datadog_") || strings.HasPrefix(kind, "azure_") || kind == "new_relic"):
			l.state = linkGood
		case address == "":
			l.state, l.why = linkUnknown, fmt.Sprintf("the sink %q has no address that is understood", kind)
		default:
			l = l.withTLS(address, on, known)
		}
		out = append(out, l.checks(tls.Get("verify_certificate").Str(), tls.Get("verify_hostname").Str()))
	}
	return out
}

func promtailClients(t textOf, clients *object.Value) []link {
	var out []link
	for _, c := range clients.List() {
		l := t.link(c.Line, "client")
		l.secret = anyOf(c.Get("basic_auth"), c.Get("bearer_token"), c.Get("bearer_token_file"), c.Get("authorization"))
		out = append(out, l.toURL(c.Get("url").Str()).skips(c.Get("tls_config", "insecure_skip_verify").Str()))
	}
	return out
}

// beatOutputs reads the output of Filebeat and its kin, whose keys may be nested or joined by dots. The
// default protocol is http, and a host with a scheme wins (Beats reference, configure the output).
func beatOutputs(t textOf, v *object.Value) []link {
	var out []link
	for _, kind := range []string{"elasticsearch", "logstash", "kafka", "redis"} {
		o := dotted(v, "output."+kind)
		if !o.IsSet() || isFalse(dotted(o, "enabled")) {
			continue
		}
		verify := strings.ToLower(dotted(o, "ssl.verification_mode").Str())
		on, known := yes(dotted(o, "ssl.enabled").Str())
		if !dotted(o, "ssl.enabled").IsSet() {
			on = anyOf(dotted(o, "ssl.certificate_authorities"), dotted(o, "ssl.certificate"))
		}
		if kind == "elasticsearch" {
			protocol := dotted(o, "protocol").Str()
			on, known = protocol == "https", !variable(protocol)
		}
		hosts := dotted(o, "hosts")
		list := hosts.List()
		if hosts != nil && hosts.Kind == object.String {
			list = []*object.Value{hosts}
		}
		l := t.link(o.Line, "output."+kind)
		l.secret = anyOf(dotted(o, "password"), dotted(o, "api_key"))
		if len(list) == 0 {
			l.state, l.why = linkUnknown, "it has no hosts"
			out = append(out, l)
		}
		for _, h := range list {
			l := l.withTLS(h.Str(), on, known).verified(verify == "none")
			if variable(verify) {
				l = l.skips(verify)
			}
			out = append(out, l)
		}
	}
	if dotted(v, "cloud.id").IsSet() && len(out) == 1 { // Elastic Cloud sets hosts and https
		out[0].state = linkGood
	}
	return out
}

// dotted follows a path whose steps may be joined by dots in any way.
func dotted(v *object.Value, name string) *object.Value {
	if name == "" {
		return v
	}
	for _, f := range v.Map() {
		if f.Name == name {
			return f.Value
		}
		if rest, ok := strings.CutPrefix(name, f.Name+"."); ok {
			if in := dotted(f.Value, rest); in.IsSet() {
				return in
			}
		}
	}
	// "output.elasticsearch.hosts: [..]" is part of "output.elasticsearch"
	var under []object.Field
	for _, f := range v.Map() {
		if rest, ok := strings.CutPrefix(f.Name, name+"."); ok {
			under = append(under, object.Field{Name: rest, Line: f.Line, Value: f.Value})
		}
	}
	if len(under) > 0 {
		return &object.Value{Kind: object.Map, Line: under[0].Line, Fields: under}
	}
	return nil
}
