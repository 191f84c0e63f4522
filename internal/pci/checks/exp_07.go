package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp07 = pci.Check{
	ID: "EXP-07", Title: "HTTP from outside comes in over TLS, by name", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.6", "4.2.1"}, Guidance: []string{"4.3"},
	Why: "An Ingress with a tls entry for one host serves its other hosts in clear text. A rule without a host, or a default backend, answers " +
		"whatever name a client makes up.",
	Fix: "List every host under spec.tls, name each host, and send what is left over to a page of its own.",
	Evidence: "Each rule of each Ingress, with the tls entry that covers its host, and each listener that a route is attached to. Certificates, versions and ciphers are not looked at, nor " +
		"redirects that a controller makes by its own settings.",
	Run: runExp07,
}

// tlsElsewhere is annotations by which controllers get a certificate without spec.tls (their documentation:
// AWS Load Balancer Controller, GKE Ingress).
var tlsElsewhere = []string{
	"alb.ingress.kubernetes.io/certificate-arn", "networking.gke.io/managed-certificates", "ingress.gcp.kubernetes.io/pre-shared-cert",
}

// flaw is one thing wrong with a rule of an Ingress or a route.
type flaw struct {
	status pci.Status
	text   string
	pos    object.Pos
}

func runExp07(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range ways(in) {
		kinds := []string{exposure.LoadBalancer, exposure.NodePort, exposure.ExternalIP, exposure.HostPort, exposure.HostNetwork, exposure.Tunnel}
		w.entries = slices.DeleteFunc(w.entries, func(e exposure.Entry) bool { return slices.Contains(kinds, e.Kind) })
		if len(w.entries) == 0 {
			continue
		}
		of++
		// A part of a route that is not understood is an entry of its own.
		isRead := func(e exposure.Entry) bool { return e.Kind != exposure.NotModelled }
		if !slices.ContainsFunc(w.entries, isRead) {
			found = append(found, w.finding(in, pci.Unknown, pci.High, "kind %s is not modelled: whether its listeners use TLS is not known", w.via.Kind))
			continue
		}
		if f := ingressFlaws(in, w); f != nil {
			found = append(found, *f)
			continue
		}
		if i := slices.IndexFunc(w.entries, func(e exposure.Entry) bool { return !isRead(e) }); i >= 0 {
			found = append(found, w.finding(in, pci.Unknown, pci.High, "not all of it is read, so whether it is served in clear text is not known: %s", w.entries[i].Because[0]))
			continue
		}
		holds++
	}
	return withSummary(found, of, holds, "Ingresses and routes", "every host is named and covered by TLS")
}

// ingressFlaws makes one finding of all flaws of an Ingress or a route, with the worst of their statuses.
func ingressFlaws(in *pci.Input, w way) *pci.Finding {
	var flaws []flaw
	o := objectOf(in.Cluster, w.via)
	notes := o.Root.Get("metadata", "annotations").Strings()
	for _, e := range w.entries {
		flaws = append(flaws, entryFlaws(in, e, notes)...)
	}
	if v := notes["nginx.ingress.kubernetes.io/ssl-redirect"]; v == "false" && w.public() != enforcer.No {
		flaws = append(flaws, flaw{pci.Fail, "ssl-redirect is off, so clear text stays open beside TLS", o.Pos})
	}
	if len(flaws) == 0 {
		return nil
	}
	fix := "name every host and list it under spec.tls with its Secret"
	if w.via.Kind != exposure.Ingress {
		fix = "let only listeners with TLS lead to it, and name every host"
	}
	worst := flaws[0]
	f := pci.Finding{Subject: w.via, Severity: w.severity(in, pci.High), Fix: &pci.Fix{Text: fix}}
	var texts []string
	for _, l := range flaws {
		if order(l.status) < order(worst.status) {
			worst = l
		}
		f.Because = append(f.Because, pci.Because{Ref: w.via, Pos: l.pos, Msg: l.text})
		if !slices.Contains(texts, l.text) {
			texts = append(texts, l.text)
		}
	}
	f.Status, f.Pos, f.Message = worst.status, worst.pos, strings.Join(texts, "; ")
	if f.Status == pci.Manual {
		f.Message = "Is this meant? " + f.Message + "."
	}
	for _, t := range o.Root.Get("spec", "tls").List() {
		var hosts []string
		for _, h := range t.Get("hosts").List() {
			hosts = append(hosts, h.Str())
		}
		f.Because = append(f.Because, pci.Because{Ref: w.via, Pos: o.At(t), Msg: "this tls entry covers " + cmp.Or(listed(hosts), "the controller's default hosts")})
	}
	f.Because = tidy(f.Because)
	return &f
}

func order(s pci.Status) int { return slices.Index(pci.Statuses(), s) }

// entryFlaws judges one rule. Of internal Ingresses only those into the cardholder data environment matter.
func entryFlaws(in *pci.Input, e exposure.Entry, notes map[string]string) []flaw {
	if e.Kind == exposure.NotModelled || e.Kind == exposure.Route && e.Dangling() {
		return nil // the object is told of as a whole; nothing is served
	}
	intoCDE := slices.ContainsFunc(e.Targets, func(t exposure.Target) bool { return in.Scope.InCDE(t.Workload) })
	if e.Public == enforcer.No && !intoCDE {
		return nil
	}
	sensitive := intoCDE || in.Scope == nil
	name := e.Host
	if name == "" {
		name = "every host"
	}
	var out []flaw
	switch {
	case e.TLS == enforcer.Yes:
	case e.Kind == exposure.Route && e.TLS == enforcer.No:
		out = append(out, flaw{pci.Fail, fmt.Sprintf("%s is served in clear text on port %d", name, e.Port), e.Pos})
	case e.Kind == exposure.Route:
		out = append(out, flaw{pci.Unknown, "whether " + name + " is served over TLS alone is not known", e.Pos})
	default:
		l := flaw{pci.Fail, name + " is served in clear text: no tls entry covers it", e.Pos}
		for _, k := range tlsElsewhere {
			if notes[k] != "" {
				l = flaw{pci.Manual, fmt.Sprintf("no tls entry covers %s, and annotation %s brings a certificate", name, k), e.Pos}
			}
		}
		out = append(out, l)
	}
	switch {
	case e.Kind == exposure.Route && e.Path == "": // connections have no host
	case e.Host == "" && e.Path == "" && intoCDE:
		out = append(out, flaw{pci.Fail, "the default backend leads into the cardholder data environment, whatever name a client asks for", e.Pos})
	case e.Host == "" && sensitive:
		out = append(out, flaw{pci.Fail, "a rule without a host answers for every name", e.Pos})
	case e.Host == "":
		out = append(out, flaw{pci.Manual, "a rule without a host answers for every name", e.Pos})
	case strings.HasPrefix(e.Host, "*."):
		l := flaw{pci.Manual, e.Host + " answers for every name below it", e.Pos}
		if intoCDE {
			l.status = pci.Fail
		}
		out = append(out, l)
	}
	return out
}

// objectOf is the object of that name; the first when there are several.
func objectOf(c *cluster.Cluster, ref object.Ref) *object.Object {
	for _, o := range c.Kind(ref.Group, ref.Kind) {
		if o.Ref == ref {
			return o
		}
	}
	return &object.Object{Ref: ref}
}
