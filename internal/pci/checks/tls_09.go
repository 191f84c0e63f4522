package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls09 = pci.Check{
	ID: "TLS-09", Title: "certificates are listed, and none has a weak key", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"4.2.1.1", "12.3.3"}, Guidance: []string{"5.1"},
	Why: "What nobody has listed nobody renews, and nobody finds again when an algorithm falls.",
	Fix: "Replace keys of less than 112 bits of strength (RSA below 2048 bits) and signatures by MD5 and SHA-1.",
	Evidence: "The list of certificates that the input holds, each with subject, dates, fingerprint and place. Certificates in Secrets and on machines " +
		"are not in it. Source: NIST SP 800-57 part 1, table 2.",
	Run: runTLS09,
}

func runTLS09(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	certs := certificates(in)
	list := make([]pci.Because, 0, len(certs))
	for i, c := range certs {
		text := []string{c.what, c.name, c.begin + " to " + c.end}
		if c.print != "" {
			text = append(text, "SHA-256 "+c.print)
		}
		list = append(list, pci.Because{Ref: c.ref, Pos: c.pos, Msg: strings.Join(text, ", ")})
		f := pci.Finding{Subject: c.ref, Pos: c.pos, Key: certKey(certs, i)}
		switch {
		case c.weak != "":
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s (%s) has %s", c.what, c.name, c.weak)
			f.Fix = &pci.Fix{Text: "replace it by one with a key of at least 2048 bits (RSA) or 256 bits (elliptic)"}
		case c.err != "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s: %s", c.what, c.err)
		case c.print == "":
			f.Status, f.Message = pci.Manual, fmt.Sprintf("%s (%s) is known by its dates only. Which key and which algorithm does it have?", c.what, c.name)
		default:
			continue
		}
		found = append(found, f)
	}
	out := withSummary(found, len(certs), len(certs)-len(found), "certificates", "are listed and have strong keys")
	if len(certs) > 0 {
		out[0].Because = append(out[0].Because, list...)
	}
	return out
}
