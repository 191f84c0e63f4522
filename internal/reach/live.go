package reach

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// Live is a model that follows a cluster as its objects change. It is for one goroutine; the models it gives out
// are for others. Problems of objects are not gathered here: who wants them reads the object.
type Live struct {
	opt   cluster.Options
	prof  enforcer.Profile
	pic   *cluster.Live
	m     *Model // worked on in place, and never given out
	shown *Model // given out since the last event; else nil
	stats Stats
	// plain says that it is told what each policy hangs on: there is no mesh. Otherwise every event makes the model anew.
	plain bool
	liveKinds
	livePolicies
	liveClasses
	liveSets
	liveProfiles
	liveGroups
	lineShown bool // the line of addresses is part of a model given out
	twinFrom  int
}

// Event is an object that came, changed or went. Object is nil for one that went.
type Event struct {
	Ref    object.Ref
	Object *object.Object
}

// How says at what cost a change was followed.
type How uint8

// InPlace looks at what the change touches alone. Full makes the model anew.
const (
	InPlace How = iota
	Full
)

// String is "in place" or "full".
func (h How) String() string {
	switch h {
	case InPlace:
		return "in place"
	case Full:
	}
	return "full"
}

// Update is what an event did to the model: how many pods' classes have other policies or other labels than before,
// and how many tiers were written down anew, in the network layer. Both count everything after a Full one.
type Update struct {
	How            How
	Classes, Tiers int
}

// Stats counts updates by kind of object and by How.
type Stats map[object.GroupKind]*[2]int

// NewLive makes the model of a cluster. The options are those the cluster was made with. Of objects with one name
// the last one counts.
func NewLive(c *cluster.Cluster, opt cluster.Options, prof enforcer.Profile) *Live {
	l := &Live{opt: opt, prof: prof, stats: Stats{}, twinFrom: twinFrom}
	for i := 1; i < len(c.Objects); i++ {
		if c.Objects[i].Ref == c.Objects[i-1].Ref {
			l.begin(cluster.NewLive(c, opt).Objects())
			return l
		}
	}
	l.follow(c)
	return l
}

// begin makes everything anew.
func (l *Live) begin(objects []*object.Object) {
	c, _ := cluster.New(objects, l.opt)
	l.follow(c)
}

func (l *Live) follow(c *cluster.Cluster) {
	l.pic = cluster.NewLive(c, l.opt)
	set := kinds.Compile(c)
	l.shown = nil
	l.m = compile(c, set, l.prof, true)
	l.plain = l.isPlain(c)
	if !l.plain {
		return
	}
	l.m.Warm()
	l.indexKinds(c)
	l.indexClasses()
	l.indexProfiles()
	l.indexPolicies()
}

// isPlain says whether plain holds.
func (l *Live) isPlain(c *cluster.Cluster) bool {
	m := l.m
	if len(m.set.Facts) > 0 || m.layered[policy.Mesh] || m.hosts == 0 || m.tunnels || len(m.index.v.facts) > 0 {
		return false
	}
	for i := range kinds.All {
		for _, gk := range kinds.All[i].GVKs {
			if !followed(gk) && len(c.Kind(gk.Group, gk.Kind)) > 0 {
				return false
			}
		}
	}
	for _, p := range m.set.Policies {
		if !followed(p.Ref.GroupKind()) {
			return false // of a setting
		}
	}
	return true
}

// adminGroup is where the kinds of administrators live.
const adminGroup = "policy.networking.k8s.io"

// administered is these kinds and what they look at besides each other.
var administered = [...]object.GroupKind{
	{Group: adminGroup, Kind: "AdminNetworkPolicy"},
	{Group: adminGroup, Kind: "BaselineAdminNetworkPolicy"},
	{Group: adminGroup, Kind: "ClusterNetworkPolicy"},
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
}

// plainKind tells whether policies of a kind say all they mean by themselves.
func plainKind(gk object.GroupKind) bool {
	return gk.Group == "networking.k8s.io" || gk.Group == "extensions" || gk.Group == adminGroup
}

// followed tells whether it is told what policies of a kind hang on.
func followed(gk object.GroupKind) bool {
	k := kinds.Of(gk)
	return plainKind(gk) || k != nil && k.Reads != nil
}

// meshWords are what an object has in it, somewhere, that tells of a mesh.
var meshWords = [...]string{"istio", "ztunnel"}

// foreign tells whether an object may change what others mean.
func foreign(o *object.Object) bool {
	gk := o.Ref.GroupKind()
	if kinds.Of(gk) != nil && !followed(gk) || len(kinds.Opaque(o)) > 0 {
		return true
	}
	return !plainKind(gk) && speaksOfMesh(o.Root)
}

func speaksOfMesh(v *object.Value) bool {
	if v == nil {
		return false
	}
	has := func(s string) bool {
		return len(s) >= len(meshWords[0]) && slices.ContainsFunc(meshWords[:], func(w string) bool { return strings.Contains(s, w) })
	}
	for i := range v.Fields {
		if has(v.Fields[i].Name) || speaksOfMesh(v.Fields[i].Value) {
			return true
		}
	}
	return has(v.Text) || slices.ContainsFunc(v.Items, speaksOfMesh)
}

// Apply follows one event. After it the model answers as one compiled of all objects would.
func (l *Live) Apply(e Event) Update {
	l.shown = nil
	u := Update{How: InPlace}
	if !l.inPlace(e, &u) {
		l.begin(l.pic.Objects())
		u = Update{How: Full, Classes: l.m.hosts, Tiers: l.inUse}
	}
	gk := e.Ref.GroupKind()
	if l.stats[gk] == nil {
		l.stats[gk] = &[2]int{}
	}
	l.stats[gk][u.How]++
	return u
}

// inPlace reports false when the model has to be made anew. The picture has the event in any case.
func (l *Live) inPlace(e Event, u *Update) bool {
	edit, ok := l.pic.Apply(e.Ref, e.Object)
	if !ok || !l.plain {
		return false
	}
	if edit.Old == nil && edit.New == nil {
		return true
	}
	for _, o := range [2]*object.Object{edit.Old, edit.New} {
		if o != nil && foreign(o) {
			return false
		}
	}
	if !l.replace(edit.Workloads) || edit.Namespace != nil && !l.relabel(edit.Namespace) {
		return false
	}
	o := edit.New
	if o == nil {
		o = edit.Old
	}
	switch gk, k := o.Ref.GroupKind(), kinds.Of(o.Ref.GroupKind()); {
	case slices.Contains(administered[:], gk):
		if !l.administrators() {
			return false
		}
	case plainKind(gk) && k != nil:
		if !l.policy(o.Ref, edit.New) || !l.ofKind(nil, o.Ref, &edit) {
			return false
		}
	case k != nil:
		if !l.ofKind(k, o.Ref, &edit) {
			return false
		}
	default:
		if !l.ofKind(nil, o.Ref, &edit) {
			return false
		}
	}
	l.flush(u)
	return true
}

// Stats is the counts since the beginning.
func (l *Live) Stats() Stats { return l.stats }
