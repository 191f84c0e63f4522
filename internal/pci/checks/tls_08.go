package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls08 = pci.Check{
	ID: "TLS-08", Title: "no certificate has run out, or is shown under another name", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"4.2.1", "4.2.1.1"}, Guidance: []string{"4.3", "5.1"},
	Why: "A certificate that has run out stops a system, or teaches everybody to click warnings away and to switch checks off.",
	Fix: "Renew it, and let something renew it from now on.",
	Evidence: "The dates of certificates in webhooks, API services, ConfigMaps and signed requests, and those that cert-manager states, against " +
		"the day of judgement; and the names in certificates that recorded handshakes asked for by name. Who signed them is not judged. Secrets are not read: certificates of Ingresses and Gateways that nothing states the dates of are asked about.",
	Run: runTLS08,
}

// soon is how many days before its end a certificate should be replaced.
const soon = 30

func runTLS08(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	certs := certificates(in)
	today, err := time.Parse(time.DateOnly, in.Today)
	for i, c := range certs {
		f := pci.Finding{Subject: c.ref, Pos: c.pos, Key: certKey(certs, i)}
		switch {
		case c.err != "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s: %s", c.what, c.err)
		case err != nil:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s (%s) ends on %s, and the day to judge by is not given", c.what, c.name, c.end)
		case c.end < in.Today:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s (%s) ended on %s", c.what, c.name, c.end)
			f.Fix = &pci.Fix{Text: "renew it; in a bundle, take it out"}
		case c.renew != "" && c.renew < in.Today:
			f.Status, f.Severity = pci.Fail, pci.Medium
			f.Message = fmt.Sprintf("%s (%s) was to be renewed on %s and was not; it ends on %s", c.what, c.name, c.renew, c.end)
		case c.renew == "" && c.end <= today.AddDate(0, 0, soon).Format(time.DateOnly):
			f.Status, f.Message = pci.Manual, fmt.Sprintf("%s (%s) ends on %s. Who renews it?", c.what, c.name, c.end)
		default:
			continue
		}
		found = append(found, f)
	}
	ask := unseenCerts(in)
	wrong, names := namesShown(in)
	found = append(found, wrong...)
	if of := len(certs) + names; of > 0 || ask == nil {
		what := "certificates"
		if names > 0 {
			what += " and names they are shown under"
		}
		found = withSummary(found, of, of-len(found), what, "have not run out by the day of judgement, and fit")
	}
	if ask != nil {
		found = append(found, *ask)
	}
	return found
}

// certKey tells a certificate from the others of its object; the same one twice is told by its number.
func certKey(certs []certificate, i int) string {
	c, n := certs[i], 0
	for _, d := range certs[:i] {
		if d.ref == c.ref && d.what == c.what && d.print == c.print {
			n++
		}
	}
	return fmt.Sprint(c.what, " ", c.print, " ", n)
}

// unseenCerts asks about the Secrets that Ingresses and Gateways take certificates from and cert-manager does
// not state.
func unseenCerts(in *pci.Input) *pci.Finding {
	stated := map[object.Ref]bool{}
	for _, o := range in.Cluster.Kind("cert-manager.io", "Certificate") {
		stated[object.Ref{Kind: "Secret", Namespace: o.Ref.Namespace, Name: o.Root.Get("spec", "secretName").Str()}] = true
	}
	var because []pci.Because
	add := func(o *object.Object, v *object.Value, namespace string) {
		ref := object.Ref{Kind: "Secret", Namespace: orDefault(namespace, o.Ref.Namespace), Name: v.Str()}
		if ref.Name != "" && !stated[ref] {
			because = append(because, pci.Because{Ref: o.Ref, Pos: o.At(v), Msg: "takes a certificate from " + ref.String()})
		}
	}
	for _, o := range in.Cluster.Kind("networking.k8s.io", "Ingress") {
		for _, t := range o.Root.Get("spec", "tls").List() {
			add(o, t.Get("secretName"), "")
		}
	}
	for _, o := range in.Cluster.Kind("gateway.networking.k8s.io", "Gateway") {
		for _, l := range o.Root.Get("spec", "listeners").List() {
			for _, r := range l.Get("tls", "certificateRefs").List() {
				add(o, r.Get("name"), r.Get("namespace").Str())
			}
		}
	}
	for _, o := range in.Cluster.Kind("networking.istio.io", "Gateway") {
		for _, s := range o.Root.Get("spec", "servers").List() {
			add(o, s.Get("tls", "credentialName"), "")
		}
	}
	if len(because) == 0 {
		return nil
	}
	return &pci.Finding{Status: pci.Manual, Key: "secrets", Because: tidy(because), Message: fmt.Sprintf(
		"When do the certificates in %d Secrets end, and who renews them? Secrets are not read, and no cert-manager Certificate states it.", len(tidy(because)))}
}
