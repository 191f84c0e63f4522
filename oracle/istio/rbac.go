package istio

import (
	"net/netip"
	"regexp"
	"strings"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacpb "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routepb "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherpb "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// connection is what the RBAC filter of Envoy looks at. principal is the URI of the client's certificate, "" for
// plain text; request is nil in a chain for TCP.
type connection struct {
	source, dest netip.Addr
	port         uint32
	principal    string
	request      *request
}

// request is one HTTP request. Paths, methods and hosts of policies are drawn so that some request here meets
// them and some does not.
type request struct{ method, path, host, header string }

var requests = func() []request {
	var out []request
	for _, m := range []string{"GET", "POST", "PUT"} {
		for _, p := range []string{"/public", "/public/a", "/admin", "/other"} {
			for _, h := range []string{"a.example", "b.example", "other"} {
				for _, x := range []string{"", "on"} {
					out = append(out, request{m, p, h, x})
				}
			}
		}
	}
	return out
}()

// truth is three-valued: unknown is what hangs on metadata that other filters leave behind.
type truth uint8

const (
	no truth = iota
	unknown
	yes
)

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

func not(t truth) truth { return yes - t }

func all[T any](list []T, f func(T) truth) truth {
	out := yes
	for _, x := range list {
		out = min(out, f(x))
	}
	return out
}

func anyOf[T any](list []T, f func(T) truth) truth {
	out := no
	for _, x := range list {
		out = max(out, f(x))
	}
	return out
}

// envoy evaluates RBAC filters. It keeps the regular expressions it has met.
type envoy struct{ regexps map[string]*regexp.Regexp }

// pass sends a connection through RBAC filters in order (Envoy "RBAC": ALLOW lets through what some policy
// matches, DENY what none does, LOG everything).
func (v *envoy) pass(filters []*rbacpb.RBAC, c connection) truth {
	return all(filters, func(f *rbacpb.RBAC) truth {
		matched := no
		for _, p := range f.GetPolicies() {
			matched = max(matched, min(
				anyOf(p.GetPermissions(), func(x *rbacpb.Permission) truth { return v.permission(x, c) }),
				anyOf(p.GetPrincipals(), func(x *rbacpb.Principal) truth { return v.principal(x, c) })))
		}
		switch f.GetAction() {
		case rbacpb.RBAC_ALLOW:
			return matched
		case rbacpb.RBAC_DENY:
			return not(matched)
		}
		return yes
	})
}

func (v *envoy) permission(p *rbacpb.Permission, c connection) truth {
	each := func(x *rbacpb.Permission) truth { return v.permission(x, c) }
	switch r := p.GetRule().(type) {
	case *rbacpb.Permission_AndRules:
		return all(r.AndRules.GetRules(), each)
	case *rbacpb.Permission_OrRules:
		return anyOf(r.OrRules.GetRules(), each)
	case *rbacpb.Permission_NotRule:
		return not(v.permission(r.NotRule, c))
	case *rbacpb.Permission_Any:
		return is(r.Any)
	case *rbacpb.Permission_DestinationPort:
		return is(r.DestinationPort == c.port)
	case *rbacpb.Permission_DestinationIp:
		return is(within(r.DestinationIp, c.dest))
	case *rbacpb.Permission_RequestedServerName:
		// A client of the mesh asks for a name of its choice, or none.
		if c.principal == "" {
			return is(v.matches(r.RequestedServerName, ""))
		}
		return unknown
	case *rbacpb.Permission_Header:
		return v.header(r.Header, c)
	case *rbacpb.Permission_UrlPath:
		return is(c.request != nil && v.matches(r.UrlPath.GetPath(), c.request.path))
	}
	return unknown
}

func (v *envoy) principal(p *rbacpb.Principal, c connection) truth {
	each := func(x *rbacpb.Principal) truth { return v.principal(x, c) }
	switch r := p.GetIdentifier().(type) {
	case *rbacpb.Principal_AndIds:
		return all(r.AndIds.GetIds(), each)
	case *rbacpb.Principal_OrIds:
		return anyOf(r.OrIds.GetIds(), each)
	case *rbacpb.Principal_NotId:
		return not(v.principal(r.NotId, c))
	case *rbacpb.Principal_Any:
		return is(r.Any)
	case *rbacpb.Principal_Authenticated_:
		name := r.Authenticated.GetPrincipalName()
		return is(c.principal != "" && (name == nil || v.matches(name, c.principal)))
	case *rbacpb.Principal_DirectRemoteIp:
		return is(within(r.DirectRemoteIp, c.source))
	case *rbacpb.Principal_RemoteIp:
		if c.request != nil {
			return unknown // the client may say so in a header
		}
		return is(within(r.RemoteIp, c.source))
	case *rbacpb.Principal_Header:
		return v.header(r.Header, c)
	}
	return unknown
}

func within(r *corepb.CidrRange, a netip.Addr) bool {
	base, err := netip.ParseAddr(r.GetAddressPrefix())
	if err != nil {
		return false
	}
	return netip.PrefixFrom(base, int(r.GetPrefixLen().GetValue())).Contains(a)
}

func (v *envoy) header(m *routepb.HeaderMatcher, c connection) truth {
	if c.request == nil {
		return no
	}
	value, has := "", true
	switch strings.ToLower(m.GetName()) {
	case ":method":
		value = c.request.method
	case ":path":
		value = c.request.path
	case ":authority", "host":
		value = c.request.host
	case "x-flag":
		value, has = c.request.header, c.request.header != ""
	default:
		has = false
	}
	var got bool
	switch s := m.GetHeaderMatchSpecifier().(type) {
	case *routepb.HeaderMatcher_PresentMatch:
		got = has == s.PresentMatch
	case *routepb.HeaderMatcher_StringMatch:
		if !has && !m.GetTreatMissingHeaderAsEmpty() {
			return no // whatever invert_match says
		}
		got = v.matches(s.StringMatch, value)
	default:
		return unknown
	}
	return is(got != m.GetInvertMatch())
}

func (v *envoy) matches(m *matcherpb.StringMatcher, s string) bool {
	fold := func(s string) string {
		if m.GetIgnoreCase() {
			return strings.ToLower(s)
		}
		return s
	}
	s = fold(s)
	switch p := m.GetMatchPattern().(type) {
	case *matcherpb.StringMatcher_Exact:
		return s == fold(p.Exact)
	case *matcherpb.StringMatcher_Prefix:
		return strings.HasPrefix(s, fold(p.Prefix))
	case *matcherpb.StringMatcher_Suffix:
		return strings.HasSuffix(s, fold(p.Suffix))
	case *matcherpb.StringMatcher_Contains:
		return strings.Contains(s, fold(p.Contains))
	case *matcherpb.StringMatcher_SafeRegex:
		text := p.SafeRegex.GetRegex()
		re, known := v.regexps[text]
		if !known {
			re, _ = regexp.Compile("^(?:" + text + ")$") // RE2, the whole text; nil when Envoy refuses it
			v.regexps[text] = re
		}
		return re != nil && re.MatchString(s)
	}
	return false
}
