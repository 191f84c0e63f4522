package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

// kubelet is one configuration of kubelets.
type kubelet struct {
	object  *object.Object
	at      func(*object.Value) object.Pos
	config  *object.Value // nil when err is set
	running bool          // what a kubelet says that it runs with, flags and defaults included
	err     string
}

// kubelets finds the configurations: what kubelets say (configz), their files, and the ConfigMap that kubeadm
// gives to new nodes.
func kubelets(in *pci.Input) []kubelet {
	var out []kubelet
	for _, o := range in.Cluster.Kind("kubelet.config.k8s.io", "KubeletConfiguration") {
		out = append(out, kubelet{
			object: o, at: o.At, config: o.Root,
			running: o.Root.Get("metadata", "annotations", imports+"/running").Str() == "true",
		})
	}
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		text := o.Root.Get("data", "kubelet")
		if o.Ref.Namespace != "kube-system" || o.Ref.Name != "kubelet-config" && !strings.HasPrefix(o.Ref.Name, "kubelet-config-1.") || !text.IsSet() {
			continue
		}
		k := kubelet{object: o, at: func(*object.Value) object.Pos { return o.At(text) }}
		v, err := settings.YAML(text.Str())
		switch {
		case err != nil:
			k.err = err.Error()
		case v.Get("kind").Str() != "KubeletConfiguration":
			k.err = "no KubeletConfiguration"
		default:
			k.config = v
		}
		out = append(out, k)
	}
	return out
}

// eachKubelet judges every configuration. wrong says what is wrong with the value of a field, "" when nothing
// is; a field that a running kubelet does not give has its zero, one that a file does not give its default.
func eachKubelet(in *pci.Input, question, sentence string, path []string, wrong func(k kubelet, v *object.Value) string) []pci.Finding {
	all := kubelets(in)
	if len(all) == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: question + " Add what each kubelet runs with: kubectl get --raw /api/v1/nodes/NODE/proxy/configz > NODE.json."}}
	}
	name := strings.Join(path, ".")
	var found []pci.Finding
	running, holds, silent := 0, 0, []pci.Because{}
	for _, k := range all {
		v := k.config.Get(path...)
		f := pci.Finding{Subject: k.object.Ref, Pos: k.object.Pos, Key: name}
		if v != nil {
			f.Pos = k.at(v)
		}
		if k.running {
			running++
		}
		switch why := wrong(k, v); {
		case k.err != "":
			f.Status, f.Message = pci.Unknown, "cannot be read: "+k.err
		case why != "":
			f.Status, f.Message = pci.Fail, why
			f.Fix = &pci.Fix{Text: "set " + name + " in the kubelet's configuration file, and take the flag off that sets it otherwise"}
		case !k.running:
			silent = append(silent, pci.Because{Ref: k.object.Ref, Pos: f.Pos, Msg: "says so"})
			continue
		default:
			holds++
			continue
		}
		found = append(found, f)
	}
	if len(silent) > 0 { // a flag may say otherwise, and a node may have another file
		found = append(found, pci.Finding{
			Status: pci.Manual, Key: name + " running", Because: silent,
			Message: fmt.Sprintf("%d configuration files set %s well. Do all kubelets run with them, and without a flag that says otherwise? /configz of each node tells.", len(silent), name),
		})
	}
	if nodes := len(in.Cluster.Nodes); running > 0 && running < nodes {
		found = append(found, pci.Finding{
			Status: pci.Unknown, Key: name + " nodes",
			Message: fmt.Sprintf("%d of %d nodes say what their kubelets run with; nothing is known of the others", running, nodes),
		})
	}
	return withSummary(found, len(all), holds, "kubelet configurations", sentence)
}
