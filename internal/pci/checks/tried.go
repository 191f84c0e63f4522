package checks

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// attempt is a recorded handshake (kind TLSHandshake): what a port answered when TLS was tried.
type attempt struct {
	object  *object.Object
	address string
	server  string // the name asked for, "" for none
	plain   bool   // it answered, and took no TLS
	speaks  bool   // it took TLS
}

func attempts(in *pci.Input) []attempt {
	var out []attempt
	for _, o := range in.Cluster.Kind(imports, "TLSHandshake") {
		spec := o.Root.Get("spec")
		took := spec.Get("tls")
		known := took.IsSet() && took.Kind == object.Bool
		out = append(out, attempt{
			object: o, address: spec.Get("address").Str(), server: strings.ToLower(spec.Get("server").Str()),
			plain: known && !took.True(), speaks: known && took.True(),
		})
	}
	return out
}

// chain gives the certificates of an attempt, at most a hundred; those that can not be read are TLS-08's.
func (a attempt) chain() []*x509.Certificate {
	var out []*x509.Certificate
	text := []byte(a.object.Root.Get("spec", "certificates").Str())
	for range 100 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if x, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			out = append(out, x)
		}
	}
	return out
}

// leaves are the certificates that the server shows of itself: the first, and further ones that sign nobody.
func (a attempt) leaves() []*x509.Certificate {
	var out []*x509.Certificate
	for i, x := range a.chain() {
		if i == 0 || !x.IsCA {
			out = append(out, x)
		}
	}
	return out
}

func (a attempt) port() string { return a.address[strings.LastIndexByte(a.address, ':')+1:] }

// secured are the ports that speak nothing but TLS by convention.
var secured = []string{"443", "2379", "2380", "6443", "8443", "9443", "10250", "10257", "10259"}

// age says why what an attempt shows does not stand for today; "" when it does. Whoever wrote it down without a
// time says that it does.
func (a attempt) age(today string) string {
	v := a.object.Root.Get("spec", "time")
	if !v.IsSet() {
		return ""
	}
	made, err := time.Parse(time.RFC3339, v.Str())
	if err != nil {
		return fmt.Sprintf("when it was tried is not known: %q is no time", v.Str())
	}
	day, err := time.Parse(time.DateOnly, today)
	switch {
	case err != nil:
		return "the day to judge by is not given, and it was tried on " + made.UTC().Format(time.DateOnly)
	case made.UTC().Format(time.DateOnly) > today:
		return "it was tried on " + made.UTC().Format(time.DateOnly) + ", which is yet to come"
	case made.Before(day.AddDate(-1, 0, 0)):
		return "it was tried on " + made.UTC().Format(time.DateOnly) + ", more than a year ago"
	}
	return ""
}

// triedTLS is what ports took, for TLS-06.
func triedTLS(in *pci.Input) []tlsUse {
	var out []tlsUse
	for _, a := range attempts(in) {
		spec := a.object.Root.Get("spec")
		u := tlsUse{ref: a.object.Ref, pos: a.object.Pos, key: a.address, what: a.address}
		if v := spec.Get("time"); v.IsSet() && len(v.Str()) >= len(time.DateOnly) {
			u.what += " (tried on " + v.Str()[:len(time.DateOnly)] + ")"
		}
		var unclear []string
		for _, v := range spec.Get("versions").List() {
			name := v.Get("version").Str()
			if name != "" && name[0] >= '0' && name[0] <= '9' {
				name = "TLSv" + name
			}
			if e := v.Get("error"); e.IsSet() {
				unclear = append(unclear, name+": "+e.Str())
			}
			if taken := v.Get("taken"); taken.True() || !taken.IsSet() {
				u.versions = append(u.versions, name)
				for _, s := range v.Get("suites").List() {
					if !slices.Contains(u.suites, s.Str()) {
						u.suites = append(u.suites, s.Str())
					}
				}
			}
		}
		old := a.age(in.Today)
		switch {
		case a.plain && slices.Contains(secured, a.port()):
			u.clear = "takes no TLS, though its port is one for TLS"
		case a.plain:
			u.ask = "answered, and took no TLS. What goes over it, and is it encrypted in another way?"
		case !a.speaks && spec.Get("error").IsSet():
			u.unsure = spec.Get("error").Str()
		case !a.speaks:
			u.unsure = "whether it took TLS is not recorded"
		case len(unclear) > 0:
			u.unsure = listed(unclear)
		case len(u.versions) == 0 && spec.Get("versions").IsSet():
			u.unsure = "it speaks TLS, and took none of the versions and ciphers that were tried"
		case len(u.versions) == 0:
			u.unsure = "it took TLS, and which versions is not recorded"
		case old != "":
			u.unsure = old
		}
		out = append(out, u)
	}
	return out
}

// namesShown judges whether servers show certificates for the name that was asked for. It gives the number of those
// that it could judge.
func namesShown(in *pci.Input) (found []pci.Finding, of int) {
	for _, a := range attempts(in) {
		leaves := a.leaves()
		if a.server == "" || len(leaves) == 0 || a.age(in.Today) != "" {
			continue
		}
		of++
		for _, x := range leaves {
			if x.VerifyHostname(a.server) == nil {
				continue
			}
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: a.object.Ref, Pos: a.object.At(a.object.Root.Get("spec", "certificates")), Key: "name " + a.address,
				Message: fmt.Sprintf("%s was asked for %s, and shows a certificate for %s", a.address, a.server, namesOf(x)),
				Fix:     &pci.Fix{Text: "give the server a certificate for that name; clients that take this one take any"},
			})
			break
		}
	}
	return found, of
}

func namesOf(x *x509.Certificate) string {
	names := slices.Clone(x.DNSNames)
	for _, ip := range x.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name (" + x.Subject.String() + ")"
	}
	return listed(names)
}

// outsideAuthority judges whether servers other than the cluster's own show certificates that its authority signed.
// The authority is in the ConfigMap that every namespace has.
func outsideAuthority(in *pci.Input) (found []pci.Finding, of int) {
	var roots []*x509.Certificate
	var where *object.Object
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		if o.Ref.Name != "kube-root-ca.crt" || where != nil {
			continue
		}
		where = o
		text := []byte(o.Root.Get("data", "ca.crt").Str())
		for range 100 {
			block, rest := pem.Decode(text)
			if block == nil {
				break
			}
			text = rest
			if x, err := x509.ParseCertificate(block.Bytes); err == nil {
				roots = append(roots, x)
			}
		}
	}
	for _, a := range attempts(in) {
		leaves := a.leaves()
		if len(roots) == 0 || len(leaves) == 0 || slices.Contains([]string{"6443", "2379", "2380", "10250", "10257", "10259"}, a.port()) {
			continue
		}
		of++
		for _, x := range leaves {
			signed := slices.ContainsFunc(roots, func(r *x509.Certificate) bool { return x.CheckSignatureFrom(r) == nil })
			if !signed || slices.Contains(x.DNSNames, "kubernetes.default.svc") || slices.Contains(x.Subject.Organization, "system:nodes") {
				continue
			}
			found = append(found, pci.Finding{
				Status: pci.Fail, Subject: a.object.Ref, Pos: a.object.At(a.object.Root.Get("spec", "certificates")), Key: "shown " + a.address,
				Message: fmt.Sprintf("%s shows a certificate for %s that the cluster's own authority signed", a.address, namesOf(x)),
				Because: []pci.Because{{Ref: where.Ref, Pos: where.Pos, Msg: "holds that authority"}},
				Fix:     &pci.Fix{Text: "take it from an authority of your own, for example by cert-manager"},
			})
			break
		}
	}
	return found, of
}
