package cilium

import (
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// services compiles an entry of toServices: the pods that the selectors of the Services choose, and the addresses
// of endpoints that no selector keeps (pkg/policy/k8s/service.go). The ports of a Service do not count.
func (c *compiler) services(v *object.Value, path string, s section) []policy.Peer {
	if !c.isMap(v, path) {
		return nil
	}
	doubts := c.Fields(v, path, "k8sService", "k8sServiceSelector")
	byName, bySelector := v.Get("k8sService"), v.Get("k8sServiceSelector")
	doubts = append(doubts, c.Fields(byName, path+".k8sService", "serviceName", "namespace")...)
	doubts = append(doubts, c.Fields(bySelector, path+".k8sServiceSelector", "selector", "namespace")...)
	name, _ := c.Text(byName.Get("serviceName"), path+".k8sService.serviceName")
	namespace, _ := c.Text(byName.Get("namespace"), path+".k8sService.namespace")
	var labels cluster.Selector
	if bySelector != nil {
		namespace, _ = c.Text(bySelector.Get("namespace"), path+".k8sServiceSelector.namespace")
		if bySelector.Get("selector") == nil {
			c.Refused(bySelector, refused, "%s.k8sServiceSelector.selector is missing", path)
		}
		var more []policy.Doubt
		labels, more = c.selector(bySelector.Get("selector"), path+".k8sServiceSelector.selector")
		doubts = append(doubts, more...)
		for i := range labels { // the source is ignored (labelsMatcher)
			_, labels[i].Key = splitKey(labels[i].Key)
		}
	}
	switch {
	case len(doubts) > 0:
		return []policy.Peer{c.anyone(v, doubts[0])}
	case byName == nil && bySelector == nil:
		return []policy.Peer{c.anyone(v, c.Unclear(v, "%s names no Service", path))}
	case s.action == policy.Deny: // only egress rules are resolved (processRule)
		return []policy.Peer{c.anyone(v, c.Unclear(v, "%s: what toServices means in egressDeny depends on the version of Cilium", path))}
	}
	var peers []policy.Peer
	for _, svc := range c.cluster.Services {
		if namespace != "" && svc.Ref.Namespace != namespace ||
			bySelector != nil && !labels.Matches(svc.Object.Root.Get("metadata", "labels").Strings()) ||
			bySelector == nil && svc.Ref.Name != name {
			continue
		}
		peers = append(peers, c.service(svc, v, path)...)
	}
	if len(peers) == 0 {
		// Without any match the list is as good as not there, and then ports alone would mean everyone.
		return []policy.Peer{c.anyone(v, c.Unclear(v, "%s: no Service in the input matches, which may mean nobody or everyone", path))}
	}
	return peers
}

// service is the pods that the Service selects. Without a selector its endpoints count as CIDRs do, so as a rule
// they are only addresses outside.
func (c *compiler) service(svc *cluster.Service, v *object.Value, path string) []policy.Peer {
	p := policy.Peer{Kind: policy.AddrPeer, Addrs: svc.Foreign, Pos: c.Object.At(v)}
	switch {
	case svc.Selector == nil && svc.Type == "ExternalName":
		return nil
	case svc.Selector == nil && (len(svc.Pods) > 0 || svc.Foreign.IsEmpty()):
		return []policy.Peer{c.anyone(v, c.Unclear(v, "%s: %s has no selector, and its endpoints are not known to be addresses alone", path, svc.Ref))}
	case svc.Selector == nil:
		return []policy.Peer{p}
	}
	p.Kind, p.Addrs, p.Namespace, p.Pods = policy.PodPeer, netset.Addrs{}, svc.Ref.Namespace, cluster.MatchLabels(svc.Selector)
	for _, key := range slices.Sorted(maps.Keys(svc.Selector)) {
		if filtered(key) || c.settings.customLabels() {
			d := c.Unclear(v, "%s: %s selects by the label %s, which Cilium may not look at", path, svc.Ref, key)
			p.Doubt = &d
		}
	}
	return []policy.Peer{p}
}
