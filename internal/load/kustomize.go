package load

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// kustomize renders the kustomization in dir as kustomize build does, with three differences: nothing is
// fetched or executed, entries that would need it are left out and named, and every object keeps the place
// of the file it came from.
func (c *collector) kustomize(dir string) {
	path := kustomizationIn(dir)
	fs, err := newKustomizeFS(c, dir)
	if err != nil {
		c.problem(object.Error, slashPos(path), "the kustomization cannot be read: "+plain(err).Error(), "")
		c.skip(slashPos(path), "cannot be read")
		return
	}
	rendered, err := build(fs, dir)
	if err != nil && fs.stripped {
		// Patches of what a remote base holds have nothing to act on and stop the whole build.
		fs.bare = true
		var bareErr error
		if rendered, bareErr = build(fs, dir); bareErr == nil {
			c.problem(object.Error, slashPos(path), "rendered without its patches, replacements and plugins: "+fs.relative(oneLine(err)),
				"render it where the remote parts can be fetched, and give the result")
			err = nil
		}
	}
	c.cov.Files += len(fs.read)
	for _, n := range fs.read {
		c.cov.Bytes += n
	}
	if err != nil {
		at, msg := slashPos(path), fs.relative(oneLine(err))
		hint := "kustomize build " + filepath.ToSlash(dir) + " shows the same error"
		if fs.failed != nil { // kustomize swallows why a kustomization file cannot be read
			at, msg, hint = fs.failedAt, fs.failed.Error(), ""
		}
		c.problem(object.Error, at, "kustomize build: "+msg, hint)
		c.skip(slashPos(path), "the kustomization does not build")
		return
	}
	places := rawObjects{c: c, dir: dir, kustomization: path, files: map[string][]*object.Object{}}
	for _, r := range rendered.Resources() {
		c.rendered(r, &places)
	}
	c.notListed(dir, fs)
}

// build runs kustomize. It panics on some broken input, which is that input's error.
func build(fs filesys.FileSystem, dir string) (m resmap.ResMap, err error) {
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, errors.New("kustomize gave up on this input")
		}
	}()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs // a relative name could be taken for a remote repository
	}
	return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, dir)
}

// oneLine flattens an error, and cuts what kustomize quotes of the input, which may be long or secret.
func oneLine(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	for _, quote := range []string{"{", "literal source"} {
		if i := strings.Index(s, quote); i >= 0 {
			s = s[:i] + "..."
		}
	}
	if len(s) > 400 {
		s = s[:400] + "..."
	}
	return s
}

// rendered takes one object that kustomize made.
func (c *collector) rendered(r *resource.Resource, places *rawObjects) {
	origin, originErr := r.GetOrigin()
	if originErr == nil && origin != nil {
		_ = r.SetOrigin(nil) // removes the annotation; it cannot fail when there is one
	}
	text, err := r.AsYAML()
	at := slashPos(places.kustomization)
	if err != nil {
		c.problem(object.Error, at, "kustomize made an object that cannot be written: "+oneLine(err), "")
		return
	}
	root, err := c.parseYAML(text, 1, func(int, string) {})
	if err != nil || root == nil || root.Kind != object.Map {
		c.problem(object.Error, at, "kustomize made something that is no object", "")
		return
	}
	var raw *object.Object
	if origin != nil && origin.Path != "" {
		file := filepath.Join(places.dir, filepath.FromSlash(origin.Path))
		at = slashPos(file)
		raw = places.find(file, root)
	} else if origin != nil && origin.ConfiguredIn != "" {
		at = slashPos(filepath.Join(places.dir, filepath.FromSlash(origin.ConfiguredIn)))
	}
	if raw != nil {
		root = relocate(root, raw.Root, raw.Pos.Line)
	} else {
		root = relocate(root, nil, 1)
	}
	d := document{c: c, file: at.File}
	d.object(root)
}

// rawObjects finds the objects in the files a kustomization lists.
type rawObjects struct {
	c             *collector
	dir           string
	kustomization string
	files         map[string][]*object.Object
}

// find gives the object of file that root was most likely made from: kustomize tells the file, and changes
// names only by adding in front and behind.
func (p *rawObjects) find(file string, root *object.Value) *object.Object {
	objects, ok := p.files[file]
	if !ok {
		if data, err := os.ReadFile(file); err == nil {
			objects, _, _ = Parse(data, file, p.c.opt.Limits)
		}
		p.files[file] = objects
	}
	made, err := object.New(root, file)
	if err != nil {
		return nil
	}
	var best *object.Object
	for _, o := range objects {
		if o.Ref.GroupKind() != made.Ref.GroupKind() || !strings.Contains(made.Ref.Name, o.Ref.Name) {
			continue
		}
		if best == nil || len(o.Ref.Name) > len(best.Ref.Name) ||
			o.Ref.Name == best.Ref.Name && o.Ref.Namespace == made.Ref.Namespace && best.Ref.Namespace != made.Ref.Namespace {
			best = o
		}
	}
	return best
}

// relocate gives a rendered tree the lines of the tree it was made from. What the kustomization changed or
// added has the line of the nearest value around it that was there before.
func relocate(v, raw *object.Value, line int) *object.Value {
	if raw != nil && raw.Line > 0 {
		line = raw.Line
	}
	w := &object.Value{Kind: v.Kind, Text: v.Text, Line: line}
	for i, item := range v.Items {
		w.Items = append(w.Items, relocate(item, sameItem(item, i, raw), line))
	}
	for _, f := range v.Fields {
		g := object.Field{Name: f.Name, Line: line}
		var from *object.Value
		if i := slices.IndexFunc(raw.Map(), func(r object.Field) bool { return r.Name == f.Name }); i >= 0 {
			g.Line, from = raw.Fields[i].Line, raw.Fields[i].Value
		}
		g.Value = relocate(f.Value, from, g.Line)
		w.Fields = append(w.Fields, g)
	}
	return w
}

// sameItem finds the item of raw that item was made from: an equal one, one with the same name, or the one
// at the same place.
func sameItem(item *object.Value, i int, raw *object.Value) *object.Value {
	items := raw.List()
	text := string(item.AppendJSON(nil))
	if i < len(items) && string(items[i].AppendJSON(nil)) == text {
		return items[i]
	}
	if len(items) < 1000 { // comparing all with all is not worth it beyond
		for _, r := range items {
			if string(r.AppendJSON(nil)) == text {
				return r
			}
		}
		if name := item.Get("name").Str(); name != "" {
			for _, r := range items {
				if r.Get("name").Str() == name {
					return r
				}
			}
			return nil
		}
	}
	if i < len(items) {
		return items[i]
	}
	return nil
}

// notListed names manifests beside the kustomization that it does not use: a deny-all in such a file is
// never applied, and nobody notices.
func (c *collector) notListed(dir string, fs *kustomizeFS) {
	files := 0
	walk := func(path string, e os.DirEntry, err error) error {
		name := filepath.Base(path)
		if files++; err != nil || files > c.lim.Files || c.ctx.Err() != nil {
			return filepath.SkipAll
		}
		if e.IsDir() {
			if path != dir && (strings.HasPrefix(name, ".") || kustomizationIn(path) != "" || hasChart(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasPrefix(name, ".") || !manifest(path) || kustomizationFile(name) {
			return nil
		}
		if _, used := fs.read[realPath(path)]; used {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() > c.lim.FileBytes {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		objects, _, _ := Parse(data, filepath.ToSlash(path), c.opt.Limits)
		for _, o := range objects {
			if _, known := c.kinds[o.Ref.GroupKind()]; known {
				c.skip(o.Pos, "not listed in "+filepath.Base(fs.path))
				c.problems = append(c.problems, object.Problem{
					Severity: object.Warning, Pos: o.Pos, Ref: o.Ref,
					Msg:  "this file is not listed in " + filepath.Base(fs.path) + ", so the object is never applied; not read",
					Hint: "add it to resources, or remove the file",
				})
			}
		}
		return nil
	}
	if err := filepath.WalkDir(dir, walk); err != nil {
		c.problem(object.Warning, slashPos(dir), fmt.Sprintf("cannot look for files that are not listed: %v", plain(err)), "")
	}
}

func realPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
