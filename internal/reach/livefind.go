package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// termFinder finds the terms of a namespace selector that may match a pod, by a label that each asks for.
type termFinder struct {
	valued map[[2]string][]*liveTerm // by key and value
	keyed  map[string][]*liveTerm    // by key, whatever the value
	any    map[*liveTerm]bool        // those that ask for no certain label
}

func newTermFinder() termFinder {
	return termFinder{valued: map[[2]string][]*liveTerm{}, keyed: map[string][]*liveTerm{}, any: map[*liveTerm]bool{}}
}

// anchor is a condition on labels that every pod meets which a term may match. Labels that controllers give to pods
// when they make them are none, as templates do not have them.
func anchor(s cluster.Selector) *cluster.Requirement {
	var out *cluster.Requirement
	for i := range s {
		switch r := &s[i]; {
		case slices.Contains(runTimeLabels, r.Key):
		case r.Op == cluster.In:
			return r
		case r.Op == cluster.Exists:
			out = r
		}
	}
	return out
}

func (f *termFinder) add(x *liveTerm) {
	if len(x.term.Pods)+len(x.term.ServiceAccounts)+len(x.term.Facts) == 0 {
		return // it matches all classes of a namespace or none
	}
	switch r := anchor(x.term.Pods); {
	case r == nil:
		f.any[x] = true
	case r.Op == cluster.Exists:
		f.keyed[r.Key] = append(f.keyed[r.Key], x)
	default:
		for _, v := range r.Values {
			key := [2]string{r.Key, v}
			f.valued[key] = append(f.valued[key], x)
		}
	}
}

func (f *termFinder) drop(x *liveTerm) {
	delete(f.any, x)
	r := anchor(x.term.Pods)
	if r == nil {
		return
	}
	if f.keyed[r.Key] = withoutOne(f.keyed[r.Key], x); len(f.keyed[r.Key]) == 0 {
		delete(f.keyed, r.Key)
	}
	for _, v := range r.Values {
		key := [2]string{r.Key, v}
		if f.valued[key] = withoutOne(f.valued[key], x); len(f.valued[key]) == 0 {
			delete(f.valued, key)
		}
	}
}

// each gives the terms that ask for one of the labels. A term may come more than once.
func (f *termFinder) each(labels map[string]string, use func(*liveTerm)) {
	if len(f.valued)+len(f.keyed) == 0 {
		return
	}
	for key, value := range labels {
		for _, x := range f.valued[[2]string{key, value}] {
			use(x)
		}
		for _, x := range f.keyed[key] {
			use(x)
		}
	}
}
