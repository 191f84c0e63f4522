package pci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

// Class is the scope class of a workload or zone. The texts are those of the Segmentation resource.
type Class string

// CDE and CDEStore handle account data; CDEStore keeps it. Unclassified is what nobody classed: it counts as
// in scope, and as a stranger to the CDE.
const (
	CDE               Class = "cde"
	CDEStore          Class = "cde-store"
	ConnectedTo       Class = "connected-to"
	SecurityImpacting Class = "security-impacting"
	OutOfScope        Class = "out-of-scope"
	Unclassified      Class = "unclassified"
)

// Classes is all classes, from the most to the least sensitive, Unclassified last.
func Classes() []Class {
	return []Class{CDEStore, CDE, ConnectedTo, SecurityImpacting, OutOfScope, Unclassified}
}

// InCDE tells whether account data is handled there.
func (c Class) InCDE() bool { return c == CDE || c == CDEStore }

func (c Class) rank() int { return slices.Index(Classes(), c) }

// ParseClass reads a class as users write it in zones and label values; "connected" and "out" are short
// forms. Unclassified cannot be stated.
func ParseClass(s string) (Class, error) {
	switch c := Class(s); c {
	case CDE, CDEStore, ConnectedTo, SecurityImpacting, OutOfScope:
		return c, nil
	case "connected":
		return ConnectedTo, nil
	case "out":
		return OutOfScope, nil
	case Unclassified:
	}
	return Unclassified, fmt.Errorf("scope %q: want cde, cde-store, connected-to, security-impacting or out-of-scope", s)
}

// ScopeLabel is a label that states the scope: with only a Key, its value is the class; with a Value, pods
// that carry that value are the CDE and all others are declared out of scope. The zero value is no label.
type ScopeLabel struct{ Key, Value string }

// ParseScopeLabel reads "KEY" or "KEY=VALUE".
func ParseScopeLabel(s string) (ScopeLabel, error) {
	key, value, has := strings.Cut(s, "=")
	if key == "" || has && value == "" {
		return ScopeLabel{}, fmt.Errorf("scope label %q: want KEY or KEY=VALUE", s)
	}
	return ScopeLabel{Key: key, Value: value}, nil
}

// String is the form that ParseScopeLabel reads.
func (l ScopeLabel) String() string {
	if l.Value == "" {
		return l.Key
	}
	return l.Key + "=" + l.Value
}

// Scope is the class of every workload. A nil Scope is one that nobody stated.
type Scope struct {
	source    string
	label     ScopeLabel
	zones     []Zone
	workloads []*cluster.Workload
	class     map[*cluster.Workload]Class
	zone      map[*cluster.Workload]*Zone
	pods      map[*cluster.Pod]*Zone
	unsure    map[*cluster.Workload]bool
}

// ScopeOf classes the workloads of c: by the zones of the intent (nil: none), and for those that no zone
// takes by the label. It is nil when neither is given. A workload whose pods differ has the most sensitive
// of their classes. Problems tell of pods that two zones claim, zones that take nothing, and labels that
// are no class.
func ScopeOf(c *cluster.Cluster, in *Intent, l ScopeLabel) (*Scope, []object.Problem) {
	if (in == nil || len(in.Zones) == 0) && l == (ScopeLabel{}) {
		return nil, nil
	}
	s := &Scope{
		label: l, workloads: c.Workloads, class: map[*cluster.Workload]Class{}, zone: map[*cluster.Workload]*Zone{},
		pods: map[*cluster.Pod]*Zone{}, unsure: map[*cluster.Workload]bool{},
	}
	r := scopeReader{Scope: s, label: l}
	var sources []string
	if in != nil && len(in.Zones) > 0 {
		r.zones, s.zones = in.Zones, in.Zones
		sources = append(sources, in.Source())
	}
	if l != (ScopeLabel{}) {
		sources = append(sources, "label "+l.String())
	}
	s.source = strings.Join(sources, ", then ")
	used := map[*Zone]bool{}
	for _, w := range c.Workloads {
		for i, p := range w.Pods {
			class, zone := r.pod(p)
			s.pods[p], used[zone] = zone, true
			if i == 0 || class.rank() < s.class[w].rank() {
				s.class[w], s.zone[w] = class, zone
			}
		}
	}
	for i := range r.zones {
		if z := &r.zones[i]; z.OfPods && !used[z] {
			r.problem(z, object.Warning, "zone "+z.Name+" takes no pod of the input", "check its namespaces and selectors; zones before it may take its pods")
		}
	}
	slices.SortFunc(r.problems, object.Problem.Compare)
	return s, slices.Compact(r.problems)
}

type scopeReader struct {
	*Scope
	zones    []Zone
	label    ScopeLabel
	problems []object.Problem
}

// pod gives the class and zone of one pod. A zone that may take the pod leaves it without a class: giving it
// that of a later zone could call a part of the CDE out of scope.
func (r *scopeReader) pod(p *cluster.Pod) (Class, *Zone) {
	var first *Zone
	for i := range r.zones {
		z := &r.zones[i]
		switch z.takes(p) {
		case enforcer.Yes:
			if first == nil {
				first = z
				continue
			}
			r.problem(z, object.Warning, fmt.Sprintf("zones %s and %s both claim %s; the first one has it", first.Name, z.Name, p.Workload.Ref),
				"let the zones' selectors exclude each other")
		case enforcer.Unknown:
			if first == nil {
				r.unsure[p.Workload] = true
			}
			r.problem(z, object.Error, fmt.Sprintf("zone %s selects namespaces by labels, and those of namespace %s are not in the input", z.Name, p.Namespace.Name),
				"add the Namespace object; until then the class of its pods is not known")
		case enforcer.No:
		}
	}
	switch {
	case r.unsure[p.Workload]:
		return Unclassified, nil
	case first != nil:
		return first.Class, first
	case r.label == ScopeLabel{}:
		return Unclassified, nil
	}
	return r.byLabel(p), nil
}

// byLabel is what the label says of a pod: its own labels first, then those of its namespace.
func (r *scopeReader) byLabel(p *cluster.Pod) Class {
	v, has := p.Labels[r.label.Key]
	if !has {
		if !p.Namespace.Declared {
			r.unsure[p.Workload] = true
			r.problems = append(r.problems, object.Problem{
				Severity: object.Error, Pos: p.Pos(), Ref: p.Workload.Ref,
				Msg: fmt.Sprintf("the pod has no label %s, and the labels of namespace %s are not in the input", r.label.Key, p.Namespace.Name), Hint: "add the Namespace object; until then the class is not known",
			})
			return Unclassified
		}
		v, has = p.Namespace.Labels[r.label.Key]
	}
	switch {
	case r.label.Value != "" && has && v == r.label.Value:
		return CDE
	case r.label.Value != "":
		return OutOfScope
	case !has:
		return Unclassified
	}
	class, err := ParseClass(v)
	if err != nil {
		r.problems = append(r.problems, object.Problem{
			Severity: object.Error, Pos: p.Pos(), Ref: p.Workload.Ref,
			Msg: fmt.Sprintf("label %s: %v", r.label.Key, err), Hint: "the workload counts as unclassified",
		})
	}
	return class
}

func (r *scopeReader) problem(z *Zone, sev object.Severity, msg, hint string) {
	r.problems = append(r.problems, object.Problem{Severity: sev, Pos: z.Pos, Ref: z.Ref, Msg: msg, Hint: hint})
}

// takes tells whether a pod meets every criterion of the zone.
func (z *Zone) takes(p *cluster.Pod) enforcer.Answer {
	if !z.OfPods ||
		len(z.Namespaces) > 0 && !slices.Contains(z.Namespaces, p.Namespace.Name) ||
		!z.Pods.Matches(p.Labels) ||
		len(z.ServiceAccounts) > 0 && !slices.Contains(z.ServiceAccounts, p.ServiceAccount) {
		return enforcer.No
	}
	answer := enforcer.Yes
	for _, r := range z.NamespaceLabels {
		if !p.Namespace.Declared && r.Key != cluster.NameLabel {
			answer = enforcer.Unknown
		} else if !r.Matches(p.Namespace.Labels) {
			return enforcer.No
		}
	}
	return answer
}

// Source names what states the scope: "Segmentation card-shop (segmentation.yaml:2)", "label pci-scope".
func (s *Scope) Source() string { return s.source }

// Labels are the keys of labels that the scope goes by, of pods and of namespaces, sorted. The name of a
// namespace is none.
func (s *Scope) Labels() (pods, namespaces []string) {
	if s.label.Key != "" {
		pods, namespaces = append(pods, s.label.Key), append(namespaces, s.label.Key)
	}
	for i := range s.zones {
		for _, r := range s.zones[i].Pods {
			pods = append(pods, r.Key)
		}
		for _, r := range s.zones[i].NamespaceLabels {
			if r.Key != cluster.NameLabel {
				namespaces = append(namespaces, r.Key)
			}
		}
	}
	slices.Sort(pods)
	slices.Sort(namespaces)
	return slices.Compact(pods), slices.Compact(namespaces)
}

// Class of a workload; Unclassified for one the scope does not know.
func (s *Scope) Class(w *cluster.Workload) Class {
	if c, ok := s.class[w]; ok {
		return c
	}
	return Unclassified
}

// Unsure tells whether the input leaves open which class a workload has. It is Unclassified then.
func (s *Scope) Unsure(w *cluster.Workload) bool { return s.unsure[w] }

// InCDE tells whether w is declared to handle account data. It is false for a nil Scope.
func (s *Scope) InCDE(w *cluster.Workload) bool { return s != nil && s.Class(w).InCDE() }

// Zone of a workload, nil when no zone takes it.
func (s *Scope) Zone(w *cluster.Workload) *Zone { return s.zone[w] }

// Role is the role of a workload's zone, "" without one.
func (s *Scope) Role(w *cluster.Workload) string {
	if z := s.zone[w]; z != nil {
		return z.Role
	}
	return ""
}

// Of gives the workloads of some classes, sorted by Ref.
func (s *Scope) Of(classes ...Class) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range s.workloads {
		if slices.Contains(classes, s.Class(w)) {
			out = append(out, w)
		}
	}
	return out
}

// summary counts the classes. Without a scope nothing is counted.
func (s *Scope) summary(c *cluster.Cluster, computed *scope.Result) ScopeSummary {
	out := ScopeSummary{Classes: []ClassCount{}}
	if s == nil {
		return out
	}
	out.Source = s.source
	for _, class := range Classes() {
		n := 0
		for _, w := range c.Workloads {
			if s.Class(w) == class {
				n++
			}
		}
		out.Classes = append(out.Classes, ClassCount{string(class), n})
	}
	if computed != nil {
		classes, counts := computed.Counts()
		for i, class := range classes {
			out.Computed = append(out.Computed, ClassCount{string(class), counts[i]})
		}
		out.Digest = s.Digest(computed)
	}
	return out
}

// SeverityFor is the severity of a finding about w: one step worse inside the CDE.
func (in *Input) SeverityFor(base Severity, w *cluster.Workload) Severity {
	if in.Scope.InCDE(w) {
		return base.Up()
	}
	return base
}
