package settings

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// NFTables reads the list "nftables" of `nft -j list ruleset` (libnftables-json(5)): the chains that filter what
// comes in, those they jump to, and the names of all chains.
func NFTables(list []*object.Value) (*PacketFilter, error) {
	if len(list) > maxRules {
		return nil, fmt.Errorf("more than %d entries", maxRules)
	}
	out := &PacketFilter{}
	at := map[string]int{}
	for _, v := range list {
		if c := v.Get("chain"); c != nil {
			family, name := c.Get("family").Str(), c.Get("name").Str()
			if !slices.Contains(out.Names, name) {
				out.Names = append(out.Names, name)
			}
			if family != "ip" && family != "ip6" && family != "inet" {
				continue
			}
			f := FilterChain{Table: family + " " + c.Get("table").Str(), Name: name}
			if hook := c.Get("hook").Str(); hook != "" {
				f.Input = hook == "input" && c.Get("type").Str() == "filter"
				f.Policy = Accept
				if c.Get("policy").Str() == "drop" {
					f.Policy = Drop
				}
			}
			at[f.Table+" "+name] = len(out.Chains)
			out.Chains = append(out.Chains, f)
		}
	}
	for _, v := range list {
		r := v.Get("rule")
		if r == nil {
			continue
		}
		family := r.Get("family").Str()
		i, ok := at[family+" "+r.Get("table").Str()+" "+r.Get("chain").Str()]
		if !ok {
			continue
		}
		one := nftRule(r.Get("expr").List(), family)
		one.Line = r.Line
		out.Chains[i].Rules = append(out.Chains[i].Rules, one)
	}
	if len(out.Names) == 0 {
		return nil, fmt.Errorf("no chain")
	}
	return out, nil
}

func nftRule(expr []*object.Value, family string) FilterRule {
	r := FilterRule{Conns: netset.All(), Addrs: familyAddrs(family), Exact: true, Action: Other}
	for _, e := range expr {
		for _, f := range e.Map() {
			switch f.Name {
			case "match":
				r.nftMatch(f.Value)
			case "accept":
				r.Action = Accept
			case "drop", "reject":
				r.Action = Drop
			case "return":
				r.Action = Return
			case "jump", "goto":
				r.Action, r.To = f.Name, f.Value.Get("target").Str()
			case "counter", "log", "comment", "mangle", "notrack":
			case "vmap", "queue", "xt", "tproxy": // a verdict, or a target of iptables, that is not read
				r.Action, r.Exact = Accept, false
			default:
				r.Exact = false
			}
		}
	}
	return r
}

// nftMatch narrows the rule by one condition.
func (r *FilterRule) nftMatch(m *object.Value) {
	op, left, right := m.Get("op").Str(), m.Get("left"), m.Get("right")
	negated := op == "!="
	values, ok := nftValues(right)
	if !ok || op != "==" && op != "!=" && op != "in" {
		r.Exact = false
		return
	}
	narrow := func(c netset.Conns) {
		if negated {
			c = netset.All().Subtract(c)
		}
		r.Conns = r.Conns.Intersect(c)
	}
	protocol, field, meta := left.Get("payload", "protocol").Str(), left.Get("payload", "field").Str(), left.Get("meta", "key").Str()
	switch {
	case field == "dport":
		of := protocolConns(protocol, false)
		if protocol == "th" {
			of = netset.Transport()
		}
		if c, fine := portList(of, values); fine {
			if negated {
				c = of.Subtract(c)
			}
			r.Conns = r.Conns.Intersect(c)
			return
		}
		r.Exact = false
	case field == "saddr" && (protocol == "ip" || protocol == "ip6"):
		a, err := netset.ParseAddrs(strings.Join(values, ","))
		if err != nil {
			r.Exact = false
			return
		}
		if negated {
			a = familyAddrs(protocol).Subtract(a)
		}
		r.Addrs = r.Addrs.Intersect(a)
	case meta == "l4proto", field == "protocol" && protocol == "ip", field == "nexthdr":
		var c netset.Conns
		for _, v := range values {
			c = c.Union(protocolConns(v, false))
		}
		narrow(c)
	case meta == "iifname" || meta == "iif":
		switch lo := slices.Equal(values, []string{"lo"}); {
		case lo && !negated:
			r.Replies = true
		case lo:
		default:
			r.Exact = false
		}
	case left.Get("ct", "key").Str() == "state":
		switch {
		case negated:
			r.Exact = false
		case !slices.ContainsFunc(values, func(s string) bool { return s != "established" && s != "related" }):
			r.Replies = true
		case !slices.Contains(values, "new"):
			r.Exact = false
		}
	default:
		r.Exact = false
	}
}

// nftValues writes the right side of a condition as words: a word, a set, a range, a prefix.
func nftValues(v *object.Value) ([]string, bool) {
	switch {
	case v == nil:
		return nil, false
	case v.Get("set") != nil:
		var out []string
		list := v.Get("set").List()
		if len(list) == 0 {
			list = []*object.Value{v.Get("set")}
		}
		for _, it := range list {
			if it.Get("elem", "val") != nil {
				it = it.Get("elem", "val")
			}
			one, ok := nftValues(it)
			if !ok || it.Get("set") != nil {
				return nil, false
			}
			out = append(out, one...)
		}
		return out, true
	case v.Get("range") != nil:
		ends := v.Get("range").List()
		if len(ends) != 2 {
			return nil, false
		}
		lo, hi := ends[0].Str(), ends[1].Str()
		a, err := netip.ParseAddr(lo)
		b, err2 := netip.ParseAddr(hi)
		if err != nil || err2 != nil {
			return []string{lo + "-" + hi}, true
		}
		if a.Is4() != b.Is4() || b.Less(a) {
			return nil, false
		}
		var out []string
		for _, p := range netset.AddrRange(a, b).Prefixes() {
			out = append(out, p.String())
		}
		return out, true
	case v.Get("prefix") != nil:
		return []string{v.Get("prefix", "addr").Str() + "/" + v.Get("prefix", "len").Str()}, true
	case v.Kind == object.List:
		var out []string
		for _, it := range v.List() {
			out = append(out, it.Str())
		}
		return out, true
	case v.Str() == "" || strings.HasPrefix(v.Str(), "@"): // a named set
		return nil, false
	}
	return []string{v.Str()}, true
}
