package enforcer

import (
	"fmt"
	"strconv"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// vpcKey switches the controller that resolves policies for the agents on or off.
const vpcKey = "enable-network-policy-controller"

// vpcSwitch is what ConfigMap amazon-vpc-cni says of vpcKey, nil when it says nothing.
func (d *detector) vpcSwitch() (*object.Object, *object.Value) {
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Name == "amazon-vpc-cni" && o.Ref.Namespace == "kube-system" {
			return o, o.Root.Get("data", vpcKey)
		}
	}
	return nil, nil
}

// awsSwitch looks for the policy agent beside the VPC plugin. What the ConfigMap amazon-vpc-cni says is not
// enough: the argument of the agent decides.
func (d *detector) awsSwitch(p *cluster.Pod) (Answer, string) {
	for _, c := range p.Containers {
		if c.Name != "aws-eks-nodeagent" && imageName(c) != "aws-network-policy-agent" {
			continue
		}
		v, ok := flag(c, "enable-network-policy")
		on, err := strconv.ParseBool(v)
		switch {
		case ok && err != nil:
			return Unknown, fmt.Sprintf("--enable-network-policy=%s is not understood", v)
		case on:
			if o, v := d.vpcSwitch(); v.IsSet() && isTrue(v.Str()) != Yes {
				d.see(o.Ref, o.At(v), fmt.Sprintf("%s is %q", vpcKey, v.Str()))
				return Unknown, "it would enforce policies, but the controller that resolves them is off"
			}
			return Yes, "it enforces policies (--enable-network-policy=true)"
		}
	}
	return No, "it enforces no policy, as no container aws-eks-nodeagent has --enable-network-policy=true"
}

// awsFine notes the enforcing mode: with "strict" even pods that no policy selects are closed; with "standard" a
// pod is open until its policies arrive.
func (d *detector) awsFine(w *cluster.Workload, p *Profile) {
	const env = "NETWORK_POLICY_ENFORCING_MODE"
	for _, pod := range w.Pods {
		v := envOf(pod, env)
		if !v.IsSet() {
			continue
		}
		e := Evidence{pod.Object.At(v), pod.Object.Ref, fmt.Sprintf("%s is %q", env, v.Str())}
		d.see(e.Ref, e.Pos, e.Msg)
		if v.Str() != "standard" {
			p.closedBy(e)
		}
	}
}

// autoMode looks for nodes of EKS Auto Mode, whose agent is part of the node. It enforces policies when the
// controller is on and the node classes say so (Amazon EKS "Use Network Policies with EKS Auto Mode").
func (d *detector) autoMode() {
	for _, n := range d.c.Nodes {
		if n.Labels["eks.amazonaws.com/compute-type"] != "auto" {
			continue
		}
		enforces, why := d.untold("aws"), "whether its policies are switched on is not known"
		classes := d.c.Kind("eks.amazonaws.com", "NodeClass")
		all := len(classes) > 0
		for _, o := range classes {
			switch o.Root.Get("spec", "networkPolicy").Str() {
			case "DefaultAllow", "DefaultDeny":
			default:
				all = false
			}
		}
		o, v := d.vpcSwitch()
		switch {
		case !v.IsSet():
		case isTrue(v.Str()) == No:
			enforces, why = No, fmt.Sprintf("it enforces no policy, as %s is %q", vpcKey, v.Str())
		case isTrue(v.Str()) == Yes && all:
			enforces, why = Yes, "it enforces policies"
		}
		if v.IsSet() {
			d.see(o.Ref, o.At(v), fmt.Sprintf("%s is %q", vpcKey, v.Str()))
		}
		p := d.vote("aws", enforces, n.Object.Ref, n.Object.Pos, "a node of EKS Auto Mode: "+why)
		for _, o := range classes {
			if v := o.Root.Get("spec", "networkPolicy"); v.Str() == "DefaultDeny" {
				p.closedBy(Evidence{o.At(v), o.Ref, "networkPolicy is DefaultDeny"})
			}
		}
	}
}
