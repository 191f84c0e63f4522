package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

// clockServer is a time-stamping authority that certifies itself; it says that it is later than any package.
func clockServer(t *testing.T) (url, certificate string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clock"}, NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	certificate = filepath.Join(t.TempDir(), "tsa.pem")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" || r.Method != http.MethodPost {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		if r.URL.Path == "/long" {
			_, _ = w.Write(make([]byte, 2*maxAnswer))
			return
		}
		req, err := timestamp.ParseRequest(body)
		if err != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		said := timestamp.Timestamp{
			HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Nonce: req.Nonce, Policy: []int{1, 2, 3}, AddTSACertificate: true,
			Time: time.Date(2026, 3, 4, 12, 0, 9, 0, time.UTC),
		}
		if r.URL.Path == "/nonce" {
			said.Nonce = big.NewInt(1)
		}
		out, err := said.CreateResponseWithOpts(c, key, crypto.SHA256)
		if err != nil {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(out)
	}))
	t.Cleanup(server.Close)
	return server.URL, certificate
}

// A package is stamped over the network, or by files where there is none, and checked against the authority.
func TestTimestampOnline(t *testing.T) {
	url, certificate := clockServer(t)
	dir, key := packageOf(t, examples()[0])
	out := must(t, 0, "evidence", "timestamp", "--url", url, dir)
	if !strings.HasSuffix(out, "stamped 2026-03-04T12:00:09Z, of attestation.dsse.json, by CN=clock\n") {
		t.Errorf("got %s", out)
	}
	if out = must(t, 0, "evidence", "verify", "--key", key, "--tsa-ca", certificate, dir); !strings.Contains(out, "Stamped   2026-03-04T12:00:09Z") {
		t.Errorf("got %s", out)
	}
	if out = must(t, 3, "evidence", "verify", "--key", key, dir); !strings.Contains(out, "NOT CHECKED  who made the timestamp") {
		t.Errorf("got %s", out)
	}
	for path, want := range map[string]string{"/long": "too long", "/nonce": "answers another request"} {
		code, _, errs := program(t, "evidence", "timestamp", "--url", url+path, dir)
		if code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", path, code, errs)
		}
	}
}

func TestTimestampOffline(t *testing.T) {
	url, certificate := clockServer(t)
	dir, key := packageOf(t, examples()[0])
	request, answer := filepath.Join(t.TempDir(), "q"), filepath.Join(t.TempDir(), "a")
	must(t, 0, "evidence", "timestamp", "--request-out", request, dir)
	body, err := os.Open(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	resp, err := http.Post(url, "application/timestamp-query", body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(answer, data, 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, 0, "evidence", "timestamp", "--response", answer, dir)
	must(t, 0, "evidence", "verify", "--key", key, "--tsa-ca", certificate, dir)
	if err := os.Remove(filepath.Join(dir, evidence.TimestampFile)); err != nil {
		t.Fatal(err)
	}
	must(t, 0, "evidence", "verify", "--key", key, dir)
	must(t, 1, "evidence", "verify", "--key", key, "--tsa-ca", certificate, dir)
	must(t, 2, "evidence", "timestamp", dir)
	must(t, 2, "evidence", "timestamp", "--url", "x://", dir)
}
