package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// kustomizeFS is the disk as kustomize may see it: kustomization files come without anything that would be
// fetched or executed. kustomize itself has no switch for that: it clones whatever looks like a repository.
type kustomizeFS struct {
	filesys.FileSystem
	c        *collector
	dir      string // as the user wrote it
	real     string // the same, absolute and without symbolic links
	path     string // the top kustomization file
	read     map[string]int64
	seen     map[string]bool // kustomization files whose findings are reported
	stripped bool
	bare     bool  // also without patches and plugins
	failed   error // why the first unreadable kustomization file is unreadable
	failedAt object.Pos
}

func newKustomizeFS(c *collector, dir string) (*kustomizeFS, error) {
	real := realPath(dir)
	if _, err := os.ReadDir(real); err != nil {
		return nil, err
	}
	return &kustomizeFS{
		FileSystem: filesys.MakeFsOnDisk(), c: c, dir: dir, real: real, path: kustomizationIn(dir),
		read: map[string]int64{}, seen: map[string]bool{},
	}, nil
}

// ReadFile reads within the limits and cleans kustomization files.
func (fs *kustomizeFS) ReadFile(path string) ([]byte, error) {
	if err := fs.c.ctx.Err(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > fs.c.lim.FileBytes {
		return nil, fmt.Errorf("%s is larger than %s or no regular file", path, size(fs.c.lim.FileBytes))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	real := realPath(path)
	if len(fs.read) >= fs.c.lim.Files {
		return nil, errors.New("too many files in one kustomization")
	}
	fs.read[real] = int64(len(data))
	if kustomizationFile(path) {
		return fs.clean(data, real)
	}
	return data, fs.bounded(data)
}

// bounded refuses documents whose aliases would explode, before kustomize expands them.
func (fs *kustomizeFS) bounded(data []byte) error {
	if !bytes.ContainsRune(data, '*') || !bytes.ContainsRune(data, '&') {
		return nil
	}
	for _, ch := range split(data) {
		if _, err := fs.c.parseYAML(ch.text, ch.line, func(int, string) {}); err != nil && strings.HasPrefix(err.Error(), "aliases make") {
			return err
		}
	}
	return nil
}

// shown is a real path the way the user would write it.
func (fs *kustomizeFS) shown(real string) string {
	if rel, err := filepath.Rel(fs.real, real); err == nil {
		return filepath.ToSlash(filepath.Join(fs.dir, rel))
	}
	return filepath.ToSlash(real)
}

// relative takes the absolute paths out of kustomize's messages.
func (fs *kustomizeFS) relative(msg string) string {
	msg = strings.ReplaceAll(msg, fs.real, filepath.ToSlash(filepath.Clean(fs.dir)))
	return strings.ReplaceAll(msg, filepath.Dir(fs.real)+string(filepath.Separator), filepath.ToSlash(filepath.Join(fs.dir, ".."))+"/")
}

// clean removes from a kustomization what may not or cannot be loaded.
func (fs *kustomizeFS) clean(data []byte, real string) ([]byte, error) {
	k := kustomization{fs: fs, dir: filepath.Dir(real), file: fs.shown(real), report: !fs.seen[real]}
	fs.seen[real] = true
	data, _ = text(data)
	root, err := fs.c.parseYAML(data, 1, func(line int, key string) {
		k.problem(line, fmt.Sprintf("key %q is given twice in one map; the last one is used", key), "")
	})
	if err != nil {
		if fs.failed == nil {
			fs.failed, fs.failedAt = err, object.Pos{File: k.file}
			if le, ok := errors.AsType[*lineError](err); ok {
				fs.failedAt.Line = le.line
			}
		}
		return nil, fmt.Errorf("%s: %w", k.file, err)
	}
	if root == nil || root.Kind != object.Map {
		return data, nil // kustomize has words for this
	}
	out := k.top(root)
	if real == realPath(fs.path) {
		out = without(out, func(name string) bool { return name == "buildMetadata" })
		origin := &object.Value{Kind: object.List, Items: []*object.Value{{Kind: object.String, Text: "originAnnotations"}}}
		out = &object.Value{Kind: object.Map, Fields: append(slices.Clip(out.Fields), object.Field{Name: "buildMetadata", Value: origin})}
	}
	return out.AppendJSON(nil), nil
}

// kustomization is one file being cleaned.
type kustomization struct {
	fs     *kustomizeFS
	dir    string
	file   string
	report bool
}

func (k *kustomization) problem(line int, msg, hint string) {
	if k.report {
		k.fs.c.problem(object.Error, object.Pos{File: k.file, Line: line}, msg, hint)
	}
}

// top cleans the fields. Names are compared without case, because that is how kustomize reads them.
func (k *kustomization) top(root *object.Value) *object.Value {
	out := &object.Value{Kind: object.Map, Line: root.Line}
	for _, f := range root.Fields {
		v := f.Value
		switch strings.ToLower(f.Name) {
		case "resources", "bases", "components", "crds", "configurations":
			v = k.list(v, k.loadable)
		case "generators", "transformers", "validators":
			if k.fs.bare {
				continue
			}
			v = k.list(v, k.plugin)
		case "patchesstrategicmerge":
			if k.fs.bare {
				continue
			}
			v = k.list(v, func(item *object.Value) *object.Value {
				if strings.Contains(item.Str(), "\n") {
					return item
				}
				return k.loadable(item)
			})
		case "patches", "patchesjson6902", "replacements":
			if k.fs.bare {
				continue
			}
			v = k.list(v, func(item *object.Value) *object.Value { return k.paths(item, "path") })
		case "vars":
			if k.fs.bare {
				continue
			}
		case "openapi":
			if v = k.paths(v, "path"); v == nil {
				continue
			}
		case "configmapgenerator", "secretgenerator":
			v = k.list(v, func(item *object.Value) *object.Value { return k.paths(item, "files", "env", "envs") })
		case "helmcharts", "helmchartinflationgenerator":
			for _, item := range v.List() {
				k.strip(item.Line, "Helm chart "+item.Get("name").Str()+item.Get("chartName").Str(),
					"kustomize would run helm to render it; that is not done here")
				k.problem(item.Line, "a Helm chart inside a kustomization is not fetched; rendered without it", "give what kustomize build --enable-helm prints")
			}
			continue
		case "helmglobals":
			continue
		}
		out.Fields = append(out.Fields, object.Field{Name: f.Name, Line: f.Line, Value: v})
	}
	return out
}

// list keeps the items that check gives something for.
func (k *kustomization) list(v *object.Value, check func(*object.Value) *object.Value) *object.Value {
	if v == nil || v.Kind != object.List {
		return v
	}
	out := &object.Value{Kind: object.List, Line: v.Line}
	for _, item := range v.Items {
		if w := check(item); w != nil {
			out.Items = append(out.Items, w)
		}
	}
	return out
}

// paths checks the file names in some fields of a map; nil when one of them cannot be loaded.
func (k *kustomization) paths(v *object.Value, names ...string) *object.Value {
	if v == nil {
		return nil
	}
	for _, f := range v.Map() {
		for _, n := range names {
			if !strings.EqualFold(f.Name, n) {
				continue
			}
			for _, item := range append([]*object.Value{f.Value}, f.Value.List()...) {
				_, path, keyed := strings.Cut(item.Str(), "=")
				if !keyed {
					path = item.Str()
				}
				if path == "" {
					continue
				}
				if k.loadable(&object.Value{Kind: object.String, Line: item.Line, Text: path}) == nil {
					return nil
				}
			}
		}
	}
	return v
}

// loadable keeps an entry that names something on this disk.
func (k *kustomization) loadable(v *object.Value) *object.Value {
	s := v.Str()
	if v.Kind != object.String || s == "" {
		return v
	}
	path := s
	if !filepath.IsAbs(path) {
		path = filepath.Join(k.dir, filepath.FromSlash(s))
	}
	_, err := os.Stat(path)
	switch {
	case err == nil && remote.MatchString(s) && !filepath.IsAbs(s):
		return &object.Value{Kind: object.String, Line: v.Line, Text: "./" + filepath.ToSlash(filepath.Clean(s))}
	case err == nil:
		return v
	case remote.MatchString(s):
		k.strip(v.Line, s, "remote parts of a kustomization are not fetched")
		k.problem(v.Line, s+" is not fetched; rendered without it", "render it where it can be fetched, and give the result")
		return nil
	}
	k.strip(v.Line, s, "the kustomization names it, but it does not exist")
	k.problem(v.Line, fmt.Sprintf("%s does not exist; rendered without it", s), "kustomize build would fail")
	return nil
}

// plugin keeps a transformer or generator configuration that has nothing to fetch.
func (k *kustomization) plugin(v *object.Value) *object.Value {
	s := v.Str()
	if !strings.Contains(s, "\n") {
		w := k.loadable(v)
		if w == nil {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(k.dir, filepath.FromSlash(w.Str())))
		if err != nil {
			k.strip(v.Line, s, "folders of plugin configurations are not read")
			k.problem(v.Line, s+" is a folder of plugin configurations; rendered without it", "name the files in it one by one")
			return nil
		}
		s = string(data)
		v = w
	}
	if strings.Contains(s, "://") || remoteInside.MatchString(s) || strings.Contains(s, "HelmChartInflationGenerator") {
		k.strip(v.Line, "a plugin of the kustomization", "it would fetch something")
		k.problem(v.Line, "this plugin configuration names something to fetch; rendered without it", "")
		return nil
	}
	return v
}

func (k *kustomization) strip(line int, what, why string) {
	k.fs.stripped = true
	if k.report {
		k.fs.c.missing(object.Pos{File: k.file, Line: line}, what, why)
	}
}

// remote matches everything kustomize may take for a repository or a URL.
var remote = regexp.MustCompile(`(?i)^(?:[a-z][a-z0-9+.-]*://|git::|gh:|[\w.-]+@|github\.com|[a-z0-9-]+(?:\.[a-z0-9-]+)+[:/])|://|\?ref=|//|\.git(?:/|$)|_git/`)

var remoteInside = regexp.MustCompile(`(?i)git::|gh:|git@|github\.com`)
