package cilium

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// localRedirect notes that traffic for an address or a Service ends at pods on the node where it began. Policies
// see the pod it is sent to, so the note is on those pods, and on the pods behind the Service, which it does not
// reach (Cilium "Local Redirect Policy").
func (c *compiler) localRedirect() []policy.Policy {
	spec := c.Object.Root.Get("spec")
	doubts := c.Fields(spec, "spec", "redirectFrontend", "redirectBackend", "skipRedirectFromBackend", "description")
	for _, name := range []string{"redirectFrontend", "redirectBackend"} {
		if !spec.Get(name).IsSet() {
			c.Refused(spec, refused, "spec.%s is missing", name)
		}
	}
	if skip := spec.Get("skipRedirectFromBackend"); skip != nil && skip.Kind != object.Bool {
		c.Refused(skip, refused, "spec.skipRedirectFromBackend: want true or false, got a %s", skip.Kind)
	}
	c.Text(spec.Get("description"), "spec.description")
	backend := spec.Get("redirectBackend")
	doubts = append(doubts, c.Fields(backend, "spec.redirectBackend", "localEndpointSelector", "toPorts")...)
	ports := c.redirectPorts(backend, "spec.redirectBackend")
	pods, more := c.plainSelector(backend.Get("localEndpointSelector"), "spec.redirectBackend.localEndpointSelector")
	doubts = append(doubts, more...)
	front, services := c.frontend(spec.Get("redirectFrontend"))
	ns := c.Object.Ref.Namespace
	if len(doubts)+len(c.Doubts) > 0 {
		return c.noted([]policy.Term{{Namespace: ns}}, "the policy is not understood; it may send traffic for an address or a Service to a pod on the same node")
	}
	to := policy.Term{Namespace: ns, Pods: pods}
	subjects := append([]policy.Term{to}, services...)
	return c.noted(subjects, fmt.Sprintf("traffic to %s is sent to %s on %s, on the node where it begins", front, ports, to))
}

// frontend describes what is redirected, and gives the pods that it is kept from.
func (c *compiler) frontend(v *object.Value) (string, []policy.Term) {
	const path = "spec.redirectFrontend"
	c.Whole(c.Fields(v, path, "addressMatcher", "serviceMatcher"))
	address, service := v.Get("addressMatcher"), v.Get("serviceMatcher")
	switch {
	case (address == nil) == (service == nil):
		c.Refused(v, refused, "%s: want either addressMatcher or serviceMatcher", path)
		return "", nil
	case address != nil:
		c.Whole(c.Fields(address, path+".addressMatcher", "ip", "toPorts"))
		ip, _ := c.Text(address.Get("ip"), path+".addressMatcher.ip")
		return ip + " " + c.redirectPorts(address, path+".addressMatcher"), nil
	}
	c.Whole(c.Fields(service, path+".serviceMatcher", "serviceName", "namespace", "toPorts"))
	name, _ := c.Text(service.Get("serviceName"), path+".serviceMatcher.serviceName")
	namespace, _ := c.Text(service.Get("namespace"), path+".serviceMatcher.namespace")
	if namespace != c.Object.Ref.Namespace {
		c.Warn(service, "the policy has no effect", "%s.serviceMatcher.namespace is not the namespace of the policy", path)
	}
	var behind []policy.Term
	for _, s := range c.cluster.Services {
		if s.Ref.Namespace == namespace && s.Ref.Name == name && s.Selector != nil {
			behind = append(behind, policy.Term{Namespace: namespace, Pods: cluster.MatchLabels(s.Selector)})
		}
	}
	text := "Service " + namespace + "/" + name
	if service.Get("toPorts") != nil {
		text += " " + c.redirectPorts(service, path+".serviceMatcher")
	}
	return text, behind
}

// redirectPorts checks toPorts and gives them as text: "UDP/53 TCP/53".
func (c *compiler) redirectPorts(v *object.Value, path string) string {
	var out []string
	if v.IsSet() && v.Get("toPorts") == nil {
		c.Refused(v, refused, "%s.toPorts is missing", path)
	}
	for i, p := range c.list(v.Get("toPorts"), path+".toPorts") {
		at := fmt.Sprintf("%s.toPorts[%d]", path, i)
		c.Whole(c.Fields(p, at, "port", "protocol", "name"))
		port, _ := c.Text(p.Get("port"), at+".port")
		protocol, _ := c.Text(p.Get("protocol"), at+".protocol")
		if protocol != "TCP" && protocol != "UDP" {
			c.Refused(p, refused, "%s.protocol: want TCP or UDP, got %+q", at, protocol)
		}
		out = append(out, protocol+"/"+port)
	}
	return strings.Join(out, " ")
}
