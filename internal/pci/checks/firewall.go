package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// opening is one rule of a firewall of nodes that lets something in.
type opening struct {
	object *object.Object
	pos    object.Pos
	name   string
	conns  netset.Conns
	addrs  netset.Addrs
	others []string // sources by name: groups, tags
	own    bool     // its own group is a source
	after  bool     // a rule that may deny comes first, and how much it takes back is not known
	err    string   // what of it is not understood; the rest is then nothing
	node   bool     // of the packet filter of one node
}

// openings gives the rules that let something in, of all firewalls in the input. of is their number.
func openings(in *pci.Input) (out []opening, of int) {
	for _, o := range in.Cluster.Kind(imports, "SecurityGroup") {
		of++
		for i, p := range o.Root.Get("spec", "IpPermissions").List() {
			out = append(out, awsOpening(o, i, p))
		}
	}
	for _, o := range in.Cluster.Kind(imports, "FirewallRule") {
		of++
		spec := o.Root.Get("spec")
		if strings.EqualFold(spec.Get("direction").Str(), "EGRESS") || spec.Get("disabled").True() {
			continue
		}
		for _, a := range spec.Get("allowed").List() {
			out = append(out, gcpOpening(in, o, a))
		}
	}
	for _, o := range in.Cluster.Kind(imports, "NetworkSecurityGroup") {
		of++
		denied := 1 << 30 // the first priority that denies
		rules := append(slices.Clone(o.Root.Get("spec", "securityRules").List()), o.Root.Get("spec", "defaultSecurityRules").List()...)
		for _, r := range rules {
			if n, ok := r.Get("priority").Int(); ok && r.Get("access").Str() == "Deny" && r.Get("direction").Str() == "Inbound" {
				denied = min(denied, n)
			}
		}
		for _, r := range rules {
			if r.Get("access").Str() == "Allow" && r.Get("direction").Str() == "Inbound" {
				n, _ := r.Get("priority").Int()
				p := azureOpening(o, r)
				p.after = n > denied
				out = append(out, p)
			}
		}
	}
	for _, n := range nodeFirewalls(in) {
		of++
		out = append(out, n.openings...)
		if n.err != "" {
			out = append(out, opening{object: n.object, pos: n.object.Pos, name: "the packet filter", err: n.err, node: true})
		}
	}
	return out, of
}

// ports reads a protocol and a range of ports; "" and "*" are all of them.
func ports(protocol, span string) (netset.Conns, bool) {
	if protocol == "-1" || protocol == "*" || strings.EqualFold(protocol, "all") {
		protocol = ""
	}
	lo, hi, _ := strings.Cut(span, "-")
	if span == "" || span == "*" {
		lo, hi = "0", "65535"
	}
	a, err := strconv.Atoi(lo)
	b := a
	if hi != "" && err == nil {
		b, err = strconv.Atoi(hi)
	}
	if err != nil || a < 0 || b > 65535 || a > b {
		return netset.None(), false
	}
	if protocol == "" {
		return netset.Ports(netset.TCP, a, b).Union(netset.Ports(netset.UDP, a, b)), true
	}
	p, err := netset.ParseProtocol(strings.ToUpper(protocol))
	if err != nil || p > netset.SCTP {
		return netset.None(), true // a protocol without ports of its own
	}
	return netset.Ports(p, a, b), true
}

func awsOpening(o *object.Object, i int, p *object.Value) opening {
	out := opening{object: o, pos: o.At(p), name: fmt.Sprintf("rule %d", i+1)}
	span := ""
	if p.Get("FromPort").IsSet() && p.Get("FromPort").Str() != "-1" {
		span = p.Get("FromPort").Str() + "-" + p.Get("ToPort").Str()
	}
	var ok bool
	if out.conns, ok = ports(p.Get("IpProtocol").Str(), span); !ok && p.Get("IpProtocol").Str() != "icmp" {
		out.err = "its ports are not understood"
	}
	for _, r := range p.Get("IpRanges").List() {
		out.source(r.Get("CidrIp").Str())
	}
	for _, r := range p.Get("Ipv6Ranges").List() {
		out.source(r.Get("CidrIpv6").Str())
	}
	for _, g := range p.Get("UserIdGroupPairs").List() {
		if g.Get("GroupId").Str() == o.Ref.Name {
			out.own = true
			continue
		}
		out.others = append(out.others, "group "+g.Get("GroupId").Str())
	}
	for _, l := range p.Get("PrefixListIds").List() {
		out.others = append(out.others, "prefix list "+l.Get("PrefixListId").Str())
	}
	return out
}

func gcpOpening(in *pci.Input, o *object.Object, a *object.Value) opening {
	spec := o.Root.Get("spec")
	out := opening{object: o, pos: o.At(a), name: "the rule"}
	protocol, all := a.Get("IPProtocol").Str(), a.Get("ports").List()
	if len(all) == 0 {
		out.conns, _ = ports(protocol, "")
	}
	for _, v := range all {
		c, ok := ports(protocol, v.Str())
		if !ok {
			out.err = "its ports are not understood"
		}
		out.conns = out.conns.Union(c)
	}
	for _, v := range spec.Get("sourceRanges").List() {
		out.source(v.Str())
	}
	for _, list := range []string{"sourceTags", "sourceServiceAccounts"} {
		for _, v := range spec.Get(list).List() {
			out.others = append(out.others, "tag "+v.Str())
		}
	}
	if len(spec.Get("sourceRanges").List())+len(out.others) == 0 {
		out.addrs = netset.AllAddrs() // no source is every source
	}
	mine, _ := spec.Get("priority").Int()
	for _, other := range in.Cluster.Kind(imports, "FirewallRule") {
		n, _ := other.Root.Get("spec", "priority").Int()
		out.after = out.after || len(other.Root.Get("spec", "denied").List()) > 0 && n <= mine && !other.Root.Get("spec", "disabled").True()
	}
	return out
}

func azureOpening(o *object.Object, r *object.Value) opening {
	out := opening{object: o, pos: o.At(r), name: "rule " + r.Get("name").Str()}
	both := func(one, many string) []string {
		var texts []string
		if s := r.Get(one).Str(); s != "" {
			texts = append(texts, s)
		}
		for _, v := range r.Get(many).List() {
			texts = append(texts, v.Str())
		}
		return texts
	}
	for _, span := range both("destinationPortRange", "destinationPortRanges") {
		c, ok := ports(r.Get("protocol").Str(), span)
		if !ok {
			out.err = "its ports are not understood"
		}
		out.conns = out.conns.Union(c)
	}
	for _, s := range both("sourceAddressPrefix", "sourceAddressPrefixes") {
		switch s {
		case "*", "Internet", "Any":
			out.addrs = netset.AllAddrs()
		case "VirtualNetwork", "AzureLoadBalancer":
			out.others = append(out.others, s)
		default:
			out.source(s)
		}
	}
	return out
}

// source adds a network, or a name that is none.
func (p *opening) source(text string) {
	a, err := netset.ParseAddrs(text)
	if err != nil {
		p.others = append(p.others, text)
		return
	}
	p.addrs = p.addrs.Union(a)
}
