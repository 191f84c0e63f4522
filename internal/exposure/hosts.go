package exposure

import "strings"

// The host names of gateways and routes. "" is any host; "*.a.b" is every name below a.b, of any number of
// labels, and not a.b itself (Gateway API, Listener.hostname; Istio, Gateway.servers.hosts).

// hostCovers tells whether each host that b means is one that a means.
func hostCovers(a, b string) bool {
	switch suffix, wild := strings.CutPrefix(a, "*"); {
	case a == "" || a == b:
		return true
	case b == "" || !wild:
		return false
	default:
		return strings.HasSuffix(b, suffix) && len(b) > len(suffix)
	}
}

// hostsMeet gives the hosts that both a and b mean, which are those of one of the two.
func hostsMeet(a, b string) (string, bool) {
	switch {
	case hostCovers(a, b):
		return b, true
	case hostCovers(b, a):
		return a, true
	}
	return "", false
}

// plainHost is a host as it is compared: lower case, and "" for "*".
func plainHost(text string) string {
	text = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), ".")
	if text == "*" {
		return ""
	}
	return text
}
