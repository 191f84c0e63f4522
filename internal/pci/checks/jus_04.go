package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus04 = pci.Check{
	ID: "JUS-04", Title: "needs for insecure protocols say what makes up for them", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.6", "2.2.5"}, Guidance: []string{"4.3"},
	Why: "Some protocols cannot be had with encryption. Who approves one has to see what protects the connection in its place.",
	Fix: "Write under protection how the data is protected on the way, or under mitigation what makes up for clear text; better, use the encrypted protocol.",
	Evidence: "The ports of each need against the ports that are clear text by convention. What is really spoken on a port, and whether the mitigation " +
		"works, is not in the input; ports that may be encrypted too are asked about.",
	Run: runJus04,
}

func runJus04(in *pci.Input) []pci.Finding {
	return eachNeed(in, pci.High, "encrypted by convention, protected, or with a mitigation", func(n *pci.Need) *pci.Finding {
		if n.Protection != "" && n.Protection != "none" || n.Mitigation != "" {
			return nil
		}
		var clear, maybe []string
		for _, s := range pci.ClearText() {
			switch {
			case !n.Conns.Contains(s.Protocol, uint16(s.Port)):
			case s.Negotiates:
				maybe = append(maybe, fmt.Sprintf("%s (%d)", s.Name, s.Port))
			default:
				clear = append(clear, fmt.Sprintf("%s (%d)", s.Name, s.Port))
			}
		}
		switch {
		case len(clear) > 0 || n.Protection == "none" && len(maybe) > 0:
			return &pci.Finding{
				Status: pci.Fail, Key: "clear", Message: fmt.Sprintf("is for clear text without a mitigation: %s", listed(append(clear, maybe...))),
				Fix: &pci.Fix{Text: "use the encrypted protocol, or write its protection or mitigation"},
			}
		case n.Protection == "none":
			return &pci.Finding{Status: pci.Fail, Key: "clear", Message: "says that it is not protected on the way, and has no mitigation", Fix: &pci.Fix{Text: "write its mitigation"}}
		case len(maybe) > 0:
			return &pci.Finding{Status: pci.Manual, Key: "maybe", Message: fmt.Sprintf("is for ports that are often clear text: %s. Is encryption enforced there? Write it under protection.", listed(maybe))}
		}
		return nil
	})
}
