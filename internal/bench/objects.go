package bench

import (
	"fmt"
	"iter"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Manifests gives what a repository of manifests holds: namespaces, workloads with their templates, policies.
func (w *World) Manifests() iter.Seq[*object.Value] { return w.trees(false) }

// Live gives what a cluster holds: nodes and pods, too. What the pods of a workload have in common they share.
func (w *World) Live() iter.Seq[*object.Value] { return w.trees(true) }

func (w *World) trees(live bool) iter.Seq[*object.Value] {
	return func(yield func(*object.Value) bool) {
		more := true
		emit := func(v *object.Value) { more = more && yield(v) }
		if live {
			for i := range w.Nodes {
				emit(nodeTree(i))
			}
		}
		for _, ns := range w.Namespaces {
			meta := tree(field("name", text(ns.Name)), field("labels", labelTree(ns.Labels)))
			emit(tree(field("apiVersion", text("v1")), field("kind", text("Namespace")), field("metadata", meta)))
		}
		for _, x := range w.Workloads {
			t := newTemplate(w, x)
			emit(t.owner())
			if x.Kind != "DaemonSet" {
				emit(t.service())
			}
			for i := 0; live && more && i < x.Replicas; i++ {
				emit(t.pod(i))
			}
		}
		switch w.Shape {
		case Calico, Mixed:
			emit(calicoTierTree())
		case Typical, Plain, Adversarial, Heavy, Cluster, Cilium, Istio:
		}
		if w.Shape == Istio || w.Shape == Mixed {
			emit(strict())
		}
		for _, p := range w.Policies {
			emit(p.write())
		}
	}
}

// Objects makes objects of trees. Each has a line of its own, as if written one a line.
func Objects(trees iter.Seq[*object.Value]) ([]*object.Object, error) {
	var out []*object.Object
	for v := range trees {
		v.Line = len(out) + 1
		o, err := object.New(v, "world.json")
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func nodeTree(i int) *object.Value {
	name := nodeName(i)
	labels := map[string]string{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3)}
	return tree(field("apiVersion", text("v1")), field("kind", text("Node")),
		field("metadata", tree(field("name", text(name)), field("labels", labelTree(labels)))),
		field("status", tree(field("addresses", list(tree(field("type", text("InternalIP")), field("address", text(NodeAddr(i).String()))))))))
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i) }

// template is what the pods of a workload share.
type template struct {
	world    *World
	workload *Workload
	labels   *object.Value // nil when each pod has its own
	spec     []object.Field
	owners   *object.Value
	status   []object.Field
}

func newTemplate(w *World, x *Workload) *template {
	t := &template{world: w, workload: x, spec: podSpec(x), status: podStatus(x)}
	owner, kind := x.Name, x.Kind
	if x.Kind == "Deployment" {
		owner, kind = x.Name+"-"+x.hash(), "ReplicaSet"
	}
	if x.Kind != "StatefulSet" {
		t.labels = labelTree(x.PodLabels(0))
	}
	t.owners = list(tree(field("apiVersion", text("apps/v1")), field("kind", text(kind)), field("name", text(owner)),
		field("uid", text(uid(x.First))), field("controller", truth(true)), field("blockOwnerDeletion", truth(true))))
	return t
}

// uid looks like one; equal numbers give equal ones.
func uid(n int) string {
	h := uint64(n+1) * 0x9e3779b97f4a7c15
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", h>>32, h>>16&0xffff, h&0xfff, h>>20&0xfff, h>>12&0xffffffffffff)
}

// owner is the workload's own object.
func (t *template) owner() *object.Value {
	x := t.workload
	meta := tree(field("labels", labelTree(x.Labels)))
	spec := tree()
	if x.Kind != "DaemonSet" {
		spec.Fields = append(spec.Fields, field("replicas", number(x.Replicas)))
	}
	spec.Fields = append(spec.Fields, field("selector", tree(field("matchLabels", t.name()))),
		field("template", tree(field("metadata", meta), field("spec", tree(t.spec...)))))
	return head("apps/v1", x.Kind, x.Namespace.Name, x.Name, spec)
}

// service has a port for each port of the pods.
func (t *template) service() *object.Value {
	x := t.workload
	var ports []*object.Value
	for _, p := range x.Ports {
		ports = append(ports, tree(field("name", text("tcp-"+p.Name)), field("port", number(p.Number)), field("protocol", text(p.Protocol)), field("targetPort", number(p.Number))))
	}
	return head("v1", "Service", x.Namespace.Name, x.Name, tree(field("selector", t.name()), field("ports", list(ports...))))
}

// name is the labels that no other workload of the namespace has.
func (t *template) name() *object.Value {
	const key = "app.kubernetes.io/name"
	return tree(field(key, text(t.workload.Labels[key])))
}

func (t *template) pod(i int) *object.Value {
	x := t.workload
	labels := t.labels
	if labels == nil {
		labels = labelTree(x.PodLabels(i))
	}
	node := x.Node(t.world, i)
	ip, host := Addr(x.First+i).String(), NodeAddr(node).String()
	spec := make([]object.Field, 0, len(t.spec)+1)
	spec = append(spec, field("nodeName", text(nodeName(node))))
	if x.Host {
		ip = host
	}
	addr := text(ip)
	meta := tree(field("name", text(x.PodName(i))), field("namespace", text(x.Namespace.Name)), field("uid", text(uid(-x.First-i))),
		field("labels", labels), field("ownerReferences", t.owners))
	status := append([]object.Field{field("podIP", addr), field("podIPs", list(tree(field("ip", addr)))), field("hostIP", text(host))}, t.status...)
	return tree(field("apiVersion", text("v1")), field("kind", text("Pod")), field("metadata", meta),
		field("spec", tree(append(spec, t.spec...)...)), field("status", tree(status...)))
}

// podSpec is about as long as that of a real pod; only ports, accounts and hostNetwork mean anything.
func podSpec(x *Workload) []object.Field {
	var ports []*object.Value
	for _, p := range x.Ports {
		ports = append(ports, tree(field("name", text(p.Name)), field("containerPort", number(p.Number)), field("protocol", text(p.Protocol))))
	}
	env := func(name, value string) *object.Value {
		return tree(field("name", text(name)), field("value", text(value)))
	}
	probe := tree(field("httpGet", tree(field("path", text("/healthz")), field("port", number(8080)), field("scheme", text("HTTP")))),
		field("initialDelaySeconds", number(5)), field("timeoutSeconds", number(1)), field("periodSeconds", number(10)),
		field("successThreshold", number(1)), field("failureThreshold", number(3)))
	amounts := func(cpu, memory string) *object.Value {
		return tree(field("cpu", text(cpu)), field("memory", text(memory)))
	}
	main := tree(field("name", text("main")), field("image", text("registry.example/shop/"+x.Name+":1.24.3")), field("ports", list(ports...)),
		field("env", list(env("LOG_LEVEL", "info"), env("DATABASE_URL", "postgres://db."+x.Namespace.Name+".svc:5432/app"), env("REGION", "eu-central-1"))),
		field("resources", tree(field("limits", amounts("1", "512Mi")), field("requests", amounts("100m", "128Mi")))),
		field("volumeMounts", list(
			tree(field("name", text("config")), field("mountPath", text("/etc/app"))),
			tree(field("name", text("token")), field("readOnly", truth(true)), field("mountPath", text("/var/run/secrets/kubernetes.io/serviceaccount"))))),
		field("livenessProbe", probe), field("readinessProbe", probe), field("imagePullPolicy", text("IfNotPresent")),
		field("terminationMessagePath", text("/dev/termination-log")),
		field("securityContext", tree(field("runAsNonRoot", truth(true)), field("readOnlyRootFilesystem", truth(true)), field("allowPrivilegeEscalation", truth(false)))))
	containers := list(main)
	if x.Namespace.Mesh {
		containers.Items = append(containers.Items, sidecar())
	}
	out := []object.Field{
		field("containers", containers), field("serviceAccountName", text(x.Name)), field("restartPolicy", text("Always")),
		field("dnsPolicy", text("ClusterFirst")), field("terminationGracePeriodSeconds", number(30)), field("schedulerName", text("default-scheduler")),
		field("tolerations", list(
			tree(field("key", text("node.kubernetes.io/not-ready")), field("operator", text("Exists")), field("effect", text("NoExecute")), field("tolerationSeconds", number(300))),
			tree(field("key", text("node.kubernetes.io/unreachable")), field("operator", text("Exists")), field("effect", text("NoExecute")), field("tolerationSeconds", number(300))))),
		field("volumes", list(tree(field("name", text("config")), field("configMap", tree(field("name", text(x.Name)), field("defaultMode", number(420))))),
			tree(field("name", text("token")), field("projected", tree(field("sources", list(
				tree(field("serviceAccountToken", tree(field("expirationSeconds", number(3607)), field("path", text("token")))))))))))),
	}
	if x.Host {
		out = append(out, field("hostNetwork", truth(true)))
	}
	return out
}

func podStatus(x *Workload) []object.Field {
	const at = "2026-03-02T08:15:27Z"
	var conditions []*object.Value
	for _, name := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		conditions = append(conditions, tree(field("type", text(name)), field("status", text("True")), field("lastTransitionTime", text(at))))
	}
	container := tree(field("name", text("main")), field("state", tree(field("running", tree(field("startedAt", text(at)))))), field("ready", truth(true)),
		field("restartCount", number(0)), field("image", text("registry.example/shop/"+x.Name+":1.24.3")), field("started", truth(true)),
		field("imageID", text("registry.example/shop/"+x.Name+"@sha256:"+fmt.Sprintf("%064x", x.First))))
	return []object.Field{
		field("phase", text("Running")), field("conditions", list(conditions...)), field("startTime", text(at)),
		field("containerStatuses", list(container)), field("qosClass", text("Burstable")),
	}
}
