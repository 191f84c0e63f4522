package checks

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

// alloyText judges the components of Alloy whose names begin with one of the prefixes, also inside of modules that
// the text declares. What it imports is not in the text.
func alloyText(t textOf, prefixes ...string) []link {
	sections, err := settings.Alloy(t.text)
	if err != nil {
		return []link{t.unread(err.Error())}
	}
	var out []link
	var walk func([]settings.Section)
	walk = func(list []settings.Section) {
		for _, s := range list {
			switch {
			case slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s.Name, p) }):
				out = append(out, alloyComponent(t, s)...)
			case strings.HasPrefix(s.Name, "import."):
				out = append(out, t.unread("it imports "+s.Name+" "+s.Arg+", which is not read"))
			case s.Name == "declare" || s.Name == "foreach" || s.Name == "template":
				walk(s.Within)
			}
		}
	}
	walk(sections)
	return out
}

// alloyComponent reads a component that writes, by its endpoints or its client, or one that scrapes (Grafana Alloy
// reference: a scrape has scheme http and a client has TLS, unless said otherwise).
func alloyComponent(t textOf, s settings.Section) []link {
	if s.Name == "prometheus.scrape" {
		scheme, _ := s.Get("scheme")
		l := alloySecret(t.link(s.Line, s.Name+" "+s.Arg), s)
		switch strings.ToLower(scheme.Value) {
		case "https":
			l.state = linkGood
		case "", "http":
			l.state = linkPlain
		default:
			l.state, l.why = linkUnknown, "the scheme is not a plain text"
		}
		return []link{alloyVerified(l, s)}
	}
	var out []link
	for _, e := range s.Within {
		if e.Name != "endpoint" && e.Name != "client" {
			continue
		}
		l := alloySecret(t.link(e.Line, s.Name+" "+s.Arg), e)
		address, _ := e.Get("url")
		if e.Name == "endpoint" {
			out = append(out, alloyVerified(l.toURL(address.Value), e))
			continue
		}
		address, _ = e.Get("endpoint")
		tls, _ := e.Inner("tls")
		insecure, _ := tls.Get("insecure")
		plain, known := yes(insecure.Value)
		out = append(out, alloyVerified(l.withTLS(address.Value, !plain, known), e))
	}
	return out
}

func alloySecret(l link, s settings.Section) link {
	for _, name := range []string{"basic_auth", "authorization", "oauth2"} {
		_, has := s.Inner(name)
		l.secret = l.secret || has
	}
	_, token := s.Get("bearer_token")
	_, file := s.Get("bearer_token_file")
	l.secret = l.secret || token || file
	return l
}

func alloyVerified(l link, s settings.Section) link {
	tls, has := s.Inner("tls_config")
	if !has {
		tls, _ = s.Inner("tls")
	}
	skip, _ := tls.Get("insecure_skip_verify")
	return l.skips(skip.Value)
}
