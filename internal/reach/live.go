package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// Live is a model that follows a cluster as its objects change. It is for one goroutine; the models it gives out
// are for others.
type Live struct {
	opt     cluster.Options
	prof    enforcer.Profile
	objects map[object.Ref]*object.Object
	model   *Model
	stats   Stats
}

// Event is an object that came, changed or went. Object is nil for one that went.
type Event struct {
	Ref    object.Ref
	Object *object.Object
}

// How says at what cost a change was followed.
type How uint8

// InPlace looks at what the change touches alone. Partial also at all objects of the kind, or at a part of the model
// that does not hang on the change. Full makes the model anew.
const (
	InPlace How = iota
	Partial
	Full
)

// String is "in place", "partial" or "full".
func (h How) String() string {
	switch h {
	case InPlace:
		return "in place"
	case Partial:
		return "partial"
	case Full:
	}
	return "full"
}

// Update is what an event did to the model.
type Update struct {
	How How
}

// Stats counts updates by kind of object and by How.
type Stats map[object.GroupKind]*[3]int

// NewLive makes the model of a cluster. The options are those the cluster was made with.
func NewLive(c *cluster.Cluster, opt cluster.Options, prof enforcer.Profile) *Live {
	l := &Live{opt: opt, prof: prof, objects: make(map[object.Ref]*object.Object, len(c.Objects)), stats: Stats{}}
	for _, o := range c.Objects {
		l.objects[o.Ref] = o
	}
	l.rebuild()
	return l
}

// Apply follows one event. After it the model answers as one compiled of all objects would.
func (l *Live) Apply(e Event) Update {
	if e.Object == nil {
		delete(l.objects, e.Ref)
	} else {
		l.objects[e.Ref] = e.Object
	}
	l.rebuild()
	return l.count(e, Full)
}

func (l *Live) count(e Event, how How) Update {
	gk := e.Ref.GroupKind()
	if l.stats[gk] == nil {
		l.stats[gk] = &[3]int{}
	}
	l.stats[gk][how]++
	return Update{How: how}
}

// Stats is the counts since the beginning.
func (l *Live) Stats() Stats { return l.stats }

// Model is the model after the last event. It stays as it is when more events follow.
func (l *Live) Model() *Model { return l.model }

func (l *Live) rebuild() {
	objects := make([]*object.Object, 0, len(l.objects))
	for _, o := range l.objects {
		objects = append(objects, o)
	}
	c, _ := cluster.New(objects, l.opt)
	l.model = compile(c, kinds.Compile(c), l.prof, true)
}
