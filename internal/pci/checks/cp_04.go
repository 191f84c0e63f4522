package checks

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cp04 = pci.Check{
	ID: "CP-04", Title: "the API server of a cluster you run is not open to the internet", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.4.2", "2.2.7"}, Guidance: []string{"4.2"},
	Why: "The API server commands everything in the cluster. Where you run it yourself, what limits its clients is a firewall or a load balancer " +
		"that Kubernetes does not show.",
	Fix: "Give the API server private addresses, or limit the clients of the firewall or load balancer in front of it.",
	Evidence: "The ways in to pods that run kube-apiserver, the addresses behind the Service kubernetes of namespace default, and the address that " +
		"kubeadm publishes (ConfigMap cluster-info). An address shows where the API server is, not who is let in: that is asked.",
	Run: runCp04,
}

func runCp04(in *pci.Input) []pci.Finding {
	if name := runBy(in.Cluster); name != "" {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "provider", Message: name + " runs the API server: see CP-01 to CP-03"}}
	}
	found, ways := apiWays(in)
	if ways > 0 {
		return withSummary(found, ways, ways-len(found), "ways in to the API server", "are not open to the internet")
	}
	addrs, because := apiAddrs(in)
	switch public := addrs.Intersect(pci.PublicAddrs()); {
	case !public.IsEmpty():
		return []pci.Finding{{
			Status: pci.Unknown, Key: "public", Because: because, Pos: because[0].Pos, Subject: because[0].Ref,
			Message: fmt.Sprintf("the API server has the public address %s, and what limits its clients is not in the input", someAddrs(public)),
		}}
	case !addrs.IsEmpty():
		return []pci.Finding{{
			Status: pci.Manual, Key: "private", Because: because, Pos: because[0].Pos, Subject: because[0].Ref,
			Message: fmt.Sprintf("the API server is at %s, which is not public. Does a load balancer or a forwarding rule publish it elsewhere, and for whom?", someAddrs(addrs)),
		}}
	}
	return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Which networks may reach the API server? " +
		"Add the output of your provider (aws eks describe-cluster, gcloud container clusters describe, az aks show), or the Service kubernetes of namespace default with its EndpointSlice."}}
}

// apiWays judges the ways in that lead to pods of kube-apiserver, as hosted control planes have them.
func apiWays(in *pci.Input) (found []pci.Finding, ways int) {
	servers := components(in, "kube-apiserver")
	for i := range in.Exposure.Entries {
		e := &in.Exposure.Entries[i]
		leads := slices.ContainsFunc(e.Targets, func(t exposure.Target) bool {
			return slices.ContainsFunc(servers, func(c component) bool { return c.ref == t.Workload.Ref && !t.Pod.HostNetwork })
		})
		if !leads {
			continue
		}
		ways++
		f := pci.Finding{Subject: e.Via, Pos: object.Pos{File: e.Pos.File, Line: max(e.Line, e.Pos.Line)}, Key: fmt.Sprint(e.Port), Because: []pci.Because{{Ref: e.Via, Pos: e.Pos, Msg: strings.Join(e.Because, "; ")}}}
		switch {
		case e.Public == enforcer.No || !tooMany(e.Sources):
			continue
		case e.Public == enforcer.Yes:
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("leads to the API server, and %s may use it", publicClients(e.Sources))
			f.Fix = &pci.Fix{Text: "make the load balancer internal, or list the networks of administrators in loadBalancerSourceRanges"}
		default:
			f.Status = pci.Unknown
			f.Message = "leads to the API server, and whether it is public is not known"
		}
		found = append(found, f)
	}
	return found, ways
}

// apiAddrs gives the addresses of the API server that the input tells of.
func apiAddrs(in *pci.Input) (out netset.Addrs, because []pci.Because) {
	for _, s := range in.Cluster.Services {
		if s.Ref.Namespace == "default" && s.Ref.Name == "kubernetes" && !s.Foreign.IsEmpty() {
			out = out.Union(s.Foreign)
			because = append(because, pci.Because{Ref: s.Ref, Pos: s.Object.Pos, Msg: "has the endpoints " + someAddrs(s.Foreign)})
		}
	}
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		if o.Ref.Namespace != "kube-public" || o.Ref.Name != "cluster-info" {
			continue
		}
		text := o.Root.Get("data", "kubeconfig")
		for line := range strings.Lines(text.Str()) {
			server, ok := strings.CutPrefix(strings.TrimSpace(line), "server:")
			if !ok {
				continue
			}
			u, err := url.Parse(strings.TrimSpace(server))
			if err != nil {
				continue
			}
			if a, err := netip.ParseAddr(u.Hostname()); err == nil {
				out = out.Union(netset.OneAddr(a))
				because = append(because, pci.Because{Ref: o.Ref, Pos: o.At(text), Msg: "gives its address as " + a.String()})
			}
		}
	}
	return out, because
}
