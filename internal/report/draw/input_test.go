package draw_test

import (
	"path/filepath"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// input makes the model of objects the way the program does.
func input(t testing.TB, objects []*object.Object) *pci.Input {
	t.Helper()
	said := pci.ReadAssume(objects)
	c, _ := cluster.New(objects, cluster.Options{PodCIDRs: said.PodCIDRs, ServiceCIDRs: said.ServiceCIDRs, NodeCIDRs: said.NodeCIDRs, Complete: said.Complete})
	intent, _ := pci.ReadIntent(c)
	prof := enforcer.Detect(c)
	if said.Enforcer != "" {
		var err error
		if prof, err = enforcer.Named(said.Enforcer); err != nil {
			t.Fatal(err)
		}
	}
	set := kinds.Compile(c)
	scope, _ := pci.ScopeOf(c, intent, pci.ScopeLabel{})
	return &pci.Input{Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof, Exposure: exposure.Find(c), Scope: scope, Intent: intent}
}

// files reads manifests.
func files(t testing.TB, paths ...string) *pci.Input {
	t.Helper()
	r, err := load.Load(t.Context(), paths, load.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return input(t, r.Objects)
}

func picture(t testing.TB, in *pci.Input, opt draw.Options) *draw.Picture {
	t.Helper()
	p, err := draw.Draw(draw.Build(in, opt))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// examples are the folders of manifests that the repository shows to users.
func examples(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("../../../examples/*/*/*.yaml")
	if err != nil || len(list) == 0 {
		t.Fatal("no examples", err)
	}
	var out []string
	seen := map[string]bool{}
	for _, f := range list {
		if d := filepath.Dir(f); !seen[d] {
			seen[d] = true
			out = append(out, d)
		}
	}
	return out
}

func TestGeometryOfExamples(t *testing.T) {
	var names []string
	got := map[string]clutter{}
	for _, dir := range examples(t) {
		for _, view := range []draw.View{draw.Network, draw.Dataflow, draw.Exposure} {
			name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir) + ", " + string(view)
			names = append(names, name)
			t.Run(name, func(t *testing.T) {
				p := picture(t, files(t, dir), draw.Options{View: view})
				check(t, p)
				got[name] = clutterOf(p)
				check(t, picture(t, files(t, dir), draw.Options{View: view, Skin: draw.Icons}))
			})
		}
	}
	noRise(t, "clutter-examples.txt", names, got)
}
