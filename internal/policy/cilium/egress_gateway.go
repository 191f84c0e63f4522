package cilium

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// egressGateway notes by which way traffic of the selected pods leaves the cluster. It decides about no connection;
// what stands behind the gateway sees the gateway's address (Cilium "Egress Gateway").
func (c *compiler) egressGateway() []policy.Policy {
	spec := c.Object.Root.Get("spec")
	doubts := c.Fields(spec, "spec", "selectors", "destinationCIDRs", "excludedCIDRs", "egressGateway", "egressGateways")
	for _, name := range []string{"selectors", "destinationCIDRs", "egressGateway"} {
		if !spec.Get(name).IsSet() {
			c.Refused(spec, refused, "spec.%s is missing", name)
		}
	}
	to, except := c.blocks(spec, "destinationCIDRs"), c.blocks(spec, "excludedCIDRs")
	text := "traffic to " + to
	if except != "" {
		text += ", except " + except + ","
	}
	ways := []string{c.way(spec.Get("egressGateway"), "spec.egressGateway")}
	for i, v := range c.list(spec.Get("egressGateways"), "spec.egressGateways") {
		ways = append(ways, c.way(v, fmt.Sprintf("spec.egressGateways[%d]", i)))
	}
	text += " leaves the cluster through " + strings.Join(ways, " or ") + ", and is dropped when there is no such node"
	var subjects []policy.Term
	for i, v := range c.list(spec.Get("selectors"), "spec.selectors") {
		t, more := c.gatewaySubject(v, fmt.Sprintf("spec.selectors[%d]", i))
		subjects, doubts = append(subjects, t), append(doubts, more...)
	}
	if len(doubts)+len(c.Doubts) > 0 {
		subjects = []policy.Term{{}}
		text = "the policy is not understood; it may send traffic of any pod through a gateway"
	}
	return c.noted(subjects, text)
}

// noted is a policy that changes nothing and is shown.
func (c *compiler) noted(subjects []policy.Term, text string) []policy.Policy {
	return []policy.Policy{{
		Ref: c.Object.Ref, Pos: c.Object.Pos, Tier: policy.NetworkPolicyTier, Subjects: subjects,
		Notes: []policy.Doubt{{Pos: c.Object.Pos, Ref: c.Object.Ref, Msg: text}},
	}}
}

// blocks checks a list of CIDRs and gives them as text.
func (c *compiler) blocks(spec *object.Value, name string) string {
	var out []string
	for i, v := range c.list(spec.Get(name), "spec."+name) {
		addrs, doubts := c.cidr(c.Reader, v, fmt.Sprintf("spec.%s[%d]", name, i))
		c.Doubts = append(c.Doubts, doubts...)
		out = append(out, addrs.String())
	}
	return strings.Join(out, ", ")
}

// way describes one gateway.
func (c *compiler) way(v *object.Value, path string) string {
	c.Whole(c.Fields(v, path, "nodeSelector", "interface", "egressIP"))
	s, doubts := c.plainSelector(v.Get("nodeSelector"), path+".nodeSelector")
	c.Whole(doubts)
	text := "a node labelled " + s.String()
	if len(s) == 0 {
		text = "a node"
	}
	if ip, ok := c.Text(v.Get("egressIP"), path+".egressIP"); ok {
		text += " with address " + ip
	}
	if name, ok := c.Text(v.Get("interface"), path+".interface"); ok {
		text += " by interface " + name
	}
	return text
}

// gatewaySubject is pods by their labels and those of their namespace, on any node: the node of a pod counts too
// and is left out, so that a note is shown too often rather than too rarely.
func (c *compiler) gatewaySubject(v *object.Value, path string) (policy.Term, []policy.Doubt) {
	doubts := c.Fields(v, path, "podSelector", "namespaceSelector", "nodeSelector")
	var t policy.Term
	var more []policy.Doubt
	t.Pods, more = c.plainSelector(v.Get("podSelector"), path+".podSelector")
	doubts = append(doubts, more...)
	t.NamespaceSelector, more = c.plainSelector(v.Get("namespaceSelector"), path+".namespaceSelector")
	doubts = append(doubts, more...)
	for i, r := range t.Pods {
		if _, key := splitKey(r.Key); key == labelNamespace {
			t.NamespaceSelector = cluster.NewSelector(append(t.NamespaceSelector, cluster.Requirement{Key: cluster.NameLabel, Op: r.Op, Values: r.Values})...)
			t.Pods = append(t.Pods[:i:i], t.Pods[i+1:]...)
			break
		}
	}
	t.Namespace, t.NamespaceSelector = policy.OneNamespace(t.NamespaceSelector)
	_, more = c.plainSelector(v.Get("nodeSelector"), path+".nodeSelector")
	return t, append(doubts, more...)
}

// plainSelector reads a selector whose keys name labels of Kubernetes.
func (c *compiler) plainSelector(v *object.Value, path string) (cluster.Selector, []policy.Doubt) {
	s, doubts := c.selector(v, path)
	for i := range s {
		if source, key := splitKey(s[i].Key); source == "any" || source == "k8s" {
			s[i].Key = key
			continue
		}
		doubts = append(doubts, c.Unclear(v, "%s: the label %s is not modelled", path, s[i].Key))
	}
	return cluster.NewSelector(s...), doubts
}
