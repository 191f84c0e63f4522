package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls07 = pci.Check{
	ID: "TLS-07", Title: "etcd speaks TLS only, to clients of its own authority", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "etcd asks for nothing but a certificate. Without that demand, or with an authority that signs certificates for others too, whoever reaches " +
		"the port reads and writes the whole cluster.",
	Fix: "Start etcd with --client-cert-auth, --peer-client-cert-auth and trusted CA files of its own, without --auto-tls and --peer-auto-tls, " +
		"and listen on https only.",
	Evidence: "The flags and the environment of each etcd of the control plane in the input, and the client CA of the API servers. Whether two " +
		"files hold one authority is not seen, only whether they are one file. Source: etcd documentation, transport security model.",
	Run: runTLS07,
}

func runTLS07(in *pci.Input) []pci.Finding {
	runs := ownEtcd(in)
	if len(runs) == 0 {
		return hidden(in, "Does etcd ask clients and members for certificates of its own authority? Add etcd's manifest to the input.")
	}
	clientCA := map[string]bool{}
	for _, c := range components(in, "kube-apiserver") {
		if f, set, _ := c.get("client-ca-file"); set {
			clientCA[f.value] = true
		}
	}
	var found []pci.Finding
	holds := 0
	for _, c := range runs {
		bad := etcdTLS(c, clientCA)
		if len(bad) == 0 {
			holds++
		}
		for _, f := range bad {
			found = append(found, c.finish(f))
		}
	}
	return withSummary(found, len(runs), holds, "runs of etcd", "TLS with certificates of their own authority")
}

func etcdTLS(c component, clientCA map[string]bool) []pci.Finding {
	var out []pci.Finding
	for _, q := range []struct {
		flag string
		want bool
		bad  string
	}{
		{"client-cert-auth", true, "does not ask clients for a certificate: --client-cert-auth is not set"},
		{"peer-client-cert-auth", true, "does not ask members for a certificate: --peer-client-cert-auth is not set"},
		{"auto-tls", false, "makes its own certificate for clients, which nobody can check (--auto-tls)"},
		{"peer-auto-tls", false, "makes its own certificate for members, which nobody can check (--peer-auto-tls)"},
	} {
		if f := c.boolFlag(q.flag, q.want, false, q.bad); f != nil {
			out = append(out, *f)
		}
	}
	for _, name := range []string{"listen-client-urls", "listen-peer-urls"} {
		f, set, sure := c.get(name)
		switch {
		case !set && sure, set && plainHTTP(f.value): // the default of both is http on this machine
			out = append(out, pci.Finding{Status: pci.Fail, Pos: f.pos, Key: name, Message: "listens without TLS: --" + name + " is " + orDefault(f.value, "http on localhost, its default")})
		case !sure:
			out = append(out, pci.Finding{Status: pci.Unknown, Pos: f.pos, Key: name, Message: "the value of --" + name + " is not known"})
		}
	}
	for _, name := range []string{"trusted-ca-file", "peer-trusted-ca-file"} {
		f, set, sure := c.get(name)
		switch {
		case set && clientCA[f.value]:
			out = append(out, pci.Finding{Status: pci.Fail, Pos: f.pos, Key: name, Message: "trusts the authority that signs clients of the API server (" + f.value + "): each of them may read and write everything"})
		case !set && sure:
			out = append(out, pci.Finding{Status: pci.Fail, Key: name, Message: "--" + name + " is not set: certificates are checked against the system's authorities"})
		case !sure:
			out = append(out, pci.Finding{Status: pci.Unknown, Pos: f.pos, Key: name, Message: "the value of --" + name + " is not known"})
		}
	}
	return out
}

// plainHTTP tells whether one of a list of URLs is http.
func plainHTTP(list string) bool {
	for u := range strings.SplitSeq(list, ",") {
		if strings.HasPrefix(strings.TrimSpace(u), "http://") {
			return true
		}
	}
	return false
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
