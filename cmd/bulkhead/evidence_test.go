package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

// must is program with the exit code it has to end with.
func must(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, out, errs := program(t, args...)
	if code != want {
		t.Fatalf("%s: exit code %d, want %d\n%s%s", args, code, want, out, errs)
	}
	return out
}

// packageOf makes a signed package of an example and gives its folder and public key.
func packageOf(t *testing.T, source string, flags ...string) (dir, key string) {
	t.Helper()
	at := t.TempDir()
	dir, key = filepath.Join(at, "p"), filepath.Join(at, "key.pem")
	must(t, 0, "evidence", "key", key)
	must(t, 0, append([]string{"evidence", "create", "--out", dir, "--key", key, "--at", "2026-03-04T12:00:00Z", source}, flags...)...)
	return dir, key + ".pub"
}

// filesOf reads a folder.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		out[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// faultsOf checks a package as verify does and gives the files that are named. What follows from a snapshot is kept
// in known, as it does not change from one tampering to the next.
func faultsOf(t testing.TB, dir, keyFile string, known map[string][]evidence.File) []string {
	t.Helper()
	g := &globals{version: "v0.0.0-test"}
	var trust evidence.Trust
	if keyFile != "" {
		key, err := readKey(keyFile, evidence.ReadPublic)
		if err != nil {
			t.Fatal(err)
		}
		trust.Key = key
	}
	r, err := evidence.Verify(t.Context(), dir, trust, g.tool(), func(snapshot []byte, m *evidence.Manifest) ([]evidence.File, error) {
		id, err := json.Marshal([]any{sha256.Sum256(snapshot), m.Tool, m.Created, m.Subject, m.Sources, m.Assume})
		if err != nil {
			return nil, err
		}
		if files, ok := known[string(id)]; ok {
			return files, nil
		}
		files, _, err := g.derive(t.Context(), snapshot, m)
		if err == nil {
			known[string(id)] = files
		}
		return files, err
	})
	if err != nil {
		return []string{err.Error()} // a manifest that can not be read, or folder that is no package
	}
	var names []string
	for _, f := range r.Faults {
		names = append(names, f.Path)
	}
	return names
}

func examples() []string {
	return []string{"../../examples/card-shop/5-works", "../../examples/mesh-bank/2-works"}
}

// A byte changed in any file of a package makes verify name that file.
func TestTamperedFilesAreNamed(t *testing.T) {
	for _, source := range examples() {
		t.Run(filepath.Base(filepath.Dir(source)), func(t *testing.T) {
			t.Parallel()
			dir, key := packageOf(t, source)
			files, known := filesOf(t, dir), map[string][]evidence.File{}
			if names := faultsOf(t, dir, key, known); len(names) > 0 || len(files) < 30 {
				t.Fatalf("%d files, faults in %v", len(files), names)
			}
			for i, name := range slices.Sorted(maps.Keys(files)) {
				data := []byte(files[name])
				data[(i+1)*len(data)/(len(files)+2)] ^= 1 // elsewhere in each
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
					t.Fatal(err)
				}
				if names := strings.Join(faultsOf(t, dir, key, known), " "); !strings.Contains(names, name) {
					t.Errorf("%s was changed, and verify names %q", name, names)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// forge changes a file and makes the manifest fit it again.
func forge(t *testing.T, dir, name, old, now string) {
	t.Helper()
	path, manifest := filepath.Join(dir, name), filepath.Join(dir, evidence.ManifestFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(data, []byte(old), []byte(now), 1)
	if bytes.Equal(changed, data) {
		t.Fatalf("%s does not say %s", name, old)
	}
	list, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	entry := func(b []byte) []byte {
		return fmt.Appendf(nil, "%q,\n      \"size\": %s", sum(b), strconv.Itoa(len(b)))
	}
	fits := bytes.Replace(list, entry(data), entry(changed), 1)
	if bytes.Equal(fits, list) {
		t.Fatalf("the manifest does not name %s", name)
	}
	for file, text := range map[string][]byte{path: changed, manifest: fits} {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever changes a verdict and makes every digest fit is caught by the evaluation, without any key; whoever
// changes the input is caught by the conclusions that do not follow from it any more.
func TestForgedVerdicts(t *testing.T) {
	known := map[string][]evidence.File{}
	made := filepath.Join(t.TempDir(), "p")
	must(t, 1, "evidence", "create", "--out", made, "--at", "2026-03-04T12:00:00Z", "../../examples/card-shop/1-open")
	for _, c := range []struct{ name, old, now, want string }{
		{"results/results.json", `"status": "fail"`, `"status": "pass"`, "results/results.json"},
		{"results/results.junit.xml", "<failure", "<skipped", "results/results.junit.xml"},
		{"registers/flows.csv", "Deployment,", "DaemonSet,", "registers/flows.csv"},
		{"report.html", "findings to fix", "findings to keep", "report.html"},
		{"diagrams/network.svg", "<title", "<desc", "diagrams/network.svg"},
		{evidence.SnapshotFile, `"tier":"backend"`, `"tier":"frontend"`, "results/results.json"},
	} {
		dir := filepath.Join(t.TempDir(), "p")
		if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		forge(t, dir, c.name, c.old, c.now)
		if names := faultsOf(t, dir, "", known); !slices.Contains(names, c.want) || slices.Contains(names, evidence.SnapshotFile) {
			t.Errorf("%s was forged, and verify names %v", c.name, names)
		}
	}
}

// The same input gives the same bytes, on one processor and on two.
func TestPackageIsRepeatable(t *testing.T) {
	for _, source := range examples() {
		var first map[string]string
		for _, procs := range []int{1, 2} {
			old := runtime.GOMAXPROCS(procs)
			dir := filepath.Join(t.TempDir(), "p")
			must(t, 0, "evidence", "create", "--out", dir, "--at", "2026-03-04T12:00:00Z", source)
			runtime.GOMAXPROCS(old)
			files := filesOf(t, dir)
			if first == nil {
				first = files
				continue
			}
			if diff := cmp.Diff(first, files); diff != "" {
				t.Errorf("%s (-first +second):\n%.2000s", source, diff)
			}
		}
	}
}

// A package of another version is evaluated by this one, which says what it can not confirm, and what it says
// differently.
func TestOtherVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	must(t, 1, "evidence", "create", "--out", dir, "../../examples/card-shop/1-open")
	manifest := filepath.Join(dir, evidence.ManifestFile)
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, bytes.Replace(data, []byte("v0.0.0-test"), []byte("v0.0.0-other"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := must(t, 3, "evidence", "verify", dir); strings.Contains(out, "DIFFERENT") || !strings.Contains(out, "0 of its files in another way") && !strings.Contains(out, "Result    what was checked holds") {
		t.Errorf("got %s", out)
	}
	forge(t, dir, "results/results.json", `"status": "fail"`, `"status": "pass"`)
	out := must(t, 3, "evidence", "verify", dir)
	for _, want := range []string{"this is bulkhead v0.0.0-test", "verdicts that differ: 1", "DIFFERENT  check DEN-01: ", "comes to other verdicts: have bulkhead v0.0.0-other check it", "the package says pass, this version fail"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
}

// With pseudonyms nothing in a package says a name, the list of names stands beside it, the same key gives the same
// bytes, and the package can be checked by who does not know the names.
func TestPseudonyms(t *testing.T) {
	keyFile := filepath.Join(t.TempDir(), "names.key")
	if err := os.WriteFile(keyFile, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, secret := range map[string][]string{
		"../../examples/card-shop/1-open":     {"pci-frontend", "pci-backend", "other-backend", "examples", "shop"},
		"../../examples/card-shop/5-works":    {"pci-frontend", "pci-backend", "other-backend", "examples", "shop"},
		"../../examples/mesh-bank/2-works":    {"card-vault", "payments", "marketing", "online-banking", "security office", "examples"},
		"../../examples/mesh-bank/1-mistakes": {"card-vault", "marketing", "examples"},
	} {
		at := t.TempDir()
		dir := filepath.Join(at, "p")
		code, _, errs := program(t, "evidence", "create", "--out", dir, "--pseudonyms", keyFile, "--at", "2026-03-04T12:00:00Z", source)
		if code > 1 {
			t.Fatal(errs)
		}
		files := filesOf(t, dir)
		for name, text := range files {
			for _, s := range secret {
				// Free texts stay, and so does what the program itself says.
				free := name == "snapshot/input.json" || strings.HasPrefix(name, "registers/review") || strings.HasPrefix(name, "report")
				if strings.Contains(text, s) && (!free || s != "payments" && s != "shop") && !strings.Contains(name, "requirements") {
					i := strings.Index(text, s)
					t.Errorf("%s: %s says %s: %q", source, name, s, text[max(0, i-60):min(len(text), i+60)])
				}
			}
		}
		if list := filesOf(t, at)["p.names.csv"]; !strings.Contains(list, secret[0]) {
			t.Errorf("the list of names does not have %s: %s", secret[0], list)
		}
		if info, err := os.Stat(dir + ".names.csv"); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the list of names can be read by others: %v, %v", info, err)
		}
		must(t, 3, "evidence", "verify", dir)
		if works := strings.HasSuffix(source, "-works"); works != strings.Contains(files["results/results.txt"], "  SCO-09   the scope is confirmed") {
			t.Errorf("%s: the scope of step 2-works and 5-works is confirmed by its digest, with other names, too: %t", source, works)
		}
		again := filepath.Join(at, "again")
		program(t, "evidence", "create", "--out", again, "--pseudonyms", keyFile, "--at", "2026-03-04T12:00:00Z", source)
		if diff := cmp.Diff(files, filesOf(t, again)); diff != "" {
			t.Errorf("%s (-first +second):\n%.2000s", source, diff)
		}
		if code, _, errs := program(t, "evidence", "create", "--out", dir, "--pseudonyms", keyFile, source); code != 2 || !strings.Contains(errs, "is there already") {
			t.Errorf("the list of names was to be written over: %d, %s", code, errs)
		}
	}
}

// A name that means something to a check is not replaced behind the reader's back.
func TestPseudonymsThatWouldChangeConclusions(t *testing.T) {
	at := t.TempDir()
	keyFile, input := filepath.Join(at, "names.key"), filepath.Join(at, "in.yaml")
	if err := os.WriteFile(keyFile, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fluent-bit, namespace: logs}
spec:
  selector: {matchLabels: {app: fluent-bit}}
  template:
    metadata: {labels: {app: fluent-bit}}
    spec: {containers: [{name: fluent-bit, image: "fluent/fluent-bit:4"}]}
`
	if err := os.WriteFile(input, []byte(agent), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(at, "p")
	code, _, errs := program(t, "evidence", "create", "--out", dir, "--pseudonyms", keyFile, input)
	if code != 2 || !strings.Contains(errs, "conclusions would not be the same") || !strings.Contains(errs, "--keep-names") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the package was made all the same")
	}
	if code, _, errs = program(t, "evidence", "create", "--out", dir, "--pseudonyms", keyFile, "--keep-names", "fluent-bit", input); code == 2 {
		t.Errorf("with the name kept: %s", errs)
	}
	if err := os.WriteFile(keyFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs = program(t, "evidence", "create", "--out", dir+"2", "--pseudonyms", keyFile, input); code != 2 || !strings.Contains(errs, "at least 16") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
