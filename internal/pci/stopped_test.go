package pci_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStopped: the policies on both ends that let nothing of a need through, and a packet that shows it.
func TestStopped(t *testing.T) {
	for name, tc := range map[string]struct {
		policies string
		need     string
		want     []string
	}{
		"both ends": {closed, "from: a/web, to: a/pay, ports: tcp/443", []string{"NetworkPolicy a/deny isolates for egress and does not allow tcp/443", "NetworkPolicy a/deny isolates for ingress and does not allow tcp/443"}},
		"one end":   {strings.Replace(closed, ", Egress", "", 1), "from: a/web, to: a/pay, ports: tcp/443", []string{"NetworkPolicy a/deny isolates for ingress and does not allow tcp/443"}},
		"outside":   {closed, "from: internet, to: a/pay, ports: tcp/443", []string{"NetworkPolicy a/deny isolates for ingress and does not allow tcp/443"}},
		"allowed":   {opened, "from: a/web, to: a/pay, ports: tcp/443", nil},
		"nowhere":   {closed, "from: a/web, to: gone, ports: tcp/443", nil},
	} {
		in := state(t, read(t, map[string]string{"shop.yaml": shop, "p.yaml": tc.policies, "s.yaml": head + "  needs: [{id: F-1, justification: j, " + tc.need + "}]\n"}), "")
		n := &in.Intent.Needs[0]
		w, because := in.Stopped(n, n.Conns)
		var got []string
		for _, b := range because {
			got = append(got, fmt.Sprint(b.Ref, " ", b.Msg))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if (w == nil) != (name == "nowhere") {
			t.Errorf("%s: packet %+v", name, w)
		}
	}
}
