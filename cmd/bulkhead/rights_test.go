package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

// clusterOf is a kubeconfig for a server with one pod, whose Services nobody may see.
func clusterOf(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1":
			fmt.Fprint(w, `{"resources":[{"name":"pods","kind":"Pod","namespaced":true},{"name":"services","kind":"Service","namespaced":true}]}`)
		case "/apis":
			fmt.Fprint(w, `{"groups":[]}`)
		case "/api/v1/namespaces/ledger/pods":
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"books","namespace":"ledger"},"spec":{"containers":[{"name":"c"}]}}]}`)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","message":"no"}`)
		}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{"token":"abc"}}]}`, server.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A package says which rights reading the cluster took and which were refused, without names where these are replaced.
func TestRightsOfAPackage(t *testing.T) {
	kubeconfig, keyFile := clusterOf(t), filepath.Join(t.TempDir(), "names.key")
	if err := os.WriteFile(keyFile, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	rights := func(args ...string) []evidence.Right {
		dir := filepath.Join(t.TempDir(), "p")
		code, _, errs := program(t, append([]string{"evidence", "create", "--out", dir, "--cluster", "--kubeconfig", kubeconfig, "-n", "ledger"}, args...)...)
		if code == 2 {
			t.Fatal(errs)
		}
		must(t, 3, "evidence", "verify", dir)
		var m evidence.Manifest
		if err := json.Unmarshal([]byte(filesOf(t, dir)[evidence.ManifestFile]), &m); err != nil {
			t.Fatal(err)
		}
		return m.Rights
	}
	plain := rights()
	want := []evidence.Right{
		{Verb: "list", Resource: "pods", Namespace: "ledger"},
		{Verb: "list", Resource: "services", Namespace: "ledger", Refused: true},
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for i, r := range rights("--pseudonyms", keyFile) {
		if r.Namespace == "ledger" || r.Namespace == "" || r.Resource != want[i].Resource {
			t.Errorf("with pseudonyms: %+v", r)
		}
	}
}
