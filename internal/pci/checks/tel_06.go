package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/istio"
)

var tel06 = pci.Check{
	ID: "TEL-06", Title: "the service mesh takes encrypted connections only", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.6", "2.2.7"}, Guidance: []string{"4.3"},
	Why: "A mesh encrypts what both sides send through their proxies. Unless it is told to refuse the rest, a workload also takes plain text, " +
		"from anyone who goes past his proxy or has none. Istio's mode is permissive where no PeerAuthentication says otherwise, and Linkerd " +
		"lets clients without identity in unless its default policy says otherwise.",
	Fix: "Istio: set PeerAuthentication to STRICT for the mesh or the namespace, and remove exceptions for ports. Linkerd: set the default inbound " +
		"policy to all-authenticated. Put the workloads of the cardholder data environment into the mesh.",
	Evidence: "For each workload of the mesh the mode that holds for it, port by port, and the objects that set it. Gateways are not counted: what they " +
		"take, their listeners say. Workloads outside the mesh count where they are of the cardholder data environment. What Linkerd's Server " +
		"objects say of single ports is not read.",
	Run: runTel06,
}

// strictness is what TEL-06 says of one pod.
type strictness struct {
	status  pci.Status // NotApplicable for a pod that is outside of every mesh
	message string
	because []pci.Because
	fix     *pci.Fix
}

func runTel06(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	var outside []*cluster.Workload
	of, holds := 0, 0
	mesh := in.Profile.Mesh == enforcer.Yes
	for _, w := range in.Cluster.Workloads {
		worst, counted := strictness{status: pci.Pass}, false
		for _, p := range w.Pods {
			if serves(in.Policies.Facts[p]) {
				mesh = true
				continue
			}
			s := strictnessOf(in, p)
			mesh = mesh || s.status != pci.NotApplicable
			counted = true
			if worse(s.status, worst.status) {
				worst = s
			}
		}
		if !counted {
			continue
		}
		if worst.status == pci.NotApplicable {
			outside = append(outside, w)
			continue
		}
		of++
		if worst.status == pci.Pass {
			holds++
			continue
		}
		found = append(found, pci.Finding{
			Status: worst.status, Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w), Message: worst.message, Because: tidy(worst.because), Fix: worst.fix,
		})
	}
	found = append(found, otherMeshes(in)...)
	if !mesh {
		if len(found) > 0 {
			return found
		}
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "nothing in the input shows a service mesh"}}
	}
	var strangers []string
	for _, w := range outside {
		switch {
		case in.Scope == nil:
			strangers = append(strangers, w.Ref.String())
		case in.Scope.InCDE(w):
			of++
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w), Key: "outside",
				Message: "its pods are outside of the service mesh, which encrypts nothing that comes to them",
				Fix:     &pci.Fix{Text: "put it into the mesh, or encrypt what it takes by other means"},
			})
		}
	}
	if len(strangers) > 0 {
		found = append(found, pci.Finding{Status: pci.Manual, Key: "outside", Message: fmt.Sprintf(
			"outside of the service mesh: %s. Do connections to them carry account data or passwords? Without a scope that can not be told.", listed(strangers))})
	}
	if of == 0 && len(found) > 0 {
		return found
	}
	if of == holds && len(found) > 0 { // only what a person has to judge
		found = append(found, withSummary(nil, of, holds, "workloads of the mesh", "refuse plain text")...)
	}
	return withSummary(found, of, holds, "workloads of the mesh", "refuse plain text")
}

// worse orders what can be said of the pods of a workload. One of which some pods are outside of the mesh counts
// as outside, unless something worse is to be said of the others.
func worse(a, b pci.Status) bool {
	order := []pci.Status{pci.Pass, pci.NotApplicable, pci.Unknown, pci.Fail}
	return slices.Index(order, a) > slices.Index(order, b)
}

// serves tells whether a pod is a gateway or waypoint of Istio.
func serves(f policy.Facts) bool {
	v := f[istio.FactMesh].Value
	return v == istio.Gateway || v == istio.Waypoint
}

// strictnessOf looks at one pod.
func strictnessOf(in *pci.Input, p *cluster.Pod) strictness {
	facts := in.Policies.Facts[p]
	fact, member := facts[istio.FactMesh]
	if !member {
		return linkerd(in.Cluster, p)
	}
	because := authentications(in, p)
	certain, possible := istio.PlainText(facts)
	mode := facts[istio.FactMTLS].Value
	past := facts[istio.FactPast]
	switch {
	case fact.Unknown:
		return strictness{pci.Unknown, "it is not known whether it is in the mesh: " + fact.Because, because, nil}
	case certain:
		s := strictness{pci.Fail, "takes plain text as well: the mode of mTLS is " + mode, because, strictFix(in, p)}
		if len(because) == 0 {
			s.message = "takes plain text as well: no PeerAuthentication is about its pods, and the mode is permissive then"
		}
		return s
	case past.Value != "":
		return strictness{
			pci.Fail, "takes plain text on " + past.Value + ": these ports are kept from its proxy", because,
			&pci.Fix{Text: "remove the annotations traffic.sidecar.istio.io/excludeInboundPorts and includeInboundPorts, or what sets them for all pods"},
		}
	case possible && !strings.Contains(mode, " or "):
		return strictness{pci.Unknown, "whether it takes plain text is not decided: " + facts[istio.FactInbound].Value, because, nil}
	case possible:
		return strictness{pci.Unknown, "whether it takes plain text is not decided: the mode of mTLS is " + mode, because, nil}
	}
	return strictness{status: pci.Pass}
}

// authentications are the PeerAuthentications that may be about a pod.
func authentications(in *pci.Input, p *cluster.Pod) []pci.Because {
	var out []pci.Because
	for i := range in.Policies.Policies {
		q := &in.Policies.Policies[i]
		if q.Ref.Kind == "PeerAuthentication" && slices.ContainsFunc(q.Subjects, func(t policy.Term) bool {
			return (t.Namespace == "" || t.Namespace == p.Namespace.Name) && t.Pods.Matches(p.Labels)
		}) {
			out = append(out, pci.Because{Ref: q.Ref, Pos: q.Pos, Msg: "is about its pods"})
		}
	}
	return out
}

// strictFix is the object that makes a namespace strict. Where it has one already, that one must change, as of
// two the older counts.
func strictFix(in *pci.Input, p *cluster.Pod) *pci.Fix {
	ns := p.Namespace.Name
	if slices.ContainsFunc(in.Cluster.Kind("security.istio.io", "PeerAuthentication"), func(o *object.Object) bool { return o.Ref.Namespace == ns }) {
		return &pci.Fix{Text: "set the mode of the PeerAuthentications of namespace " + ns + " to STRICT, and that of their ports"}
	}
	return &pci.Fix{
		Text: "make the namespace strict; clients outside of the mesh will then be refused",
		YAML: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata:\n  name: default\n  namespace: " + ns + "\nspec:\n  mtls:\n    mode: STRICT\n",
	}
}

// otherMeshes names the objects of meshes of which nothing is read.
func otherMeshes(in *pci.Input) []pci.Finding {
	var because []pci.Because
	for _, o := range in.Policies.Opaque {
		if policy.IsMesh(o.Ref.GroupKind()) && o.Ref.Group != linkerdGroup {
			because = append(because, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "of a service mesh that is not modelled"})
		}
	}
	if because == nil {
		return nil
	}
	return []pci.Finding{{Status: pci.Unknown, Key: "other", Because: tidy(because), Message: "there are objects of a service mesh that is not modelled, so whether it takes plain text is not known"}}
}
