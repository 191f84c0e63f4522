package object_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// parse reads one document.
func parse(t *testing.T, text string) *object.Object {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	if len(objects) != 1 || len(problems) > 0 {
		t.Fatalf("%d objects, problems %v", len(objects), problems)
	}
	return objects[0]
}

const goodPolicy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
  namespace: shop
  labels: {a: b}
  creationTimestamp: "2024-05-01T10:00:00Z"
spec:
  podSelector:
    matchLabels: {app: db}
    matchExpressions:
    - {key: tier, operator: In, values: [a, b]}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - namespaceSelector: {}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
    ports:
    - {protocol: TCP, port: 5432}
    - {protocol: UDP, port: dns}
    - {port: 8000, endPort: 8010}
  egress:
  - {}
`

// Decode agrees with the API machinery's own reader on what is well formed.
func TestDecodeAgrees(t *testing.T) {
	var got, want networkingv1.NetworkPolicy
	if unknown := object.Decode(parse(t, goodPolicy).Root, &got); unknown != nil {
		t.Errorf("not understood: %v", unknown)
	}
	if err := yaml.UnmarshalStrict([]byte(goodPolicy), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	// It is not called Pod, because load leaves out of Pods what nobody reads.
	const pod = `apiVersion: v1
kind: Example
metadata: {name: p, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}]}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 30
  nodeSelector: {a: b}
  containers:
  - name: c
    image: i
    ports: [{containerPort: 80, protocol: TCP, name: http}]
    resources: {limits: {cpu: "2", memory: 1Gi}}
    livenessProbe: {httpGet: {path: /, port: http}}
    securityContext: {capabilities: {drop: [ALL]}, privileged: false}
status: {podIPs: [{ip: 10.0.0.1}]}
`
	var p, q corev1.Pod
	if unknown := object.Decode(parse(t, pod).Root, &p); unknown != nil {
		t.Errorf("not understood: %v", unknown)
	}
	if err := yaml.UnmarshalStrict([]byte(pod), &q); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(q, p); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// All that does not fit is told, with its path and line; the rest is read.
func TestDecodeStrict(t *testing.T) {
	const text = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelectr: {}
  podSelector: [app]
  PolicyTypes: [Ingress]
  policyTypes: Ingress
  ingress:
  - from:
    - podSelector: {matchLabels: [a]}
    - podSelector: {matchLabels: {app: 5}}
    - ipBlock: {cidr: 10}
    - ipBlock: 10.0.0.0/8
    ports:
    - {port: 80, endPort: "90"}
    - {port: {a: b}}
    - {port: 80, endPort: 4294967296}
    - {port: 1.5}
    - null
    form: []
  egress: null
status: {}
`
	var got networkingv1.NetworkPolicy
	unknown := object.Decode(parse(t, text).Root, &got)
	want := []object.Unknown{
		{Path: "spec.podSelectr", Line: 5, Msg: "unknown field"},
		{Path: "spec.podSelector", Line: 6, Msg: "want a map, got a list"},
		{Path: "spec.PolicyTypes", Line: 7, Msg: "unknown field"},
		{Path: "spec.policyTypes", Line: 8, Msg: "want a list, got a string"},
		{Path: "spec.ingress[0].from[0].podSelector.matchLabels", Line: 11, Msg: "want a map, got a list"},
		{Path: "spec.ingress[0].from[1].podSelector.matchLabels.app", Line: 12, Msg: "want a string, got a number"},
		{Path: "spec.ingress[0].from[2].ipBlock.cidr", Line: 13, Msg: "want a string, got a number"},
		{Path: "spec.ingress[0].from[3].ipBlock", Line: 14, Msg: "want a map, got a string"},
		{Path: "spec.ingress[0].ports[0].endPort", Line: 16, Msg: "want a number, got a string"},
		{Path: "spec.ingress[0].ports[1].port", Line: 17, Msg: ""},
		{Path: "spec.ingress[0].ports[2].endPort", Line: 18, Msg: "want a number of type int32, got 4294967296"},
		{Path: "spec.ingress[0].ports[3].port", Line: 19, Msg: ""},
		{Path: "spec.ingress[0].form", Line: 21, Msg: "unknown field"},
		{Path: "status", Line: 23, Msg: "unknown field"},
	}
	for i := range unknown { // the words of another module's reader are its own
		if p := unknown[i].Path; p == "spec.ingress[0].ports[1].port" || p == "spec.ingress[0].ports[3].port" {
			if unknown[i].Msg == "" {
				t.Errorf("%s: no reason", p)
			}
			unknown[i].Msg = ""
		}
	}
	if d := cmp.Diff(want, unknown); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got.Name != "db" || len(got.Spec.Ingress) != 1 || len(got.Spec.Ingress[0].Ports) != 5 {
		t.Errorf("what fits was not read: %+v", got)
	}
}

type inner struct {
	Deep string `json:"deep"`
}

type shapes struct {
	inner    `json:",inline"`
	On       bool           `json:"on"`
	Share    float64        `json:"share"`
	Any      any            `json:"any"`
	Addr     netip.Addr     `json:"addr"`
	Maybe    *int           `json:"maybe"`
	Limits   map[string]int `json:"limits"`
	Raw      rawText        `json:"raw"`
	Tiny     uint8          `json:"tiny"`
	Hidden   string         `json:"-"`
	Untagged string
}

type rawText string

func (r *rawText) UnmarshalJSON(b []byte) error { *r = rawText(b); return nil }

func TestDecodeShapes(t *testing.T) {
	const text = `apiVersion: v1
kind: X
metadata: {name: x}
spec:
  deep: d
  "on": true
  share: 0.5
  any: {a: [1, "2", null]}
  addr: 10.0.0.1
  maybe: 7
  limits: {a: 1, b: null}
  raw: {b: 1, a: [x]}
`
	var got shapes
	if unknown := object.Decode(parse(t, text).Root.Get("spec"), &got); unknown != nil {
		t.Errorf("not understood: %v", unknown)
	}
	seven := 7
	want := shapes{
		inner: inner{Deep: "d"}, On: true, Share: 0.5, Any: map[string]any{"a": []any{1.0, "2", nil}},
		Addr: netip.MustParseAddr("10.0.0.1"), Maybe: &seven, Limits: map[string]int{"a": 1, "b": 0}, Raw: `{"a":["x"],"b":1}`,
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(shapes{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDecodeShapesStrict(t *testing.T) {
	const text = `apiVersion: v1
kind: X
metadata: {name: x}
spec:
  "on": "true"
  share: half
  addr: [10.0.0.1]
  limits: {a: one}
  tiny: 1
  "-": x
  Hidden: x
  Untagged: x
`
	var got shapes
	unknown := object.Decode(parse(t, text).Root.Get("spec"), &got)
	want := []object.Unknown{
		{Path: "on", Line: 5, Msg: "want true or false, got a string"},
		{Path: "share", Line: 6, Msg: "want a number, got a string"},
		{Path: "addr", Line: 7, Msg: "want a string, got a list"},
		{Path: "limits.a", Line: 8, Msg: "want a number, got a string"},
		{Path: "tiny", Line: 9, Msg: "no way to read a uint8"},
		{Path: "-", Line: 10, Msg: "unknown field"},
		{Path: "Hidden", Line: 11, Msg: "unknown field"},
		{Path: "Untagged", Line: 12, Msg: "unknown field"},
	}
	if d := cmp.Diff(want, unknown); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	addr := &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: "addr", Value: &object.Value{Kind: object.String, Text: "ten", Line: 2}}}}
	if unknown = object.Decode(addr, &got); len(unknown) != 1 || unknown[0].Line != 2 {
		t.Errorf("got %v, want one complaint of line 2", unknown)
	}
	if unknown = object.Decode(nil, &got); unknown != nil {
		t.Errorf("what is not there fits: %v", unknown)
	}
}

// FuzzDecode: canonical JSON is valid, stands for itself, and what Decode understands in full the strict
// reader of the API machinery understands the same way.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(goodPolicy))
	f.Add([]byte("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, annotations: {b: null}}\nspec: {ingress: [{ports: [{port: 1e2}]}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, _, _ := load.Parse(data, "in.yaml", load.Limits{FileBytes: 1 << 16})
		for _, o := range objects {
			text := o.Root.AppendJSON(nil)
			if !json.Valid(text) {
				t.Fatalf("not JSON: %s", text)
			}
			var got, want networkingv1.NetworkPolicy
			if len(object.Decode(o.Root, &got)) > 0 {
				continue
			}
			if err := yaml.UnmarshalStrict(text, &want); err != nil {
				t.Fatalf("Decode understood what the strict reader does not: %v\n%s", err, text)
			}
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if string(a) != string(b) {
				t.Fatalf("Decode: %s\nstrict reader: %s", a, b)
			}
		}
	})
}
