package handshake_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/handshake"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// certified makes a certificate for a name; RSA for servers with old suites.
func certified(t *testing.T, name string, end time.Time, old bool) tls.Certificate {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(end.Unix()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end,
	}
	if !old {
		der, err := x509.CreateCertificate(rand.Reader, template, template, &ec.PublicKey, ec)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: ec}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve runs a server on loopback for the length of the test, and gives its address.
func serve(t *testing.T, each func(n int, c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				each(n, c)
			}()
		}
	}()
	return l.Addr().String()
}

func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	return serve(t, func(_ int, c net.Conn) { _ = tls.Server(c, config).Handshake() })
}

func one(t *testing.T, target handshake.Target) handshake.Result {
	t.Helper()
	got := handshake.All(t.Context(), []handshake.Target{target}, handshake.Options{Dial: handshake.Anywhere, Timeout: 2 * time.Second, Time: now})
	if len(got) != 1 || got[0].Target != target || !got[0].Time.Equal(now) {
		t.Fatalf("got %+v", got)
	}
	return got[0]
}

func taken(r handshake.Result) map[string][]string {
	out := map[string][]string{}
	for _, v := range r.Versions {
		if len(v.Suites) > 0 || v.Error != "" {
			out[v.Name] = slices.Sorted(slices.Values(append(v.Suites, strings.Fields(v.Error)...)))
		}
	}
	return out
}

// TestVersions: what real servers take is what is found, no more and no less.
func TestVersions(t *testing.T) {
	modern, old := certified(t, "shop.example", now.AddDate(0, 6, 0), false), certified(t, "old.example", now.AddDate(0, 0, -1), true)
	rc4, des, gcm := tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	cbc := tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
	for name, tc := range map[string]struct {
		config *tls.Config
		want   map[string][]string
	}{
		"1.3 only": {&tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS13}, map[string][]string{"1.3": {"TLS_AES_128_GCM_SHA256"}}},
		"1.2 and 1.3, as Go has them": {&tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, map[string][]string{
			"1.3": {"TLS_AES_128_GCM_SHA256"}, "1.2": {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
		}},
		"everything up to 1.2, with weak suites": {&tls.Config{Certificates: []tls.Certificate{old}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{rc4, des, gcm}}, map[string][]string{
			"1.2": {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"},
			"1.1": {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"}, "1.0": {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"},
		}},
		"1.0 only":                        {&tls.Config{Certificates: []tls.Certificate{old}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{cbc}}, map[string][]string{"1.0": {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"}}},
		"asks for a client's certificate": {&tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, map[string][]string{"1.2": {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serveTLS(t, tc.config)
			r := one(t, handshake.Target{Address: address, Server: "shop.example"})
			if diff := cmp.Diff(tc.want, taken(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.TLS != handshake.Speaks || r.Error != "" || len(r.Versions) != 4 || r.Peer != address || len(r.Certs) != 1 || !r.Certs[0].Equal(leaf(t, tc.config)) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func leaf(t *testing.T, c *tls.Config) *x509.Certificate {
	t.Helper()
	x, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestNames: the server is told the name, and shows the certificate that it has for it.
func TestNames(t *testing.T) {
	a, b := certified(t, "a.example", now, false), certified(t, "b.example", now, false)
	address := serveTLS(t, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		switch h.ServerName {
		case "a.example":
			return &a, nil
		case "":
			return &b, nil
		}
		return nil, errors.New("no such name") // the client gets internal_error
	}})
	for server, want := range map[string]string{"a.example": "a.example", "": "b.example"} {
		if r := one(t, handshake.Target{Address: address, Server: server}); len(r.Certs) != 1 || r.Certs[0].DNSNames[0] != want {
			t.Errorf("%q: got %+v", server, r)
		}
	}
	r := one(t, handshake.Target{Address: address, Server: "c.example"})
	if r.TLS != handshake.Silent && r.TLS != handshake.Speaks || r.Error == "" || len(r.Versions) != 0 {
		t.Errorf("a name that is not served: %+v", r)
	}
}

// TestNoTLS: what takes no TLS, or says nothing, is never taken for something else.
func TestNoTLS(t *testing.T) {
	closedPort := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}()
	for name, tc := range map[string]struct {
		address string
		took    handshake.Took
		says    string
	}{
		"HTTP":       {serve(t, func(_ int, c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), handshake.Plain, "it answered, and took no TLS"},
		"a greeting": {serve(t, func(_ int, c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n") }), handshake.Plain, "it answered, and took no TLS"},
		"hangs":      {serve(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) }), handshake.Silent, "did not answer in time"},
		"closes": {serve(t, func(_ int, c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
		}), handshake.Silent, "it closed the connection"},
		"closed": {closedPort, handshake.Silent, "the port is closed"},
		"refuses all": {serve(t, func(_ int, c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 1, 0, 2, 2, 40})
		}), handshake.Speaks, "in none of the versions tried"},
		"garbage in a record": {serve(t, func(_ int, c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{22, 3, 3, 0, 4, 2, 0, 0, 0})
		}), handshake.Silent, ""},
		"an endless record": {serve(t, func(_ int, c net.Conn) {
			for {
				if _, err := c.Write(append([]byte{22, 3, 3, 0x40, 0, 11, 0xff, 0xff, 0xff}, make([]byte, 16379)...)); err != nil {
					return
				}
			}
		}), handshake.Silent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := one(t, handshake.Target{Address: tc.address})
			if r.TLS != tc.took || !strings.Contains(r.Says(), tc.says) || len(r.Certs) > 0 {
				t.Errorf("got %+v, says %q", r, r.Says())
			}
			for _, v := range r.Versions {
				if len(v.Suites) > 0 {
					t.Errorf("takes %+v", v)
				}
			}
		})
	}
}

// TestBusy: a server that closes now and then does not come out as one that refuses a version.
func TestBusy(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{certified(t, "a.example", now, true)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12}
	var most atomic.Int32
	address := serve(t, func(n int, c net.Conn) {
		most.Store(int32(n))
		if n == 0 {
			_ = tls.Server(c, config).Handshake()
		} // then it closes every connection
	})
	r := one(t, handshake.Target{Address: address})
	if r.TLS != handshake.Speaks || r.Error != "" || len(r.Versions) != 4 {
		t.Fatalf("got %+v", r)
	}
	for _, v := range r.Versions {
		if v.Error == "" || len(v.Suites) > 0 {
			t.Errorf("TLS %s counts as refused: %+v", v.Name, v)
		}
	}
	if n := most.Load(); n > 12 {
		t.Errorf("%d connections", n)
	}
}

// TestMany: no more than eight connections at once, results in order, and an end when the caller wants one.
func TestMany(t *testing.T) {
	var open, most atomic.Int32
	address := serve(t, func(_ int, c net.Conn) {
		n := open.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		open.Add(-1) // before the answer lets the next one in
		_, _ = io.WriteString(c, "hello there")
	})
	var targets []handshake.Target
	for i := range 300 {
		targets = append(targets, handshake.Target{Address: address, Port: i})
	}
	targets, left := handshake.Cut(targets)
	if len(targets) != handshake.MaxTargets || left != 300-handshake.MaxTargets {
		t.Fatalf("%d targets, %d left", len(targets), left)
	}
	for i, r := range handshake.All(t.Context(), targets, handshake.Options{Dial: handshake.Anywhere, Time: now}) {
		if r.Port != i || r.TLS != handshake.Plain {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	if m := most.Load(); m > 8 || m < 2 {
		t.Errorf("%d connections at once", m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range handshake.All(ctx, targets[:20], handshake.Options{Dial: handshake.Anywhere}) {
		if r.TLS != handshake.Silent || r.Error == "" {
			t.Fatalf("after the end: %+v", r)
		}
	}
}

// TestOutward: what an input names is never on this machine or its link.
func TestOutward(t *testing.T) {
	address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{certified(t, "a.example", now, false)}})
	_, port, _ := net.SplitHostPort(address)
	for _, host := range []string{"127.0.0.1", "localhost", "::1", "0.0.0.0", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1%lo", "224.0.0.1", "168.63.129.16", "fd00:ec2::254"} {
		to := net.JoinHostPort(host, port)
		r := handshake.All(t.Context(), []handshake.Target{{Address: to}}, handshake.Options{Timeout: time.Second})[0]
		if r.TLS != handshake.Silent || !strings.Contains(r.Error, "an input can not send it") {
			t.Errorf("%s: %+v", host, r)
		}
	}
}
