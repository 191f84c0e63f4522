package calico

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// fields is a line for every field of the specs. A path that several kinds have is told once: staged objects have
// no effect in any field, and profiles are those that Calico makes.
func fields() []policy.Field {
	return slices.Concat(
		[]policy.Field{
			exact("spec.tier", "missing means default; a tier that is not in the input leaves the policy undecided"),
			exact("spec.order", "missing comes last; where versions of Calico order equal ones differently, answers are undecided"),
			exact("spec.defaultAction", "missing means Deny"),
			exact("spec.types[]", "missing means Ingress unless there are only egress rules; under crd.projectcalico.org it is undecided"),
			exact("spec.selector", "the whole language; more than 64 alternatives are undecided"),
			exact("spec.namespaceSelector", ""),
			exact("spec.serviceAccountSelector", "labels of accounts that are not in the input are undecided"),
			exact("spec.performanceHints[]", "no effect on what is enforced"),
			open("spec.doNotTrack", "such a policy binds host endpoints only; what it does to nodes is not modelled"),
			open("spec.preDNAT", "such a policy binds host endpoints only; what it does to nodes is not modelled"),
			open("spec.applyOnForward", "pods are bound as without it; with a host endpoint that the policy selects, what nodes forward is undecided"),
			exact("spec.nets[]", "matched against every address, those of pods and nodes too"),
			exact("spec.labelsToApply{}", "labels of host endpoints; those of pods come from namespaces and accounts themselves"),
			exact("spec.stagedAction", staged),
		},
		rules("spec.ingress[]", "source", "destination"),
		rules("spec.egress[]", "destination", "source"),
		stagedKubernetes(),
	)
}

const staged = "staged policies are never enforced"

func exact(path, remark string) policy.Field {
	return policy.Field{Path: path, Exact: true, Remark: remark}
}

func open(path, why string) policy.Field { return policy.Field{Path: path, Remark: why} }

// rules is the fields of a rule, whose peer is on one side and whose own pod on the other.
func rules(path, peer, own string) []policy.Field {
	at := func(name string) string { return path + "." + name }
	return slices.Concat(
		[]policy.Field{
			exact(path, "the first that matches decides"),
			exact(at("action"), "Log goes on to the next rule; Pass leaves the tier"),
			exact(at("http"), "an allowed connection is allowed, and the requests are shown; refused elsewhere"),
			exact(at("http.methods[]"), ""),
			exact(at("http.paths[]"), ""),
			exact(at("http.paths[].exact"), ""),
			exact(at("http.paths[].prefix"), ""),
			open(at("icmp"), types),
			open(at("icmp.code"), types),
			open(at("icmp.type"), types),
			exact(at("ipVersion"), ""),
			exact(at("metadata"), "says nothing about traffic"),
			exact(at("metadata.annotations{}"), "says nothing about traffic"),
			open(at("notICMP"), types),
			open(at("notICMP.code"), types),
			open(at("notICMP.type"), types),
			exact(at("notProtocol"), "protocols besides TCP, UDP, SCTP and ICMP are not told apart, which leaves them undecided"),
			exact(at("protocol"), "protocols besides TCP, UDP, SCTP and ICMP are not told apart, which leaves them undecided"),
		},
		entityFieldsOf(at(peer), true),
		entityFieldsOf(at(own), false),
		[]policy.Field{
			exact(at("destination.ports[]"), "names are resolved on the destination pod of each flow; without a protocol the whole policy is undecided"),
			exact(at("destination.notPorts[]"), "likewise"),
			open(at("source.ports[]"), "ports of the source are not told apart"),
			open(at("source.notPorts[]"), "ports of the source are not told apart"),
		},
	)
}

const types = "types of ICMP are not told apart"

func entityFieldsOf(path string, isPeer bool) []policy.Field {
	at := func(name string) string { return path + "." + name }
	nets := exact
	remark := "matched against every address, those of pods and nodes too; of one family, it keeps the rule out of the other"
	services := "the pods behind the Service, in an egress rule with their ports; one that is not in the input is undecided"
	if !isPeer {
		nets, remark, services = open, "addresses on the pod's own side are not told apart", "Calico refuses it on the pod's own side"
	}
	return []policy.Field{
		exact(path, ""),
		exact(at("selector"), "pods, network sets and host endpoints by their labels; in a namespaced policy those of the namespace"),
		exact(at("notSelector"), "what has no labels matches; in a namespaced policy nothing outside the namespace does"),
		exact(at("namespaceSelector"), "all() is every namespace, global() what is in none"),
		nets(at("nets[]"), remark),
		nets(at("notNets[]"), remark),
		exact(at("serviceAccounts"), "names and selector must both match"),
		exact(at("serviceAccounts.names[]"), ""),
		exact(at("serviceAccounts.selector"), ""),
		exact(at("services"), services),
		exact(at("services.name"), ""),
		exact(at("services.namespace"), "missing means the namespace of the policy"),
	}
}

// stagedKubernetes is the fields that only a StagedKubernetesNetworkPolicy has.
func stagedKubernetes() []policy.Field {
	out := []policy.Field{exact("spec.policyTypes[]", staged)}
	selector := func(path string) {
		for _, name := range [...]string{"", ".matchExpressions[]", ".matchExpressions[].key", ".matchExpressions[].operator", ".matchExpressions[].values[]", ".matchLabels{}"} {
			out = append(out, exact(path+name, staged))
		}
	}
	selector("spec.podSelector")
	for _, peers := range [...]string{"spec.ingress[].from[]", "spec.egress[].to[]"} {
		for _, name := range [...]string{"", ".ipBlock", ".ipBlock.cidr", ".ipBlock.except[]"} {
			out = append(out, exact(peers+name, staged))
		}
		selector(peers + ".namespaceSelector")
		selector(peers + ".podSelector")
	}
	for _, ports := range [...]string{"spec.ingress[].ports[]", "spec.egress[].ports[]"} {
		for _, name := range [...]string{"", ".endPort", ".port", ".protocol"} {
			out = append(out, exact(ports+name, staged))
		}
	}
	return out
}
