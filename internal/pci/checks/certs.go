package checks

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// certificate is one certificate that an object holds, or speaks of.
type certificate struct {
	ref   object.Ref
	pos   object.Pos
	what  string // "caBundle of webhook a.example.com"
	name  string // subject
	print string // first bytes of its SHA-256; "" when only its dates are known
	begin string // dates, "2026-01-31"
	end   string
	renew string // when something renews it, by the object
	ca    bool   // it signs others
	weak  string // what is weak about its key or signature
	err   string // why it is not known
}

// certificates gives those of bundles, ConfigMaps, signed requests and cert-manager. Secrets are not read.
func certificates(in *pci.Input) []certificate {
	var out []certificate
	base64PEM := func(o *object.Object, v *object.Value, what string) {
		if v.Str() == "" {
			return
		}
		text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v.Str()), ""))
		if err != nil {
			out = append(out, certificate{ref: o.Ref, pos: o.At(v), what: what, err: "it is not base64"})
			return
		}
		out = append(out, parsePEM(o, v, what, text)...)
	}
	for _, o := range in.Cluster.Kind("apiregistration.k8s.io", "APIService") {
		base64PEM(o, o.Root.Get("spec", "caBundle"), "caBundle")
	}
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		for _, o := range in.Cluster.Kind("admissionregistration.k8s.io", kind) {
			for _, w := range o.Root.Get("webhooks").List() {
				base64PEM(o, w.Get("clientConfig", "caBundle"), "caBundle of webhook "+w.Get("name").Str())
			}
		}
	}
	for _, o := range in.Cluster.Kind("apiextensions.k8s.io", "CustomResourceDefinition") {
		base64PEM(o, o.Root.Get("spec", "conversion", "webhook", "clientConfig", "caBundle"), "caBundle of the conversion")
	}
	for _, o := range in.Cluster.Kind("certificates.k8s.io", "CertificateSigningRequest") {
		base64PEM(o, o.Root.Get("status", "certificate"), "certificate of "+o.Root.Get("spec", "username").Str())
	}
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		for _, f := range o.Root.Get("data").Map() {
			if f.Value != nil && strings.Contains(f.Value.Str(), "-----BEGIN CERTIFICATE-----") {
				out = append(out, parsePEM(o, f.Value, f.Name, []byte(f.Value.Str()))...)
			}
		}
	}
	for _, o := range in.Cluster.Kind(imports, "TLSHandshake") {
		if v := o.Root.Get("spec", "certificates"); v.Str() != "" {
			out = append(out, parsePEM(o, v, "certificate of "+o.Root.Get("spec", "address").Str(), []byte(v.Str()))...)
		}
	}
	for _, o := range in.Cluster.Kind("cert-manager.io", "Certificate") {
		status := o.Root.Get("status")
		c := certificate{ref: o.Ref, pos: o.Pos, what: "Secret " + o.Root.Get("spec", "secretName").Str(), name: o.Root.Get("spec", "commonName").Str()}
		if names := o.Root.Get("spec", "dnsNames").List(); c.name == "" && len(names) > 0 {
			c.name = names[0].Str()
		}
		c.begin, c.end, c.renew = day(status.Get("notBefore")), day(status.Get("notAfter")), day(status.Get("renewalTime"))
		if c.end == "" {
			c.err = "its status does not say when it ends"
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b certificate) int {
		return cmp.Or(a.ref.Compare(b.ref), a.pos.Compare(b.pos), cmp.Compare(a.what, b.what), cmp.Compare(a.print, b.print))
	})
	return out
}

// day gives the date of a time as Kubernetes writes it; "" when it is none.
func day(v *object.Value) string {
	t, err := time.Parse(time.RFC3339, v.Str())
	if err != nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// parsePEM reads every certificate of a text, at most a thousand.
func parsePEM(o *object.Object, v *object.Value, what string, text []byte) []certificate {
	var out []certificate
	for range 1000 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		c := certificate{ref: o.Ref, pos: o.At(v), what: what}
		x, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			c.err = "it is no certificate"
			out = append(out, c)
			continue
		}
		sum := sha256.Sum256(x.Raw)
		c.name, c.print = x.Subject.String(), hex.EncodeToString(sum[:8])
		c.begin, c.end = x.NotBefore.UTC().Format(time.DateOnly), x.NotAfter.UTC().Format(time.DateOnly)
		c.weak, c.ca = weakCert(x), x.IsCA
		out = append(out, c)
	}
	if len(out) == 0 {
		out = append(out, certificate{ref: o.Ref, pos: o.At(v), what: what, err: "no certificate is found in it"})
	}
	return out
}

// weakCert follows NIST SP 800-57 part 1: less than 112 bits of strength is not enough. The signature of a
// certificate that signs itself proves nothing, so it does not count.
func weakCert(x *x509.Certificate) string {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Sprintf("an RSA key of %d bits", k.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 224 {
			return fmt.Sprintf("an elliptic key of %d bits", k.Curve.Params().BitSize)
		}
	case ed25519.PublicKey:
	default:
		return "a key of a kind that is not known"
	}
	switch x.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.DSAWithSHA256:
		if !slices.Equal(x.RawIssuer, x.RawSubject) {
			return "a signature by " + x.SignatureAlgorithm.String()
		}
	default:
	}
	return ""
}
