package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp13 = pci.Check{
	ID: "EXP-13", Title: "public DNS tells nothing of the cardholder data environment's inside", Since: "0.2.0", Severity: pci.Low,
	Requirements: []string{"1.4.5"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "ExternalDNS writes names and addresses of Services into DNS. In a public zone they tell everybody what there is, how it is called and which " +
		"private networks it uses.",
	Fix: "Keep such names in a private zone, or take the annotation off.",
	Evidence: "Objects that ask ExternalDNS for a name and lead to the cardholder data environment, and DNSEndpoints with private addresses. That " +
		"ExternalDNS serves private zones only is read from its flags; other programs that write DNS are not seen. Source: ExternalDNS documentation, " +
		"annotations and flags.",
	Run: runExp13,
}

// dnsRecord is one name that ExternalDNS is asked for.
type dnsRecord struct {
	object  *object.Object
	pos     object.Pos
	host    string
	targets []string
	pods    []*cluster.Pod
	private bool // it certainly publishes a private address
	known   bool // the addresses are known
}

func runExp13(in *pci.Input) []pci.Finding {
	zones, seen := dnsZones(in)
	var found []pci.Finding
	all := dnsRecords(in)
	of := 0
	for _, r := range all {
		cde := slices.ContainsFunc(r.pods, func(p *cluster.Pod) bool { return in.Scope.InCDE(p.Workload) })
		if len(r.pods) > 0 && !cde {
			continue
		}
		of++
		f := pci.Finding{Subject: r.object.Ref, Pos: r.pos, Key: r.host}
		if cde {
			f.Severity = pci.Low.Up()
		}
		switch {
		case seen && zones == "private":
			continue
		case r.private && zones == "public":
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s is published with a private address (%s)", r.host, listed(r.targets))
			f.Fix = &pci.Fix{Text: "publish it in a private zone, or not at all"}
		case r.private:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s is published with a private address (%s), and whether the zone is public is not in the input", r.host, listed(r.targets))
		case !r.known:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s is published, and with which address is not in the input", r.host)
		case cde && in.EntryFor(r.object.Ref, nil) == nil && !r.declared(in):
			f.Status, f.Message = pci.Manual, fmt.Sprintf("%s names something of the cardholder data environment, and no entry declares it. Is the name meant to be public?", r.host)
		default:
			continue
		}
		found = append(found, f)
	}
	return withSummary(found, of, of-len(found), "published names", "tell nothing of the inside, or stand in private zones")
}

func (r dnsRecord) declared(in *pci.Input) bool {
	var ws []*cluster.Workload
	for _, p := range r.pods {
		if !slices.Contains(ws, p.Workload) {
			ws = append(ws, p.Workload)
		}
	}
	return in.EntryFor(r.object.Ref, ws) != nil
}

// dnsPrefixes is how ExternalDNS's annotations begin: since 0.22, before it, and as its flag says.
func dnsPrefixes(in *pci.Input) []string {
	out := []string{"external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"}
	for _, c := range components(in, "external-dns") {
		if f, set, _ := c.get("annotation-prefix"); set && !slices.Contains(out, f.value) {
			out = append(out, f.value)
		}
	}
	return out
}

// dnsRecords is the names that objects ask for: Services and Ingresses by annotation, DNSEndpoints by themselves.
func dnsRecords(in *pci.Input) []dnsRecord {
	var out []dnsRecord
	for _, prefix := range dnsPrefixes(in) {
		out = append(out, annotated(in, prefix)...)
	}
	for _, o := range in.Cluster.Kind("externaldns.k8s.io", "DNSEndpoint") {
		for _, e := range o.Root.Get("spec", "endpoints").List() {
			r := dnsRecord{object: o, pos: o.At(e), host: e.Get("dnsName").Str()}
			for _, t := range e.Get("targets").List() {
				r.add(t.Str())
			}
			out = append(out, r)
		}
	}
	return out
}

func annotated(in *pci.Input, prefix string) []dnsRecord {
	var out []dnsRecord
	name, inner, aim := prefix+"hostname", prefix+"internal-hostname", prefix+"target"
	for _, s := range in.Cluster.Services {
		for _, key := range []string{name, inner} {
			host := s.Annotations[key]
			if host == "" {
				continue
			}
			r := dnsRecord{object: s.Object, pos: s.Object.At(s.Object.Root.Get("metadata", "annotations", key)), host: host, pods: s.Pods}
			switch target := s.Annotations[aim]; {
			case key == inner: // the cluster address, by its documentation
				r.add(strings.Split(joined(s.ClusterIPs), ",")...)
			case target != "":
				r.add(strings.Split(target, ",")...)
			case s.Type == "LoadBalancer":
				for _, v := range s.Object.Root.Get("status", "loadBalancer", "ingress").List() {
					r.add(v.Get("ip").Str(), v.Get("hostname").Str())
				}
			case s.Headless:
				for _, p := range s.Pods {
					r.add(strings.Split(joined(p.IPs), ",")...)
				}
			}
			out = append(out, r)
		}
	}
	for _, o := range in.Cluster.Kind("networking.k8s.io", "Ingress") {
		notes := o.Root.Get("metadata", "annotations")
		for _, v := range []*object.Value{notes.Get(name), notes.Get(aim)} {
			if !v.IsSet() {
				continue
			}
			r := dnsRecord{object: o, pos: o.At(v), host: notes.Get(name).Str()}
			for _, rule := range o.Root.Get("spec", "rules").List() {
				if r.host == "" {
					r.host = rule.Get("host").Str()
				}
			}
			for _, e := range in.Exposure.Entries {
				for _, t := range e.Targets {
					if e.Via == o.Ref && !slices.Contains(r.pods, t.Pod) {
						r.pods = append(r.pods, t.Pod)
					}
				}
			}
			if target := notes.Get(aim).Str(); target != "" {
				r.add(strings.Split(target, ",")...)
			}
			for _, g := range o.Root.Get("status", "loadBalancer", "ingress").List() {
				r.add(g.Get("ip").Str(), g.Get("hostname").Str())
			}
			out = append(out, r)
			break
		}
	}
	return out
}

func joined(list []netip.Addr) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ",")
}

// add takes a target: an address, or a name, which tells nothing of private networks.
func (r *dnsRecord) add(targets ...string) {
	for _, t := range targets {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		r.known = true
		r.targets = append(r.targets, t)
		if a, err := netip.ParseAddr(t); err == nil && pci.PrivateAddrs().Overlaps(netset.OneAddr(a)) {
			r.private = true
		}
	}
}

// dnsZones says what kind of zones the ExternalDNS of the input writes: "public" when it certainly may write a
// public one, "private" when it cannot, "" when that is not known.
func dnsZones(in *pci.Input) (kind string, seen bool) {
	runs := components(in, "external-dns")
	kind = "private"
	for _, c := range runs {
		var only bool
		for name, want := range map[string]string{"aws-zone-type": "private", "google-zone-visibility": "private", "provider": "azure-private-dns"} {
			if f, set, _ := c.get(name); set && f.value == want {
				only = true
			}
		}
		provider, _, sure := c.get("provider")
		public := slices.Contains([]string{"aws", "google", "azure", "cloudflare", "digitalocean", "godaddy", "ovh", "linode"}, provider.value)
		switch {
		case only:
		case public && sure:
			return "public", true
		default:
			kind = ""
		}
	}
	if len(runs) == 0 {
		return "", false
	}
	return kind, true
}
