package cilium

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// conditions reads what an entry of toPorts asks of the traffic itself. The connection is allowed whatever goes
// through, so the conditions are kept as text. What Cilium refuses leaves the whole object in doubt
// (PortRule.sanitize).
func (c *compiler) conditions(v *object.Value, path string, s section, tcp, zero bool, r *policy.Rule) {
	refuse := func(at *object.Value, what string) { c.Refused(at, "Cilium refuses the object", "%s: %s", path, what) }
	rules, names := v.Get("rules"), v.Get("serverNames")
	texts, dns := c.layer7(rules, path+".rules", r)
	filled := len(texts) > 0
	if dns && s.direction == policy.Ingress {
		refuse(rules, "DNS rules on ingress")
	}
	if filled && s.nodes && (s.direction == policy.Ingress || !dns) {
		refuse(rules, "rules that are not supported for nodes")
	}
	if filled && !dns && !tcp {
		refuse(rules, "HTTP rules need ports of protocol TCP")
	}
	if filled && zero {
		refuse(rules, "rules together with port 0")
	}
	if filled && c.settings.off("enable-l7-proxy") {
		refuse(rules, "enable-l7-proxy is off")
	}
	r.Only = append(r.Only, texts...)
	var sni []string
	for i, n := range c.list(names, path+".serverNames") {
		text, _ := c.Text(n, fmt.Sprintf("%s.serverNames[%d]", path, i))
		if text == "" {
			refuse(n, "an empty server name")
		}
		sni = append(sni, text)
	}
	if names != nil && len(sni) == 0 {
		refuse(names, "serverNames is empty")
	}
	if len(sni) > 0 {
		r.Only = append(r.Only, "TLS to the name "+strings.Join(sni, " or "))
	}
	if len(sni) > 0 && filled && v.Get("terminatingTLS") == nil {
		refuse(names, "serverNames together with rules needs terminatingTLS")
	}
	for _, side := range []string{"terminatingTLS", "originatingTLS"} {
		if tls := v.Get(side); c.isMap(tls, path+"."+side) {
			r.Doubts = append(r.Doubts, c.tls(tls, path+"."+side)...)
			r.Only = append(r.Only, side+": Cilium's proxy ends TLS and opens it anew")
		}
	}
	if l := v.Get("listener"); c.isMap(l, path+".listener") {
		r.Doubts = append(r.Doubts, c.Fields(l, path+".listener", "envoyConfig", "name", "priority")...)
		r.Doubts = append(r.Doubts, c.Fields(l.Get("envoyConfig"), path+".listener.envoyConfig", "kind", "name")...)
		if s.direction == policy.Ingress {
			refuse(l, "listener on ingress")
		}
		if filled {
			refuse(l, "listener together with rules")
		}
		r.Only = append(r.Only, "what the Envoy listener "+l.Get("name").Str()+" lets through")
	}
}

func (c *compiler) tls(v *object.Value, path string) []policy.Doubt {
	doubts := c.Fields(v, path, "secret", "trustedCA", "certificate", "privateKey")
	if v.Get("secret") == nil {
		c.Refused(v, refused, "%s.secret is missing", path)
	}
	return append(doubts, c.Fields(v.Get("secret"), path+".secret", "name", "namespace")...)
}

// layer7 gives the conditions of rules as text. kafka, l7proto and l7 are of versions before 1.20: there they only
// narrow what goes through, and where they are unknown they are dropped.
func (c *compiler) layer7(v *object.Value, path string, r *policy.Rule) (texts []string, dns bool) {
	if v == nil || !c.isMap(v, path) {
		return nil, false
	}
	r.Doubts = append(r.Doubts, c.Fields(v, path, "http", "dns", "kafka", "l7proto", "l7")...)
	kinds := 0
	for _, kind := range []string{"http", "dns", "kafka", "l7"} {
		list := c.list(v.Get(kind), path+"."+kind)
		if v.Get(kind) != nil {
			kinds++
		}
		for i, e := range list {
			at := fmt.Sprintf("%s.%s[%d]", path, kind, i)
			switch kind {
			case "http":
				texts = append(texts, c.http(e, at, r))
			case "dns":
				name, doubts := c.dnsName(e, at)
				r.Doubts = append(r.Doubts, doubts...)
				texts, dns = append(texts, "DNS queries for "+name), true
			default:
				c.Note(e, "it was removed from Cilium", "%s is kept as a text", at)
				texts = append(texts, strings.TrimSpace(kind+" "+v.Get("l7proto").Str())+" "+words(e))
			}
		}
	}
	if kinds != 1 {
		c.Refused(v, refused, "%s: want rules for one protocol, got %d", path, kinds)
	}
	return texts, dns
}

// http gives one HTTP condition as text: "HTTP GET /public".
func (c *compiler) http(v *object.Value, path string, r *policy.Rule) string {
	if !c.isMap(v, path) {
		return "HTTP"
	}
	r.Doubts = append(r.Doubts, c.Fields(v, path, "path", "method", "host", "headers", "headerMatches")...)
	parts := []string{"HTTP"}
	for _, f := range []struct{ name, word string }{{"method", ""}, {"path", ""}, {"host", "host "}} {
		if text, ok := c.Text(v.Get(f.name), path+"."+f.name); ok && text != "" {
			parts = append(parts, f.word+text)
		}
	}
	for i, h := range c.list(v.Get("headers"), path+".headers") {
		text, _ := c.Text(h, fmt.Sprintf("%s.headers[%d]", path, i))
		parts = append(parts, "header "+text)
	}
	for i, h := range c.list(v.Get("headerMatches"), path+".headerMatches") {
		at := fmt.Sprintf("%s.headerMatches[%d]", path, i)
		r.Doubts = append(r.Doubts, c.Fields(h, at, "mismatch", "name", "secret", "value")...)
		r.Doubts = append(r.Doubts, c.Fields(h.Get("secret"), at+".secret", "name", "namespace")...)
		if h.Get("mismatch").IsSet() {
			continue // the request is let through whatever the header is
		}
		text := "header " + h.Get("name").Str()
		if value := h.Get("value").Str(); value != "" {
			text += " " + value
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// dnsName reads a name or a pattern, of which there must be one.
func (c *compiler) dnsName(v *object.Value, path string) (string, []policy.Doubt) {
	doubts := c.Fields(v, path, "matchName", "matchPattern")
	name, byName := c.Text(v.Get("matchName"), path+".matchName")
	pattern, byPattern := c.Text(v.Get("matchPattern"), path+".matchPattern")
	if byName == byPattern || name+pattern == "" {
		c.Refused(v, refused, "%s: want either matchName or matchPattern", path)
	}
	return name + pattern, doubts
}

// words is the scalars of a map as text, sorted by name.
func words(v *object.Value) string {
	var out []string
	for _, f := range v.Map() {
		if s := f.Value.Str(); s != "" {
			out = append(out, f.Name+"="+s)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
