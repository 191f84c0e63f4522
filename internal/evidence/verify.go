package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Evaluate computes the derived files of a package again from its snapshot.
type Evaluate func(snapshot []byte, m *Manifest) ([]File, error)

// Fault is one thing that does not hold, about one file.
type Fault struct {
	Path string `json:"path"`
	Msg  string `json:"message"`
}

// Version says what this version makes of a package of another one. Whether a difference is one of the versions,
// nobody but the other version can tell.
type Version struct {
	Made     Tool     `json:"made"`
	Checked  Tool     `json:"checked"`
	Files    []string `json:"files"`    // that this version writes in another way, by path
	Verdicts []string `json:"verdicts"` // that this version gives in another way, in words
}

// Report is what checking a package gave.
type Report struct {
	Manifest *Manifest `json:"manifest"`
	Files    int       `json:"files"`   // compared with the manifest
	Derived  int       `json:"derived"` // computed again and compared
	Signed   bool      `json:"signed"`  // by the given key
	// Timestamp is what the RFC 3161 response says, nil when there is none or it is wrong.
	Timestamp *Timestamp `json:"timestamp,omitempty"`
	// Version is about a package that another version made, nil otherwise.
	Version   *Version `json:"version,omitempty"`
	Unchecked []string `json:"unchecked"` // what was not checked, and why
	Faults    []Fault  `json:"faults"`    // by path
}

// Trust is what the reader brings along, and did not get with the package.
type Trust struct {
	Key crypto.PublicKey // of who signs; nil: none
	TSA *x509.CertPool   // roots of the timestamp's certificate; nil: none
}

// Verify checks a package. Without a key the signature is not checked, and the report says so. The error is
// about a folder that is no package; everything else is a fault.
func Verify(ctx context.Context, dir string, trust Trust, tool Tool, evaluate Evaluate) (*Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	m, sum, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	v := verifier{root: root, report: &Report{Manifest: m, Unchecked: []string{}, Faults: []Fault{}}}
	v.signature(ctx, trust.Key, m, sum)
	v.timestamp(trust.TSA)
	v.files()
	v.strangers()
	v.derive(tool, evaluate)
	slices.SortFunc(v.report.Faults, func(a, b Fault) int {
		return slices.Compare([]string{a.Path, a.Msg}, []string{b.Path, b.Msg})
	})
	return v.report, nil
}

type verifier struct {
	root     *os.Root
	report   *Report
	snapshot []byte
	data     map[string][]byte // of derived files that are what the manifest says
}

func (v *verifier) fault(path, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{path, fmt.Sprintf(format, args...)})
}

// signature checks the attestation, and that it speaks of this manifest and these files.
func (v *verifier) signature(ctx context.Context, key crypto.PublicKey, m *Manifest, sum string) {
	data, err := read(v.root, AttestationFile, maxHead)
	switch {
	case errors.Is(err, fs.ErrNotExist) && key == nil:
		v.report.Unchecked = append(v.report.Unchecked, "the package is not signed: who made it is not known, and it may have been made anew")
		return
	case errors.Is(err, fs.ErrNotExist):
		v.fault(AttestationFile, "missing: the package is not signed")
		return
	case err != nil:
		v.fault(AttestationFile, "%v", err)
		return
	case key == nil:
		v.report.Unchecked = append(v.report.Unchecked, "the signature, as no public key was given: who made the package is not known")
		return
	}
	envelope, err := parseEnvelope(data)
	if err != nil {
		v.fault(AttestationFile, "%v", err)
		return
	}
	pair, err := newPair(key, nil)
	if err != nil {
		v.fault(AttestationFile, "%v", err)
		return
	}
	check, err := dsse.NewEnvelopeVerifier(pair)
	if err != nil {
		v.fault(AttestationFile, "%v", err)
		return
	}
	if _, err := check.Verify(ctx, envelope); err != nil {
		v.fault(AttestationFile, "the signature is not by this key: %v", err)
		return
	}
	body, err := envelope.DecodeB64Payload()
	if err != nil || envelope.PayloadType != payloadType {
		v.fault(AttestationFile, "payload of type %q", envelope.PayloadType)
		return
	}
	want, err := json.Marshal(statementOf(m, sum))
	if err != nil || !bytes.Equal(body, want) {
		v.fault(ManifestFile, "is not the manifest that was signed")
		return
	}
	v.report.Signed = true
}

// parseEnvelope takes nothing but what Sign writes.
func parseEnvelope(data []byte) (*dsse.Envelope, error) {
	var envelope dsse.Envelope
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&envelope); err != nil {
		return nil, err
	}
	if again, err := encode(&envelope); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("not as it was written")
	}
	return &envelope, nil
}

// files compares every file of the manifest.
func (v *verifier) files() {
	v.data = map[string][]byte{}
	for _, e := range v.report.Manifest.Files {
		v.report.Files++
		data, err := read(v.root, e.Path, int64(e.Size))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.fault(e.Path, "missing")
			continue
		case err != nil:
			v.fault(e.Path, "%v", err)
			continue
		case len(data) != e.Size || digest(data) != e.SHA256:
			v.fault(e.Path, "changed: SHA-256 is %s, the manifest says %s", digest(data), e.SHA256)
			continue
		}
		if e.Path == SnapshotFile {
			v.snapshot = data
		}
		if e.Derived {
			v.data[e.Path] = data
		}
	}
}

// strangers finds what the manifest does not name.
func (v *verifier) strangers() {
	known := map[string]bool{ManifestFile: true, AttestationFile: true, TimestampFile: true}
	told := 0
	for _, e := range v.report.Manifest.Files {
		known[e.Path] = true
	}
	err := fs.WalkDir(v.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			v.fault(path, "%v", err)
			return fs.SkipDir
		case !d.IsDir() && !known[path]:
			if told++; told > maxStranger {
				v.fault(".", "there are more files that are not in the manifest")
				return fs.SkipAll
			}
			v.fault(path, "not in the manifest")
		}
		return nil
	})
	if err != nil {
		v.fault(".", "%v", err)
	}
}

// derive evaluates the snapshot again.
func (v *verifier) derive(tool Tool, evaluate Evaluate) {
	m := v.report.Manifest
	if v.snapshot == nil {
		v.report.Unchecked = append(v.report.Unchecked, "the conclusions, as the snapshot is missing or changed")
		return
	}
	files, err := evaluate(v.snapshot, m)
	if err != nil {
		v.fault(SnapshotFile, "can not be evaluated: %v", err)
		return
	}
	if tool != m.Tool {
		v.otherVersion(tool, files)
		return
	}
	seen := map[string]bool{}
	for _, f := range files {
		if !f.Derived {
			continue
		}
		seen[f.Path] = true
		data, ok := v.data[f.Path]
		switch {
		case !ok && !v.names(f.Path):
			v.fault(f.Path, "is not in the package, and follows from its snapshot")
		case !ok: // told already
		case !bytes.Equal(data, f.Data):
			v.fault(f.Path, "does not follow from the snapshot: %s", firstDifference(data, f.Data))
		default:
			v.report.Derived++
		}
	}
	for path := range v.data {
		if !seen[path] {
			v.fault(path, "does not follow from the snapshot")
		}
	}
}

func (v *verifier) names(path string) bool {
	return slices.ContainsFunc(v.report.Manifest.Files, func(e Entry) bool { return e.Path == path })
}

// firstDifference shows the first line in which two files differ.
func firstDifference(have, want []byte) string {
	a, b := bytes.Split(have, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d is %s, and should be %s", i+1, shown(a[i]), shown(b[i]))
		}
	}
	return fmt.Sprintf("it has %d lines, and should have %d", len(a), len(b))
}

func shown(line []byte) string {
	line = bytes.TrimSpace(line)
	if len(line) > 120 {
		line = append(line[:120:120], "..."...)
	}
	return fmt.Sprintf("%+q", line)
}
