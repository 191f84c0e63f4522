package load

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// collector gathers what one Load or Parse reads.
type collector struct {
	ctx  context.Context
	opt  Options
	lim  Limits
	cov  Coverage
	full bool // the object limit was hit and reported

	objects   []*object.Object
	problems  []object.Problem
	arena     *arena
	part      bool // reads a part of the input in a goroutine of its own
	kinds     map[object.GroupKind]Kind
	liveFull  bool // a live read of all namespaces, nothing refused
	rights    []Right
	snapshots int // how many snapshots were read

	given map[string]int // names given to what has none, see freeName
}

func newCollector(ctx context.Context, opt Options) *collector {
	return &collector{ctx: ctx, opt: opt, lim: opt.Limits.withDefaults(), arena: new(arena), kinds: kindTable()}
}

func (c *collector) problem(s object.Severity, at object.Pos, msg, hint string) {
	c.problems = append(c.problems, object.Problem{Severity: s, Pos: at, Msg: msg, Hint: hint})
}

func (c *collector) skip(at object.Pos, reason string) {
	c.cov.Skipped = append(c.cov.Skipped, Skipped{Pos: at, Reason: reason})
}

func (c *collector) missing(at object.Pos, what, why string) {
	c.cov.Missing = append(c.cov.Missing, Missing{What: what, Why: why, Pos: at})
}

func (c *collector) progress(done, total int64, what string) {
	if c.opt.Progress != nil {
		c.opt.Progress(done, total, what)
	}
}

// add keeps an object, within the limit.
func (c *collector) add(o *object.Object) {
	if len(c.objects) >= c.lim.Objects {
		if !c.full {
			c.full = true
			c.problem(object.Error, o.Pos, fmt.Sprintf("more than %d objects; this one and all after it are not read", c.lim.Objects),
				"read fewer namespaces at a time")
		}
		return
	}
	c.objects = append(c.objects, o)
}

// result settles what can only be known at the end.
func (c *collector) result() *Result {
	c.dropDuplicates()
	c.missingNamespaces()
	c.operatorPods()
	c.cov.count(c.objects)
	c.cov.Live = c.cov.Live || c.opt.Live != nil
	c.cov.Complete = c.liveFull && !c.full && c.snapshots == len(c.cov.Sources) && c.cov.Files == c.snapshots &&
		(c.snapshots == 0) == (c.opt.Live != nil)
	slices.SortStableFunc(c.problems, object.Problem.Compare)
	c.problems = slices.Compact(c.problems)
	slices.SortStableFunc(c.cov.Skipped, Skipped.compare)
	slices.SortStableFunc(c.cov.Missing, Missing.compare)
	c.cov.Skipped = slices.Compact(c.cov.Skipped)
	c.cov.Missing = slices.Compact(c.cov.Missing)
	c.cov.fill()
	return &Result{Objects: c.objects, Problems: c.problems, Coverage: c.cov, Rights: c.rights}
}
