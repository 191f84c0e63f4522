package netpol

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// fields is a line for every field of NetworkPolicySpec. What an engine makes of addresses, ranges and SCTP
// is told by its profile, and is no matter of the kind.
func fields() []policy.Field {
	return slices.Concat(
		selector("spec.podSelector", "missing selects every pod of the namespace, as {} does; it is warned of"),
		[]policy.Field{exact("spec.policyTypes[]", "missing means Ingress, and Egress when there are egress rules")},
		rules("spec.ingress[]", "from[]"),
		rules("spec.egress[]", "to[]"),
	)
}

func exact(path, remark string) policy.Field {
	return policy.Field{Path: path, Exact: true, Remark: remark}
}

func rules(path, peers string) []policy.Field {
	peer := path + "." + peers
	return slices.Concat(
		[]policy.Field{
			exact(path, "none allows nothing, {} allows everything"),
			exact(peer, "none means everyone; an entry of both selectors means both"),
			exact(peer+".ipBlock", "whether it matches pods and nodes is told by the enforcer profile"),
			exact(peer+".ipBlock.cidr", "IPv4 written as IPv6 is undecided, as API servers and engines differ on it"),
			exact(peer+".ipBlock.except[]", ""),
		},
		selector(peer+".namespaceSelector", "missing means the namespace of the policy; the label kubernetes.io/metadata.name is always there"),
		selector(peer+".podSelector", ""),
		[]policy.Field{
			exact(path+".ports[]", "none means every port of every protocol"),
			exact(path+".ports[].endPort", "whether it is read is told by the enforcer profile"),
			exact(path+".ports[].port", "a name is resolved on the destination pod of each flow; missing means every port of the protocol"),
			exact(path+".ports[].protocol", "missing means TCP; whether SCTP is enforced is told by the enforcer profile"),
		},
	)
}

func selector(path, remark string) []policy.Field {
	return []policy.Field{
		exact(path, remark),
		exact(path+".matchExpressions[]", ""),
		exact(path+".matchExpressions[].key", ""),
		exact(path+".matchExpressions[].operator", "NotIn and DoesNotExist match what lacks the key"),
		exact(path+".matchExpressions[].values[]", ""),
		exact(path+".matchLabels{}", ""),
	}
}
