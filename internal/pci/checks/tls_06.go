package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls06 = pci.Check{
	ID: "TLS-06", Title: "TLS is of version 1.2 or later, with strong ciphers", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"2.2.7", "4.2.1", "12.3.3"}, Guidance: []string{"4.3"},
	Why: "TLS 1.0 and 1.1, and ciphers with RC4, 3DES or without forward secrecy, are broken or close to it. One listener that still takes them is " +
		"enough for an attacker in between to ask for them.",
	Fix: "Take the settings that lower the version away: the defaults of current programs are TLS 1.2 and strong ciphers.",
	Evidence: "The TLS settings of API server, etcd, kubelets, Ingress NGINX, Istio gateways, Traefik and AWS load balancers, where they are set. " +
		"Programs without a setting have their own default, which is TLS 1.2 in all supported versions of Kubernetes and etcd. What a listener " +
		"really takes shows a handshake: those that --probe-tls or bulkhead probe tls made count, for a year. Sources: Kubernetes reference, kube-apiserver and kubelet; Ingress NGINX, ConfigMaps; Elastic Load " +
		"Balancing, security policies.",
	Run: runTLS06,
}

// weakVersion tells of versions before 1.2, as the various programs write them.
func weakVersion(name string) bool {
	n := strings.NewReplacer(".", "", "_", "", "-", "", " ", "", "VERSION", "").Replace(strings.ToUpper(name))
	return slices.Contains([]string{"TLS10", "TLS11", "TLSV1", "TLSV10", "TLSV11", "TLS1", "SSLV2", "SSLV3", "SSL30", "SSLV30", "VTLS10", "VTLS11", "TLSAUTO"}, n)
}

// weakSuite tells of cipher suites without forward secrecy or with a broken cipher (RFC 9325, section 4.2).
func weakSuite(name string) bool {
	n := strings.ToUpper(strings.TrimSpace(name))
	for _, bad := range []string{"RC4", "3DES", "DES-CBC", "_NULL_", "EXPORT", "_MD5", "_ANON_"} {
		if strings.Contains(n, bad) {
			return true
		}
	}
	return strings.HasPrefix(n, "TLS_RSA_") || strings.HasPrefix(n, "TLS_DH_") || strings.HasPrefix(n, "TLS_ECDH_")
}

// tlsUse is the TLS settings of one listener or program.
type tlsUse struct {
	ref      object.Ref
	pos      object.Pos
	key      string
	what     string
	versions []string // lowest version, or all that are taken
	suites   []string
	unsure   string // why they are not known
	clear    string // what it does in place of TLS, where that is wrong
	ask      string // what a person has to say
}

func runTLS06(in *pci.Input) []pci.Finding {
	uses := slices.Concat(flagTLS(in), kubeletTLS(in), ingressTLS(in), gatewayTLS(in), balancerTLS(in), triedTLS(in))
	var found []pci.Finding
	for _, u := range uses {
		var bad []string
		for _, v := range u.versions {
			if weakVersion(v) {
				bad = append(bad, v)
			}
		}
		for _, s := range u.suites {
			if weakSuite(s) {
				bad = append(bad, s)
			}
		}
		f := pci.Finding{Subject: u.ref, Pos: u.pos, Key: u.key}
		switch {
		case u.clear != "":
			f.Status, f.Message = pci.Fail, u.what+" "+u.clear
			f.Fix = &pci.Fix{Text: "have it speak TLS 1.2 or later"}
		case u.ask != "":
			f.Status, f.Message = pci.Manual, u.what+" "+u.ask
		case len(bad) > 0:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s takes %s", u.what, listed(bad))
			f.Fix = &pci.Fix{Text: "set TLS 1.2 as the lowest version, and leave the ciphers to the program's default"}
		case u.unsure != "":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("%s: %s", u.what, u.unsure)
		default:
			continue
		}
		found = append(found, f)
	}
	if len(uses) == 0 {
		return hidden(in, "Which versions of TLS do API server, etcd, kubelets and ingress take? Add their manifests and configurations to the input.")
	}
	return withSummary(found, len(uses), len(uses)-len(found), "TLS settings", "TLS 1.2 or later, strong ciphers")
}

func flagTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	for _, program := range []struct{ name, suites string }{
		{"kube-apiserver", "tls-cipher-suites"}, {"kube-controller-manager", "tls-cipher-suites"}, {"kube-scheduler", "tls-cipher-suites"}, {"etcd", "cipher-suites"},
	} {
		for _, c := range components(in, program.name) {
			u := tlsUse{ref: c.ref, pos: c.pos, key: c.pod.Name + "/" + program.name, what: program.name}
			v, set, sure := c.get("tls-min-version")
			s, setSuites, sureSuites := c.get(program.suites)
			if set {
				u.versions, u.pos = []string{v.value}, v.pos
			}
			if setSuites {
				u.suites = strings.Split(s.value, ",")
				if !set {
					u.pos = s.pos
				}
			}
			if !sure || !sureSuites {
				u.unsure = "its TLS settings are not known: " + c.doubt
			}
			out = append(out, u)
		}
	}
	return out
}

func kubeletTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	for _, k := range kubelets(in) {
		u := tlsUse{ref: k.object.Ref, pos: k.object.Pos, what: "kubelet", unsure: k.err}
		if v := k.config.Get("tlsMinVersion"); v.IsSet() {
			u.versions, u.pos = []string{v.Str()}, k.at(v)
		}
		for _, v := range k.config.Get("tlsCipherSuites").List() {
			u.suites, u.pos = append(u.suites, v.Str()), k.at(v)
		}
		out = append(out, u)
	}
	return out
}

// ingressTLS reads the ConfigMaps of Ingress NGINX and the TLSOptions of Traefik.
func ingressTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		if v := o.Root.Get("data", "ssl-protocols"); v.IsSet() {
			out = append(out, tlsUse{ref: o.Ref, pos: o.At(v), what: "Ingress NGINX", versions: strings.Fields(v.Str())})
		}
	}
	for _, group := range []string{"traefik.io", "traefik.containo.us"} {
		for _, o := range in.Cluster.Kind(group, "TLSOption") {
			u := tlsUse{ref: o.Ref, pos: o.Pos, what: "Traefik"}
			if v := o.Root.Get("spec", "minVersion"); v.IsSet() {
				u.versions, u.pos = []string{v.Str()}, o.At(v)
			}
			for _, v := range o.Root.Get("spec", "cipherSuites").List() {
				u.suites = append(u.suites, v.Str())
			}
			out = append(out, u)
		}
	}
	return out
}

// gatewayTLS reads the servers of Istio's Gateways that end TLS. TLS_AUTO, their default, is 1.2 for servers
// since Istio 1.14; earlier it was 1.0, and the version is not known here.
func gatewayTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	for _, o := range in.Cluster.Kind("networking.istio.io", "Gateway") {
		for i, s := range o.Root.Get("spec", "servers").List() {
			t := s.Get("tls")
			if mode := t.Get("mode").Str(); mode != "SIMPLE" && mode != "MUTUAL" && mode != "OPTIONAL_MUTUAL" {
				continue
			}
			u := tlsUse{ref: o.Ref, pos: o.At(t), key: fmt.Sprint(i), what: "gateway"}
			if v := t.Get("minProtocolVersion"); v.IsSet() && v.Str() != "TLS_AUTO" {
				u.versions, u.pos = []string{v.Str()}, o.At(v)
			}
			for _, v := range t.Get("cipherSuites").List() {
				u.suites = append(u.suites, v.Str())
			}
			out = append(out, u)
		}
	}
	return out
}
