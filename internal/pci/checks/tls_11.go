package checks

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

var tls11 = pci.Check{
	ID: "TLS-11", Title: "people do not log in by certificates, nor as system:masters", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"8.2.2"}, Guidance: []string{"1.2", "1.3", "5.1"},
	Why: "Kubernetes cannot revoke a client certificate: it opens the cluster until it ends, whoever has it. Membership in system:masters passes by " +
		"RBAC, so no binding that is taken away takes it back.",
	Fix: "Let people log in through an identity provider, give groups of it rights by RBAC, and keep one certificate of system:masters sealed for " +
		"emergencies.",
	Evidence: "Certificates that the cluster signed for clients and that its requests still show (they are deleted after some time), bindings of " +
		"system:masters beside the built-in one, and the mapping of Amazon EKS (aws-auth). How the users of bindings log in is asked. Source: " +
		"Kubernetes documentation, certificate signing requests, user-facing roles.",
	Run: runTLS11,
}

const masters = "system:masters"

func runTLS11(in *pci.Input) []pci.Finding {
	access := rbac.Read(in.Cluster)
	requests := clientRequests(in)
	aws := awsAuth(in)
	if !access.Known && len(requests) == 0 && len(aws) == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "How do people log in to the API server, and who has a client certificate or a kubeconfig of system:masters? Add RBAC, CertificateSigningRequests and, on Amazon EKS, the ConfigMap aws-auth to the input."}}
	}
	found := slices.Clone(aws)
	for _, r := range requests {
		if r.finding != nil {
			found = append(found, *r.finding)
		}
	}
	bound := map[object.Ref]bool{}
	var users []string
	for _, g := range access.Grants {
		switch {
		case g.Subject == rbac.Subject{Kind: "Group", Name: masters} && g.Binding.Name != "cluster-admin" && !bound[g.Binding]:
			bound[g.Binding] = true
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: g.Binding, Pos: g.At, Key: masters, Message: "binds system:masters, which has every right already: somebody counts on a group that no binding can take rights from",
				Fix: &pci.Fix{Text: "bind a group of the identity provider instead"},
			})
		case g.Subject.Kind == "User" && !strings.HasPrefix(g.Subject.Name, "system:") && !slices.Contains(users, g.Subject.Name):
			users = append(users, g.Subject.Name)
		}
	}
	if len(users) > 0 {
		found = append(found, pci.Finding{Status: pci.Manual, Key: "users", Message: fmt.Sprintf("How do these users log in, and can their access be revoked? %s.", listed(users))})
	}
	if len(found) == 0 {
		return []pci.Finding{{Status: pci.Pass, Key: "summary", Message: "no binding names a user or system:masters beside the built-in one, and no client certificate for a person shows"}}
	}
	return found
}

// request is a signed request for a certificate, judged.
type request struct{ finding *pci.Finding }

// clientRequests judges the requests that became certificates for clients of the API server.
func clientRequests(in *pci.Input) []request {
	var out []request
	for _, o := range in.Cluster.Kind("certificates.k8s.io", "CertificateSigningRequest") {
		signer := o.Root.Get("spec", "signerName").Str()
		if signer != "kubernetes.io/kube-apiserver-client" && signer != "kubernetes.io/legacy-unknown" || !o.Root.Get("status", "certificate").IsSet() {
			continue
		}
		f := &pci.Finding{Subject: o.Ref, Pos: o.Pos, Key: "client", Status: pci.Fail, Fix: &pci.Fix{Text: "let the person log in through an identity provider, and wait for the certificate to end, or change the authority"}}
		x, err := subjectOf(o.Root.Get("spec", "request"))
		switch {
		case err != nil:
			f.Status, f.Message, f.Fix = pci.Unknown, "for whom it is cannot be read: "+err.Error(), nil
		case slices.Contains(x.Subject.Organization, masters):
			f.Severity, f.Message = pci.High, fmt.Sprintf("made a certificate of system:masters for %s", x.Subject.CommonName)
		case !strings.HasPrefix(x.Subject.CommonName, "system:"):
			f.Message = fmt.Sprintf("made a client certificate for %s, which nobody can revoke", x.Subject.CommonName)
		default:
			f = nil
		}
		out = append(out, request{f})
	}
	return out
}

func subjectOf(v *object.Value) (*x509.CertificateRequest, error) {
	text, err := base64.StdEncoding.DecodeString(v.Str())
	if err != nil {
		return nil, fmt.Errorf("spec.request is not base64")
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("spec.request is no certificate request")
	}
	x, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("spec.request is no certificate request")
	}
	return x, nil
}

// awsAuth finds entries of Amazon EKS's mapping that give system:masters.
func awsAuth(in *pci.Input) []pci.Finding {
	var out []pci.Finding
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		if o.Ref.Namespace != "kube-system" || o.Ref.Name != "aws-auth" {
			continue
		}
		for _, key := range []string{"mapRoles", "mapUsers"} {
			text := o.Root.Get("data", key)
			v, err := settings.YAML(text.Str())
			if err != nil {
				out = append(out, pci.Finding{Status: pci.Unknown, Subject: o.Ref, Pos: o.At(text), Key: key, Message: fmt.Sprintf("%s cannot be read: %v", key, err)})
				continue
			}
			for _, e := range v.List() {
				if slices.ContainsFunc(e.Get("groups").List(), func(g *object.Value) bool { return g.Str() == masters }) {
					who := orDefault(e.Get("rolearn").Str(), e.Get("userarn").Str())
					out = append(out, pci.Finding{
						Status: pci.Fail, Subject: o.Ref, Pos: o.At(text), Key: key + who, Message: fmt.Sprintf("%s is a member of system:masters, past RBAC", who),
						Fix: &pci.Fix{Text: "map it to a group of your own, and bind that"},
					})
				}
			}
		}
	}
	return out
}
