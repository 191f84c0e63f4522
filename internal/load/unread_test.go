package load

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// notDropped are the places in the code that name a field that is left out, each with the reason why what it reads
// is there all the same: it is another field of that name.
var notDropped = map[string]string{
	"exposure/attachment.go conditions":      "of routes",
	"exposure/contour.go conditions":         "of routes of an HTTPProxy",
	"exposure/openshift.go conditions":       "of a Route",
	"load/folder.go images":                  "of a kustomization",
	"load/folder.go resources":               "of a kustomization",
	"load/kustomizefs.go resources":          "of a kustomization",
	"pci/checks/cp_05.go conditions":         "of an AuthenticationConfiguration",
	"pci/checks/den_06.go resources":         "what an admission policy matches",
	"pci/checks/den_09.go resources":         "of a rule of RBAC",
	"pci/checks/den_12.go tolerations":       "of templates; of live Pods it takes the answer for yes",
	"pci/checks/jus_07.go conditions":        "of Flux",
	"pci/checks/jus_07.go resources":         "of Argo CD",
	"pci/checks/tel_05.go resources":         "of an audit policy",
	"pci/scope/admission.go resources":       "of a rule of a webhook",
	"pci/scope/nodes.go affinity":            "of templates; live Pods have a node",
	"pci/scope/nodes.go tolerations":         "of templates; live Pods have a node",
	"policy/cilium/cilium.go conditions":     "of a CiliumNetworkPolicy",
	"policy/istio/fields.go imagePullPolicy": "of a WasmPlugin",
	"pseudonym/pseudonym.go resources":       "of a rule of RBAC",
	"rbac/rbac.go resources":                 "of a rule of RBAC",
	"report/registers.go images":             "a heading",
}

// TestNobodyReadsWhatIsLeftOut looks through the code for the names of fields that are left out of Pods, Nodes and
// metadata. Code that starts to read one would find nothing there, and answer as if nothing had been said.
func TestNobodyReadsWhatIsLeftOut(t *testing.T) {
	dropped := droppedNames(t)
	if len(dropped) < 15 {
		t.Fatalf("found only %d names that are left out: %v", len(dropped), dropped)
	}
	used := map[string]bool{}
	for _, root := range []string{"..", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.HasPrefix(path, filepath.Join("..", "bench")) || path == filepath.Join("..", "load", "unread.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if name, ok := literal(e, nil); ok && dropped[name] {
						at := strings.TrimPrefix(filepath.ToSlash(path), "../") + " " + name
						used[at] = true
						if notDropped[at] == "" {
							t.Errorf("%s: %q is left out of what is read (unread.go), so nobody can read it; keep it, or say here why this is another field", path, name)
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for at := range notDropped {
		if !used[at] {
			t.Errorf("%s is not in the code any more", at)
		}
	}
}

// droppedNames are the names that place.below sends nowhere.
func droppedNames(t *testing.T) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "unread.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if !ok || len(c.Body) != 1 {
			return true
		}
		if r, ok := c.Body[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			if id, ok := r.Results[0].(*ast.Ident); ok && id.Name == "nowhere" {
				for _, e := range c.List {
					if name, ok := literal(e, nil); ok {
						out[name] = true
					}
				}
			}
		}
		return true
	})
	return out
}
