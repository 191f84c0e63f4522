package load

import (
	"bytes"
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// dropDuplicates keeps the last of several objects of one name, as kubectl apply of the same files would
// leave it. Objects with generateName have no name yet and are never the same. Which of several files is applied last
// nobody says, so where answers rest on the object and the files differ in it, that is an error.
func (c *collector) dropDuplicates() {
	last := make(map[object.Ref]int, len(c.objects))
	for i, o := range c.objects {
		if o.Ref.Name != "" {
			last[o.Ref] = i
		}
	}
	kept := c.objects[:0:0]
	for i, o := range c.objects {
		j, named := last[o.Ref]
		if !named || i == j {
			kept = append(kept, o)
			continue
		}
		w := c.objects[j]
		p := object.Problem{
			Severity: object.Warning, Pos: o.Pos, Ref: o.Ref,
			Msg:  fmt.Sprintf("given again at %s with other content; the last one is used, this one is dropped", w.Pos),
			Hint: "remove one of the two, or read only one of the overlays",
		}
		if o.Version == w.Version && bytes.Equal(o.Root.AppendJSON(nil), w.Root.AppendJSON(nil)) {
			p.Severity, p.Hint = object.Note, ""
			p.Msg = fmt.Sprintf("given again at %s with the same content", w.Pos)
		} else if k, known := c.kinds[o.Ref.GroupKind()]; known && !k.Aside && o.Pos.File != w.Pos.File && !bytes.Equal(meant(o), meant(w)) {
			p.Severity = object.Error
		}
		c.problems = append(c.problems, p)
	}
	c.objects = kept
}

// meant is what people and controllers want of an object, without what a server says of it from one moment to the next.
func meant(o *object.Object) []byte {
	root := without(o.Root, func(name string) bool { return name == "status" })
	return edited(root, func(f object.Field) *object.Value {
		if f.Name != "metadata" {
			return f.Value
		}
		return without(f.Value, func(name string) bool {
			return name != "labels" && name != "annotations" && name != "ownerReferences"
		})
	}).AppendJSON(nil)
}
