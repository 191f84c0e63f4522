package admin

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// fields is a line for every field of the three specs, with those of the experimental channel. What an
// engine makes of addresses, nodes and SCTP is told by its profile, and is no matter of the kinds.
func fields() []policy.Field {
	return slices.Concat(
		[]policy.Field{
			of(exact("spec.priority", "equal priorities that disagree are undecided"), kindAdmin, kindCluster),
			of(exact("spec.tier", ""), kindCluster),
			exact("spec.subject", "host-network pods are never subjects"),
		},
		pods("spec.subject"),
		rule("spec.ingress[]", "from[]"),
		rule("spec.egress[]", "to[]"),
		[]policy.Field{
			exact("spec.egress[].to[].networks[]", "whether they match pods and nodes is told by the enforcer profile"),
			of(policy.Field{Path: "spec.egress[].to[].domainNames[]", Remark: "possibly any address and certainly none, as the input does not tell what the names resolve to"}, kindAdmin, kindCluster),
		},
		selector("spec.egress[].to[].nodes", "also matches host-network pods; whether the engine knows it is told by the enforcer profile"),
	)
}

func exact(path, remark string) policy.Field {
	return policy.Field{Path: path, Exact: true, Remark: remark}
}

func of(f policy.Field, kinds ...string) policy.Field {
	f.Kinds = kinds
	return f
}

func rule(path, peers string) []policy.Field {
	ports, protocols := path+".ports[]", path+".protocols[]"
	out := slices.Concat(
		[]policy.Field{
			exact(path, "in order; none leaves the direction alone"),
			exact(path+".action", ""),
			exact(path+".name", "shown with the rule"),
			exact(path+"."+peers, "a peer of which no field is known makes the rule undecided"),
		},
		pods(path+"."+peers),
		[]policy.Field{
			exact(ports, "none means all traffic, ICMP too"),
			exact(ports+".namedPort", "resolved on the destination pod of each flow, with the protocol of its container port"),
			exact(ports+".portNumber", ""),
			exact(ports+".portNumber.port", ""),
			exact(ports+".portNumber.protocol", "missing means TCP"),
			exact(ports+".portRange", ""),
			exact(ports+".portRange.start", ""),
			exact(ports+".portRange.end", "must be greater than start, otherwise undecided"),
			exact(ports+".portRange.protocol", "missing means TCP"),
		},
	)
	for i := len(out) - 9; i < len(out); i++ {
		out[i] = of(out[i], kindAdmin, kindBaseline)
	}
	out = append(out,
		of(exact(protocols, "none means all traffic, ICMP too"), kindCluster),
		of(exact(protocols+".destinationNamedPort", "resolved on the destination pod of each flow, with the protocol of its container port"), kindCluster),
	)
	for _, p := range []string{".tcp", ".udp", ".sctp"} {
		for _, f := range []string{"", ".destinationPort", ".destinationPort.number", ".destinationPort.range", ".destinationPort.range.start", ".destinationPort.range.end"} {
			out = append(out, of(exact(protocols+p+f, ""), kindCluster))
		}
	}
	return out
}

// pods is the two forms that select pods.
func pods(path string) []policy.Field {
	return slices.Concat(
		selector(path+".namespaces", "the label kubernetes.io/metadata.name is always there"),
		[]policy.Field{exact(path+".pods", "")},
		selector(path+".pods.namespaceSelector", "may be missing in v1alpha2 only, and then means every namespace"),
		selector(path+".pods.podSelector", ""),
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
