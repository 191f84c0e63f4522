package evidence

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPackage: whatever the files of a package hold, checking it ends with a report or an error, and nothing that
// is not what Write and Sign write is taken.
func FuzzPackage(f *testing.F) {
	m := &Manifest{Tool: Tool{"bulkhead", "1", "r"}, Created: "2026-01-02T03:04:05Z", Sources: []string{"a"}}
	dir := filepath.Join(f.TempDir(), "p")
	if err := Write(dir, []File{{Path: SnapshotFile, Data: []byte("{}")}, {Path: ResultsFile, Data: []byte("{}"), Derived: true}}, m); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		f.Fatal(err)
	}
	envelope := `{
  "payloadType": "application/vnd.in-toto+json",
  "payload": "e30=",
  "signatures": []
}
`
	f.Add(good, []byte(envelope), []byte("0\x03\x02\x01\x00"))
	f.Add([]byte(strings.Replace(string(good), SnapshotFile, "../../etc/passwd", 1)), []byte(`{"payload":"!"}`), []byte("\x30\x80\x30\x03\x02\x01\x00\x30\x80"))
	f.Add([]byte(`{"protocol":"bulkhead.dev/evidence/v1","files":[{"path":"a","size":-1}]}`), []byte(strings.Repeat("[", 20_000)), bytes.Repeat([]byte{0x30, 0x80}, 2000))
	f.Add([]byte("{}"), []byte("{}"), append([]byte{0x30, 0x0f, 0x30, 0x03, 0x02, 0x01, 0x00, 0x30, 0x08}, bytes.Repeat([]byte{0xbf, 0xff}, 4)...)) // a panic in the library
	f.Fuzz(func(t *testing.T, manifest, envelope, stamp []byte) {
		if m, err := parseManifest(manifest); err == nil {
			again, err := encode(m)
			if err != nil || !bytes.Equal(again, manifest) {
				t.Errorf("a manifest that is not as it was written was taken: %q", manifest)
			}
			for _, e := range m.Files {
				if strings.Contains(e.Path, "..") && !filepath.IsLocal(e.Path) || atFixedPlace(e.Path) {
					t.Errorf("path %q was taken", e.Path)
				}
			}
		}
		if e, err := parseEnvelope(envelope); err == nil {
			_, _ = e.DecodeB64Payload()
		}
		if tok, err := readToken(stamp); err == nil && tok.about([]byte("text")) == nil {
			if sum := sha256.Sum256([]byte("text")); !bytes.Equal(sum[:], tok.said.HashedMessage) {
				t.Error("a timestamp of another text was taken")
			}
		}
	})
}

// TestLimits: a package is read from anyone; what is too large is refused before it is read.
func TestLimits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	m := &Manifest{Created: "2026-01-02T03:04:05Z", Sources: []string{}}
	if err := Write(dir, []File{{Path: SnapshotFile, Data: []byte("{}")}}, m); err != nil {
		t.Fatal(err)
	}
	none := func([]byte, *Manifest) ([]File, error) { return nil, nil }
	name := func(path string) string { return filepath.Join(dir, path) }
	if err := os.Truncate(name(SnapshotFile), maxFile-1); err != nil { // a hole: no disk is used
		t.Skip(err)
	}
	r, err := Verify(t.Context(), dir, Trust{}, Tool{}, none)
	if err != nil || len(r.Faults) != 1 || r.Faults[0].Path != SnapshotFile || !strings.Contains(r.Faults[0].Msg, "larger than 2 bytes") {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := os.WriteFile(name(AttestationFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name(AttestationFile), maxHead+1); err != nil {
		t.Fatal(err)
	}
	signer, public := testKey(t)
	r, err = Verify(t.Context(), dir, Trust{Key: public}, Tool{}, none)
	if err != nil || len(r.Faults) != 2 || r.Faults[0].Path != AttestationFile || !strings.Contains(r.Faults[0].Msg, "larger than") {
		t.Errorf("got %+v, %v", r, err)
	}
	for i := range maxStranger + 20 {
		if err := os.WriteFile(name("x"+strings.Repeat("y", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r, err = Verify(t.Context(), dir, Trust{}, Tool{}, none); err != nil || len(r.Faults) != maxStranger+3 {
		t.Errorf("%d faults, %v", len(r.Faults), err)
	}
	if err := os.Truncate(name(ManifestFile), maxHead+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), dir, Trust{}, Tool{}, none); err == nil || !strings.Contains(err.Error(), "manifest.json is larger than") {
		t.Errorf("got %v", err)
	}
	if err := Sign(t.Context(), dir, signer); err == nil {
		t.Error("a package that can not be read was signed")
	}
	many := &Manifest{Protocol: Protocol, Sources: []string{}}
	for i := range maxFiles + 1 {
		many.Files = append(many.Files, Entry{Path: "f" + string(rune('a'+i/26/26)) + strings.Repeat("x", i%512)})
	}
	data, err := encode(many)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseManifest(data); err == nil || !strings.Contains(err.Error(), "10001 files") {
		t.Errorf("got %v", err)
	}
}

// TestChangedVerdicts: what another version says differently is told, one by one.
func TestChangedVerdicts(t *testing.T) {
	was := `{"checks":[{"id":"A-1","status":"pass"},{"id":"A-2","status":"pass"}],"findings":[{"check":"A-1","status":"pass","fingerprint":"f"},{"check":"A-2","status":"pass","fingerprint":"g"}]}`
	is := `{"checks":[{"id":"A-1","status":"pass"},{"id":"A-2","status":"fail"},{"id":"A-3","status":"manual"}],"findings":[{"check":"A-1","status":"pass","fingerprint":"f"},{"check":"A-2","status":"fail","fingerprint":"h"}]}`
	want := []string{
		"check A-2: the package says pass, this version fail", "check A-3: the package says nothing, this version manual",
		"finding A-2 g: the package says pass, this version nothing", "finding A-2 h: the package says nothing, this version fail",
	}
	if got := changedVerdicts([]byte(was), []byte(is)); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
	if got := changedVerdicts([]byte(was), []byte(was)); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	if got := changedVerdicts([]byte("x"), []byte(was)); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}
