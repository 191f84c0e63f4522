package bulkhead_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A tree is the repository as the rules see it. Folders named testdata, hidden folders and nested modules are left out.
type tree struct {
	fset *token.FileSet
	pkgs []*pkg
	docs []*doc // text files that are not Go
}

type pkg struct {
	dir   string // "internal/netset"; "." for the root
	files []*file
}

type file struct {
	path string
	src  []byte
	ast  *ast.File
	test bool
}

type doc struct {
	path string
	src  []byte
}

// textFiles are the files besides Go that people read.
func isText(p string) bool {
	return slices.Contains([]string{".md", ".mod", ".sh", ".yml", ".yaml"}, path.Ext(p)) ||
		path.Base(p) == "Makefile" || strings.HasPrefix(p, ".ci/") || strings.HasPrefix(p, "scripts/")
}

func parseTree(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	byDir := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			_, nested := fs.Stat(fsys, path.Join(p, "go.mod"))
			switch {
			case p == "." || p == ".ci":
				return nil
			case name == "testdata" || name == "node_modules" || name == "bin" || strings.HasPrefix(name, ".") || nested == nil:
				return fs.SkipDir
			}
			return nil
		}
		goFile := path.Ext(p) == ".go"
		if !goFile && !isText(p) {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		if !goFile {
			t.docs = append(t.docs, &doc{p, src})
			return nil
		}
		parsed, err := parser.ParseFile(t.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{dir: dir}
			t.pkgs = append(t.pkgs, byDir[dir])
		}
		byDir[dir].files = append(byDir[dir].files, &file{p, src, parsed, strings.HasSuffix(p, "_test.go")})
		return nil
	})
	return t, err
}

// product are the packages with at least one file that is not a test, outside the tests-only packages.
func (t *tree) product() []*pkg {
	var out []*pkg
	for _, p := range t.pkgs {
		if !slices.Contains(testsOnly, p.dir) && len(p.source()) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// pure are the product packages of the pure floors.
func (t *tree) pure() []*pkg {
	var out []*pkg
	for _, p := range t.product() {
		if f, ok := floor(p.dir); ok && f <= lastPureFloor {
			out = append(out, p)
		}
	}
	return out
}

func (t *tree) pkg(dir string) *pkg {
	for _, p := range t.pkgs {
		if p.dir == dir {
			return p
		}
	}
	return nil
}

// source are the files that are not tests.
func (p *pkg) source() []*file {
	var out []*file
	for _, f := range p.files {
		if !f.test {
			out = append(out, f)
		}
	}
	return out
}

func (p *pkg) name() string { return p.source()[0].ast.Name.Name }

// lines counts as wc does, plus a last line without an end.
func lines(src []byte) int {
	n := bytes.Count(src, []byte("\n"))
	if len(src) > 0 && src[len(src)-1] != '\n' {
		n++
	}
	return n
}

// floor is the floor of a folder; the exact name wins over a pattern.
func floor(dir string) (int, bool) {
	if f, ok := floorOf[dir]; ok {
		return f, true
	}
	for pattern, f := range floorOf {
		if ok, _ := path.Match(pattern, dir); ok {
			return f, true
		}
	}
	return 0, false
}

func importPath(s *ast.ImportSpec) string {
	p, _ := strconv.Unquote(s.Path.Value)
	return p
}

// internalDir gives the folder of an import of this module.
func internalDir(imp string) (string, bool) { return strings.CutPrefix(imp, module+"/") }

// localName is the name by which f speaks of the imported package, "" if it does not import it. It assumes
// that the last part of the path is the package's name, as it is for all packages asked for here.
func (f *file) localName(imp string) string {
	for _, s := range f.ast.Imports {
		if importPath(s) != imp {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(imp)
	}
	return ""
}
