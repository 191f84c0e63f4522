package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

// Requirements has a row for each requirement and each check that speaks of it, in the numbers of a standard, and a row
// for what a requirement asks of people.
func Requirements(a *pci.Assessment, s pci.Standard) Register {
	name := map[pci.Standard]string{pci.PCI401: "4.0.1", pci.PCI321: "3.2.1", pci.Containers2022: "containers-2022"}[s]
	r := Register{
		Name: "requirements-" + name, Title: "Requirements " + name,
		About: s.Name() + ": a row for each requirement and each check that speaks of it, and one for what only people can answer.",
		Head:  []string{"requirement", "standing", "check", "title", "status", "severity", "holds", "of", "population", "questions", "requirement_title", "extent"},
	}
	for _, q := range a.View(s).Requirements {
		if asked := own(&q); len(asked) > 0 {
			r.Rows = append(r.Rows, []string{q.Number, string(q.Standing), "", "", "", "", "", "", "", strings.Join(asked, "; "), q.Title, string(q.Extent)})
		}
		for _, check := range q.Checks {
			id := check.ID
			row := []string{q.Number, string(q.Standing), id, "", "", "", "", "", "", "", q.Title, string(q.Extent)}
			if i := slices.IndexFunc(a.Checks, func(c pci.CheckResult) bool { return c.ID == id }); i >= 0 {
				c := a.Checks[i]
				row[3], row[4], row[5] = c.Title, string(c.Status), string(c.Severity)
				if c.Population.Of > 0 {
					row[6], row[7], row[8] = strconv.Itoa(c.Population.Holds), strconv.Itoa(c.Population.Of), c.Population.What
				}
			}
			var asked []string
			for _, s := range append(toSettle(&q), q.Ask...) {
				if text, ok := strings.CutPrefix(strings.TrimPrefix(s, "not decided: "), id+": "); ok {
					asked = append(asked, text)
				}
			}
			row[9] = strings.Join(asked, "; ")
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

// own is the questions of a requirement that are of no check.
func own(q *pci.RequirementView) []string {
	var out []string
	for _, s := range q.Ask {
		if !slices.ContainsFunc(q.Checks, func(c pci.CheckEvident) bool { return strings.HasPrefix(s, c.ID+": ") }) {
			out = append(out, s)
		}
	}
	return out
}

// Inventory has a row for each workload, with the scope class that was stated and the one that is computed.
func Inventory(in *pci.Input) Register {
	r := Register{
		Name: "inventory", Title: "Workloads", About: "Every workload that was read: the whole population, no sample. The class is what was stated, the computed class what follows from connections, rights and nodes.",
		Head: []string{"kind", "namespace", "name", "pods", "class", "computed_class", "zone", "service_accounts", "images", "ports", "host_network", "file", "line"},
	}
	computed := computedClasses(in)
	for _, x := range in.Cluster.Workloads {
		class, zone := classAndZone(in.Scope, x)
		var accounts, images, ports []string
		host := false
		for _, p := range x.Pods {
			accounts = append(accounts, p.ServiceAccount)
			host = host || p.HostNetwork
			for _, k := range p.Containers {
				images = append(images, k.Image)
			}
			for _, q := range p.Ports {
				ports = append(ports, strings.ToLower(q.Protocol.String())+"/"+strconv.Itoa(q.Number))
			}
		}
		r.Rows = append(r.Rows, []string{
			x.Ref.Kind, x.Ref.Namespace, x.Ref.Name, strconv.Itoa(len(x.Pods)), class, computedClass(computed[x]), zone, distinct(accounts), distinct(images), distinct(ports),
			strconv.FormatBool(host), x.Pos.File, lineNumber(x.Pos.Line),
		})
	}
	return r
}

// computedClasses is what the scope engine says of each workload; empty when nobody states a scope.
func computedClasses(in *pci.Input) map[*cluster.Workload]*scope.Workload {
	out := map[*cluster.Workload]*scope.Workload{}
	if computed := in.ComputeScope(); computed != nil {
		for i := range computed.Workloads {
			w := &computed.Workloads[i]
			out[w.Workload] = w
		}
	}
	return out
}

// computedClass is the class, or both that are left.
func computedClass(w *scope.Workload) string {
	switch {
	case w == nil:
		return ""
	case w.Decided():
		return string(w.Least)
	}
	return fmt.Sprintf("%s: %s or %s", scope.Undecided, w.Least, w.Most)
}

func classAndZone(s *pci.Scope, w *cluster.Workload) (class, zone string) {
	if s == nil || w == nil {
		return "", ""
	}
	if z := s.Zone(w); z != nil {
		zone = z.Name
	}
	return string(s.Class(w)), zone
}

func distinct(list []string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// Ways has a row for each way in from outside and each workload behind it.
func Ways(entries []Exposed) Register {
	r := Register{
		Name: "exposure", Title: "Ways in from outside", About: "Allowed is what policies let pass for sure, possible what they may let pass.",
		Head: []string{"via", "kind", "public", "port", "host", "path", "tls", "sources", "target", "allowed", "possible", "because", "file", "line"},
	}
	for _, e := range entries {
		targets := e.Targets
		if len(targets) == 0 {
			targets = []Target{{}}
		}
		for _, t := range targets {
			to := ""
			if t.Workload.Name != "" {
				to = t.Workload.String()
			}
			r.Rows = append(r.Rows, []string{
				e.Via.String(), e.Kind, e.Public, e.Port, e.Host, e.Path, e.TLS, strings.Join(e.Sources, " "), to,
				conns(t.Must).String(), conns(t.May).String(), strings.Join(e.Because, "; "), e.Pos.File, lineNumber(e.Pos.Line),
			})
		}
	}
	return r
}

// Population has a row for each count of what was looked at: all of it, by kind and by scope class.
func Population(a *pci.Assessment) Register {
	r := Register{Name: "population", Title: "What was looked at", Head: []string{"group", "what", "count"}}
	for _, c := range countsOf(a) {
		r.Rows = append(r.Rows, []string{c.group, c.what, strconv.Itoa(c.n)})
	}
	return r
}

// counted is one count of what was looked at.
type counted struct {
	group, what string
	n           int
}

// countsOf is all that was looked at, the scope classes, and the objects that were read by kind.
func countsOf(a *pci.Assessment) []counted {
	n := a.Population
	out := []counted{
		{"population", "namespaces", n.Namespaces},
		{"population", "workloads", n.Workloads},
		{"population", "pods", n.Pods},
		{"population", "policies", n.Policies},
		{"population", "services", n.Services},
		{"population", "nodes", n.Nodes},
	}
	for _, c := range a.Scope.Classes {
		out = append(out, counted{"workloads by class", c.Class, c.Workloads})
	}
	if c, ok := coverageOf(a.Coverage); ok {
		for _, k := range c.Kinds {
			out = append(out, counted{"objects read", k.Kind, k.Count})
		}
	}
	return out
}
