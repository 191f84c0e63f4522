package world

import (
	"fmt"
	"math/rand/v2"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The vocabulary is small, so that what one object says and another has meet often.
var (
	keys   = []string{"app", "tier"}
	values = []string{"a", "b"}
	ports  = []int32{1, 53, 80, 81, 443, 8080, 65535}
	// portNames: not every name is declared by every pod.
	portNames = []string{"http", "dns", "metrics"}
)

// Draw is a source of random choices that remembers the constructs it drew.
type Draw struct {
	*rand.Rand
	World *World
	// AnyProtocol draws packets without ports, too.
	AnyProtocol bool
}

// Pick is one of a list.
func Pick[T any](d *Draw, xs ...T) T { return xs[d.IntN(len(xs))] }

// Often is true n times of m.
func (d *Draw) Often(n, m int) bool { return d.IntN(m) < n }

// Note says that at holds a construct, and what could stand there instead. at must not move any more:
// lists are made whole before their items are drawn.
func Note[T any](d *Draw, construct string, at *T, instead T) {
	d.note(construct, func() func() {
		old := *at
		*at = instead
		return func() { *at = old }
	})
}

func (d *Draw) note(construct string, replace func() (restore func())) {
	d.World.Sites = append(d.World.Sites, Site{construct, replace})
}

// Forget the constructs noted so far: another contest looks after them.
func (d *Draw) Forget() { d.World.Sites = nil }

// Labels are some of the vocabulary's.
func (d *Draw) Labels() map[string]string {
	m := map[string]string{}
	for _, k := range keys {
		switch d.IntN(8) {
		case 0, 1, 2:
		case 3:
			m[k] = "" // an empty value is a value
		default:
			m[k] = Pick(d, values...)
		}
	}
	return m
}

// Key is one of the vocabulary's label keys.
func (d *Draw) Key() string { return Pick(d, keys...) }

// Value is one of the vocabulary's label values.
func (d *Draw) Value() string {
	if d.Often(1, 10) {
		return ""
	}
	return Pick(d, values...)
}

// Port is a port number. Some are drawn more often, so that policies and packets meet.
func (d *Draw) Port() int32 {
	if d.Often(2, 3) {
		return Pick[int32](d, 80, 443)
	}
	return Pick(d, ports...)
}

// PortName is a name of a port.
func (d *Draw) PortName() string { return Pick(d, portNames...) }

// Nothing is a selector that no object of any world matches.
func Nothing() metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{"none": "none"}}
}

// Selector fills in a label selector. where goes before the names of its constructs.
func (d *Draw) Selector(where string, s *metav1.LabelSelector) {
	switch d.IntN(5) {
	case 0:
		Note(d, where+": empty selector", s, Nothing())
		return
	case 1, 2:
		s.MatchLabels = map[string]string{d.Key(): d.Value()}
		if d.Often(1, 4) {
			s.MatchLabels[d.Key()] = d.Value()
		}
		Note(d, where+": matchLabels", &s.MatchLabels, nil)
		if d.Often(2, 3) {
			return
		}
	}
	s.MatchExpressions = make([]metav1.LabelSelectorRequirement, 1+d.IntN(2))
	for i := range s.MatchExpressions {
		e := &s.MatchExpressions[i]
		e.Key = d.Key()
		e.Operator = Pick(d, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			for range 1 + d.IntN(2) {
				e.Values = append(e.Values, d.Value())
			}
		}
		d.note(where+": "+string(e.Operator), func() func() {
			old := s.MatchExpressions
			s.MatchExpressions = slices.Delete(slices.Clone(old), i, i+1)
			return func() { s.MatchExpressions = old }
		})
		if e.Operator == metav1.LabelSelectorOpNotIn {
			// NotIn matches objects without the key; with Exists beside it, it does not.
			exists := metav1.LabelSelectorRequirement{Key: e.Key, Operator: metav1.LabelSelectorOpExists}
			d.note(where+": NotIn of an absent key", func() func() {
				old := s.MatchExpressions
				s.MatchExpressions = append(slices.Clone(old), exists)
				return func() { s.MatchExpressions = old }
			})
		}
	}
}

// NamespaceSelector fills in a selector of namespaces, often by the label that the API server sets.
func (d *Draw) NamespaceSelector(where string, s *metav1.LabelSelector) {
	if !d.Often(1, 3) {
		d.Selector(where, s)
		return
	}
	s.MatchLabels = map[string]string{corev1.LabelMetadataName: d.Namespace()}
	Note(d, where+": by metadata.name", s, Nothing())
}

// Namespace is the name of one of the world's namespaces.
func (d *Draw) Namespace() string { return fmt.Sprintf("ns%d", d.IntN(namespaces)) }
