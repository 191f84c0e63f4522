//go:build unix

package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// changer draws events on the objects of a world, each of which is undone by the one that follows it.
type changer struct {
	*rand.Rand
	objects map[string][]*object.Object // by kind of event
	again   *reach.Event                // undoes the last event
}

func newChanger(objects []*object.Object) *changer {
	c := &changer{Rand: rand.New(rand.NewPCG(7, 7)), objects: map[string][]*object.Object{}}
	add := func(kind string, o *object.Object) { c.objects[kind] = append(c.objects[kind], o) }
	for _, o := range objects {
		switch gk := o.Ref.GroupKind(); {
		case o.Ref.Kind == "Pod":
			add("pod-gone", o)
			add("pod-relabelled", o)
		case o.Ref.Kind == "Namespace" && o.Root.Get("metadata", "labels", "env") != nil:
			add("namespace", o)
		case gk.Group == "policy.networking.k8s.io":
			add("admin", o)
		case gk.Group == "networking.k8s.io" && gk.Kind == "NetworkPolicy":
			add("policy", o)
		case gk.Kind == "NetworkPolicy", gk.Kind == "CiliumNetworkPolicy", gk.Kind == "AuthorizationPolicy":
			add("policy-of-engine", o)
		case gk.Kind == "GlobalNetworkPolicy", gk.Kind == "CiliumClusterwideNetworkPolicy":
			add("global-policy", o)
		}
	}
	return c
}

// labelled is an object with other labels.
func labelled(o *object.Object, change func(labels map[string]string)) *object.Object {
	labels := o.Root.Get("metadata", "labels").Strings()
	change(labels)
	c := *o
	root := *o.Root
	root.Fields = slices.Clone(root.Fields)
	for i, f := range root.Fields {
		if f.Name == "metadata" {
			meta := *f.Value
			meta.Fields = slices.Clone(meta.Fields)
			for k, g := range meta.Fields {
				if g.Name == "labels" {
					meta.Fields[k].Value = labelTree(labels)
				}
			}
			root.Fields[i].Value = &meta
		}
	}
	c.Root = &root
	return &c
}

func (c *changer) next(kind string) reach.Event {
	if e := c.again; e != nil {
		c.again = nil
		return *e
	}
	o := c.objects[kind][c.IntN(len(c.objects[kind]))]
	change := func(now *object.Object) reach.Event {
		c.again = &reach.Event{Ref: o.Ref, Object: o}
		return reach.Event{Ref: o.Ref, Object: now}
	}
	switch kind {
	case "pod-relabelled":
		return change(labelled(o, func(l map[string]string) { l["app"] = fmt.Sprintf("app-%d", c.IntN(30)) }))
	case "namespace":
		return change(labelled(o, func(l map[string]string) {
			switch c.IntN(3) {
			case 0:
				l["env"] = envs[c.IntN(len(envs))]
			case 1:
				l["tenant"] = fmt.Sprintf("tenant-%d", c.IntN(10))
			default:
				l["pci-scope"] = scopes[c.IntN(len(scopes))]
			}
		}))
	}
	return change(nil)
}

// BenchmarkLive measures what following an event costs: the processor time of each for itself, with what the
// collection of garbage takes while it lasts. Noted is without the rows, which events that come close share.
func BenchmarkLive(b *testing.B) {
	for _, shape := range shapes(b, Typical) {
		for _, size := range once(shape, sizes(b, "XS")) {
			b.Run(string(shape)+"/"+size.Name, func(b *testing.B) { measureLive(b, Draw(shape, size, 2)) })
		}
	}
}

func measureLive(b *testing.B, w *World) {
	objects, err := Objects(w.Live())
	if err != nil {
		b.Fatal(err)
	}
	opt := cluster.Options{Complete: true}
	c, _ := cluster.New(objects, opt)
	var l *reach.Live
	begin := func() *reach.Live {
		if l == nil {
			l = reach.NewLive(c, opt, profile(b, w.Shape))
		}
		return l
	}
	draw := newChanger(c.Objects)
	for _, kind := range []struct {
		name   string
		events int
	}{{"pod-gone", 4000}, {"pod-relabelled", 4000}, {"policy", 4000}, {"policy-of-engine", 1000}, {"global-policy", 100}, {"namespace", 2000}, {"admin", 200}} {
		if len(draw.objects[kind.name]) == 0 {
			continue
		}
		b.Run(kind.name, func(b *testing.B) {
			l := begin()
			times, noted := make([]time.Duration, 0, kind.events), make([]time.Duration, 0, kind.events)
			full, classes, tiers := 0, 0, 0
			runtime.GC()
			began := cpu()
			for b.Loop() {
				times, noted = times[:0], noted[:0]
				for range kind.events {
					e := draw.next(kind.name)
					start := cpu()
					if start-began > patience && len(times) > 0 {
						break
					}
					u := l.Apply(e)
					noted = append(noted, cpu()-start)
					l.Settle()
					times = append(times, cpu()-start)
					if u.How == reach.Full {
						full++
					}
					classes, tiers = classes+u.Classes, tiers+u.Tiers
				}
			}
			at := func(list []time.Duration, q float64) float64 {
				slices.Sort(list)
				return float64(list[int(q*float64(len(list)-1))].Nanoseconds())
			}
			b.ReportMetric(at(times, 0.5), "p50-ns")
			b.ReportMetric(at(times, 0.99), "p99-ns")
			b.ReportMetric(at(times, 1), "max-ns")
			b.ReportMetric(at(noted, 0.5), "p50-noted-ns")
			b.ReportMetric(at(noted, 0.99), "p99-noted-ns")
			b.ReportMetric(float64(full), "full")
			b.ReportMetric(float64(len(times)), "events")
			b.ReportMetric(float64(classes)/float64(b.N*len(times)), "classes")
			b.ReportMetric(float64(tiers)/float64(b.N*len(times)), "tiers")
		})
	}
	b.Run("given-out", func(b *testing.B) {
		l := begin()
		var times []time.Duration
		l.Model() // with all events so far
		for b.Loop() {
			for range 40 {
				l.Apply(draw.next("pod-relabelled"))
				start := cpu()
				l.Model()
				times = append(times, cpu()-start)
			}
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns")
		b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns")
	})
}
