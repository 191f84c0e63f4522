// Package calico is Felix, the agent of Calico, used as a library up to the rules that it would hand to the
// kernel: its own code converts the objects, resolves selectors and named ports to sets of addresses, and puts
// policies in order. What the kernel does with the rules is done here (match.go).
package calico

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/calico/felix/calc"
	"github.com/projectcalico/calico/felix/config"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/api"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/k8s/conversion"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/syncersv1/updateprocessors"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/watchersyncer"
	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// engine is what Felix hands to its dataplane.
type engine struct {
	sets      map[string]members // IP sets by id
	policies  map[string]*rules  // by name
	profiles  map[string]*rules
	endpoints map[netip.Addr]*proto.WorkloadEndpoint
}

// rules is a policy or a profile.
type rules struct{ in, out []*proto.Rule }

// Felix gives the engine for w. It is an error when Felix drops an object: the cluster would fall open.
func Felix(w *world.World) ([]world.Engine, error) {
	complaints := &listener{}
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.WarnLevel)
	logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{logrus.WarnLevel: {complaints}, logrus.ErrorLevel: {complaints}})
	e := &engine{
		sets: map[string]members{}, policies: map[string]*rules{}, profiles: map[string]*rules{},
		endpoints: map[netip.Addr]*proto.WorkloadEndpoint{},
	}
	conf := config.New()
	conf.FelixHostname = w.Nodes[0].Name
	sequencer := calc.NewEventSequencer(conf)
	var failed error
	sequencer.Callback = func(m any) {
		if err := e.take(m); err != nil && failed == nil {
			failed = err
		}
	}
	graph := calc.NewCalculationGraph(sequencer, conf, func() {})
	filter := calc.NewValidationFilter(graph, conf)
	updates, err := updates(w)
	if err != nil {
		return nil, err
	}
	filter.OnStatusUpdated(api.ResyncInProgress)
	filter.OnUpdates(updates)
	filter.OnStatusUpdated(api.InSync)
	graph.Flush()
	sequencer.Flush()
	if failed != nil {
		return nil, failed
	}
	return []world.Engine{e}, complaints.err
}

// listener keeps the first complaint about an object that is dropped.
type listener struct{ err error }

// Levels is those of its hooks.
func (l *listener) Levels() []logrus.Level {
	return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel}
}

// Fire hears an entry of the log.
func (l *listener) Fire(e *logrus.Entry) error {
	if l.err == nil && (strings.Contains(e.Message, "treating as missing") || strings.Contains(e.Message, "couldn't be converted") || strings.Contains(e.Message, "treating as deleted")) {
		l.err = fmt.Errorf("felix: %s: %v", e.Message, e.Data)
	}
	return nil
}

// take keeps one message to the dataplane.
func (e *engine) take(m any) error {
	switch m := m.(type) {
	case *proto.IPSetUpdate:
		set, err := newMembers(m.Members)
		if err != nil {
			return err
		}
		e.sets[m.Id] = set
	case *proto.ActivePolicyUpdate:
		e.policies[m.Id.Name] = &rules{m.Policy.InboundRules, m.Policy.OutboundRules}
	case *proto.ActiveProfileUpdate:
		e.profiles[m.Id.Name] = &rules{m.Profile.InboundRules, m.Profile.OutboundRules}
	case *proto.WorkloadEndpointUpdate:
		for _, n := range slices.Concat(m.Endpoint.Ipv4Nets, m.Endpoint.Ipv6Nets) {
			p, err := netip.ParsePrefix(n)
			if err != nil {
				return err
			}
			e.endpoints[p.Addr()] = m.Endpoint
		}
	case *proto.IPSetDeltaUpdate:
		return fmt.Errorf("felix: a set changed after it was made")
	}
	return nil
}

// feeder turns API objects into what Felix's store would send.
type feeder struct {
	convert conversion.Converter
	uids    int
	out     []api.Update
	err     error

	policy, global, set, globalSet, profile, endpoint watchersyncer.SyncerUpdateProcessor
}

func updates(w *world.World) ([]api.Update, error) {
	f := &feeder{
		convert: conversion.NewConverter(), policy: updateprocessors.NewNetworkPolicyUpdateProcessor(),
		global: updateprocessors.NewGlobalNetworkPolicyUpdateProcessor(), set: updateprocessors.NewNetworkSetUpdateProcessor(),
		globalSet: updateprocessors.NewGlobalNetworkSetUpdateProcessor(), profile: updateprocessors.NewProfileUpdateProcessor(),
		endpoint: updateprocessors.NewWorkloadEndpointUpdateProcessor(),
	}
	for _, ns := range w.Namespaces {
		ns = ns.DeepCopy()
		ns.UID = f.uid()
		f.add(f.profile)(f.convert.NamespaceToProfile(ns))
	}
	for _, sa := range w.Accounts {
		sa = sa.DeepCopy()
		sa.UID = f.uid()
		f.add(f.profile)(f.convert.ServiceAccountToProfile(sa))
	}
	for _, p := range w.Pods {
		p = world.DefaultedPod(p)
		if p.UID = f.uid(); !f.convert.IsValidCalicoWorkloadEndpoint(p) {
			continue
		}
		kvs, err := f.convert.PodToWorkloadEndpoints(p)
		for _, kv := range kvs {
			f.add(f.endpoint)(kv, err)
		}
	}
	for _, p := range w.Policies {
		p = world.Defaulted(p)
		p.UID = f.uid()
		f.add(f.policy)(f.convert.K8sNetworkPolicyToCalico(p))
	}
	for _, o := range w.Other {
		f.own(o)
	}
	return f.out, f.err
}

// own feeds an object of Calico's API, as the API's client stores it.
func (f *feeder) own(o any) {
	switch o := o.(type) {
	case *v3.NetworkPolicy:
		o = o.DeepCopy()
		o.Name, o.UID, o.Spec.Types = stored(o.Name), f.uid(), typesOf(o.Spec.Ingress, o.Spec.Egress, o.Spec.Types)
		f.add(f.policy)(pair(v3.KindNetworkPolicy, o.ObjectMeta, o), nil)
	case *v3.GlobalNetworkPolicy:
		o = o.DeepCopy()
		o.Name, o.UID, o.Spec.Types = stored(o.Name), f.uid(), typesOf(o.Spec.Ingress, o.Spec.Egress, o.Spec.Types)
		f.add(f.global)(pair(v3.KindGlobalNetworkPolicy, o.ObjectMeta, o), nil)
	case *v3.NetworkSet:
		f.add(f.set)(pair(v3.KindNetworkSet, o.ObjectMeta, o.DeepCopy()), nil)
	case *v3.GlobalNetworkSet:
		f.add(f.globalSet)(pair(v3.KindGlobalNetworkSet, o.ObjectMeta, o.DeepCopy()), nil)
	default:
		f.err = fmt.Errorf("no way to feed a %T", o)
	}
}

func pair(kind string, m metav1.ObjectMeta, o any) *model.KVPair {
	return &model.KVPair{Key: model.ResourceKey{Kind: kind, Namespace: m.Namespace, Name: m.Name}, Value: o}
}

// add gives a function that processes a converted object and queues the result.
func (f *feeder) add(p watchersyncer.SyncerUpdateProcessor) func(*model.KVPair, error) {
	return func(kv *model.KVPair, err error) {
		var out []*model.KVPair
		if err == nil {
			out, err = p.Process(kv)
		}
		if err != nil {
			f.err = err
			return
		}
		for _, o := range out {
			if o.Value != nil {
				f.out = append(f.out, api.Update{KVPair: *o, UpdateType: api.UpdateTypeKVNew})
			}
		}
	}
}

func (f *feeder) uid() types.UID {
	f.uids++
	return types.UID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", f.uids))
}

// stored is the name that the API's client stores a policy by (libcalico-go, convertPolicyNameForStorage).
func stored(name string) string { return "default." + strings.TrimPrefix(name, "default.") }

// typesOf does what the API's client does (libcalico-go, defaultPolicyTypesField).
func typesOf(in, out []v3.Rule, types []v3.PolicyType) []v3.PolicyType {
	switch {
	case len(types) > 0:
		return types
	case len(out) == 0:
		return []v3.PolicyType{v3.PolicyTypeIngress}
	case len(in) == 0:
		return []v3.PolicyType{v3.PolicyTypeEgress}
	}
	return []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
}
