package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls10 = pci.Check{
	ID: "TLS-10", Title: "certificates are replaced as often as stated", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"4.2.1"}, Guidance: []string{"4.3", "5.1"},
	Why: "A key that serves for years is known to more people and machines with each of them. How often it is replaced the entity decides, and then does.",
	Fix: "State the age under periods.certificates of the Segmentation, and let something replace certificates before it (cert-manager, spec.duration and " +
		"rotationPolicy: Always).",
	Evidence: "The day from which on each certificate in the input is valid, those of authorities left out, against the age that the Segmentation states. Whether " +
		"the key was replaced with the certificate is not seen; one that cert-manager is told to keep is asked about. Source: cert-manager " +
		"documentation, Certificate, privateKey.rotationPolicy (Always by default since 1.18, Never before).",
	Run: runTLS10,
}

func runTLS10(in *pci.Input) []pci.Finding {
	var certs []certificate
	for _, c := range certificates(in) {
		if !c.ca {
			certs = append(certs, c)
		}
	}
	months := 0
	if in.Intent != nil {
		months = in.Intent.Periods.Certificates
	}
	if months == 0 && len(certs) > 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "period", Message: fmt.Sprintf("How often are certificates and their keys replaced? The Segmentation states no age (periods.certificates), and %d certificates are in the input.", len(certs))}}
	}
	today, err := time.Parse(time.DateOnly, in.Today)
	var found []pci.Finding
	for i, c := range certs {
		f := pci.Finding{Subject: c.ref, Pos: c.pos, Key: certKey(certs, i)}
		switch {
		case c.err != "" || c.begin == "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s: since when it is in use is not known", c.what)
		case err != nil:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s (%s) is in use since %s, and the day to judge by is not given", c.what, c.name, c.begin)
		case c.end < in.Today || c.begin >= today.AddDate(0, -months, 0).Format(time.DateOnly):
			continue // one that ended is not in use (TLS-08)
		default:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s (%s) is in use since %s, longer than the %d months stated", c.what, c.name, c.begin, months)
			f.Fix = &pci.Fix{Text: "replace it, with a new key"}
		}
		found = append(found, f)
	}
	holds := len(certs) - len(found)
	for _, o := range in.Cluster.Kind("cert-manager.io", "Certificate") {
		if v := o.Root.Get("spec", "privateKey", "rotationPolicy"); v.Str() == "Never" {
			found = append(found, pci.Finding{
				Status: pci.Manual, Subject: o.Ref, Pos: o.At(v), Key: "key", Message: "each new certificate gets the old key (rotationPolicy: Never). When is the key replaced?",
				Fix: &pci.Fix{Text: "set spec.privateKey.rotationPolicy to Always"},
			})
		}
	}
	return withSummary(found, len(certs), holds, "certificates", "younger than stated")
}
