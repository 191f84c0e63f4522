package evidence_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

var tool = evidence.Tool{Name: "bulkhead", Version: "1.0", Rules: "abc"}

// upper is what stands for an evaluation: it depends on the snapshot and on what was stated.
func upper(snapshot []byte, m *evidence.Manifest) ([]evidence.File, error) {
	if bytes.Contains(snapshot, []byte("bad")) {
		return nil, errors.New("not understood")
	}
	return []evidence.File{
		{Path: "results/results.json", Data: append(bytes.ToUpper(snapshot), m.Assume.Enforcer...), Derived: true},
		{Path: "registers/a.csv", Data: []byte("a,b\r\n1,2\r\n"), Derived: true},
	}, nil
}

// signed makes a package and gives its folder and public key.
func signed(t *testing.T) (string, crypto.PublicKey) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "package")
	m := &evidence.Manifest{Tool: tool, Created: "2026-01-02T03:04:05Z", Sources: []string{"manifests/"}, Assume: evidence.Assume{Enforcer: "calico"}}
	snapshot := []byte("{\"objects\":[]}\n")
	files, err := upper(snapshot, m)
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, evidence.File{Path: evidence.SnapshotFile, Data: snapshot}, evidence.File{Path: "VERIFY.md", Data: []byte("text\n")})
	if err := evidence.Write(dir, files, m); err != nil {
		t.Fatal(err)
	}
	private, public, err := evidence.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := evidence.ReadPrivate(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := evidence.Sign(t.Context(), dir, signer); err != nil {
		t.Fatal(err)
	}
	pub, err := evidence.ReadPublic(public)
	if err != nil {
		t.Fatal(err)
	}
	return dir, pub
}

func verify(t *testing.T, dir string, key crypto.PublicKey) *evidence.Report {
	t.Helper()
	r, err := evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, tool, upper)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	dir, key := signed(t)
	r := verify(t, dir, key)
	if len(r.Faults) > 0 || len(r.Unchecked) > 0 || !r.Signed || r.Files != 4 || r.Derived != 2 {
		t.Errorf("got %+v", r)
	}
	if r := verify(t, dir, nil); r.Signed || len(r.Faults) > 0 || len(r.Unchecked) != 1 {
		t.Errorf("without a key: %+v", r)
	}
}

// TestEveryByte changes bytes of each file, one at a time and every one of small files: the file is named every
// time.
func TestEveryByte(t *testing.T) {
	dir, key := signed(t)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		for i := 0; i < len(data); i += 1 + len(data)/500 {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				return err
			}
			r, err := evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, tool, upper)
			if err != nil { // a manifest that can not be read
				if name != evidence.ManifestFile || !strings.Contains(err.Error(), name) {
					t.Errorf("%s byte %d: %v", name, i, err)
				}
				continue
			}
			named := false
			for _, f := range r.Faults {
				named = named || f.Path == name
			}
			if !named {
				t.Errorf("%s byte %d: %+v", name, i, r.Faults)
			}
		}
		return os.WriteFile(path, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestForged: whoever changes a conclusion and all digests with it is caught by the evaluation; with the right
// key also by the signature.
func TestForged(t *testing.T) {
	dir, key := signed(t)
	path := filepath.Join(dir, "results/results.json")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(old, []byte("OBJECTS"), []byte("VERDICT"), 1)
	if err := os.WriteFile(path, forged, 0o644); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(dir, evidence.ManifestFile)
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	if err := os.WriteFile(manifest, bytes.ReplaceAll(text, []byte(sum(old)), []byte(sum(forged))), 0o644); err != nil {
		t.Fatal(err)
	}
	want := `does not follow from the snapshot: line 1 is "{\"VERDICT\":[]}", and should be "{\"OBJECTS\":[]}"`
	r := verify(t, dir, nil)
	if len(r.Faults) != 1 || r.Faults[0].Path != "results/results.json" || r.Faults[0].Msg != want {
		t.Errorf("got %+v", r.Faults)
	}
	if r := verify(t, dir, key); len(r.Faults) != 2 || r.Faults[0].Path != evidence.ManifestFile || r.Signed {
		t.Errorf("with the key: %+v", r.Faults)
	}
}

// TestFaults is the other ways in which a package may be wrong.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(dir string) error
		want   string
	}{
		{"a file is gone", func(dir string) error { return os.Remove(filepath.Join(dir, "VERIFY.md")) }, "VERIFY.md: missing"},
		{"a file came", func(dir string) error { return os.WriteFile(filepath.Join(dir, "registers/b.csv"), nil, 0o644) }, "registers/b.csv: not in the manifest"},
		{"no signature", func(dir string) error { return os.Remove(filepath.Join(dir, evidence.AttestationFile)) }, "attestation.dsse.json: missing: the package is not signed"},
		{"a link out", func(dir string) error {
			path := filepath.Join(dir, "VERIFY.md")
			return errors.Join(os.Remove(path), os.Symlink("/etc/hostname", path))
		}, "VERIFY.md: "},
		{"a folder", func(dir string) error {
			path := filepath.Join(dir, "VERIFY.md")
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o755))
		}, "VERIFY.md: VERIFY.md is not a plain file"},
	} {
		dir, key := signed(t)
		if err := c.change(dir); err != nil {
			t.Fatal(err)
		}
		r := verify(t, dir, key)
		if len(r.Faults) == 0 || !strings.HasPrefix(r.Faults[0].Path+": "+r.Faults[0].Msg, c.want) {
			t.Errorf("%s: got %+v, want %s", c.name, r.Faults, c.want)
		}
	}
}

// TestOtherTool: conclusions that another version would not draw are named with both versions.
func TestOtherTool(t *testing.T) {
	dir, key := signed(t)
	other := evidence.Tool{Name: "bulkhead", Version: "2.0", Rules: "def"}
	r, err := evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, other, func(s []byte, m *evidence.Manifest) ([]evidence.File, error) {
		files, err := upper(s, m)
		files[1].Data = []byte("a,b\r\n1,3\r\n")
		return append(files[:2:2], evidence.File{Path: "registers/new.csv", Derived: true}), err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &evidence.Version{
		Made: tool, Checked: other, Files: []string{"registers/a.csv", "registers/new.csv"}, Verdicts: []string{},
	}
	if diff := cmp.Diff(want, r.Version); diff != "" || len(r.Faults) > 0 {
		t.Errorf("%v (-want +got):\n%s", r.Faults, diff)
	}
	if len(r.Unchecked) != 1 || !strings.Contains(r.Unchecked[0], "made by bulkhead 1.0 (rules abc), and this is bulkhead 2.0 (rules def), which writes 2 of its files in another way; every verdict is the same") {
		t.Errorf("got %q", r.Unchecked)
	}
	r, err = evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, tool, func([]byte, *evidence.Manifest) ([]evidence.File, error) { return nil, errors.New("no") })
	if err != nil || len(r.Faults) != 1 || r.Faults[0].Path != evidence.SnapshotFile {
		t.Errorf("got %v, %v", r.Faults, err)
	}
}

// TestNoPackage: what is no package is an error, not a fault.
func TestNoPackage(t *testing.T) {
	dir, key := signed(t)
	manifest := filepath.Join(dir, evidence.ManifestFile)
	for _, c := range []struct{ text, want string }{
		{"", "EOF"},
		{`{"protocol":"bulkhead.dev/evidence/v9"}`, "protocol"},
		{`{"protocol":"bulkhead.dev/evidence/v1","more":1}`, "unknown field"},
		{`{"protocol":"bulkhead.dev/evidence/v1"}`, "not as it was written"},
	} {
		if err := os.WriteFile(manifest, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, tool, upper); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	for _, path := range []string{"../x", "/etc/passwd", "a/../b"} {
		m := evidence.Manifest{Protocol: evidence.Protocol, Sources: []string{}, Files: []evidence.Entry{{Path: path}}}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(manifest, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Verify(t.Context(), dir, evidence.Trust{Key: key}, tool, upper); err == nil || !strings.Contains(err.Error(), "path") {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if _, err := evidence.Verify(t.Context(), t.TempDir(), evidence.Trust{Key: key}, tool, upper); err == nil || !strings.Contains(err.Error(), "no evidence package") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := evidence.Write(dir, nil, &evidence.Manifest{}); err == nil {
		t.Error("a package was written over another")
	}
}

// TestKeys: ECDSA keys sign, too; other keys and other files are refused.
func TestKeys(t *testing.T) {
	dir, _ := signed(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := evidence.Sign(t.Context(), dir, key); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir, key.Public()); !r.Signed || len(r.Faults) > 0 {
		t.Errorf("got %+v", r)
	}
	for _, text := range []string{"", "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"} {
		if _, err := evidence.ReadPrivate([]byte(text)); err == nil {
			t.Errorf("%q is taken for a private key", text)
		}
		if _, err := evidence.ReadPublic([]byte(strings.ReplaceAll(text, "PRIVATE", "PUBLIC"))); err == nil {
			t.Errorf("%q is taken for a public key", text)
		}
	}
}
