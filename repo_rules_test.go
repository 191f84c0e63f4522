package bulkhead_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// A rule returns its violations as "place: what is wrong", in a fixed order.
type rule struct {
	name  string
	check func(*tree) []string
}

var rules = []rule{
	{"floors", checkFloors},
	{"tests-only packages", checkTestsOnly},
	{"pure imports", checkPureImports},
	{"pure code", checkPureCode},
	{"no init", checkNoInit},
	{"panics", checkPanics},
	{"package names", checkPackageNames},
	{"package comments", checkPackageComments},
	{"exported comments", checkExportedComments},
	{"file length", checkLength},
	{"open ends", checkOpenEnds},
	{"go.mod", checkGoMod},
	{"overclaims", checkOverclaims},
	{"ascii", checkASCII},
	{"policy kinds are listed", checkKindsListed},
	{"checks are listed", checkChecksListed},
	{"formats are listed", checkFormatsListed},
}

func checkFloors(t *tree) (bad []string) {
	for _, p := range t.product() {
		from, known := floor(p.dir)
		if !known {
			if p.dir != "." {
				bad = append(bad, fmt.Sprintf("%s: has no floor in repo_test.go", p.dir))
			}
			continue
		}
		for _, f := range p.source() {
			for _, s := range f.ast.Imports {
				dir, ours := internalDir(importPath(s))
				if !ours || slices.Contains(testsOnly, dir) {
					continue
				}
				to, known := floor(dir)
				switch {
				case !known:
					bad = append(bad, fmt.Sprintf("%s: imports %s, which has no floor in repo_test.go", f.path, dir))
				case to > from || to == from && !sameFloorEdge(p.dir, dir):
					bad = append(bad, fmt.Sprintf("%s: %s (F%d) may not import %s (F%d)", f.path, p.dir, from, dir, to))
				}
			}
		}
	}
	return bad
}

func sameFloorEdge(from, to string) bool {
	return slices.ContainsFunc(sameFloor, func(e [2]string) bool {
		a, _ := path.Match(e[0], from)
		b, _ := path.Match(e[1], to)
		return a && b
	})
}

func checkTestsOnly(t *tree) (bad []string) {
	for _, p := range t.product() {
		for _, f := range p.source() {
			for _, s := range f.ast.Imports {
				imp := importPath(s)
				dir, _ := internalDir(imp)
				switch {
				case slices.Contains(testsOnly, dir):
					bad = append(bad, fmt.Sprintf("%s: %s is for _test files only", f.path, dir))
				case imp == "testing" || strings.HasPrefix(imp, "testing/"):
					bad = append(bad, fmt.Sprintf("%s: package testing ships with the product", f.path))
				}
			}
		}
	}
	for _, p := range t.pkgs {
		for _, f := range p.files {
			for _, s := range f.ast.Imports {
				if strings.HasPrefix(importPath(s), "github.com/stretchr/testify") {
					bad = append(bad, fmt.Sprintf("%s: tests use testing and go-cmp, not testify", f.path))
				}
			}
		}
	}
	return bad
}

func checkPureImports(t *tree) (bad []string) {
	for _, p := range t.pure() {
		level, _ := floor(p.dir)
		for _, f := range p.source() {
			for _, s := range f.ast.Imports {
				imp := importPath(s)
				why, forbidden := impure[imp]
				if imp == "time" && level <= lastTimelessFloor {
					why, forbidden = "only the floors above know dates", true
				}
				if forbidden && !slices.Contains(impureHere[f.path], imp) {
					bad = append(bad, fmt.Sprintf("%s: F%d may not import %s: %s", f.path, level, imp, why))
				}
				_, ours := internalDir(imp)
				foreign := strings.Contains(strings.Split(imp, "/")[0], ".") && !ours
				if foreign && !slices.ContainsFunc(pureModules, func(m string) bool { return strings.HasPrefix(imp, m) }) {
					bad = append(bad, fmt.Sprintf("%s: F%d may not import %s: it is not in pureModules", f.path, level, imp))
				}
			}
		}
	}
	return bad
}

// checkPureCode finds the clock, standard output and goroutines.
func checkPureCode(t *tree) (bad []string) {
	for _, p := range t.pure() {
		for _, f := range p.source() {
			timePkg, fmtPkg := f.localName("time"), f.localName("fmt")
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					bad = append(bad, fmt.Sprintf("%s: starts a goroutine", t.fset.Position(n.Pos())))
				case *ast.SelectorExpr:
					x, ok := n.X.(*ast.Ident)
					if !ok {
						return true
					}
					if x.Name == timePkg && slices.Contains(clock, n.Sel.Name) {
						bad = append(bad, fmt.Sprintf("%s: time.%s: take the time as an argument", t.fset.Position(n.Pos()), n.Sel.Name))
					}
					if x.Name == fmtPkg && strings.HasPrefix(n.Sel.Name, "Print") {
						bad = append(bad, fmt.Sprintf("%s: fmt.%s writes to standard output", t.fset.Position(n.Pos()), n.Sel.Name))
					}
				}
				return true
			})
		}
	}
	return bad
}

func checkNoInit(t *tree) (bad []string) {
	for _, p := range t.pkgs {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					bad = append(bad, fmt.Sprintf("%s: func init: lists are explicit", t.fset.Position(fn.Pos())))
				}
			}
		}
	}
	return bad
}

// checkPanics allows panic only in functions that say so by their name: they are called with constants.
func checkPanics(t *tree) (bad []string) {
	for _, p := range t.product() {
		for _, f := range p.source() {
			for _, d := range f.ast.Decls {
				fn, isFunc := d.(*ast.FuncDecl)
				if isFunc && strings.HasPrefix(strings.ToLower(fn.Name.Name), "must") {
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					if c, ok := n.(*ast.CallExpr); ok {
						if id, ok := c.Fun.(*ast.Ident); ok && id.Name == "panic" {
							bad = append(bad, fmt.Sprintf("%s: panic outside a must function", t.fset.Position(c.Pos())))
						}
					}
					return true
				})
			}
		}
	}
	return bad
}

func checkPackageNames(t *tree) (bad []string) {
	for _, p := range t.product() {
		if slices.Contains(emptyNames, path.Base(p.dir)) || slices.Contains(emptyNames, p.name()) {
			bad = append(bad, fmt.Sprintf("%s: the name does not say what the package is", p.dir))
		}
	}
	return bad
}

// checkPackageComments wants exactly one package comment, that begins "Package x is", or
// "Command x is".
func checkPackageComments(t *tree) (bad []string) {
	for _, p := range t.pkgs {
		if len(p.source()) == 0 {
			continue
		}
		var docs []string
		for _, f := range p.source() {
			if f.ast.Doc != nil {
				docs = append(docs, f.ast.Doc.Text())
			}
		}
		begin := "Package " + p.name() + " is "
		if p.name() == "main" {
			base := path.Base(p.dir)
			begin = "Command " + base + " is "
		}
		switch {
		case len(docs) != 1:
			bad = append(bad, fmt.Sprintf("%s: has %d package comments, want 1", p.dir, len(docs)))
		case !strings.HasPrefix(docs[0], begin):
			bad = append(bad, fmt.Sprintf("%s: the package comment does not begin %q", p.dir, begin+"..."))
		}
	}
	return bad
}

// checkExportedComments looks at top-level names and at methods of exported types. Methods that only fulfil a
// well-known interface speak for themselves.
func checkExportedComments(t *tree) (bad []string) {
	add := func(at token.Pos, name string) {
		bad = append(bad, fmt.Sprintf("%s: exported %s has no comment", t.fset.Position(at), name))
	}
	for _, p := range t.product() {
		if p.name() == "main" {
			continue
		}
		for _, f := range p.source() {
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !slices.Contains(wellKnown, d.Name.Name) {
						add(d.Pos(), d.Name.Name)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if name := undocumented(d, s); name != nil {
							add(name.Pos(), name.Name)
						}
					}
				}
			}
		}
	}
	return bad
}

var wellKnown = []string{
	"Error", "Is", "Len", "Less", "MarshalJSON", "MarshalText", "String", "Swap", "UnmarshalJSON", "UnmarshalText", "Unwrap",
}

// undocumented returns the first exported name of s that has no comment of its own, on its line, or on its group.
func undocumented(d *ast.GenDecl, s ast.Spec) *ast.Ident {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return s.Name
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				return n
			}
		}
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
