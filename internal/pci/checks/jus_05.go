package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus05 = pci.Check{
	ID: "JUS-05", Title: "every need is met by a rule, and is not wider than it", Since: "0.2.0", Severity: pci.Low,
	Requirements: []string{"1.2.7", "2.2.4"}, Guidance: []string{"4.1"},
	Why: "A need that nothing allows is either dead, and its approval waits to be used, or the application is broken. A need that is wider than the rules " +
		"approves in advance what nobody asked for.",
	Fix: "Take the need out or narrow it to what the rules allow; where the application needs it, add the rule.",
	Evidence: "For each need that holds, whether policies allow any connection between its ends on its ports, on which ports none, and which policies stop a packet there. Connections that " +
		"are allowed and never used are not seen: no traffic is read.",
	Run: runJus05,
}

func runJus05(in *pci.Input) []pci.Finding {
	return eachNeed(in, pci.Low, "met by rules on all of their ports", func(n *pci.Need) *pci.Finding {
		b, from, to := needFlows(in, n)
		closed := n.Conns.Subtract(b.May)
		switch {
		case from.IsEmpty() || to.IsEmpty():
			where := n.From
			if !from.IsEmpty() {
				where = n.To
			}
			f := &pci.Finding{Status: pci.Unknown, Key: "nowhere", Message: fmt.Sprintf("speaks of %s, of which the input holds nothing", where)}
			if in.Cluster.Complete {
				f.Status, f.Fix = pci.Fail, &pci.Fix{Text: "take it out"}
			}
			return f
		case b.May.IsEmpty():
			f := &pci.Finding{
				Status: pci.Fail, Key: "closed", Message: fmt.Sprintf("is not met: policies allow nothing from %s to %s on %s", n.From, n.To, n.Conns),
				Fix: &pci.Fix{Text: "take it out, or add the rule that it needs"},
			}
			f.Witness, f.Because = in.Stopped(n, n.Conns)
			return f
		case !closed.IsEmpty():
			f := &pci.Finding{
				Status: pci.Fail, Key: "wide", Message: fmt.Sprintf("is wider than the rules: nothing is allowed from %s to %s on %s", n.From, n.To, closed),
				Fix: &pci.Fix{Text: "narrow it to " + b.May.String()},
			}
			f.Witness, f.Because = in.Stopped(n, closed)
			return f
		case b.Must.IsEmpty():
			return &pci.Finding{Status: pci.Unknown, Key: "open", Message: "may be met or not: what policies allow there is not decided"}
		}
		return nil
	})
}
