package cilium

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// fields is a line for every field of the resource definitions of Cilium 1.20, and of what bulkhead makes of it.
func fields() []policy.Field {
	both := []string{clusterwide, namespaced}
	return slices.Concat(
		of(both, ruleFields("spec")),
		of(both, []policy.Field{exact("specs[]", "each entry is read as spec is, and binds pods of its own")}),
		of(both, ruleFields("specs[]")),
		of([]string{cidrGroup}, []policy.Field{exact("spec.externalCIDRs[]", "whether they match pods and nodes is told by the enforcer profile")}),
		of([]string{gateway}, gatewayFields()),
		of([]string{redirect}, redirectFields()),
	)
}

func of(kinds []string, fields []policy.Field) []policy.Field {
	for i := range fields {
		fields[i].Kinds = kinds
	}
	return fields
}

func exact(path, remark string) policy.Field {
	return policy.Field{Path: path, Exact: true, Remark: remark}
}

func undecided(path, remark string) policy.Field { return policy.Field{Path: path, Remark: remark} }

// texts is fields below a path that are kept for the reader.
func texts(path, remark string, names ...string) []policy.Field {
	var out []policy.Field
	for _, n := range names {
		out = append(out, exact(path+"."+n, remark))
	}
	return out
}

func selectorFields(path string, f policy.Field) []policy.Field {
	out := []policy.Field{f}
	for _, name := range []string{".matchExpressions[]", ".matchExpressions[].key", ".matchExpressions[].operator", ".matchExpressions[].values[]", ".matchLabels{}"} {
		out = append(out, policy.Field{Path: path + name, Exact: f.Exact, Remark: f.Remark})
	}
	if f.Exact {
		for i := range out[1:] {
			out[i+1].Remark = ""
		}
	}
	return out
}

func ruleFields(path string) []policy.Field {
	out := slices.Concat(
		texts(path, "changes nothing", "description", "labels[]", "labels[].key", "labels[].source", "labels[].value", "log", "log.value"),
		[]policy.Field{
			exact(path+".enableDefaultDeny", "missing means the directions that have rules"),
			exact(path+".enableDefaultDeny.ingress", "true without ingress rules has no effect; it is warned of"),
			exact(path+".enableDefaultDeny.egress", "true without egress rules has no effect; it is warned of"),
		},
		selectorFields(path+".endpointSelector", exact(path+".endpointSelector",
			"labels with or without source, of pods, namespaces and service accounts; the label of the cluster needs ConfigMap cilium-config")),
		selectorFields(path+".nodeSelector", undecided(path+".nodeSelector",
			"policies about nodes (host firewall) leave answers about nodes undecided; refused in a CiliumNetworkPolicy")),
	)
	for _, s := range sections {
		out = append(out, sectionFields(path+"."+s.field+"[]", s)...)
	}
	return out
}

func sectionFields(path string, s section) []policy.Field {
	peer := "from"
	if s.direction == policy.Egress {
		peer = "to"
	}
	groups := path + "." + peer + "Groups[]"
	const cloud = "which addresses a cloud group has only the cloud knows; possibly any address outside"
	remark := "neither peers nor ports matches nobody; an empty list of peers too"
	if s.action == policy.Deny {
		remark = "comes before every allow rule of any policy; " + remark
	}
	set := path + "." + peer + "CIDRSet[]"
	out := slices.Concat(
		[]policy.Field{
			exact(path, remark),
			exact(path+"."+peer+"CIDR[]", "whether it matches pods and nodes is told by the enforcer profile"),
			exact(set, ""),
			exact(set+".cidr", "whether it matches pods and nodes is told by the enforcer profile"),
			exact(set+".cidrGroupRef", "undecided when the CiliumCIDRGroup is not in the input"),
			exact(set+".except[]", "together with a group undecided, as versions of Cilium differ"),
			{
				Path: path + "." + peer + "Entities[]",
				Remark: "all, world, none, host with remote-node, and cluster and kube-apiserver when the addresses of the API server are in the input are exact; " +
					"host or remote-node alone, and what only runs in a cluster (init, unmanaged, ingress, other clusters), are undecided",
			},
			exact(path+"."+peer+"Requires[]", "removed from Cilium; refused when not empty"),
			undecided(groups, cloud), undecided(groups+".aws", cloud), undecided(groups+".aws.labels{}", cloud), undecided(groups+".aws.region", cloud),
			undecided(groups+".aws.securityGroupsIds[]", cloud), undecided(groups+".aws.securityGroupsNames[]", cloud),
		},
		selectorFields(set+".cidrGroupSelector", exact(set+".cidrGroupSelector", "undecided when no CiliumCIDRGroup in the input matches")),
		selectorFields(path+"."+peer+"Endpoints[]", exact(path+"."+peer+"Endpoints[]",
			"in a CiliumNetworkPolicy the own namespace, unless a label of the namespace is named; undecided with labels that Cilium by default leaves out of identities")),
		selectorFields(path+"."+peer+"Nodes[]", undecided(path+"."+peer+"Nodes[]",
			"never the node of the pod itself, which the input does not tell for every pod; the whole policy is undecided unless enable-node-selector-labels is seen")),
		portFields(path+".toPorts[]", s),
		icmpFields(path+".icmps[]"),
	)
	if s.direction == policy.Egress {
		out = append(out, serviceFields(path+".toServices[]", s)...)
	}
	if s.action == policy.Deny {
		return out
	}
	const auth = "required leaves the connection undecided, also where another rule allows it"
	out = append(out, undecided(path+".authentication", auth), undecided(path+".authentication.mode", auth))
	if s.direction == policy.Egress {
		const dns = "which addresses a name has is told by DNS; possibly any address outside, never pods and nodes"
		out = append(out, undecided(path+".toFQDNs[]", dns), undecided(path+".toFQDNs[].matchName", dns), undecided(path+".toFQDNs[].matchPattern", dns))
	}
	return out
}

func serviceFields(path string, s section) []policy.Field {
	f := exact(path, "pods by the selector of the Service, or its endpoints as CIDRs; undecided when neither is in the input")
	if s.action == policy.Deny {
		f = undecided(path, "versions of Cilium differ on it")
	}
	var out []policy.Field
	for _, name := range []string{"", ".k8sService", ".k8sService.namespace", ".k8sService.serviceName", ".k8sServiceSelector", ".k8sServiceSelector.namespace"} {
		out = append(out, policy.Field{Path: path + name, Exact: f.Exact, Remark: f.Remark})
	}
	selector := path + ".k8sServiceSelector.selector"
	return append(out, selectorFields(selector, policy.Field{Path: selector, Exact: f.Exact, Remark: f.Remark})...)
}

func portFields(path string, s section) []policy.Field {
	out := []policy.Field{
		exact(path, "an entry without ports matches nothing"),
		exact(path+".ports[]", ""),
		exact(path+".ports[].port", "\"0\" means every port; a name is resolved on the destination pod of each flow"),
		exact(path+".ports[].endPort", "together with a name undecided"),
		exact(path+".ports[].protocol", "missing and ANY mean TCP, UDP and SCTP; protocols without ports are undecided"),
	}
	if s.action == policy.Deny {
		return out
	}
	const text = "kept as a text; the connection itself is allowed"
	secret := []string{"", ".certificate", ".privateKey", ".secret", ".secret.name", ".secret.namespace", ".trustedCA"}
	for _, side := range []string{".originatingTLS", ".terminatingTLS"} {
		for _, name := range secret {
			out = append(out, exact(path+side+name, text))
		}
	}
	return slices.Concat(out, texts(path, text,
		"listener", "listener.envoyConfig", "listener.envoyConfig.kind", "listener.envoyConfig.name", "listener.name", "listener.priority",
		"rules", "rules.dns[]", "rules.dns[].matchName", "rules.dns[].matchPattern",
		"rules.http[]", "rules.http[].headerMatches[]", "rules.http[].headerMatches[].mismatch", "rules.http[].headerMatches[].name",
		"rules.http[].headerMatches[].secret", "rules.http[].headerMatches[].secret.name", "rules.http[].headerMatches[].secret.namespace",
		"rules.http[].headerMatches[].value", "rules.http[].headers[]", "rules.http[].host", "rules.http[].method", "rules.http[].path",
		"serverNames[]"))
}

func icmpFields(path string) []policy.Field {
	const types = "ICMP is one thing here, and its types are not told apart: possibly all of it, certainly none"
	return []policy.Field{
		undecided(path, types), undecided(path+".fields[]", types), undecided(path+".fields[].family", types), undecided(path+".fields[].type", types),
	}
}

func gatewayFields() []policy.Field {
	const text = "shown with the answers about the pods; decides about no connection"
	out := texts("spec", text, "destinationCIDRs[]", "excludedCIDRs[]", "selectors[]", "egressGateway", "egressGateway.egressIP", "egressGateway.interface",
		"egressGateways[]", "egressGateways[].egressIP", "egressGateways[].interface")
	for _, path := range []string{"egressGateway", "egressGateways[]"} {
		out = append(out, selectorFields("spec."+path+".nodeSelector", exact("spec."+path+".nodeSelector", text))...)
	}
	for _, name := range []string{"namespaceSelector", "podSelector"} {
		out = append(out, selectorFields("spec.selectors[]."+name, exact("spec.selectors[]."+name, "whose answers carry the note"))...)
	}
	const node = "spec.selectors[].nodeSelector"
	out = append(out, selectorFields(node, exact(node, "pods on other nodes carry the note, too"))...)
	return out
}

func redirectFields() []policy.Field {
	const text = "shown with the answers about the pods; decides about no connection"
	out := texts("spec", text, "description", "skipRedirectFromBackend", "redirectBackend", "redirectFrontend", "redirectFrontend.addressMatcher",
		"redirectFrontend.addressMatcher.ip", "redirectFrontend.serviceMatcher", "redirectFrontend.serviceMatcher.namespace",
		"redirectFrontend.serviceMatcher.serviceName")
	for _, path := range []string{"redirectBackend", "redirectFrontend.addressMatcher", "redirectFrontend.serviceMatcher"} {
		out = append(out, texts("spec."+path, text, "toPorts[]", "toPorts[].name", "toPorts[].port", "toPorts[].protocol")...)
	}
	const local = "spec.redirectBackend.localEndpointSelector"
	return append(out, selectorFields(local, exact(local, text))...)
}
