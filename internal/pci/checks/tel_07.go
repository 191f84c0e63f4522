package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tel07 = pci.Check{
	ID: "TEL-07", Title: "the network plugin encrypts between nodes", Since: "0.1.0", Severity: pci.Medium,
	Guidance: []string{"4.3"},
	Why: "What pods say to pods of other nodes crosses a network that others may share. Encryption by the plugin covers all of it, also what cannot " +
		"speak TLS. It does not cover pods of one node, and it does not tell who is at the other end.",
	Fix: "Switch WireGuard or IPsec on in the network plugin, for every node.",
	Evidence: "The switch of Cilium, Calico, Antrea, OVN-Kubernetes or Flannel. Whether every node really encrypts is not in the configuration. No " +
		"requirement of the standard asks for it as such: it is one way to keep supporting systems encrypted. Sources: Cilium, transparent " +
		"encryption; Calico, FelixConfiguration; Antrea, traffic encryption; OpenShift, configuring IPsec; Flannel, backends.",
	Run: runTel07,
}

func runTel07(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of := 0
	// why says what is not known, or what is to be asked of a plugin that encrypts.
	add := func(o *object.Object, at *object.Value, plugin string, on, known bool, why string) {
		of++
		f := pci.Finding{Subject: o.Ref, Pos: o.At(at), Key: plugin}
		switch {
		case !known:
			f.Status, f.Message = pci.Unknown, plugin+": "+why
		case !on:
			f.Status, f.Message = pci.Fail, plugin+" does not encrypt between nodes"
			f.Fix = &pci.Fix{Text: "switch WireGuard or IPsec on"}
		case why != "":
			f.Status, f.Message = pci.Manual, plugin+" "+why
		default:
			return
		}
		found = append(found, f)
	}
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		data := o.Root.Get("data")
		switch {
		case o.Ref.Name == "cilium-config" && o.Ref.Namespace == "kube-system":
			wg, ipsec := data.Get("enable-wireguard"), data.Get("enable-ipsec")
			a, knownA := yes(wg.Str())
			b, knownB := yes(ipsec.Str())
			why := "the switch is no boolean"
			if a || b {
				why = ""
				if strict, _ := yes(data.Get("enable-encryption-strict-mode").Str()); !strict && a {
					why = "encrypts between nodes that know each other's key. Is it enough that a packet to an unknown peer goes in clear (strict mode is off)?"
				}
			}
			at := wg
			if b {
				at = ipsec
			}
			add(o, at, "Cilium", a || b, a || b || knownA && knownB, why)
		case strings.HasPrefix(o.Ref.Name, "antrea-config") && data.Get("antrea-agent.conf").IsSet():
			at := data.Get("antrea-agent.conf")
			v, err := settings.YAML(at.Str())
			mode := strings.ToLower(orDefault(v.Get("trafficEncryptionMode").Str(), "none"))
			if err != nil {
				add(o, at, "Antrea", false, false, err.Error())
				continue
			}
			on := mode == "wireguard" || mode == "ipsec"
			why := ""
			if !on && mode != "none" {
				why = "the mode " + mode + " is not known"
			}
			add(o, at, "Antrea", on, why == "", why)
		case o.Ref.Name == "kube-flannel-cfg" && data.Get("net-conf.json").IsSet():
			at := data.Get("net-conf.json")
			v, err := settings.YAML(at.Str())
			kind := strings.ToLower(v.Get("Backend", "Type").Str())
			on := kind == "wireguard" || kind == "ipsec"
			why := ""
			if err != nil || kind == "" {
				why = "net-conf.json is not understood"
			}
			add(o, at, "Flannel", on, why == "", why)
		}
	}
	for _, group := range []string{"crd.projectcalico.org", "projectcalico.org"} {
		for _, o := range in.Cluster.Kind(group, "FelixConfiguration") {
			if o.Ref.Name != "default" {
				continue
			}
			v4, v6 := o.Root.Get("spec", "wireguardEnabled"), o.Root.Get("spec", "wireguardEnabledV6")
			why := ""
			if in.Cluster.IPv4 && in.Cluster.IPv6 && v4.True() != v6.True() && (v4.True() || v6.True()) {
				why = "encrypts one address family, and pods have both. Is the other one used?"
			}
			add(o, v4, "Calico", v4.True() || v6.True(), true, why)
		}
	}
	for _, o := range in.Cluster.Kind("operator.openshift.io", "Network") {
		ovn := o.Root.Get("spec", "defaultNetwork")
		if ovn.Get("type").Str() != "OVNKubernetes" {
			continue
		}
		ipsec := ovn.Get("ovnKubernetesConfig", "ipsecConfig")
		mode := ipsec.Get("mode").Str()
		// Before 4.15 the field had no mode, and being there switched it on.
		why := ""
		if mode == "" && ipsec.IsSet() {
			why = "ipsecConfig without a mode means Full before OpenShift 4.15"
		}
		add(o, ipsec, "OVN-Kubernetes", mode == "Full", why == "", why)
	}
	if of == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Does the network plugin encrypt between nodes, or is what crosses their network encrypted by other means?"}}
	}
	return withSummary(found, of, of-len(found), "network plugins", "encrypt between nodes")
}
