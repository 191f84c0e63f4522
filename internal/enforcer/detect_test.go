package enforcer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// detect runs Detect on documents.
func detect(t *testing.T, docs ...string) enforcer.Profile {
	t.Helper()
	objects := parse(t, docs...)
	c, problems := cluster.New(objects, cluster.Options{})
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	p := enforcer.Detect(c)
	slices.Reverse(objects)
	c, _ = cluster.New(objects, cluster.Options{})
	if d := cmp.Diff(p, enforcer.Detect(c)); d != "" {
		t.Errorf("another order of the input changes the profile (-first +reversed):\n%s", d)
	}
	return p
}

func parse(t *testing.T, docs ...string) []*object.Object {
	t.Helper()
	objects, problems, skipped := load.Parse([]byte(strings.Join(docs, "\n---\n")), "in.yaml", load.Limits{})
	if len(problems) > 0 || len(skipped) > 0 || len(objects) != len(docs) {
		t.Fatalf("the input was not read: %d objects, problems %v, skipped %v", len(objects), problems, skipped)
	}
	return objects
}

// ds is a DaemonSet of kube-system with one container each.
func ds(name string, containers ...string) string {
	return `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ` + name + `, namespace: kube-system}
spec:
  template:
    spec:
      containers: [` + strings.Join(containers, ", ") + "]"
}

func with(doc, more string) string { return doc + "\n" + more }

func config(data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\ndata: {" + data + "}"
}

func node(name, meta string) string {
	return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + ", " + meta + "}"
}

func k3s(name, args string) string { return node(name, "annotations: {k3s.io/node-args: '"+args+"'}") }

func daemonPod(name, owner, container string) string {
	return `apiVersion: v1
kind: Pod
metadata:
  name: ` + name + `
  namespace: kube-system
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: ` + owner + `, controller: true}]
spec: {containers: [` + container + "]}"
}

const (
	agent      = "{name: cilium-agent, image: 'quay.io/cilium/cilium:v1.17.0@sha256:00'}"
	calico     = "{name: calico-node, image: 'docker.io/calico/node:v3.29.0'}"
	flannel    = "{name: kube-flannel, image: 'ghcr.io/flannel-io/flannel:v0.26.0'}"
	vpc        = "{name: aws-node, image: 'amazon-k8s-cni:v1'}"
	nodeConfig = "apiVersion: cilium.io/v2\nkind: CiliumNodeConfig\nmetadata: {name: some, namespace: kube-system}\nspec: {defaults: {"
)

func eks(args string) string {
	return ds("aws-node", vpc, "{name: aws-eks-nodeagent, image: x, args: ["+args+"]}")
}

func TestDetect(t *testing.T) {
	const yes, no, unknown = enforcer.Yes, enforcer.No, enforcer.Unknown
	tests := []struct {
		name     string
		docs     []string
		engine   string
		enforces enforcer.Answer
		because  string // part of some evidence
	}{
		{"nothing", []string{ds("node-exporter", "{name: a, image: node-exporter}")}, "unknown", unknown, ""},
		{"an application's image called node", []string{ds("web", "{name: a, image: 'library/node:22'}")}, "unknown", unknown, ""},

		{"cilium", []string{ds("cilium", agent), config("enable-policy: default")}, "cilium", yes, "it enforces policies"},
		{"cilium without its ConfigMap", []string{ds("cilium", agent)}, "cilium", unknown, "cilium-config is not in the input"},
		{"cilium, settings of another installation", []string{ds("cilium", agent), strings.Replace(config(""), "kube-system", "other", 1)}, "cilium", unknown, "cilium-config is not in the input"},
		{"cilium by image", []string{ds("agent", agent), config("")}, "cilium", yes, "cilium"},
		{"cilium by command", []string{ds("agent", "{name: a, image: 'rancher/mirrored-cilium-cilium:v1', command: [cilium-agent]}"), config("")}, "cilium", yes, "cilium"},
		{"cilium's check before an upgrade", []string{ds("cilium-pre-flight-check", "{name: cilium-pre-flight-check, image: 'quay.io/cilium/cilium:v1'}"), config("")}, "unknown", unknown, ""},
		{"cilium always", []string{ds("cilium", agent), config("enable-policy: always, policy-audit-mode: 'false'")}, "cilium", yes, ""},
		{"cilium never", []string{ds("cilium", agent), config("enable-policy: never")}, "cilium", no, `enable-policy is "never"`},
		{"cilium in audit mode", []string{ds("cilium", agent), config("policy-audit-mode: 'true'")}, "cilium", no, `policy-audit-mode is "true"`},
		{"cilium, no such policy mode", []string{ds("cilium", agent), config("enable-policy: sometimes")}, "cilium", unknown, `enable-policy is "sometimes"`},
		{"cilium, no such audit mode", []string{ds("cilium", agent), config("policy-audit-mode: maybe")}, "cilium", unknown, `policy-audit-mode is "maybe"`},
		{"cilium ignores NetworkPolicy", []string{ds("cilium", agent), config("enable-k8s-networkpolicy: 'false'")}, "cilium", unknown, `enable-k8s-networkpolicy is "false"`},
		{"cilium honours NetworkPolicy", []string{ds("cilium", agent), config("enable-k8s-networkpolicy: 'true'")}, "cilium", yes, ""},
		{"cilium never after a doubt", []string{ds("cilium", agent), config("enable-policy: never, enable-k8s-networkpolicy: 'false'")}, "cilium", no, ""},
		{"cilium, never on the command line", []string{ds("cilium", "{name: cilium-agent, image: i, args: [--enable-policy, never]}"), config("enable-policy: default")}, "cilium", no, `enable-policy is "never"`},
		{"cilium, never on some nodes", []string{ds("cilium", agent), config(""), nodeConfig + "enable-policy: never}}"}, "cilium", unknown, `enable-policy is "never"`},
		{"gke", []string{ds("anetd", agent)}, "gke", yes, "agent of gke"},
		{"gke never", []string{ds("anetd", agent), config("enable-policy: never")}, "gke", no, ""},

		{"calico", []string{ds("calico-node", calico)}, "calico", yes, "agent of calico"},
		{"canal", []string{ds("canal", calico, flannel)}, "calico", yes, ""},
		{"canal under another name", []string{ds("net", flannel, calico)}, "calico", yes, ""},
		{"calico of rke2", []string{ds("net", "{name: calico-node, image: 'rancher/hardened-calico:v3'}")}, "calico", yes, ""},
		{"calico from a mirror", []string{ds("net", "{name: c, image: 'rancher/mirrored-calico-node:v3'}")}, "calico", yes, ""},
		{"the rest of calico", []string{ds("net", "{name: install, image: 'rancher/hardened-calico:v3'}")}, "unknown", unknown, ""},
		{"tigera", []string{"apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}"}, "calico", yes, "Tigera operator"},
		{"calico on no node", []string{with(ds("calico-node", calico), "status: {desiredNumberScheduled: 0, numberReady: 0}")}, "calico", no, "on no node"},
		{"calico not ready", []string{with(ds("calico-node", calico), "status: {desiredNumberScheduled: 3, numberReady: 0}")}, "calico", unknown, "none of its pods is ready"},
		{"calico ready", []string{with(ds("calico-node", calico), "status: {desiredNumberScheduled: 3, numberReady: 3}")}, "calico", yes, ""},
		{"tigera, but no agent runs", []string{"apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}", with(ds("calico-node", calico), "status: {desiredNumberScheduled: 0}")}, "calico", unknown, ""},
		{"calico's pods alone", []string{daemonPod("calico-node-x", "calico-node", calico)}, "calico", yes, ""},

		{"aws on", []string{eks("--enable-network-policy=true")}, "aws", yes, "--enable-network-policy=true"},
		{"aws off", []string{eks("--enable-network-policy=false")}, "aws", no, "enforces no policy"},
		{"aws without the argument", []string{eks("")}, "aws", no, "enforces no policy"},
		{"aws without the agent", []string{ds("aws-node", vpc)}, "aws", no, "enforces no policy"},
		{"aws, the argument elsewhere", []string{ds("aws-node", "{name: aws-node, image: i, args: [--enable-network-policy=true]}")}, "aws", no, ""},
		{"aws, ConfigMap alone", []string{ds("aws-node", vpc), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: amazon-vpc-cni, namespace: kube-system}\ndata: {enable-network-policy-controller: 'true'}"}, "aws", no, ""},
		{"aws, agent by image", []string{ds("aws-node", "{name: a, image: 'x/amazon/aws-network-policy-agent:v1', args: [--enable-network-policy=true]}")}, "aws", yes, ""},
		{"aws, a variable", []string{eks("--enable-network-policy=$(ON)")}, "aws", unknown, "$(ON) is not understood"},
		{"aws, pods differ", []string{
			daemonPod("aws-node-a", "aws-node", "{name: aws-eks-nodeagent, args: [--enable-network-policy=true]}"),
			daemonPod("aws-node-b", "aws-node", "{name: aws-eks-nodeagent, args: [--enable-network-policy=false]}"),
		}, "aws", unknown, "its pods differ"},
		{"aws with Fargate", []string{eks("--enable-network-policy=true"), node("f", "labels: {eks.amazonaws.com/compute-type: fargate}")}, "aws", unknown, "a Fargate node"},
		{"aws with Windows", []string{eks("--enable-network-policy=true"), node("w", "labels: {a: b}") + "\nstatus: {nodeInfo: {operatingSystem: windows}}"}, "aws", unknown, "a Windows node"},
		{"aws with Linux", []string{eks("--enable-network-policy=true"), node("l", "labels: {a: b}") + "\nstatus: {nodeInfo: {operatingSystem: linux}}"}, "aws", yes, ""},
		{"calico with a virtual node", []string{ds("calico-node", calico), node("v", "labels: {type: virtual-kubelet}")}, "calico", unknown, "a virtual node"},

		{"azure", []string{ds("azure-npm", "{name: a, image: 'mcr.microsoft.com/containernetworking/azure-npm:v1'}")}, "azure", yes, ""},
		{"kube-router", []string{ds("kube-router", "{name: kube-router, image: 'cloudnativelabs/kube-router', args: [--run-router=true]}")}, "kube-router", yes, ""},
		{"kube-router on", []string{ds("kube-router", "{name: k, args: [--run-firewall]}")}, "kube-router", yes, ""},
		{"kube-router off", []string{ds("kube-router", "{name: k, args: [--run-router=true, --run-firewall=false]}")}, "kube-router", no, "--run-firewall=false"},
		{"kube-router off, in a shell", []string{ds("kube-router", `{name: k, command: [sh, -c, 'exec kube-router "--x" --run-firewall="false"']}`)}, "kube-router", no, ""},
		{"kube-router, a variable", []string{ds("kube-router", "{name: k, args: ['--run-firewall=$(FW)']}")}, "kube-router", unknown, "not understood"},
		{"weave", []string{ds("weave-net", "{name: weave}", "{name: weave-npc}")}, "weave", yes, ""},
		{"weave by image", []string{ds("w", "{name: a, image: 'weaveworks/weave-npc:2.8'}")}, "weave", yes, ""},
		{"weave without its controller", []string{ds("weave-net", "{name: weave}")}, "weave", no, "weave-npc"},
		{"antrea", []string{ds("antrea-agent", "{name: a}")}, "antrea", yes, ""},
		{"antrea by image", []string{ds("a", "{name: a, image: 'antrea/antrea-agent-ubuntu:v2'}")}, "antrea", yes, ""},
		{"ovn-kubernetes", []string{ds("ovnkube-node", "{name: a}")}, "ovn-kubernetes", yes, ""},
		{"openshift", []string{"apiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\nspec: {networkType: OVNKubernetes}"}, "ovn-kubernetes", yes, "OVN-Kubernetes"},
		{"openshift, by status", []string{"apiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\nspec: {networkType: OVNKubernetes}\nstatus: {networkType: OpenShiftSDN}"}, "unknown", unknown, `"OpenShiftSDN"`},
		{"openshift, empty", []string{"apiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}"}, "unknown", unknown, ""},
		{"kindnet", []string{ds("kindnet", "{name: kindnet-cni, image: 'docker.io/kindest/kindnetd:v20240813-c6f155d6'}")}, "kindnet", yes, ""},
		{"kindnet before 0.24", []string{ds("kindnet", "{name: kindnet-cni, image: 'docker.io/kindest/kindnetd:v20240202-8f1494ea'}")}, "kindnet", unknown, "since kind 0.24"},
		{"kindnet without version", []string{ds("kindnet", "{name: kindnet-cni, image: 'localhost:5000/kindnetd'}")}, "kindnet", unknown, "since kind 0.24"},
		{"kindnet, image not known", []string{ds("kindnet", "{name: kindnet-cni, image: x}")}, "kindnet", unknown, "its version is not known"},
		{"kube-network-policies", []string{ds("kube-network-policies", "{name: a, image: 'registry.k8s.io/networking/kube-network-policies:v1'}")}, "kindnet", yes, ""},
		{"flannel with kube-network-policies", []string{ds("kube-flannel-ds", flannel, "{name: a, image: 'registry.k8s.io/networking/kube-network-policies:v1'}")}, "kindnet", yes, ""},
		{"flannel", []string{ds("kube-flannel-ds", flannel)}, "flannel", no, "carries traffic"},
		{"flannel by image", []string{ds("net", "{name: a, image: 'rancher/mirrored-flannel-flannel:v1'}")}, "flannel", no, ""},
		{"flannel under calico", []string{ds("calico-node", calico), ds("kube-flannel-ds", flannel)}, "calico", yes, "carries traffic"},

		{"k3s", []string{k3s("one", `["server"]`)}, "k3s", yes, "k3s server"},
		{"k3s off", []string{k3s("one", `["server","--disable-network-policy"]`)}, "k3s", no, "--disable-network-policy"},
		{"k3s off, from its file", []string{k3s("one", `["server","--flannel-backend","none","--disable-network-policy","true"]`)}, "k3s", no, ""},
		{"k3s not off", []string{k3s("one", `["server","--disable-network-policy","false"]`)}, "k3s", yes, ""},
		{"k3s, a strange value", []string{k3s("one", `["server","--disable-network-policy=maybe"]`)}, "k3s", unknown, "maybe is not understood"},
		{"k3s, servers differ", []string{k3s("a", `["server"]`), k3s("b", `["server","--disable-network-policy"]`), k3s("c", `["server"]`)}, "k3s", unknown, ""},
		{"k3s, agents say nothing", []string{k3s("a", `["agent"]`), k3s("b", `["server"]`)}, "k3s", yes, ""},
		{"k3s, agents alone", []string{k3s("a", `["agent"]`)}, "k3s", unknown, "a k3s agent"},
		{"k3s, broken", []string{k3s("a", `[server`)}, "k3s", unknown, "not understood"},
		{"k3s, empty", []string{k3s("a", `[]`)}, "k3s", unknown, "not understood"},

		{"two engines", []string{ds("calico-node", calico), ds("antrea-agent", "{name: a}")}, "unknown", unknown, "agent of antrea"},
		{"two engines, one in doubt", []string{ds("calico-node", calico), ds("cilium", agent)}, "unknown", unknown, "agent of cilium"},
		{"calico beside a switched off cilium", []string{ds("calico-node", calico), ds("cilium", agent), config("enable-policy: never")}, "unknown", unknown, "never"},
		{"calico beside the VPC plugin", []string{ds("calico-node", calico), ds("aws-node", vpc)}, "calico", yes, "agent of aws"},
		{"calico beside an enforcing VPC agent", []string{ds("calico-node", calico), eks("--enable-network-policy=true")}, "unknown", unknown, ""},
		{"cilium on k3s", []string{ds("cilium", agent), config(""), k3s("one", `["server","--disable-network-policy"]`)}, "cilium", yes, ""},
		{"cilium on k3s that enforces too", []string{ds("cilium", agent), config(""), k3s("one", `["server"]`)}, "unknown", unknown, ""},
		{"two that carry", []string{ds("kube-flannel-ds", flannel), k3s("one", `["server","--disable-network-policy"]`)}, "k3s", no, ""},
		{"two that are off", []string{ds("weave-net", "{name: weave}"), ds("cilium", agent), config("enable-policy: never")}, "unknown", unknown, ""},
		{"one that is off", []string{ds("kube-flannel-ds", flannel), ds("cilium", agent), config("enable-policy: never")}, "cilium", no, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := detect(t, tt.docs...)
			if p.Name != tt.engine || p.Enforces != tt.enforces || p.Stated {
				t.Errorf("got %s, enforces %v, stated %v; want %s, %v, false\n%v", p.Name, p.Enforces, p.Stated, tt.engine, tt.enforces, p.Because)
			}
			found := tt.because == ""
			for _, e := range p.Because {
				found = found || strings.Contains(e.Msg, tt.because)
				if e.Pos.File != "in.yaml" || e.Pos.Line == 0 || e.Ref.Kind == "" {
					t.Errorf("evidence without place or object: %+v", e)
				}
			}
			if !found {
				t.Errorf("no evidence says %q: %v", tt.because, p.Because)
			}
			if !slices.IsSortedFunc(p.Because, func(a, b enforcer.Evidence) int { return a.Pos.Compare(b.Pos) }) {
				t.Errorf("evidence is not sorted by place: %v", p.Because)
			}
		})
	}
}

func TestDetectFinePoints(t *testing.T) {
	cilium := []string{ds("cilium", agent)}
	tests := []struct {
		name        string
		docs        []string
		nodes, pods enforcer.Answer
	}{
		{"upstream", []string{ds("calico-node", calico)}, enforcer.Yes, enforcer.Yes},
		{"cilium", append(cilium, config("")), enforcer.No, enforcer.No},
		{"an empty list", append(cilium, config("policy-cidr-match-mode: ''")), enforcer.No, enforcer.No},
		{"nodes", append(cilium, config("policy-cidr-match-mode: nodes")), enforcer.Yes, enforcer.No},
		{"pods", append(cilium, config("policy-cidr-match-mode: pods")), enforcer.No, enforcer.Yes},
		{"both", append(cilium, config("policy-cidr-match-mode: 'nodes, pods'")), enforcer.Yes, enforcer.Yes},
		{"what nobody knows", append(cilium, config("policy-cidr-match-mode: moons")), enforcer.Unknown, enforcer.Unknown},
		{"some nodes", append(cilium, config(""), nodeConfig+"policy-cidr-match-mode: nodes}}"), enforcer.Unknown, enforcer.Unknown},
		{"not on some nodes", append(cilium, config("policy-cidr-match-mode: nodes"), nodeConfig+"policy-cidr-match-mode: ''}}"), enforcer.Unknown, enforcer.Unknown},
		{"flannel", []string{ds("kube-flannel-ds", flannel)}, enforcer.No, enforcer.No},
		{"nothing", nil, enforcer.Unknown, enforcer.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := enforcer.Profile{}
			if tt.docs == nil {
				c, _ := cluster.New(nil, cluster.Options{})
				p = enforcer.Detect(c)
			} else {
				p = detect(t, tt.docs...)
			}
			if p.NodesByAddr != tt.nodes || p.PodsByAddr != tt.pods {
				t.Errorf("nodes %v, pods %v; want %v, %v", p.NodesByAddr, p.PodsByAddr, tt.nodes, tt.pods)
			}
		})
	}
}

// What an agent of Cilium can do hangs on its version and a switch.
func TestDetectCiliumFeatures(t *testing.T) {
	const yes, no, unknown = enforcer.Yes, enforcer.No, enforcer.Unknown
	image := func(ref string) string { return "{name: cilium-agent, image: '" + ref + "'}" }
	for _, tt := range []struct {
		name          string
		docs          []string
		endPort, sctp enforcer.Answer
	}{
		{"new", []string{ds("cilium", agent), config("")}, yes, unknown},
		{"the first that reads endPort", []string{ds("cilium", image("quay.io/cilium/cilium:v1.16.0-rc.1")), config("")}, yes, unknown},
		{"the last that does not", []string{ds("cilium", image("localhost:5000/cilium:1.15.19")), config("")}, no, unknown},
		{"the next age", []string{ds("cilium", image("cilium:v2.0.1")), config("")}, yes, unknown},
		{"by digest alone", []string{ds("cilium", image("localhost:5000/cilium@sha256:00")), config("")}, unknown, unknown},
		{"a moving tag", []string{ds("cilium", image("cilium:latest")), config("")}, unknown, unknown},
		{"half a tag", []string{ds("cilium", image("cilium:v1.17")), config("")}, unknown, unknown},
		{"no agent", []string{ds("cilium", "{name: x, image: y}"), config("")}, unknown, unknown},
		{"an upgrade under way", []string{daemonPod("cilium-a", "cilium", image("cilium:v1.15.1")), daemonPod("cilium-b", "cilium", image("cilium:v1.17.1")), config("")}, unknown, unknown},
		{"all pods new", []string{daemonPod("cilium-a", "cilium", image("cilium:v1.16.1")), daemonPod("cilium-b", "cilium", image("cilium:v1.17.1")), config("")}, yes, unknown},
		{"SCTP on", []string{ds("cilium", agent), config("enable-sctp: 'true'")}, yes, yes},
		{"SCTP off", []string{ds("cilium", agent), config("enable-sctp: 'false'")}, yes, unknown},
		{"SCTP on some nodes", []string{ds("cilium", agent), config(""), nodeConfig + "enable-sctp: 'true'}}"}, yes, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p := detect(t, tt.docs...); p.EndPort != tt.endPort || p.SCTP != tt.sctp {
				t.Errorf("endPort %v, SCTP %v; want %v, %v", p.EndPort, p.SCTP, tt.endPort, tt.sctp)
			}
		})
	}
}

// The evidence names the very line of a setting.
func TestDetectEvidence(t *testing.T) {
	p := detect(t, ds("cilium", agent), config("\n  enable-policy: never"))
	want := []enforcer.Evidence{
		{Pos: object.Pos{File: "in.yaml", Line: 1}, Ref: object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}, Msg: `the agent of cilium: it enforces no policy, as enable-policy is "never"`},
		{Pos: object.Pos{File: "in.yaml", Line: 13}, Ref: object.Ref{Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}, Msg: `enable-policy is "never"`},
	}
	if d := cmp.Diff(want, p.Because); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
