package istio

import (
	"net/netip"
	"regexp"
	"testing"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacpb "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routepb "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherpb "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func regex(text string) *matcherpb.StringMatcher {
	return &matcherpb.StringMatcher{MatchPattern: &matcherpb.StringMatcher_SafeRegex{SafeRegex: &matcherpb.RegexMatcher{Regex: text}}}
}

func exact(text string) *matcherpb.StringMatcher {
	return &matcherpb.StringMatcher{MatchPattern: &matcherpb.StringMatcher_Exact{Exact: text}}
}

func authenticated(m *matcherpb.StringMatcher) *rbacpb.Principal {
	return &rbacpb.Principal{Identifier: &rbacpb.Principal_Authenticated_{Authenticated: &rbacpb.Principal_Authenticated{PrincipalName: m}}}
}

func notID(p *rbacpb.Principal) *rbacpb.Principal {
	return &rbacpb.Principal{Identifier: &rbacpb.Principal_NotId{NotId: p}}
}

func direct(addr string, bits uint32) *rbacpb.Principal {
	return &rbacpb.Principal{Identifier: &rbacpb.Principal_DirectRemoteIp{
		DirectRemoteIp: &corepb.CidrRange{AddressPrefix: addr, PrefixLen: wrapperspb.UInt32(bits)},
	}}
}

func flag(m *matcherpb.StringMatcher, invert bool) *rbacpb.Principal {
	return &rbacpb.Principal{Identifier: &rbacpb.Principal_Header{Header: &routepb.HeaderMatcher{
		Name: "x-flag", InvertMatch: invert, HeaderMatchSpecifier: &routepb.HeaderMatcher_StringMatch{StringMatch: m},
	}}}
}

// TestPrincipal follows the comments of envoy.config.rbac.v3 and envoy.config.route.v3.
func TestPrincipal(t *testing.T) {
	plain := connection{source: netip.MustParseAddr("10.1.2.3"), port: 80}
	web := plain
	web.principal = "spiffe://cluster.local/ns/ns0/sa/web"
	get, flagged := plain, plain
	get.request = &request{method: "GET"}
	flagged.request = &request{method: "GET", header: "on"}
	metadata := &rbacpb.Principal{Identifier: &rbacpb.Principal_Metadata{}}
	for _, c := range []struct {
		name string
		p    *rbacpb.Principal
		conn connection
		want truth
	}{
		{"anyone with a certificate", authenticated(nil), web, yes},
		{"nobody without one", authenticated(nil), plain, no},
		{"a name", authenticated(exact(web.principal)), web, yes},
		{"no name in plain text, whatever the expression", authenticated(regex(".*")), plain, no},
		{"not a name holds in plain text", notID(authenticated(regex(".*"))), plain, yes},
		{"an expression is for the whole text", authenticated(regex("/ns/ns0/")), web, no},
		{"an expression that fits", authenticated(regex(".*/ns/ns0/.*")), web, yes},
		{"inside a range", direct("10.1.0.0", 16), plain, yes},
		{"outside of a range", direct("10.2.0.0", 16), plain, no},
		{"IPv6 range and IPv4 client", direct("::", 0), plain, no},
		{"a header", flag(exact("on"), false), flagged, yes},
		{"a header that is not there", flag(exact("on"), false), get, no},
		{"a header that is not there, inverted", flag(exact("on"), true), get, no},
		{"a header in a chain for TCP", flag(exact("on"), false), plain, no},
		{"metadata", metadata, plain, unknown},
		{"not metadata", notID(metadata), plain, unknown},
	} {
		v := &envoy{map[string]*regexp.Regexp{}}
		if got := v.principal(c.p, c.conn); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestPass follows the comments of envoy.config.rbac.v3.RBAC.
func TestPass(t *testing.T) {
	some := func(p *rbacpb.Principal) map[string]*rbacpb.Policy {
		return map[string]*rbacpb.Policy{"p": {
			Permissions: []*rbacpb.Permission{{Rule: &rbacpb.Permission_DestinationPort{DestinationPort: 80}}},
			Principals:  []*rbacpb.Principal{p},
		}}
	}
	anyone := &rbacpb.Principal{Identifier: &rbacpb.Principal_Any{Any: true}}
	conn := connection{source: netip.MustParseAddr("10.1.2.3"), port: 80}
	for _, c := range []struct {
		name string
		rbac *rbacpb.RBAC
		want truth
	}{
		{"ALLOW that matches", &rbacpb.RBAC{Action: rbacpb.RBAC_ALLOW, Policies: some(anyone)}, yes},
		{"ALLOW that does not", &rbacpb.RBAC{Action: rbacpb.RBAC_ALLOW, Policies: some(notID(anyone))}, no},
		{"ALLOW without policies", &rbacpb.RBAC{Action: rbacpb.RBAC_ALLOW}, no},
		{"DENY that matches", &rbacpb.RBAC{Action: rbacpb.RBAC_DENY, Policies: some(anyone)}, no},
		{"DENY that does not", &rbacpb.RBAC{Action: rbacpb.RBAC_DENY, Policies: some(notID(anyone))}, yes},
		{"LOG that matches", &rbacpb.RBAC{Action: rbacpb.RBAC_LOG, Policies: some(anyone)}, yes},
		{"ALLOW by what is not known", &rbacpb.RBAC{Action: rbacpb.RBAC_ALLOW, Policies: some(&rbacpb.Principal{Identifier: &rbacpb.Principal_Metadata{}})}, unknown},
	} {
		v := &envoy{map[string]*regexp.Regexp{}}
		if got := v.pass([]*rbacpb.RBAC{c.rbac}, conn); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
