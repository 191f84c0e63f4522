package load

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// notListed are kinds that code looks for in files and that are not read from a cluster, each with the reason.
var notListed = map[object.GroupKind]string{
	{Kind: "Secret"}: "secrets are never read",
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:       "what a server has stored, its schema allows",
	{Group: "apiserver.config.k8s.io", Kind: "AuthenticationConfiguration"}: "a file on the control plane's machines",
	{Group: ImportGroup, Kind: "EKSCluster"}:                                "a cloud's command line says it",
	{Group: "audit.k8s.io", Kind: "Policy"}:                                 "a file on the control plane's machines",
	{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"}:          "a file on each node, or what its kubelet says",
	{Group: "extensions", Kind: "NetworkPolicy"}:                            "served as networking.k8s.io as well",
	{Group: "extensions", Kind: "Ingress"}:                                  "served as networking.k8s.io as well",
}

// TestKindsHasEveryPolicy: whatever is compiled, or named as not modelled, is read from a live cluster.
func TestKindsHasEveryPolicy(t *testing.T) {
	listed := kindTable()
	want := policy.OpaqueKinds()
	for _, k := range kinds.All {
		want = append(want, k.GVKs...)
	}
	if len(want) < 50 {
		t.Fatalf("only %d kinds", len(want))
	}
	for _, gk := range want {
		if _, ok := listed[gk]; !ok && notListed[gk] == "" {
			t.Errorf("%s decides about traffic and is not read from a live cluster", kindName(gk))
		}
	}
}

// TestKindsHasWhatCodeReads looks through the code for kinds that it asks a cluster for, by name.
func TestKindsHasWhatCodeReads(t *testing.T) {
	listed, found := kindTable(), 0
	for _, gk := range kindsInCode(t, "..") {
		found++
		// Imports are exports of clouds, which no cluster has.
		if _, ok := listed[gk]; !ok && notListed[gk] == "" && gk.Group != ImportGroup {
			t.Errorf("the code asks for %s, which is not read from a live cluster", kindName(gk))
		}
	}
	if found < 30 {
		t.Errorf("found only %d kinds in the code", found)
	}
}

// kindsInCode gives the arguments of all calls .Kind(group, kind), as far as they are constants.
func kindsInCode(t *testing.T, root string) []object.GroupKind {
	t.Helper()
	byFolder := map[string][]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		byFolder[filepath.Dir(path)] = append(byFolder[filepath.Dir(path)], f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []object.GroupKind
	for _, files := range byFolder {
		constants := map[string]string{}
		each(files, func(n ast.Node) {
			if v, ok := n.(*ast.ValueSpec); ok {
				for i := range v.Values {
					if text, ok := literal(v.Values[i], nil); ok {
						constants[v.Names[i].Name] = text
					}
				}
			}
		})
		each(files, func(n ast.Node) {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Kind" {
				return
			}
			group, okGroup := literal(call.Args[0], constants)
			kind, okKind := literal(call.Args[1], constants)
			if okGroup && okKind {
				out = append(out, object.GroupKind{Group: group, Kind: kind})
			}
		})
	}
	return out
}

func each(files []*ast.File, do func(ast.Node)) {
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			do(n)
			return true
		})
	}
}

// literal is the text of a string, or of a constant that is one.
func literal(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := constants[e.Name]
		return text, ok
	}
	return "", false
}

// TestKindsIsSane: no kind is there twice but under other names, and none that may never be read.
func TestKindsIsSane(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		key := fmt.Sprint(k.Group, "/", k.Kind, k.Names, k.Match)
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if k.Resource != strings.ToLower(k.Resource) || k.Kind == "" || k.Resource == "" {
			t.Errorf("%s: resource %q", key, k.Resource)
		}
		if k.Kind == "Secret" || k.Kind == "ConfigMap" && len(k.Names)+len(k.Match) == 0 {
			t.Errorf("%s: all objects of the kind would be read", key)
		}
	}
}

func TestKindMatches(t *testing.T) {
	k := istioConfig()
	for name, want := range map[string]bool{
		"istio": true, "istio-1-24": true, "istio-sidecar-injector": true, "istio-sidecar-injector-canary": true,
		"istio-ca-root-cert": false, "istio-ca-crl": false, "istiod": false, "my-istio": false, "": false, "kube-root-ca.crt": false,
	} {
		if got := k.matches(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

// item is an object as a server sends it.
func item(apiVersion, kind, namespace, name string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q}}`, apiVersion, kind, name, namespace)
}

func mesh() *apiServer {
	return &apiServer{
		groupsToo: []string{"networking.istio.io", "security.istio.io", "extensions.istio.io"},
		objects: map[string][]string{
			"/api/v1/configmaps": {
				item("v1", "ConfigMap", "istio-system", "istio"), item("v1", "ConfigMap", "shop", "passwords"),
				item("v1", "ConfigMap", "shop", "istio-ca-root-cert"), item("v1", "ConfigMap", "mesh", "istio-sidecar-injector-canary"),
			},
			"/api/v1/namespaces/istio-system/configmaps": {item("v1", "ConfigMap", "istio-system", "istio")},
			"/api/v1/namespaces/mesh/configmaps":         {item("v1", "ConfigMap", "mesh", "istio-sidecar-injector-canary")},
			"/apis/networking.istio.io/v1/envoyfilters":  {item("networking.istio.io/v1", "EnvoyFilter", "istio-system", "patch")},
			"/apis/extensions.istio.io/v1/wasmplugins":   {item("extensions.istio.io/v1", "WasmPlugin", "shop", "plugin")},
			"/apis/security.istio.io/v1/peerauthentications": {
				item("security.istio.io/v1", "PeerAuthentication", "istio-system", "default"),
			},
			"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": {
				item("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector"),
			},
		},
	}
}

// names is what was kept, sorted.
func names(r *Result) []string {
	var out []string
	for _, o := range r.Objects {
		out = append(out, o.Ref.String())
	}
	slices.Sort(out)
	return out
}

var meshNames = []string{
	"ConfigMap istio-system/istio", "ConfigMap mesh/istio-sidecar-injector-canary", "EnvoyFilter istio-system/patch",
	"MutatingWebhookConfiguration istio-sidecar-injector", "PeerAuthentication istio-system/default", "WasmPlugin shop/plugin",
}

// TestLiveMesh: what Istio goes by is read, and of other ConfigMaps nothing but their names.
func TestLiveMesh(t *testing.T) {
	s := mesh()
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meshNames, names(r)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !r.Coverage.Complete {
		t.Errorf("problems %v", r.Problems)
	}
	for _, seen := range s.seen {
		wrong := strings.Contains(seen, "secrets") || strings.Contains(seen, "passwords") || strings.Contains(seen, "istio-ca-root-cert")
		if wrong || seen == "GET /api/v1/configmaps" || strings.HasPrefix(seen, "GET /api/v1/namespaces/") && strings.HasSuffix(seen, "/configmaps") {
			t.Errorf("request %s", seen)
		}
	}
	if want := "GET /api/v1/configmaps " + metadataOnly[len("application/json;"):]; !slices.Contains(s.seen, want) {
		t.Errorf("no request %s in %q", want, s.seen)
	}
}

// TestLiveWithoutMesh: where there is no Istio, the names of ConfigMaps are not asked for.
func TestLiveWithoutMesh(t *testing.T) {
	s := mesh()
	s.groupsToo = nil
	s.status = map[string]int{"/api/v1/configmaps": http.StatusForbidden}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Coverage.Complete || len(r.Problems) != 0 {
		t.Errorf("problems %v", r.Problems)
	}
}

// TestLiveMeshOfOneNamespace: objects of the root namespace hold in all others, so they are read even when one
// namespace is asked for; where RBAC refuses that, it is said so, and the namespace itself is read.
func TestLiveMeshOfOneNamespace(t *testing.T) {
	s := mesh()
	s.objects["/apis/security.istio.io/v1/namespaces/shop/peerauthentications"] = []string{item("security.istio.io/v1", "PeerAuthentication", "shop", "own")}
	live := s.start(t)
	live.AllNamespaces = false
	r, err := Load(t.Context(), nil, Options{Live: live})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meshNames, names(r)); diff != "" || len(r.Problems) != 0 {
		t.Errorf("problems %v, -want +got\n%s", r.Problems, diff)
	}
	s.status = map[string]int{"/apis/security.istio.io/v1/peerauthentications": http.StatusForbidden, "/api/v1/configmaps": http.StatusForbidden}
	if r, err = Load(t.Context(), nil, Options{Live: live}); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(names(r), "PeerAuthentication shop/own") || slices.Contains(names(r), "PeerAuthentication istio-system/default") {
		t.Errorf("got %q", names(r))
	}
	var got []string
	for _, p := range r.Problems {
		got = append(got, p.Msg)
	}
	want := []string{
		"configmaps named istio or istio-*: RBAC refuses: /api/v1/configmaps is refused to you (HTTP 403); they are not in the input",
		"peerauthentications.security.istio.io: of other namespaces than shop, some of which may hold here too, RBAC refuses: " +
			"/apis/security.istio.io/v1/peerauthentications is refused to you (HTTP 403); they are not in the input",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestLiveNamesChange: the list of names is read in pages and again from the start when the server forgets it.
func TestLiveNamesChange(t *testing.T) {
	s := mesh()
	s.gone = 1
	for i := range 700 {
		s.objects["/api/v1/configmaps"] = append([]string{item("v1", "ConfigMap", "shop", fmt.Sprint("c", i))}, s.objects["/api/v1/configmaps"]...)
	}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meshNames, names(r)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestLivePlural: the server says under which plural it serves a kind.
func TestLivePlural(t *testing.T) {
	s := mesh()
	s.plurals = map[string]string{"WasmPlugin": "wasm-plugins"}
	s.objects["/apis/extensions.istio.io/v1/wasm-plugins"] = []string{item("extensions.istio.io/v1", "WasmPlugin", "shop", "other")}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(r); !slices.Contains(got, "WasmPlugin shop/other") {
		t.Errorf("got %q", got)
	}
}
