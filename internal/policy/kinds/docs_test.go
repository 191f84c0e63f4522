package kinds_test

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// point is a fine point of an engine, as the page asks for it.
type point struct {
	field, question string
}

var points = []point{
	{"Enforces", "are NetworkPolicies enforced?"},
	{"PodsByAddr", "does an ipBlock match the address of a pod?"},
	{"NodesByAddr", "does an ipBlock match the address of a node, and of host-network pods?"},
	{"EndPort", "is endPort read?"},
	{"SCTP", "is SCTP enforced?"},
	{"Egress", "is egress enforced?"},
	{"OtherProtocols", "are ICMP and other protocols denied to an isolated pod?"},
	{"NodePeers", "do node peers of admin policies match nodes?"},
	{"RulesAlways", "do rules count whose direction policyTypes leaves out?"},
	{"BaselineByDirection", "does the baseline tier count in a direction for which no NetworkPolicy selects the pod?"},
	{"BaselineOverIsolation", "does an accept of the baseline tier open what a NetworkPolicy isolates?"},
	{"HostPods", "do selectors, as peers, match host-network pods?"},
	{"FromOwnNode", "is a pod's own node let in whatever policies say?"},
	{"ToOwnNode", "do egress policies decide about a pod's own node?"},
	{"DropsToOwnNode", "is what a pod sends to its own node dropped even where policies allow it?"},
	{"BarePods", "are pods bound that no controller owns?"},
	{"Mesh", "is Istio's control plane here?"},
}

// TestPage: docs/policy-kinds.md is what the code says. BULKHEAD_UPDATE=1 rewrites it.
func TestPage(t *testing.T) {
	const file = "../../../docs/policy-kinds.md"
	want := page(t)
	if os.Getenv("BULKHEAD_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(want, string(got)); d != "" {
		t.Errorf("%s is not what the code says (-want +got); BULKHEAD_UPDATE=1 rewrites it\n%s", file, d)
	}
}

// TestEveryKindHasFields: a kind without fields, or an API kind of which no field is told, is not documented.
func TestEveryKindHasFields(t *testing.T) {
	for _, k := range kinds.All {
		for _, gk := range k.GVKs {
			if !slices.ContainsFunc(k.Fields, func(f policy.Field) bool { return f.Kinds == nil || slices.Contains(f.Kinds, gk.Kind) }) {
				t.Errorf("%s: no field of %v is told", k.Name, gk)
			}
		}
	}
}

// TestEveryPoint: no fine point of the profiles is left out.
func TestEveryPoint(t *testing.T) {
	for f := range reflect.TypeFor[enforcer.Profile]().Fields() {
		if f.Type == reflect.TypeFor[enforcer.Answer]() && !slices.ContainsFunc(points, func(p point) bool { return p.field == f.Name }) {
			t.Errorf("the page does not ask for %s", f.Name)
		}
	}
}

func page(t *testing.T) string {
	t.Helper()
	b := &strings.Builder{}
	b.WriteString(`# Policy kinds

This page is made from the code by a test (internal/policy/kinds).

Every field of the API of a kind is listed. What is not handled exactly never makes an answer wrong: it leaves those
answers undecided that it could change, and they name it. A field that the API does not have does the same.

| kind | objects | since | fields | exactly | undecided |
|---|---|---|---|---|---|
`)
	for _, k := range kinds.All {
		exact := 0
		for _, f := range k.Fields {
			if f.Exact {
				exact++
			}
		}
		fmt.Fprintf(b, "| [%s](#%s) | %s | %s | %d | %d | %d |\n",
			k.Name, anchor(k.Name), strings.Join(names(k), ", "), k.Since, len(k.Fields), exact, len(k.Fields)-exact)
	}
	engines(t, b)
	opaque(b)
	for _, k := range kinds.All {
		fields(b, k)
	}
	return b.String()
}

// engines writes which engine honours which kind, and the fine points in which engines differ.
func engines(t *testing.T, b *strings.Builder) {
	t.Helper()
	var profiles []enforcer.Profile
	for _, name := range enforcer.Names() {
		p, err := enforcer.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Enforces == enforcer.Yes {
			profiles = append(profiles, p)
		}
	}
	head := func(first string) {
		b.WriteString("\n| " + first + " |")
		for _, p := range profiles {
			b.WriteString(" " + p.Name + " |")
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(profiles)) + "\n")
	}
	row := func(first string, answer func(enforcer.Profile) enforcer.Answer) {
		b.WriteString("| " + first + " |")
		for _, p := range profiles {
			b.WriteString(" " + strings.ReplaceAll(answer(p).String(), "unknown", "?") + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString(`
## Engines and kinds

Objects of a kind that the engine does not honour have no effect, and it is said so. "?" hangs on the release or on a
setting: when the engine is stated, answers that such objects could change are undecided; when the objects of the
cluster show the engine, its release and settings are read. Istio's kinds count beside any engine, when its control
plane is in the input.
`)
	head("kind")
	seen := map[string]bool{}
	for _, k := range kinds.All {
		for _, gk := range k.GVKs {
			if name := gk.Kind + " (" + gk.Group + ")"; !seen[name] {
				seen[name] = true
				row(name, func(p enforcer.Profile) enforcer.Answer { return p.Honours(gk) })
			}
		}
	}
	b.WriteString(`
## Engines and fine points

The same policies do not do the same everywhere. Where "?" stands, what hangs on the point is undecided. Settings that
the cluster's objects show go before this table.
`)
	head("fine point")
	for _, p := range points {
		row(p.question, func(pr enforcer.Profile) enforcer.Answer {
			a, ok := reflect.TypeAssert[enforcer.Answer](reflect.ValueOf(pr).FieldByName(p.field))
			if !ok {
				t.Fatalf("%s is no answer", p.field)
			}
			return a
		})
	}
}

func opaque(b *strings.Builder) {
	b.WriteString(`
## Kinds that are not modelled

Objects of these kinds decide about traffic. Answers that they could change are undecided and name them. The same holds
for any other kind whose name has "NetworkPolicy" or "FirewallPolicy" in it.

| group | kinds |
|---|---|
`)
	known := map[object.GroupKind]bool{}
	for _, k := range kinds.All {
		for _, gk := range k.GVKs {
			known[gk] = true
		}
	}
	byGroup := map[string][]string{}
	var groups []string
	for _, gk := range policy.OpaqueKinds() {
		if known[gk] {
			continue
		}
		if byGroup[gk.Group] == nil {
			groups = append(groups, gk.Group)
		}
		byGroup[gk.Group] = append(byGroup[gk.Group], gk.Kind)
	}
	for _, g := range groups {
		fmt.Fprintf(b, "| %s | %s |\n", g, strings.Join(byGroup[g], ", "))
	}
}

// fields writes the section of one kind.
func fields(b *strings.Builder, k policy.Kind) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", k.Name, k.Doc)
	list := slices.Clone(k.Fields)
	slices.SortStableFunc(list, func(f, g policy.Field) int { return cmp.Compare(f.Path, g.Path) })
	perKind := slices.ContainsFunc(list, func(f policy.Field) bool { return f.Kinds != nil })
	if perKind {
		b.WriteString("| field | of | handled | remark |\n|---|---|---|---|\n")
	} else {
		b.WriteString("| field | handled | remark |\n|---|---|---|\n")
	}
	for _, f := range list {
		handled := "undecided"
		if f.Exact {
			handled = "exactly"
		}
		fmt.Fprintf(b, "| `%s` |", f.Path)
		if perKind {
			fmt.Fprintf(b, " %s |", strings.Join(f.Kinds, ", "))
		}
		fmt.Fprintf(b, " %s | %s |\n", handled, strings.ReplaceAll(f.Remark, "|", "\\|"))
	}
}

// names is the API kinds of k, each once.
func names(k policy.Kind) []string {
	var out []string
	for _, gk := range k.GVKs {
		if !slices.Contains(out, gk.Kind) {
			out = append(out, gk.Kind)
		}
	}
	return out
}

// anchor is what the usual renderers make of a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, heading)), " ", "-")
}
