package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// apiServer is a small API server: discovery and lists of what is put in it.
type apiServer struct {
	objects   map[string][]string // list path to JSON items
	groupsToo []string            // served beside the usual ones
	plurals   map[string]string   // kind to its plural, where that is not the one of Kinds
	status    map[string]int      // path to an error code
	gone      int                 // how many continued pages answer 410
	hang      string              // a path that never answers

	mu   sync.Mutex
	seen []string // method, path, and after them the part of the objects that is asked for
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, as, _ := strings.Cut(r.Header.Get("Accept"), ";")
	s.seen = append(s.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+as))
	s.mu.Unlock()
	if code := s.status[r.URL.Path]; code != 0 {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","message":"%s is refused to you"}`, r.URL.Path)
		return
	}
	if s.hang != "" && r.URL.Path == s.hang {
		<-r.Context().Done()
		return
	}
	switch r.URL.Path {
	case "/apis":
		s.groups(w)
		return
	case "/api/v1":
		s.discovery(w, "", "v1")
		return
	}
	if p := strings.Split(r.URL.Path, "/"); len(p) == 4 && p[1] == "apis" {
		s.discovery(w, p[2], p[3])
		return
	}
	if items, ok := s.objects[r.URL.Path]; ok {
		s.list(w, r, items)
		return
	}
	if i := strings.LastIndex(r.URL.Path, "/"); i > 0 {
		for _, item := range s.objects[r.URL.Path[:i]] {
			if strings.Contains(item, `"name":"`+r.URL.Path[i+1:]+`"`) {
				fmt.Fprint(w, item)
				return
			}
		}
		if strings.HasSuffix(r.URL.Path[:i], "/configmaps") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
	}
	fmt.Fprint(w, `{"apiVersion":"v1","kind":"List","items":[]}`)
}

func (s *apiServer) groups(w http.ResponseWriter) {
	type version struct {
		Version string `json:"version"`
	}
	type group struct {
		Name      string    `json:"name"`
		Versions  []version `json:"versions"`
		Preferred version   `json:"preferredVersion"`
	}
	var groups []group
	for _, g := range append([]string{"apps", "batch", "discovery.k8s.io", "networking.k8s.io", "admissionregistration.k8s.io", "crd.projectcalico.org", "example.com"}, s.groupsToo...) {
		groups = append(groups, group{g, []version{{"v1beta1"}, {"v1"}}, version{"v1"}})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"groups": groups})
}

func (s *apiServer) discovery(w http.ResponseWriter, group, version string) {
	type resource struct {
		Name       string `json:"name"`
		Kind       string `json:"kind"`
		Namespaced bool   `json:"namespaced"`
	}
	var list []resource
	for _, k := range Kinds() {
		clusterWide := slices.Contains([]string{"Namespace", "Node", "IngressClass", "GlobalNetworkPolicy", "MutatingWebhookConfiguration"}, k.Kind)
		if k.Group == group && version == "v1" {
			name := k.Resource
			if other := s.plurals[k.Kind]; other != "" {
				name = other
			}
			list = append(list, resource{name + "/status", k.Kind, !clusterWide}, resource{name, k.Kind, !clusterWide})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"resources": list})
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, items []string) {
	from := 0
	if mark := r.URL.Query().Get("continue"); mark != "" {
		if s.gone > 0 {
			s.gone--
			w.WriteHeader(http.StatusGone)
			return
		}
		fmt.Sscan(mark, &from)
	}
	var limit int
	fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	to, next := from+limit, ""
	if to < len(items) {
		next = fmt.Sprint(to)
	} else {
		to = len(items)
	}
	fmt.Fprintf(w, `{"apiVersion":"v1","kind":"PodList","metadata":{"continue":%q},"items":[%s]}`, next, strings.Join(items[from:to], ","))
}

// start serves s and gives a kubeconfig for it.
func (s *apiServer) start(t *testing.T) *Live {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Chdir(t.TempDir())
	write(t, "kubeconfig", `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: c, cluster: {server: "`+server.URL+`"}}]
users: [{name: u, user: {token: abc}}]
contexts:
- {name: test, context: {cluster: c, user: u, namespace: shop}}
- {name: other, context: {cluster: c, user: u}}
`)
	return &Live{Kubeconfig: "kubeconfig", AllNamespaces: true}
}

func pods(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"metadata":{"name":"p%d","namespace":"shop","managedFields":[{}]}}`, i))
	}
	return out
}

func TestLiveAllNamespaces(t *testing.T) {
	s := &apiServer{gone: 1, objects: map[string][]string{
		"/api/v1/pods":       pods(1201),
		"/api/v1/namespaces": {`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop"}}`},
		"/apis/crd.projectcalico.org/v1/networkpolicies": {`{"apiVersion":"crd.projectcalico.org/v1","kind":"NetworkPolicy","metadata":{"name":"c","namespace":"shop"}}`},
		"/api/v1/namespaces/kube-system/configmaps":      {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cilium-config","namespace":"kube-system"}}`},
	}}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	want := []KindCount{{"ConfigMap", 1}, {"Namespace", 1}, {"Pod", 1201}, {"crd.projectcalico.org/NetworkPolicy", 1}}
	if diff := cmp.Diff(want, r.Coverage.Kinds); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !r.Coverage.Live || !r.Coverage.Complete || len(r.Problems) > 0 {
		t.Errorf("live %v, complete %v, problems %v", r.Coverage.Live, r.Coverage.Complete, r.Problems)
	}
	pod := r.Objects[1]
	if pod.Pos != (object.Pos{File: "cluster:test"}) || pod.Ref != (object.Ref{Kind: "Pod", Namespace: "shop", Name: "p0"}) || pod.Root.Get("metadata", "managedFields") != nil {
		t.Errorf("got %+v", pod)
	}
	for _, seen := range s.seen {
		if !strings.HasPrefix(seen, "GET ") || strings.Contains(seen, "secrets") || strings.Contains(seen, "proxy/") || strings.Contains(seen, "example.com") {
			t.Errorf("request %s", seen)
		}
	}
}

func TestLiveRefused(t *testing.T) {
	s := &apiServer{
		objects: map[string][]string{"/api/v1/pods": pods(1)},
		status: map[string]int{
			"/apis/networking.k8s.io/v1/networkpolicies": http.StatusForbidden,
			"/apis/crd.projectcalico.org/v1":             http.StatusServiceUnavailable,
			"/apis/batch/v1/jobs":                        http.StatusInternalServerError,
			"/apis/apps/v1/replicasets":                  http.StatusNotFound,
		},
	}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range r.Problems {
		got = append(got, p.String())
	}
	want := []string{
		"cluster:test: API group crd.projectcalico.org/v1 cannot be discovered: /apis/crd.projectcalico.org/v1 is refused to you (HTTP 503)",
		"cluster:test: jobs.batch: the cluster cannot list it: /apis/batch/v1/jobs is refused to you (HTTP 500); they are not in the input",
		"cluster:test: networkpolicies.networking.k8s.io: RBAC refuses: /apis/networking.k8s.io/v1/networkpolicies is refused to you (HTTP 403); they are not in the input",
		"cluster:test: replicasets.apps: the cluster names it but does not list it; they are not in the input",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if r.Coverage.Complete || len(r.Coverage.Missing) != 5 { // four, and the namespace of the pod
		t.Errorf("complete %v, missing %v", r.Coverage.Complete, r.Coverage.Missing)
	}
}

// Who reads a cluster is told which rights that took, and which were refused.
func TestLiveRights(t *testing.T) {
	s := &apiServer{
		groupsToo: []string{"networking.istio.io"},
		objects: map[string][]string{
			"/api/v1/pods": pods(1201), // three pages
			"/api/v1/configmaps": {
				`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"istio","namespace":"mesh"}}`,
				`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"istio-canary","namespace":"mesh"}}`,
				`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"other","namespace":"mesh"}}`,
			},
			"/api/v1/namespaces/mesh/configmaps": {
				`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"istio","namespace":"mesh"}}`,
				`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"istio-canary","namespace":"mesh"}}`,
			},
		},
		status: map[string]int{"/apis/networking.k8s.io/v1/networkpolicies": http.StatusForbidden, "/apis/batch/v1/jobs": http.StatusInternalServerError},
	}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	has := func(want Right) bool {
		return slices.ContainsFunc(r.Rights, func(got Right) bool { return cmp.Equal(got, want, cmpopts.EquateEmpty()) })
	}
	for _, want := range []Right{
		{Verb: "list", Resource: "pods"},
		{Verb: "list", Group: "apps", Resource: "deployments"},
		{Verb: "list", Group: "networking.k8s.io", Resource: "networkpolicies", Refused: true},
		{Verb: "list", Resource: "configmaps"},
		{Verb: "get", Resource: "configmaps", Namespace: "mesh", Names: []string{"istio", "istio-canary"}},
	} {
		if !has(want) {
			t.Errorf("no %+v in %+v", want, r.Rights)
		}
	}
	for i, got := range r.Rights {
		if got.Group == "batch" && got.Resource == "jobs" || got.Verb != "get" && got.Verb != "list" || got.Resource == "secrets" {
			t.Errorf("%+v was not used", got)
		}
		if i > 0 && r.Rights[i-1].compare(got) >= 0 {
			t.Errorf("%+v before %+v", r.Rights[i-1], got)
		}
	}
	for _, seen := range s.seen { // every request but those of discovery is in the list
		path := strings.Fields(seen)[1]
		if parts := strings.Split(path, "/"); len(parts) < 4 || len(parts) < 5 && parts[1] == "apis" || s.status[path] == http.StatusInternalServerError {
			continue
		}
		one := rights{}
		one.asked(path, http.StatusOK)
		k := one.list()[0]
		if !slices.ContainsFunc(r.Rights, func(got Right) bool {
			return got.Verb == k.Verb && got.Group == k.Group && got.Resource == k.Resource && got.Namespace == k.Namespace
		}) {
			t.Errorf("%s is in no right", seen)
		}
	}
}

// TestLiveRefusedAside: who may not read RBAC still gets complete answers about connections, and is told.
func TestLiveRefusedAside(t *testing.T) {
	s := &apiServer{groupsToo: []string{"rbac.authorization.k8s.io"}, status: map[string]int{"/apis/rbac.authorization.k8s.io/v1/roles": http.StatusForbidden}}
	s.objects = map[string][]string{"/api/v1/namespaces": {`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop"}}`}}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Coverage.Complete || len(r.Problems) != 1 || len(r.Coverage.Missing) != 1 {
		t.Errorf("complete %v, problems %v, missing %v", r.Coverage.Complete, r.Problems, r.Coverage.Missing)
	}
}

func TestLiveOneNamespace(t *testing.T) {
	s := &apiServer{
		objects: map[string][]string{
			"/api/v1/namespaces/shop/pods": pods(2),
			"/api/v1/namespaces":           {`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop"}}`},
		},
		status: map[string]int{"/api/v1/namespaces": http.StatusForbidden, "/api/v1/pods": http.StatusForbidden},
	}
	live := s.start(t)
	live.AllNamespaces = false
	r, err := Load(t.Context(), nil, Options{Live: live})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]KindCount{{"Namespace", 1}, {"Pod", 2}}, r.Coverage.Kinds); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if r.Coverage.Complete || len(r.Problems) > 0 {
		t.Errorf("complete %v, problems %v", r.Coverage.Complete, r.Problems)
	}
}

func TestLiveHalfAListIsNone(t *testing.T) {
	s := &apiServer{gone: 9, objects: map[string][]string{"/api/v1/pods": pods(700)}}
	r, err := Load(t.Context(), nil, Options{Live: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Objects) != 0 || len(r.Problems) != 1 || r.Coverage.Complete {
		t.Errorf("%d objects, problems %v", len(r.Objects), r.Problems)
	}
}

func TestLiveHang(t *testing.T) {
	s := &apiServer{hang: "/api/v1/pods"}
	live := s.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Load(ctx, nil, Options{Live: live}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	live.Timeout = 50 * time.Millisecond
	if _, err := Load(t.Context(), nil, Options{Live: live}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the request's own deadline", err)
	}
}

func TestLiveNoCluster(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Load(t.Context(), nil, Options{Live: &Live{Kubeconfig: "nowhere"}}); err == nil {
		t.Error("a missing kubeconfig is no error")
	}
	s := &apiServer{}
	live := s.start(t)
	live.Context = "typo"
	if _, err := Load(t.Context(), nil, Options{Live: live}); err == nil {
		t.Error("an unknown context is no error")
	}
	live.Context = "other"
	r, err := Load(t.Context(), nil, Options{Live: live})
	if err != nil || !r.Coverage.Complete {
		t.Errorf("%v", err)
	}
}
