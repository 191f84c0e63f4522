package evidence_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

// authority is a time-stamping authority of our own, with a root that certifies it.
type authority struct {
	root, cert *x509.Certificate
	key        crypto.Signer
}

func newAuthority(t testing.TB, use x509.ExtKeyUsage) *authority {
	t.Helper()
	make := func(name string, ca bool, parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, crypto.Signer) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		if !ca {
			c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{use}
		}
		if parent == nil {
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out, key
	}
	root, rootKey := make("root", true, nil, nil)
	cert, key := make("clock", false, root, rootKey)
	return &authority{root, cert, key}
}

func (a *authority) roots(t testing.TB) *x509.CertPool {
	t.Helper()
	pool, err := evidence.ReadRoots(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw}))
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// answer stamps what a request asks for.
func (a *authority) answer(t testing.TB, request []byte, at time.Time) []byte {
	t.Helper()
	req, err := timestamp.ParseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	said := timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: at, Nonce: req.Nonce, Policy: []int{1, 2, 3}, AddTSACertificate: true,
	}
	out, err := said.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stamp puts a timestamp into a package.
func (a *authority) stamp(t testing.TB, dir string, at time.Time) {
	t.Helper()
	nonce := big.NewInt(77)
	request, err := evidence.TimestampRequest(dir, nonce)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.AddTimestamp(dir, a.answer(t, request, at), nonce); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func check(t *testing.T, dir string, trust evidence.Trust) *evidence.Report {
	t.Helper()
	r, err := evidence.Verify(t.Context(), dir, trust, tool, upper)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTimestamp(t *testing.T) {
	dir, key := signed(t)
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	a.stamp(t, dir, noon)
	r := check(t, dir, evidence.Trust{Key: key, TSA: a.roots(t)})
	want := evidence.Timestamp{Time: "2026-03-04T12:00:00Z", Of: evidence.AttestationFile, Authority: "CN=clock", Trusted: true}
	if len(r.Faults) > 0 || len(r.Unchecked) > 0 || r.Timestamp == nil || *r.Timestamp != want {
		t.Errorf("got %+v, %+v", r.Timestamp, r)
	}
	if r := check(t, dir, evidence.Trust{Key: key}); len(r.Faults) > 0 || len(r.Unchecked) != 1 || r.Timestamp.Trusted {
		t.Errorf("without roots: %+v", r)
	}
	if err := evidence.Sign(t.Context(), dir, a.key); err == nil || !strings.Contains(err.Error(), "sign before") {
		t.Errorf("a stamped package was signed anew: %v", err)
	}
}

// TestTimestampFaults is what a timestamp may be wrong in.
func TestTimestampFaults(t *testing.T) {
	good, other := newAuthority(t, x509.ExtKeyUsageTimeStamping), newAuthority(t, x509.ExtKeyUsageTimeStamping)
	web := newAuthority(t, x509.ExtKeyUsageServerAuth)
	for _, c := range []struct {
		name      string
		by, trust *authority
		at        time.Time
		change    func(dir string) error
		path      string
		want      string
	}{
		{"another root", good, other, noon, nil, evidence.TimestampFile, "not by an authority"},
		{"a certificate of a web server", web, web, noon, nil, evidence.TimestampFile, "not for timestamps"},
		{"a certificate that had ended", good, good, noon.AddDate(20, 0, 0), nil, evidence.TimestampFile, "expired"},
		{"older than the package", good, good, noon.AddDate(0, -3, 0), nil, evidence.ManifestFile, "later than its timestamp"},
		{"another package", good, good, noon, func(dir string) error {
			return os.Remove(filepath.Join(dir, evidence.AttestationFile))
		}, evidence.TimestampFile, "not about this file: manifest.json"},
		{"gone", good, good, noon, func(dir string) error { return os.Remove(filepath.Join(dir, evidence.TimestampFile)) }, evidence.TimestampFile, "missing"},
		{"no response", good, good, noon, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, evidence.TimestampFile), []byte("text"), 0o644)
		}, evidence.TimestampFile, ""},
	} {
		dir, key := signed(t)
		request, err := evidence.TimestampRequest(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, evidence.TimestampFile), c.by.answer(t, request, c.at), 0o644); err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
		}
		found := false
		faults := check(t, dir, evidence.Trust{Key: key, TSA: c.trust.roots(t)}).Faults
		for _, f := range faults {
			found = found || f.Path == c.path && strings.Contains(f.Msg, c.want)
		}
		if !found {
			t.Errorf("%s: got %+v, want %s: %s", c.name, faults, c.path, c.want)
		}
	}
}

// TestTimestampOfAnother: a response about another package, or to another request, is not taken.
func TestTimestampOfAnother(t *testing.T) {
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	dir, _ := signed(t)
	request, err := evidence.TimestampRequest(dir, big.NewInt(1))
	if err != nil {
		t.Fatal(err)
	}
	response := a.answer(t, request, noon)
	if _, err := evidence.AddTimestamp(dir, response, big.NewInt(2)); err == nil || !strings.Contains(err.Error(), "another request") {
		t.Errorf("got %v", err)
	}
	second, _ := signed(t)
	if _, err := evidence.AddTimestamp(second, response, nil); err == nil || !strings.Contains(err.Error(), "not about this file") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(second, evidence.TimestampFile)); err == nil {
		t.Error("the response was kept")
	}
}

// TestTimestampBytes changes every byte of a timestamp: it is named, or what it says stays what it said. (Bytes
// that no signature covers can not say anything.)
func TestTimestampBytes(t *testing.T) {
	dir, key := signed(t)
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	a.stamp(t, dir, noon)
	trust := evidence.Trust{Key: key, TSA: a.roots(t)}
	want := *check(t, dir, trust).Timestamp
	path := filepath.Join(dir, evidence.TimestampFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	silent := 0
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		r := check(t, dir, trust)
		named := false
		for _, f := range r.Faults {
			named = named || f.Path == evidence.TimestampFile
		}
		if !named {
			silent++
			if r.Timestamp == nil || *r.Timestamp != want {
				t.Errorf("byte %d: %+v", i, r)
			}
		}
	}
	if silent*20 > len(data) {
		t.Errorf("%d of %d bytes can be changed unseen", silent, len(data))
	}
}
