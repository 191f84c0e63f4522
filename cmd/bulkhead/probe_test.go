package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// internet is a network in which names lead to servers on loopback; what is not in it can not be reached.
type internet struct {
	servers map[string]string
	mu      sync.Mutex
	dialed  map[string]bool
}

func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed[address] = true
	n.mu.Unlock()
	to, ok := n.servers[address]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func oldServer(t *testing.T, name string) string {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Unix(1767225600, 0), NotAfter: time.Unix(1769904000, 0)} // January 2026
	der, err := x509.CreateCertificate(rand.Reader, x, x, public, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = c.(*tls.Conn).Handshake(); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

const exposedShop = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  tls: [{hosts: [shop.example.com, gone.example.com], secretName: s}]
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
  - host: gone.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`

// TestProbeTLS: --probe-tls dials what the input exposes, the answer is judged, goes into the package, and is judged
// the same from there when nobody can be dialed any more.
func TestProbeTLS(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1772323200") // 2026-03-01
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(file, []byte(exposedShop), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &internet{servers: map[string]string{"shop.example.com:443": oldServer(t, "other.example.com")}, dialed: map[string]bool{}}
	runs := func(dial bool, args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		g := &globals{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, env: func(string) string { return "" }, version: "v0", progName: "bulkhead", dial: n.dial}
		if !dial {
			g.dial = func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialed without being asked to")
				return nil, os.ErrPermission
			}
		}
		code := run(t.Context(), g, args)
		return code, stdout.String(), stderr.String()
	}
	judged := func(stdout string) []string {
		var a pci.Assessment
		if err := json.Unmarshal([]byte(stdout), &a); err != nil {
			t.Fatalf("%v\n%s", err, stdout)
		}
		var out []string
		for _, f := range a.Findings {
			if f.Subject.Kind == "TLSHandshake" {
				out = append(out, f.Check+" "+string(f.Status)+" "+f.Subject.Name+": "+f.Message)
			}
		}
		slices.Sort(out)
		return out
	}
	_, without, _ := runs(false, "assess", "-o", "json", file)
	if got := judged(without); len(got) > 0 {
		t.Errorf("without the flag: %v", got)
	}
	code, stdout, stderr := runs(true, "assess", "--probe-tls", "-o", "json", file)
	got := strings.Join(judged(stdout), "\n")
	for _, want := range []string{
		"TLS-06 unknown gone.example.com:443: gone.example.com:443 (tried on 2026-03-01): no connection: the name has no address",
		"TLS-08 fail shop.example.com:443: certificate of shop.example.com:443 (CN=other.example.com) ended on 2026-02-01",
		"TLS-08 fail shop.example.com:443: shop.example.com:443 was asked for shop.example.com, and shows a certificate for other.example.com",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("code %d, %s\nwant %s\ngot %s", code, stderr, want, got)
		}
	}
	if len(n.dialed) != 2 || strings.Contains(got, "TLS-06 fail") {
		t.Errorf("dialed %v\n%s", n.dialed, got)
	}
	_, snapshot, _ := runs(true, "snapshot", "--probe-tls", file)
	saved := filepath.Join(dir, "snapshot.json")
	if err := os.WriteFile(saved, []byte(snapshot), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, again, _ := runs(false, "assess", "-o", "json", saved); strings.Join(judged(again), "\n") != got {
		t.Errorf("from the snapshot: %v", judged(again))
	}
	if _, again, _ := runs(true, "assess", "--probe-tls", "-o", "json", saved); strings.Join(judged(again), "\n") != got {
		t.Errorf("tried again: %v", judged(again))
	}
	pack := filepath.Join(dir, "package")
	if code, _, stderr := runs(true, "evidence", "create", "--probe-tls", "--out", pack, file); code != 1 {
		t.Errorf("create: %d %s", code, stderr)
	}
	if code, stdout, stderr := runs(false, "evidence", "verify", pack); code != 3 || !strings.Contains(stdout, "what was checked holds") { // it is not signed
		t.Errorf("verify: %d %s%s", code, stdout, stderr)
	}
	if code, _, stderr := runs(false, "evidence", "create", "--probe-tls", "--pseudonyms", file, "--out", pack+"2", file); code != 2 || !strings.Contains(stderr, "--pseudonyms") {
		t.Errorf("with pseudonyms: %d %s", code, stderr)
	}
	if code, stdout, stderr := runs(true, "probe", "tls", "shop.example.com:443", "shop.example.com:443"); code != 0 || strings.Count(stdout, "kind: TLSHandshake") != 1 || !strings.Contains(stderr, "takes TLS 1.3, 1.2") {
		t.Errorf("probe: %d %s%s", code, stdout, stderr)
	}
	for _, bad := range [][]string{{"probe", "tls"}, {"probe", "tls", "shop.example.com"}, {"probe", "tls", "--timeout", "0s", "a.example:1"}, {"probe", "tls", "--timeout", "2m", "a.example:1"}, {"probe", "what"}} {
		if code, _, _ := runs(false, bad...); code != 2 {
			t.Errorf("%v: code %d", bad, code)
		}
	}
}
