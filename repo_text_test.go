package bulkhead_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

func checkLength(t *tree) (bad []string) {
	for _, p := range t.pkgs {
		for _, f := range p.source() {
			if n := lines(f.src); n > maxLines {
				bad = append(bad, fmt.Sprintf("%s: %d lines, limit %d", f.path, n, maxLines))
			}
		}
	}
	for _, d := range t.docs {
		if limit, ok := maxDocLines[d.path]; ok && lines(d.src) > limit {
			bad = append(bad, fmt.Sprintf("%s: %d lines, limit %d", d.path, lines(d.src), limit))
		}
	}
	return bad
}

// openEnds is written so that it does not find itself.
var openEnds = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)

// checkOpenEnds finds the marks by which work is put off. They belong in an issue.
func checkOpenEnds(t *tree) (bad []string) {
	look := func(name string, src []byte) {
		for i, line := range strings.Split(string(src), "\n") {
			if m := openEnds.FindString(line); m != "" {
				bad = append(bad, fmt.Sprintf("%s:%d: %s", name, i+1, m))
			}
		}
	}
	for _, p := range t.pkgs {
		for _, f := range p.files {
			look(f.path, f.src)
		}
	}
	for _, d := range t.docs {
		look(d.path, d.src)
	}
	return bad
}

var replaceLine = regexp.MustCompile(`(?m)^\s*replace\b`)

func checkGoMod(t *tree) (bad []string) {
	for _, d := range t.docs {
		if path.Ext(d.path) != ".mod" {
			continue
		}
		if replaceLine.Match(d.src) {
			bad = append(bad, d.path+": replace: others cannot build it with go install")
		}
		if d.path == "go.mod" && !strings.HasPrefix(string(d.src), "module "+module+"\n") {
			bad = append(bad, "go.mod: the module is not "+module)
		}
	}
	return bad
}

// checkOverclaims looks at everything the product can print, and at the documents.
func checkOverclaims(t *tree) (bad []string) {
	look := func(at, text string) {
		text = strings.ReplaceAll(strings.ToLower(text), "-", " ")
		for _, phrase := range overclaims {
			if strings.Contains(text, phrase) {
				bad = append(bad, fmt.Sprintf("%s: says %q", at, phrase))
			}
		}
	}
	for _, p := range t.product() {
		for _, f := range p.source() {
			eachString(f, func(lit *ast.BasicLit) { look(t.fset.Position(lit.Pos()).String(), lit.Value) })
		}
	}
	for _, d := range t.docs {
		for i, line := range strings.Split(string(d.src), "\n") {
			look(fmt.Sprintf("%s:%d", d.path, i+1), line)
		}
	}
	return bad
}

// checkASCII: output is read in terminals, transcripts and work papers of every age.
func checkASCII(t *tree) (bad []string) {
	for _, p := range t.product() {
		for _, f := range p.source() {
			eachString(f, func(lit *ast.BasicLit) {
				if strings.IndexFunc(lit.Value, func(r rune) bool { return r > 127 }) >= 0 {
					bad = append(bad, fmt.Sprintf("%s: a text that is not ASCII", t.fset.Position(lit.Pos())))
				}
			})
		}
	}
	return bad
}

func eachString(f *file, visit func(*ast.BasicLit)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if _, isImport := n.(*ast.ImportSpec); isImport {
			return false
		}
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			visit(lit)
		}
		return true
	})
}

// checkKindsListed: a policy kind that is not in the list is never compiled, and what it forbids or allows
// would be missing from the answer.
func checkKindsListed(t *tree) (bad []string) {
	const list = "internal/policy/kinds/kinds.go"
	for _, p := range t.product() {
		if ok, _ := path.Match("internal/policy/*", p.dir); !ok || p.dir == path.Dir(list) {
			continue
		}
		for _, name := range values(p, "policy.Kind", "Kind", "Kinds") {
			if ast.IsExported(name) && !mentions(t, list, "", p.name()+"."+name) {
				bad = append(bad, fmt.Sprintf("%s: %s.%s is not in %s", p.dir, p.name(), name, list))
			}
		}
	}
	return bad
}

func checkChecksListed(t *tree) (bad []string) {
	const list = "internal/pci/checks/checks.go"
	if p := t.pkg(path.Dir(list)); p != nil {
		for _, name := range values(p, "pci.Check") {
			if !mentions(t, list, "", name) {
				bad = append(bad, fmt.Sprintf("%s: check %s is not in %s", p.dir, name, list))
			}
		}
	}
	return bad
}

func checkFormatsListed(t *tree) (bad []string) {
	const dir = "internal/report"
	if p := t.pkg(dir); p != nil {
		for _, name := range values(p, "Format") {
			if !slices.ContainsFunc(p.source(), func(f *file) bool { return mentions(t, f.path, "Formats", name) }) {
				bad = append(bad, fmt.Sprintf("%s: format %s is not in Formats", dir, name))
			}
		}
	}
	return bad
}

// values are the top-level variables of p, and the functions without parameters, that are a value of type
// typ; variables with one of the given names count whatever their type.
func values(p *pkg, typ string, names ...string) (out []string) {
	for _, f := range p.source() {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				r := d.Type.Results
				if d.Recv == nil && d.Type.Params.NumFields() == 0 && r.NumFields() == 1 && typeName(r.List[0].Type) == typ {
					out = append(out, d.Name.Name)
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					v := s.(*ast.ValueSpec)
					for i, n := range v.Names {
						isTyp := v.Type != nil && typeName(v.Type) == typ || i < len(v.Values) && typeName(v.Values[i]) == typ
						if n.Name != "_" && (isTyp || slices.Contains(names, n.Name)) {
							out = append(out, n.Name)
						}
					}
				}
			}
		}
	}
	return out
}

// typeName spells a type, or the type of a composite literal: "pci.Check". Pointers are looked through.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.UnaryExpr:
		return typeName(e.X)
	case *ast.CompositeLit:
		return typeName(e.Type)
	}
	return ""
}

// mentions reports whether a file says a name ("x" or "pkg.X"), outside of the declaration of that name. With
// decl only the top-level variable or function of that name is searched.
func mentions(t *tree, name, decl, want string) bool {
	p := t.pkg(path.Dir(name))
	if p == nil {
		return false
	}
	for _, f := range p.source() {
		if f.path != name {
			continue
		}
		for _, d := range f.ast.Decls {
			for _, body := range bodies(d, decl, want) {
				found := false
				ast.Inspect(body, func(n ast.Node) bool {
					if e, ok := n.(ast.Expr); ok && isName(e, want) {
						found = true
					}
					return !found
				})
				if found {
					return true
				}
			}
		}
	}
	return false
}

func isName(e ast.Expr, want string) bool {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
		return typeName(e) == want
	}
	return false
}

// bodies are the values and function bodies of d that may mention a name: those of decl if it is given, and
// never those of the name itself.
func bodies(d ast.Decl, decl, self string) (out []ast.Node) {
	takes := func(name string) bool { return name != self && (decl == "" || name == decl) }
	switch d := d.(type) {
	case *ast.FuncDecl:
		if takes(d.Name.Name) && d.Body != nil {
			out = append(out, d.Body)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, val := range v.Values {
				if i < len(v.Names) && takes(v.Names[i].Name) {
					out = append(out, val)
				}
			}
		}
	}
	return out
}
