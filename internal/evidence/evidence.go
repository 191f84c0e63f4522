// Package evidence is the package for the assessor: a folder with the input, everything that was concluded
// from it, and a signed manifest, which anyone can check again later without trusting who made it.
//
// Checking needs the folder and a public key. It compares digests, checks the signature, evaluates the saved
// input again, and compares every derived file byte for byte.
package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Protocol is the version of the manifest. Fields are only ever added to it.
const Protocol = "bulkhead.dev/evidence/v1"

// The files with a fixed place.
const (
	ManifestFile    = "manifest.json"
	AttestationFile = "attestation.dsse.json"
	SnapshotFile    = "snapshot/input.json"
)

// maxFile limits one file of a package that is read back.
const maxFile = 4 << 30

// File is one file of the package. Derived files are computed from the snapshot and the manifest alone.
type File struct {
	Path    string // with slashes, relative to the package
	Data    []byte
	Derived bool
}

// Manifest says what the package holds and how it was made. It is the only file with a time in it.
type Manifest struct {
	Protocol string   `json:"protocol"`
	Tool     Tool     `json:"tool"`
	Created  string   `json:"created"`           // RFC 3339, by the clock of the machine that made it, or as stated
	Subject  string   `json:"subject,omitempty"` // what was looked at, as stated: the name of the cluster
	Sources  []string `json:"sources"`           // as the user named them
	Assume   Assume   `json:"assume"`
	Previous string   `json:"previous,omitempty"` // SHA-256 of the manifest before this one in a chain
	Files    []Entry  `json:"files"`              // all but the manifest and the attestation, sorted by path
}

// Tool says what made the package. Rules is a digest of the checks and their texts.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Rules   string `json:"rules"`
}

// Assume is what was stated by flags and is needed to evaluate the snapshot again. Empty means not stated.
type Assume struct {
	Namespace    string   `json:"namespace,omitempty"`
	Enforcer     string   `json:"enforcer,omitempty"`
	PodCIDRs     []string `json:"podCIDRs,omitempty"`
	ServiceCIDRs []string `json:"serviceCIDRs,omitempty"`
	NodeCIDRs    []string `json:"nodeCIDRs,omitempty"`
	ScopeLabel   string   `json:"scopeLabel,omitempty"`
}

// Entry is one file of the package.
type Entry struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Size    int    `json:"size"`
	Derived bool   `json:"derived,omitempty"`
}

// Write makes the package in dir, which must be empty or not exist. The manifest's list of files is filled in.
func Write(dir string, files []File, m *Manifest) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if there, err := os.ReadDir(dir); err != nil {
		return err
	} else if len(there) > 0 {
		return fmt.Errorf("%s is not empty: a package is made once and then left alone", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	m.Protocol, m.Files = Protocol, nil
	for _, f := range files {
		if err := write(root, f.Path, f.Data); err != nil {
			return err
		}
		m.Files = append(m.Files, Entry{f.Path, digest(f.Data), len(f.Data), f.Derived})
	}
	slices.SortFunc(m.Files, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	data, err := encode(m)
	if err != nil {
		return err
	}
	return write(root, ManifestFile, data)
}

func write(root *os.Root, name string, data []byte) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return root.WriteFile(name, data, 0o644)
}

// encode writes indented JSON with a line end.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// read reads one file of the package, never following a link out of it.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return data, err
}

// readManifest reads the manifest strictly, and gives its digest.
func readManifest(root *os.Root) (*Manifest, string, error) {
	data, err := read(root, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("%s is missing: this is no evidence package", ManifestFile)
	} else if err != nil {
		return nil, "", err
	}
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, "", fmt.Errorf("%s: %w", ManifestFile, err)
	}
	if m.Protocol != Protocol {
		return nil, "", fmt.Errorf("%s: protocol %q: this version reads %q", ManifestFile, m.Protocol, Protocol)
	}
	if again, err := encode(m); err != nil || !bytes.Equal(again, data) {
		return nil, "", fmt.Errorf("%s is not as it was written", ManifestFile)
	}
	for i, e := range m.Files {
		if e.Path != path.Clean(e.Path) || path.IsAbs(e.Path) || strings.HasPrefix(e.Path, "..") || i > 0 && m.Files[i-1].Path >= e.Path {
			return nil, "", fmt.Errorf("%s: path %q", ManifestFile, e.Path)
		}
	}
	return m, digest(data), nil
}

// ManifestDigest is the SHA-256 of a package's manifest, for the next package of a chain.
func ManifestDigest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	_, sum, err := readManifest(root)
	return sum, err
}
