package load

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// folder reads a folder that was named as a source. A kustomization or a chart is rendered; anything else
// is walked, and the YAML and JSON files in it are read as they are.
func (c *collector) folder(dir string) error {
	switch {
	case hasChart(dir):
		c.chartDir(dir)
		return nil
	case kustomizationIn(dir) != "":
		c.kustomize(dir)
		return nil
	}
	w := walker{c: c, above: map[string]bool{}}
	w.dir(dir)
	return nil
}

// walker reads a folder tree in order of names.
type walker struct {
	c     *collector
	above map[string]bool // real paths of the folders around the current one, to stop at symlink loops
	files int
	full  bool
}

func (w *walker) dir(dir string) {
	c := w.c
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		c.skip(slashPos(dir), "cannot be read: "+plain(err).Error())
		c.problem(object.Error, slashPos(dir), "the folder cannot be read: "+plain(err).Error(), "")
		return
	}
	if abs, err := filepath.Abs(real); err == nil {
		real = abs
	}
	if w.above[real] {
		c.skip(slashPos(dir), "symbolic link to a folder around it")
		return
	}
	w.above[real] = true
	defer delete(w.above, real)
	entries, err := os.ReadDir(dir)
	if err != nil {
		c.skip(slashPos(dir), "cannot be read: "+plain(err).Error())
		c.problem(object.Error, slashPos(dir), "the folder cannot be read: "+plain(err).Error(), "")
		return
	}
	for _, e := range entries {
		if w.full || c.ctx.Err() != nil {
			return
		}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		w.entry(filepath.Join(dir, e.Name()))
	}
}

func (w *walker) entry(path string) {
	c := w.c
	if w.files++; w.files > c.lim.Files {
		w.full = true
		c.problem(object.Error, slashPos(path), "too many files in one source; this one and all after it are not read", "name fewer folders")
		c.skip(slashPos(path), "too many files in one source")
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		if manifest(path) || filepath.Ext(path) == "" {
			c.skip(slashPos(path), "symbolic link to nothing")
		}
		if manifest(path) {
			c.problem(object.Error, slashPos(path), "a symbolic link to nothing; not read", "put the file where the link points, or remove the link")
		}
		return
	}
	switch name := filepath.Base(path); {
	case info.IsDir() && hasChart(path):
		c.problem(object.Note, slashPos(path), "a Helm chart; rendered with its default values", "name it as the source to use --values and --set")
		c.chartDir(path)
	case info.IsDir():
		w.dir(path)
	case kustomizationFile(name):
		c.skip(slashPos(path), kustomizationReason)
		c.asTheyAre(path)
	case manifest(path):
		if err := c.file(path); err != nil {
			c.skip(slashPos(path), "cannot be read")
			c.problem(object.Error, slashPos(path), err.Error(), "")
		}
	case isArchive(path) && strings.Contains(filepath.ToSlash(path), "/charts/"), filepath.Ext(path) == ".tpl":
		c.skip(slashPos(path), "part of a Helm chart; name the chart as the source to render it")
	}
}

// manifest tells whether a file in a folder is read, by its ending. ".iptables" is the output of iptables-save.
func manifest(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json", ".iptables"}, strings.ToLower(filepath.Ext(path)))
}

func isArchive(path string) bool {
	return strings.HasSuffix(path, ".tgz") || strings.HasSuffix(path, ".tar.gz")
}

func hasChart(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "Chart.yaml"))
	return err == nil && info.Mode().IsRegular()
}

// kustomizationFile tells whether a path has one of the names kustomize looks for.
func kustomizationFile(path string) bool {
	return slices.Contains(kustomizationNames(), filepath.Base(path))
}

func kustomizationNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

// kustomizationIn is the path of the kustomization file in dir, "" when there is none.
func kustomizationIn(dir string) string {
	for _, name := range kustomizationNames() {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func slashPos(path string) object.Pos { return object.Pos{File: filepath.ToSlash(path)} }

// asTheyAre accounts for a kustomization met in a folder: its files are read as they are. Where it would change them, or
// name others, that is an error: a patch may open what they close.
func (c *collector) asTheyAre(path string) {
	at := slashPos(path)
	severity, msg := object.Note, "a kustomization; its files are read as they are"
	var root *object.Value
	data, err := os.ReadFile(path)
	if err == nil {
		data, _ = text(data[:min(int64(len(data)), c.lim.FileBytes)])
		root, err = c.parseYAML(data, 1, func(int, string) {})
	}
	if err != nil {
		severity, msg = object.Error, "a kustomization that cannot be read; its files are read as they are"
	}
	for _, f := range root.Map() {
		if changes(f) {
			at.Line, severity = f.Line, object.Error
			msg = "a kustomization, and its " + f.Name + " would change what is applied, or add to it; its files are read as they are"
			break
		}
	}
	c.problem(severity, at, msg, "give "+filepath.ToSlash(filepath.Dir(path))+" as the source to render it")
}

// changes tells whether a field of a kustomization makes other objects of its files, as far as that decides who may
// talk to whom, or names what is not in the folder.
func changes(f object.Field) bool {
	switch strings.ToLower(f.Name) {
	case "apiversion", "kind", "metadata", "images", "crds", "openapi", "commonannotations", "buildmetadata",
		"configmapgenerator", "secretgenerator", "generatoroptions", "sortoptions", "validators":
		return false
	case "resources", "bases":
		return slices.ContainsFunc(f.Value.List(), func(v *object.Value) bool { return remote.MatchString(v.Str()) })
	}
	return f.Value.IsSet() && len(f.Value.Text)+len(f.Value.Items)+len(f.Value.Fields) > 0
}
