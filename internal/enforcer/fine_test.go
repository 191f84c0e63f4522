package enforcer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const yes, no, unknown = enforcer.Yes, enforcer.No, enforcer.Unknown

var (
	anp  = object.GroupKind{Group: "policy.networking.k8s.io", Kind: "AdminNetworkPolicy"}
	banp = object.GroupKind{Group: "policy.networking.k8s.io", Kind: "BaselineAdminNetworkPolicy"}
	kcnp = object.GroupKind{Group: "policy.networking.k8s.io", Kind: "ClusterNetworkPolicy"}
)

func configMap(name, data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: kube-system}\ndata:\n" + data
}

// Which of the admin kinds count hangs on release, image, gate or switch.
func TestDetectAdminKinds(t *testing.T) {
	node := func(tag string) string { return ds("calico-node", "{name: c, image: 'calico/node:"+tag+"'}") }
	knp := func(tag string) string {
		return ds("kube-network-policies", "{name: c, image: 'registry.k8s.io/networking/kube-network-policies:"+tag+"'}")
	}
	agentOf := func(tag string) string {
		return ds("cilium", "{name: cilium-agent, image: 'quay.io/cilium/cilium:"+tag+"'}")
	}
	const cnpOn, cnpOff = "enable-k8s-cluster-network-policy: 'true'", "enable-k8s-cluster-network-policy: 'false'"
	antrea := ds("antrea-agent", "{name: a}")
	ovn := ds("ovnkube-node", "{name: a}")
	priority := func(n string) string {
		return "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: p" + n + "}\nspec: {priority: " + n + "}"
	}
	for _, tt := range []struct {
		name            string
		docs            []string
		anp, banp, kcnp enforcer.Answer
	}{
		{"calico before tiers", []string{node("v3.28.5")}, no, no, no},
		{"calico, the first with AdminNetworkPolicy", []string{node("v3.29.0")}, yes, unknown, no},
		{"calico, the last", []string{node("v3.31.7")}, yes, unknown, no},
		{"calico, the first with ClusterNetworkPolicy", []string{node("v3.32.0-0.dev")}, no, no, yes},
		{"calico by digest", []string{ds("calico-node", "{name: c, image: 'calico/node@sha256:00'}")}, unknown, unknown, unknown},
		{"calico, an upgrade under way", []string{
			daemonPod("calico-node-a", "calico-node", "{name: c, image: 'calico/node:v3.31.0'}"),
			daemonPod("calico-node-b", "calico-node", "{name: c, image: 'calico/node:v3.32.0'}"),
		}, unknown, unknown, unknown},
		{"the operator's word alone", []string{"apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}"}, unknown, unknown, unknown},

		{"cilium before 1.20", []string{agentOf("v1.19.4"), config(cnpOn)}, no, no, no},
		{"cilium on", []string{agentOf("v1.20.0"), config(cnpOn)}, no, no, yes},
		{"cilium off", []string{agentOf("v1.20.0"), config(cnpOff)}, no, no, no},
		{"cilium, not said", []string{agentOf("v1.20.0"), config("")}, no, no, unknown},
		{"cilium, release not known", []string{agentOf("latest"), config(cnpOn)}, no, no, unknown},
		{"cilium, release not known, off", []string{agentOf("latest"), config(cnpOff)}, no, no, no},
		{"cilium, on some nodes", []string{agentOf("v1.20.0"), config(""), nodeConfig + cnpOn + "}}"}, no, no, unknown},

		{"kube-network-policies", []string{knp("v1.1.0")}, unknown, unknown, unknown},
		{"kube-network-policies, the old API", []string{knp("v1.1.0-npa-v1alpha1")}, yes, yes, no},
		{"kube-network-policies, the new API", []string{knp("v1.1.0-npa-v1alpha2@sha256:00")}, no, no, yes},
		{"kindnet", []string{ds("kindnet", "{name: k, image: 'kindest/kindnetd:v20250512-df8de77b'}")}, unknown, unknown, unknown},

		{"antrea, gate not set", []string{antrea, configMap("antrea-config", "  antrea-controller.conf: |\n    featureGates:\n    #  AdminNetworkPolicy: true\n")}, unknown, unknown, unknown},
		{"antrea, gate on", []string{antrea, configMap("antrea-config", "  antrea-controller.conf: |\n    featureGates:\n      AdminNetworkPolicy: true # alpha\n")}, yes, yes, unknown},
		{"antrea, gate off", []string{antrea, configMap("antrea-config", "  antrea-controller.conf: |\n    featureGates:\n      AdminNetworkPolicy: false\n")}, no, no, unknown},
		{"antrea, its own policies off", []string{antrea, configMap("antrea-config", "  antrea-controller.conf: |\n    featureGates:\n      AntreaPolicy: false\n")}, no, no, unknown},
		{"antrea elsewhere", []string{antrea, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: antrea-config, namespace: other}\ndata: {antrea-controller.conf: 'AdminNetworkPolicy: true'}"}, unknown, unknown, unknown},

		{"ovn-kubernetes, not said", []string{ovn, configMap("ovnkube-config", "  ovnkube.conf: '[default]'")}, unknown, unknown, unknown},
		{"ovn-kubernetes on", []string{ovn, configMap("ovnkube-config", "  ovnkube.conf: |\n    [ovnkubernetesfeature]\n    enable-admin-network-policy=true\n"), priority("99")}, yes, yes, unknown},
		{"ovn-kubernetes off", []string{ovn, configMap("ovnkube-config", "  ovnkube.conf: |\n    enable-admin-network-policy=false\n"), priority("100")}, no, no, unknown},
		{"ovn-kubernetes, a priority it does not read", []string{ovn, configMap("ovnkube-config", "  ovnkube.conf: |\n    enable-admin-network-policy=true\n"), priority("5"), priority("100")}, unknown, yes, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := detect(t, tt.docs...)
			got := []enforcer.Answer{p.Honours(anp), p.Honours(banp), p.Honours(kcnp)}
			if d := cmp.Diff([]enforcer.Answer{tt.anp, tt.banp, tt.kcnp}, got); d != "" {
				t.Errorf("%v (-want +got):\n%s", p.Because, d)
			}
		})
	}
}

// An engine can be told to leave out kinds of its own.
func TestDetectOwnKinds(t *testing.T) {
	cnp := object.GroupKind{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}
	ccnp := object.GroupKind{Group: "cilium.io", Kind: "CiliumClusterwideNetworkPolicy"}
	acnp := object.GroupKind{Group: "crd.antrea.io", Kind: "ClusterNetworkPolicy"}
	for _, tt := range []struct {
		name string
		docs []string
		kind object.GroupKind
		want enforcer.Answer
	}{
		{"not said", []string{ds("cilium", agent), config("")}, cnp, yes},
		{"on", []string{ds("cilium", agent), config("enable-cilium-network-policy: 'true'")}, cnp, yes},
		{"off", []string{ds("cilium", agent), config("enable-cilium-network-policy: 'false'")}, cnp, no},
		{"the other is not", []string{ds("cilium", agent), config("enable-cilium-network-policy: 'false'")}, ccnp, yes},
		{"the other", []string{ds("cilium", agent), config("enable-cilium-clusterwide-network-policy: 'false'")}, ccnp, no},
		{"not understood", []string{ds("cilium", agent), config("enable-cilium-network-policy: maybe")}, cnp, unknown},
		{"on some nodes", []string{ds("cilium", agent), config(""), nodeConfig + "enable-cilium-network-policy: 'false'}}"}, cnp, unknown},
		{"the command line says otherwise", []string{ds("cilium", "{name: cilium-agent, image: 'cilium:v1.19.0', args: [--enable-cilium-network-policy=false]}"), config("enable-cilium-network-policy: 'true'")}, cnp, unknown},
		{"antrea", []string{ds("antrea-agent", "{name: a}")}, acnp, yes},
		{"antrea off", []string{ds("antrea-agent", "{name: a}"), configMap("antrea-config-x", "  antrea-agent.conf: |\n    featureGates:\n      AntreaPolicy: false\n")}, acnp, no},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := detect(t, tt.docs...)
			if got := p.Honours(tt.kind); got != tt.want || p.Enforces != yes {
				t.Errorf("got %v, enforces %v; want %v, yes\n%v", got, p.Enforces, tt.want, p.Because)
			}
		})
	}
}

// The fine points that hang on releases and settings.
func TestDetectSettings(t *testing.T) {
	image := func(tag string) string { return ds("cilium", "{name: cilium-agent, image: 'cilium:"+tag+"'}") }
	felix := func(group, name, action string) string {
		return "apiVersion: " + group + "\nkind: FelixConfiguration\nmetadata: {name: " + name + "}\nspec: {defaultEndpointToHostAction: " + action + "}"
	}
	env := func(v string) string {
		return ds("calico-node", "{name: calico-node, image: 'calico/node:v3.30.0', env: [{name: OTHER, value: x}, {name: FELIX_DEFAULTENDPOINTTOHOSTACTION, value: "+v+"}]}")
	}
	baseline := func(p enforcer.Profile) enforcer.Answer { return p.BaselineOverIsolation }
	nodes := func(p enforcer.Profile) enforcer.Answer { return p.NodePeers }
	local := func(p enforcer.Profile) enforcer.Answer { return p.FromOwnNode }
	drops := func(p enforcer.Profile) enforcer.Answer { return p.DropsToOwnNode }
	for _, tt := range []struct {
		name string
		docs []string
		of   func(enforcer.Profile) enforcer.Answer
		want enforcer.Answer
	}{
		{"baseline, the release that was run", []string{image("v1.20.2"), config("")}, baseline, yes},
		{"baseline, another", []string{image("v1.20.3"), config("")}, baseline, unknown},
		{"baseline, by digest", []string{ds("cilium", "{name: cilium-agent, image: 'cilium@sha256:00'}"), config("")}, baseline, unknown},
		{"baseline, calico", []string{ds("calico-node", calico)}, baseline, no},
		{"node peers on", []string{image("v1.20.2"), config("enable-node-selector-labels: 'true'")}, nodes, yes},
		{"node peers off", []string{image("v1.20.2"), config("enable-node-selector-labels: 'false'")}, nodes, unknown},
		{"local host", []string{image("v1.20.2"), config("allow-localhost: auto")}, local, yes},
		{"local host by policy", []string{image("v1.20.2"), config("allow-localhost: policy")}, local, no},
		{"local host, no such word", []string{image("v1.20.2"), config("allow-localhost: never")}, local, unknown},
		{"local host by policy on some nodes", []string{image("v1.20.2"), config(""), nodeConfig + "allow-localhost: policy}}"}, local, unknown},
		{"to the host, not said", []string{ds("calico-node", calico)}, drops, unknown},
		{"to the host, accepted", []string{env("ACCEPT")}, drops, no},
		{"to the host, dropped", []string{env("DROP"), felix("projectcalico.org/v3", "default", "Accept")}, drops, yes},
		{"to the host, left to the node", []string{env("RETURN")}, drops, unknown},
		{"to the host, by configuration", []string{ds("calico-node", calico), felix("projectcalico.org/v3", "default", "Drop")}, drops, yes},
		{"to the host, by its copy", []string{ds("calico-node", calico), felix("crd.projectcalico.org/v1", "default", "Accept")}, drops, no},
		{"to the host, both and different", []string{ds("calico-node", calico), felix("crd.projectcalico.org/v1", "default", "Accept"), felix("projectcalico.org/v3", "default", "Drop")}, drops, unknown},
		{"to the host, on one node", []string{ds("calico-node", calico), felix("projectcalico.org/v3", "node.a", "Accept")}, drops, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := detect(t, tt.docs...)
			if got := tt.of(p); got != tt.want {
				t.Errorf("got %v, want %v\n%v", got, tt.want, p.Because)
			}
		})
	}
}

// EKS has policies in two ways, and a switch of the control plane for both.
func TestDetectEKS(t *testing.T) {
	controller := func(v string) string {
		return configMap("amazon-vpc-cni", "  enable-network-policy-controller: '"+v+"'")
	}
	auto := node("a", "labels: {eks.amazonaws.com/compute-type: auto}")
	class := func(name, policy string) string {
		return "apiVersion: eks.amazonaws.com/v1\nkind: NodeClass\nmetadata: {name: " + name + "}\nspec: {" + policy + "}"
	}
	for _, tt := range []struct {
		name     string
		docs     []string
		enforces enforcer.Answer
	}{
		{"agent and controller", []string{eks("--enable-network-policy=true"), controller("true")}, yes},
		{"agent without controller", []string{eks("--enable-network-policy=true"), controller("false")}, unknown},
		{"auto mode", []string{auto, controller("true"), class("a", "networkPolicy: DefaultAllow")}, yes},
		{"auto mode, one class without", []string{auto, controller("true"), class("a", "networkPolicy: DefaultDeny"), class("b", "")}, unknown},
		{"auto mode, classes not in the input", []string{auto, controller("true")}, unknown},
		{"auto mode, switch not in the input", []string{auto, class("a", "networkPolicy: DefaultAllow")}, unknown},
		{"auto mode, switched off", []string{auto, controller("false"), class("a", "networkPolicy: DefaultAllow")}, no},
		{"auto mode, not understood", []string{auto, controller("on"), class("a", "networkPolicy: DefaultAllow")}, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := detect(t, tt.docs...)
			if p.Name != "aws" || p.Enforces != tt.enforces {
				t.Errorf("got %s, enforces %v; want aws, %v\n%v", p.Name, p.Enforces, tt.enforces, p.Because)
			}
		})
	}
}

// Agents of most engines run on Linux only, and Azure's knows no IPv6.
func TestDetectUncovered(t *testing.T) {
	windows := node("w", "labels: {a: b}") + "\nstatus: {nodeInfo: {operatingSystem: windows}}"
	npm := ds("azure-npm", "{name: a}")
	pod := func(ip string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: {containers: [{name: c}]}\nstatus: {podIP: '" + ip + "', podIPs: [{ip: '" + ip + "'}]}"
	}
	for _, tt := range []struct {
		name string
		docs []string
		want enforcer.Answer
	}{
		{"calico on Windows", []string{ds("calico-node", calico), windows}, yes},
		{"antrea on Windows", []string{ds("antrea-agent", "{name: a}"), windows}, yes},
		{"cilium on Windows", []string{ds("cilium", agent), config(""), windows}, unknown},
		{"azure on Windows", []string{npm, windows}, unknown},
		{"azure with IPv4", []string{npm, pod("10.0.0.1")}, yes},
		{"azure with IPv6", []string{npm, pod("fd00::1")}, unknown},
		{"calico with IPv6", []string{ds("calico-node", calico), pod("fd00::1")}, yes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p := detect(t, tt.docs...); p.Enforces != tt.want {
				t.Errorf("got %v, want %v\n%v", p.Enforces, tt.want, p.Because)
			}
		})
	}
}

// Signs of Istio's control plane.
func TestMesh(t *testing.T) {
	deployment := func(container string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: ns}\nspec: {template: {spec: {" + container + "}}}"
	}
	for _, tt := range []struct {
		name, doc string
		want      enforcer.Answer
	}{
		{"nothing", deployment("containers: [{name: c, image: nginx}]"), unknown},
		{"istiod", deployment("containers: [{name: discovery, image: 'docker.io/istio/pilot:1.31.1'}]"), yes},
		{"a sidecar", deployment("containers: [{name: c, image: nginx}, {name: istio-proxy, image: 'gcr.io/istio-release/proxyv2:1.31.1-distroless'}]"), yes},
		{"a native sidecar", deployment("initContainers: [{name: istio-proxy, image: 'istio/proxyv2:1.31.1', restartPolicy: Always}], containers: [{name: c, image: nginx}]"), yes},
		{"ztunnel", ds("ztunnel", "{name: istio-proxy, image: 'istio/ztunnel:1.31.1'}"), yes},
		{"its webhook", "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: istio-sidecar-injector}\nwebhooks: [{name: namespace.sidecar-injector.istio.io}]", yes},
		{"another webhook", "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: istio-sidecar-injector}\nwebhooks: [{name: a.example.com}]", unknown},
		{"the operator's object", "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: i, namespace: istio-system}", yes},
		{"Sail", "apiVersion: sailoperator.io/v1\nkind: Istio\nmetadata: {name: default}", yes},
		{"a rule is no control plane", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: ns}", unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := cluster.New(parse(t, tt.doc), cluster.Options{})
			if got := enforcer.MeshOf(c); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if p := enforcer.Detect(c); p.Mesh != tt.want {
				t.Errorf("Detect: got %v, want %v", p.Mesh, tt.want)
			}
		})
	}
}

// TestClosedBy finds the settings that close pods without policies.
func TestClosedBy(t *testing.T) {
	cilium := ds("cilium", "{name: cilium-agent, image: 'quay.io/cilium/cilium:v1.20.2'}")
	aws := func(mode string) string {
		return ds("aws-node", "{name: aws-node, image: amazon-k8s-cni, env: [{name: NETWORK_POLICY_ENFORCING_MODE, value: "+mode+"}]}")
	}
	class := func(mode string) []string {
		return []string{
			node("n1", "labels: {eks.amazonaws.com/compute-type: auto}"),
			"apiVersion: eks.amazonaws.com/v1\nkind: NodeClass\nmetadata: {name: default}\nspec: {networkPolicy: " + mode + "}",
		}
	}
	for _, test := range []struct {
		docs []string
		want int
	}{
		{[]string{cilium, config("enable-policy: always")}, 1},
		{[]string{cilium, config("enable-policy: default")}, 0},
		{[]string{aws("strict")}, 1},
		{[]string{aws("standard")}, 0},
		{class("DefaultDeny"), 1},
		{class("DefaultAllow"), 0},
	} {
		if p := detect(t, test.docs...); len(p.ClosedBy) != test.want {
			t.Errorf("%q: closed by %v, want %d", test.docs, p.ClosedBy, test.want)
		}
	}
}
