package handshake_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/handshake"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// TestTargets: every way in of the fixture that can be dialed, once, whatever the order of the objects.
func TestTargets(t *testing.T) {
	a, err := txtar.ParseFile("testdata/targets.txtar")
	if err != nil {
		t.Fatal(err)
	}
	objects, problems, _ := load.Parse(a.Files[0].Data, a.Files[0].Name, load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := string(a.Files[1].Data)
	for seed := range uint64(4) {
		c, _ := cluster.New(objects, cluster.Options{})
		var b strings.Builder
		for _, x := range handshake.Targets(c, exposure.Find(c)) {
			fmt.Fprintf(&b, "%s server=%q workload=%q port=%d via=%s\n", x.Address, x.Server, x.Workload, x.Port, x.Via)
		}
		if os.Getenv("BULKHEAD_UPDATE") != "" && seed == 0 {
			a.Files[1].Data = []byte(b.String())
			if err := os.WriteFile("testdata/targets.txtar", txtar.Format(a), 0o600); err != nil {
				t.Fatal(err)
			}
			want = b.String()
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	}
}

// TestNamed: what a person may write.
func TestNamed(t *testing.T) {
	for text, want := range map[string]handshake.Target{
		"www.example.com:443":           {Address: "www.example.com:443", Server: "www.example.com"},
		"10.0.0.9:6443":                 {Address: "10.0.0.9:6443"},
		"[2001:db8::1]:443":             {Address: "[2001:db8::1]:443"},
		"WWW.example.com@10.0.0.9:443":  {Address: "10.0.0.9:443", Server: "www.example.com"},
		"a.example@lb.example.net:8443": {Address: "lb.example.net:8443", Server: "a.example"},
		"-":                             {}, "www.example.com": {}, "10.0.0.9:": {}, "10.0.0.9:0": {}, "10.0.0.9:65536": {}, "a b:443": {}, "http://a.example:443": {},
		"@10.0.0.9:443": {}, "a_b@10.0.0.9:443": {}, ":443": {}, "a..b:443": {}, "10.0.0.9:https": {}, "": {},
	} {
		got, ok := handshake.Named(text)
		if want.Address == "" {
			if ok {
				t.Errorf("%q: got %+v", text, got)
			}
		} else if !ok || got != want {
			t.Errorf("%q: got %+v, %v", text, got, ok)
		}
	}
}

// TestObjects: a result goes into a snapshot and comes back the same, byte for byte.
func TestObjects(t *testing.T) {
	address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{certified(t, "a.example", now, false)}, MinVersion: tls.VersionTLS12})
	results := []handshake.Result{
		one(t, handshake.Target{Address: address, Server: "a.example", Workload: "shop/web", Port: 8443, Via: "Service shop/web"}),
		{Target: handshake.Target{Address: "10.0.0.9:443"}, Time: now, Error: "evil: \x1b[31m\u202e <script> --- \n---\nkind: Secret"},
		{Target: handshake.Target{Address: "10.0.0.9:80"}, Time: now, TLS: handshake.Plain},
	}
	objects, err := handshake.Objects(results)
	if err != nil {
		t.Fatal(err)
	}
	text, err := handshake.YAML(results)
	if err != nil || bytes.ContainsAny(text, "\x1b") {
		t.Fatalf("%v\n%s", err, text)
	}
	var b bytes.Buffer
	if err := load.WriteSnapshot(&b, &load.Result{Objects: objects}); err != nil {
		t.Fatal(err)
	}
	again, problems, _ := load.Parse(b.Bytes(), "snapshot.json", load.Limits{})
	if len(problems) > 0 || len(again) != 3 {
		t.Fatalf("%d objects, %v", len(again), problems)
	}
	for i, o := range objects {
		if diff := cmp.Diff(string(o.Root.AppendJSON(nil)), string(again[i].Root.AppendJSON(nil))); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		if o.Ref.Kind != handshake.Kind || o.Ref.Group != load.ImportGroup || o.Pos.Line == 0 {
			t.Errorf("%+v", o)
		}
	}
	spec := objects[0].Root.Get("spec")
	took := slices.ContainsFunc(spec.Get("versions").List(), func(v *object.Value) bool { return v.Get("version").Str() == "1.3" && v.Get("taken").True() })
	if objects[0].Ref.Name != "a.example@"+address || spec.Get("time").Str() != "2026-03-01T12:00:00Z" || spec.Get("peer").Str() != address || !took || !spec.Get("tls").True() {
		t.Errorf("got %s", objects[0].Root.AppendJSON(nil))
	}
	if objects[1].Root.Get("spec", "tls").IsSet() || !objects[2].Root.Get("spec", "tls").IsSet() || objects[2].Root.Get("spec", "tls").True() {
		t.Error("tls is wrong where there was none, or no answer")
	}
}

// FuzzAnswer: whatever a server sends, the result can be written and read again, and the run comes to an end.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add([]byte{21, 3, 1, 0, 2, 2, 70})
	f.Add([]byte{22, 3, 3, 0, 4, 2, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, answer []byte) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer func() { _ = server.Close() }()
				_, _ = server.Read(make([]byte, 1<<16))
				_, _ = server.Write(answer)
			}()
			return client, nil
		}
		results := handshake.All(t.Context(), []handshake.Target{{Address: "10.0.0.9:443"}}, handshake.Options{Dial: dial, Timeout: time.Second, Time: now})
		objects, err := handshake.Objects(results)
		if err != nil || len(objects) != 1 {
			t.Fatalf("%+v: %v", results, err)
		}
		if r := results[0]; r.TLS == handshake.Silent && r.Error == "" || r.TLS == handshake.Plain && len(r.Certs) > 0 || r.Says() == "" {
			t.Fatalf("%+v", r)
		}
	})
}
