package reach_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// shop is a chain web -> app -> db with a stray pod, a host-network agent, and things the input leaves open.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: shop, labels: {app: app}}
spec: {nodeName: n1, containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n2, containers: [{name: c, image: i, ports: [{containerPort: 5432, name: pg}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stray, namespace: elsewhere}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: elsewhere}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: app}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: app, namespace: shop}
spec:
  podSelector: {matchLabels: {app: app}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: pg}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: app}}}]
      ports: [{port: 5432}]
    - from: [{namespaceSelector: {matchLabels: {team: ops}}}]
`

func model(t *testing.T, yaml string, prof enforcer.Profile) *reach.Model {
	t.Helper()
	objects, _, _ := load.Parse([]byte(yaml), "shop.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	return reach.Compile(c, kinds.Compile(c), prof)
}

func find(t *testing.T, m *reach.Model, name string) *cluster.Workload {
	t.Helper()
	for _, w := range m.Cluster().Workloads {
		if w.Ref.Name == name {
			return w
		}
	}
	t.Fatalf("no workload %s", name)
	return nil
}

func names(ws []*cluster.Workload) string {
	var out []string
	for _, w := range ws {
		out = append(out, w.Ref.Name)
	}
	return strings.Join(out, " ")
}

func codes(rs []reach.Reason) string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Code)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func TestPathsAndClosure(t *testing.T) {
	m := model(t, shop, upstream(t, true))
	web, db, stray := find(t, m, "web"), find(t, m, "db"), find(t, m, "stray")
	paths := m.Paths([]*cluster.Workload{web}, []*cluster.Workload{db}, nil, 3)
	if len(paths) != 1 || len(paths[0].Hops) != 2 || !paths[0].Certain || paths[0].Hops[0].Dst.Workload.Ref.Name != "app" {
		t.Fatalf("web to db: got %+v, want the certain path over app", paths)
	}
	if p := m.Paths([]*cluster.Workload{web}, []*cluster.Workload{db}, nil, 1); len(p) != 0 {
		t.Errorf("in one hop: got %v, want none", p)
	}
	notApp := func(w *cluster.Workload) bool { return w.Ref.Name != "app" }
	if p := m.Paths([]*cluster.Workload{web}, []*cluster.Workload{db}, notApp, 3); len(p) != 1 || p[0].Certain {
		t.Errorf("around app: got %v, want only the uncertain way over the agent", p)
	}
	// elsewhere may be labelled team=ops: a path, and not a certain one.
	if p := m.Paths([]*cluster.Workload{stray}, []*cluster.Workload{db}, nil, 1); len(p) != 1 || p[0].Certain {
		t.Errorf("stray to db in one hop: got %+v, want one path that is not certain", p)
	}
	// By way of the agent, which may sit on app's node, everything is possible.
	if got := names(m.Closure([]*cluster.Workload{find(t, m, "app")})); got != "agent stray app db web" {
		t.Errorf("closure of app: got %q", got)
	}
}

func TestReasonCodes(t *testing.T) {
	cilium := upstream(t, true)
	cilium.PodsByAddr = enforcer.Unknown
	noEgress := upstream(t, true)
	noEgress.Egress = enforcer.Unknown
	const cnp = shop + "---\napiVersion: crd.antrea.io/v1beta1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {priority: 5}\n"
	antrea := must(enforcer.Named("antrea"))
	for _, tc := range []struct {
		name, yaml, src, dst string
		prof                 enforcer.Profile
		want                 string
	}{
		{"labels of an undeclared namespace", shop, "stray", "db", upstream(t, true), "namespace-labels"},
		{"no engine known", shop, "stray", "app", enforcer.Profile{Name: "unknown"}, "enforcer-unknown"},
		{"egress not known to be enforced", shop, "app", "stray", noEgress, "enforcer-unknown"},
		{"an agent that may share the node", shop, "agent", "app", upstream(t, true), "node-address same-node"},
		{"a pod to an agent on its node, perhaps", shop, "app", "agent", upstream(t, true), "own-node"},
		{"does ipBlock match pods?", shop, "stray", "web", cilium, "enforcer-unknown"},
		{"a kind that is not modelled", cnp, "stray", "app", antrea, "kind-not-modelled"},
		{"a kind that perhaps counts", cnp, "stray", "app", enforcer.Profile{Name: "unknown"}, "enforcer-unknown kind-not-modelled"},
	} {
		m := model(t, tc.yaml, tc.prof)
		src, dst := reach.OfWorkload(find(t, m, tc.src)), reach.OfWorkload(find(t, m, tc.dst))
		if tc.src == "agent" { // without the ipBlock of web, addresses do not matter
			tc.want = "same-node"
		}
		if m.Between(src, dst).Decided() {
			t.Errorf("%s: decided", tc.name)
			continue
		}
		if got := codes(m.Reasons(src, dst)); got != tc.want {
			t.Errorf("%s: got reasons %q, want %q: %v", tc.name, got, tc.want, m.Reasons(src, dst))
		}
		if tr := m.Explain(src, dst, netset.Transport()); codes(tr.Reasons) != tc.want {
			t.Errorf("%s: the trace gives %q", tc.name, codes(tr.Reasons))
		}
	}
}

func TestIsolation(t *testing.T) {
	m := model(t, shop, upstream(t, true))
	for _, tc := range []struct {
		pod       string
		d         policy.Direction
		must, may bool
		policies  int
		reasons   string
	}{
		{"web", policy.Ingress, true, true, 2, ""},
		{"db", policy.Egress, true, true, 1, ""},
		{"stray", policy.Ingress, false, false, 0, ""},
		{"agent", policy.Ingress, false, false, 0, "host-network"},
	} {
		iso := m.Isolation(find(t, m, tc.pod).Pods[0], tc.d)
		if iso.Must != tc.must || iso.May != tc.may || len(iso.Policies) != tc.policies || codes(iso.Reasons) != tc.reasons {
			t.Errorf("%s %s: got must %v may %v, %d policies, reasons %v", tc.pod, tc.d, iso.Must, iso.May, len(iso.Policies), iso.Reasons)
		}
	}
	none := model(t, shop, must(enforcer.Named("none")))
	if iso := none.Isolation(find(t, none, "web").Pods[0], policy.Ingress); iso.May {
		t.Error("isolated although nothing enforces")
	}
	if b := none.Between(reach.OfWorkload(find(t, none, "stray")), reach.OfWorkload(find(t, none, "db"))); !b.Must.IsAll() {
		t.Errorf("nothing enforces: got %v, want everything", b)
	}
}

func TestNodesAndSelf(t *testing.T) {
	m := model(t, shop, upstream(t, true))
	web, app := reach.OfPod(find(t, m, "web").Pods[0]), reach.OfPod(find(t, m, "app").Pods[0])
	own, nodes := reach.Peer{Entity: reach.OwnNode}, reach.Peer{Entity: reach.Nodes}
	if b := m.Between(own, app); !b.Must.IsAll() {
		t.Errorf("own node to app: got %v, want everything", b)
	}
	if b := m.Between(app, own); !b.Must.IsEmpty() || !b.May.IsAll() || codes(m.Reasons(app, own)) != "own-node" {
		t.Errorf("app to its own node: got %v %v, want undecided", b, m.Reasons(app, own))
	}
	if b := m.Between(nodes, app); !b.May.IsEmpty() {
		t.Errorf("other nodes to app: got %v, want nothing", b)
	}
	if b := m.Between(nodes, web); b.Must.String() != "tcp/80" {
		t.Errorf("other nodes to web: got %v, want tcp/80 by the whole range", b)
	}
	if b := m.Between(app, app); b.Decided() || codes(m.Reasons(app, app)) != "loopback" {
		t.Errorf("a pod to itself: got %v %v, want undecided", b, m.Reasons(app, app))
	}
	tr := m.Explain(own, app, netset.Ports(netset.TCP, 22, 22))
	if tr.Must.IsEmpty() || tr.Ingress.Note == "" || tr.Witness == nil {
		t.Errorf("own node to app: trace %+v", tr)
	}
}

// TestOtherProtocols: NetworkPolicy does not say what becomes of ICMP; who asks is told so.
func TestOtherProtocols(t *testing.T) {
	icmp := netset.Of(netset.ICMP)
	m := model(t, shop, upstream(t, true))
	stray, app := reach.OfWorkload(find(t, m, "stray")), reach.OfWorkload(find(t, m, "app"))
	if tr := m.Explain(stray, app, icmp); tr.Decided() || codes(tr.Reasons) != "other-protocols" {
		t.Errorf("icmp upstream: got %v %v, want undecided", tr.Bounds, tr.Reasons)
	}
	calico := model(t, shop, must(enforcer.Named("calico")))
	stray, app = reach.OfWorkload(find(t, calico, "stray")), reach.OfWorkload(find(t, calico, "app"))
	if tr := calico.Explain(stray, app, icmp); !tr.May.IsEmpty() {
		t.Errorf("icmp under Calico: got %v, want denied", tr.Bounds)
	}
	if len(m.Limits()) == 0 || len(calico.Limits()) != 0 {
		t.Error("the limit on other protocols stands in the wrong model")
	}
}

func TestOutsideRanges(t *testing.T) {
	m := model(t, shop, upstream(t, true))
	web := find(t, m, "web")
	in := m.Outside(web, policy.Ingress)
	if len(in) != 1 || in[0].Src.Addrs.String() != "0.0.0.0/0" || in[0].Must.String() != "tcp/80" {
		t.Errorf("into web: got %v, want 0.0.0.0/0 tcp/80", in)
	}
	both := reach.OfAddrs(netset.AddrsOf(netip.MustParsePrefix("8.8.8.8/32"), netip.MustParsePrefix("2001:db8::/32")))
	b := m.Between(both, reach.OfWorkload(web))
	if !b.Must.IsEmpty() || b.May.String() != "tcp/80" || codes(m.Reasons(both, reach.OfWorkload(web))) != "addresses-differ" {
		t.Errorf("mixed addresses: got %v, want open for some", b)
	}
	w := m.Witness(in[0].Src, in[0].Dst, in[0].Must)
	if got := w.String(); got != "203.0.113.10 -> Pod shop/web (10.0.0.1) tcp/80" {
		t.Errorf("witness: got %q", got)
	}
}

func TestMatching(t *testing.T) {
	m := model(t, shop, upstream(t, true))
	for i := range m.Policies().Policies {
		p := &m.Policies().Policies[i]
		certain, possible := m.SubjectPods(p)
		want := 1
		if p.Ref.Name == "deny" {
			want = 3
		}
		if len(certain) != want || len(possible) != want {
			t.Errorf("%s selects %d/%d pods, want %d", p.Ref, len(certain), len(possible), want)
		}
		if p.Ref.Name != "db" {
			continue
		}
		ops := &p.Rules[1].Peers[0]
		if certain, possible := m.PeerPods(ops); len(certain) != 0 || len(possible) != 1 || possible[0].Name != "stray" {
			t.Errorf("team=ops matches %v/%v, want perhaps stray", certain, possible)
		}
	}
	for _, q := range []policy.Peer{{Kind: policy.AnyPeer}, {Kind: policy.DoubtPeer}, {Kind: policy.AddrPeer, Addrs: netset.AddrsOf(netip.MustParsePrefix("10.0.0.0/24"))}} {
		certain, possible := m.PeerPods(&q)
		switch q.Kind {
		case policy.AnyPeer:
			if len(certain) != 4 {
				t.Errorf("any: %d pods, want 4", len(certain))
			}
		case policy.DoubtPeer:
			if len(certain) != 0 || len(possible) != 5 {
				t.Errorf("doubt: %d/%d", len(certain), len(possible))
			}
		case policy.NodePeer:
		case policy.AddrPeer: // web's address is known, the others' are not
			if len(certain) != 1 || len(possible) != 4 {
				t.Errorf("10.0.0.0/24: %d/%d pods, want 1 certain of 4 possible", len(certain), len(possible))
			}
		case policy.PodPeer:
		}
	}
}
