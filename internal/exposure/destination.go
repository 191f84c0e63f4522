package exposure

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// istioName is a host as Istio reads it: a name without a dot is a Service of the namespace, any other is
// taken as it stands (Istio, Destination.host).
func istioName(host, namespace string) string {
	host = strings.ToLower(host)
	if host == "" || host == "*" || strings.Contains(host, ".") {
		return host
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	return host + "." + namespace + ".svc.cluster.local"
}

// serviceOfHost is the Service that a full name stands for, whatever the domain of the cluster is called.
func serviceOfHost(host string) (namespace, name string, ok bool) {
	parts := strings.SplitN(host, ".", 4)
	if len(parts) < 4 || parts[2] != "svc" {
		return "", "", false
	}
	return parts[1], parts[0], true
}

// destinations gathers the destinations of a rule of a VirtualService. server is nil when it is not known.
type destinations struct {
	backends
	server *istioServer
}

// routes adds weighted destinations. A single one gets everything, whatever its weight
// (Istio, HTTPRouteDestination.weight).
func (b destinations) routes(list *object.Value) {
	for _, r := range list.List() {
		d := r.Get("destination")
		if len(list.List()) > 1 && b.weight(r.Get("weight"), 0) == 0 {
			b.say("destination " + d.Get("host").Str() + " has weight 0 and gets nothing")
			continue
		}
		b.to(d)
	}
}

func (b destinations) to(d *object.Value) {
	written := d.Get("host").Str()
	host := istioName(written, b.object.Ref.Namespace)
	if b.serviceEntries(host) {
		return
	}
	namespace, name, ok := serviceOfHost(host)
	if !ok {
		if parts := strings.Split(host, "."); len(parts) == 2 && b.f.services[object.Ref{Kind: "Service", Namespace: parts[1], Name: parts[0]}] != nil {
			b.say("destination " + written + " is taken for a full name, which no Service has; Service " + parts[1] + "/" + parts[0] + " was probably meant")
			return
		}
		b.say("destination " + written + " is no Service of the input, and may be outside")
		return
	}
	s := b.serviceNamed(namespace, name)
	if s == nil {
		return
	}
	subset := b.subset(d.Get("subset").Str(), host)
	port, named := d.Get("port", "number").Int()
	switch {
	case named:
	case len(s.Ports) == 1:
		port = s.Ports[0].Port
	case b.server == nil: // the port of the server, which is not known
		for _, p := range s.Ports {
			b.port(s, p, subset)
		}
		return
	default:
		port = b.server.port
	}
	found := false
	for _, p := range s.Ports {
		if p.Port == port {
			b.port(s, p, subset)
			found = true
		}
	}
	if !found {
		b.say(s.Ref.String() + " has no port " + strconv.Itoa(port))
	}
}

// subset finds the labels of a subset in the DestinationRules of a host. nil is every pod: also when the
// subset is in none of them, as it may be in one that is not in the input.
func (b destinations) subset(name, host string) func(*cluster.Pod) bool {
	if name == "" {
		return nil
	}
	var selectors []cluster.Selector
	for _, o := range b.f.cluster.Kind(istioGroup, "DestinationRule") {
		if istioName(o.Root.Get("spec", "host").Str(), o.Ref.Namespace) != host {
			continue
		}
		for _, v := range o.Root.Get("spec", "subsets").List() {
			if labels := v.Get("labels"); v.Get("name").Str() == name && (labels.Kind == object.Map || !labels.IsSet()) {
				selectors = append(selectors, cluster.MatchLabels(labels.Strings()))
			}
		}
	}
	if len(selectors) == 0 {
		b.say("no DestinationRule of the input has subset " + name + " of " + host + ", so all of its pods are taken to be meant")
		return nil
	}
	return func(p *cluster.Pod) bool {
		for _, s := range selectors {
			if s.Matches(p.Labels) {
				return true
			}
		}
		return false
	}
}

// serviceEntries adds what ServiceEntries put behind a host: pods of their namespace, or addresses. It tells
// whether there is one.
func (b destinations) serviceEntries(host string) bool {
	found := false
	for _, o := range b.f.cluster.Kind(istioGroup, "ServiceEntry") {
		for _, h := range o.Root.Get("spec", "hosts").List() {
			if !hostCovers(plainHost(h.Str()), host) || plainHost(h.Str()) == "" {
				continue
			}
			found = true
			b.say(host + " is a host of " + o.Ref.String() + ", and may be outside")
			b.behindEntry(o)
			break
		}
	}
	return found
}

func (b destinations) behindEntry(o *object.Object) {
	if labels := o.Root.Get("spec", "workloadSelector", "labels").Strings(); len(labels) > 0 {
		selector := cluster.MatchLabels(labels)
		for _, p := range b.f.cluster.Pods {
			if p.Namespace.Name == o.Ref.Namespace && selector.Matches(p.Labels) {
				b.hall.back.Targets = append(b.hall.back.Targets, Target{p.Workload, p, 0})
			}
		}
	}
	for _, e := range o.Root.Get("spec", "endpoints").List() {
		a, err := netip.ParseAddr(e.Get("address").Str())
		if err != nil {
			continue
		}
		known := false
		for _, p := range b.f.cluster.Pods {
			for _, ip := range p.IPs {
				if ip == a.Unmap() {
					known = true
					b.hall.back.Targets = append(b.hall.back.Targets, Target{p.Workload, p, 0})
				}
			}
		}
		if !known {
			b.hall.back.Foreign = b.hall.back.Foreign.Union(netset.OneAddr(a))
		}
	}
}
