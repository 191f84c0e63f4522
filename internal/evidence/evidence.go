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
	ResultsFile     = "results/results.json"
	TimestampFile   = "timestamp.tsr" // an RFC 3161 response about the attestation, or the manifest when there is none
)

// What is read back of a package, which may come from anyone.
const (
	maxFile     = 4 << 30  // bytes of a file that the manifest names
	maxHead     = 16 << 20 // of the manifest and of the attestation
	maxStamp    = 64 << 10 // of the timestamp; the library goes one call deeper for each level of nesting
	maxFiles    = 10_000   // that a manifest names
	maxPath     = 512      // bytes
	maxStranger = 100      // files beside those of the manifest that are told
)

// File is one file of the package. Derived files are computed from the snapshot and the manifest alone.
type File struct {
	Path    string // with slashes, relative to the package
	Data    []byte
	Derived bool
}

// Manifest says what the package holds and how it was made. It is the only file with a time in it.
type Manifest struct {
	Protocol   string     `json:"protocol"`
	Tool       Tool       `json:"tool"`
	Created    string     `json:"created"`              // RFC 3339, by the clock of the machine that made it, or as stated
	Subject    string     `json:"subject,omitempty"`    // what was looked at, as stated: the name of the cluster
	Pseudonyms bool       `json:"pseudonyms,omitempty"` // names are replaced; who made the package has the list
	Sources    []string   `json:"sources"`              // as the user named them
	Command    []string   `json:"command,omitempty"`    // what was asked for: flags by name, without the names of output files and without values of --set
	Collected  *Collected `json:"collected,omitempty"`  // when the sources were read
	Rights     []Right    `json:"rights,omitempty"`     // of RBAC, which reading the cluster made use of
	Assume     Assume     `json:"assume"`
	Previous   string     `json:"previous,omitempty"` // SHA-256 of the manifest before this one in a chain
	Files      []Entry    `json:"files"`              // all but the manifest and the attestation, sorted by path
}

// Collected is the time of the first and of the last look at the sources (RFC 3339), and where the time is from:
// "clock of this machine", "SOURCE_DATE_EPOCH" or "--at".
type Collected struct {
	Start string `json:"start"`
	End   string `json:"end"`
	Clock string `json:"clock"`
}

// Right is one right of RBAC that was used, or refused. Without a namespace it is one over all of them.
type Right struct {
	Verb      string   `json:"verb"`
	Group     string   `json:"group,omitempty"`
	Resource  string   `json:"resource"`
	Namespace string   `json:"namespace,omitempty"`
	Names     []string `json:"names,omitempty"`
	Refused   bool     `json:"refused,omitempty"`
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

// read reads one file of the package, never following a link out of it and never more than most bytes.
func read(root *os.Root, name string, most int64) ([]byte, error) {
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
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return data, err
}

// readManifest reads the manifest strictly, and gives its digest.
func readManifest(root *os.Root) (*Manifest, string, error) {
	data, err := read(root, ManifestFile, maxHead)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("%s is missing: this is no evidence package", ManifestFile)
	} else if err != nil {
		return nil, "", err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", ManifestFile, err)
	}
	return m, digest(data), nil
}

// parseManifest takes nothing but what Write writes: one way to say a thing leaves no room to hide another.
func parseManifest(data []byte) (*Manifest, error) {
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, err
	}
	if m.Protocol != Protocol {
		return nil, fmt.Errorf("protocol %q: this version reads %q", m.Protocol, Protocol)
	}
	if again, err := encode(m); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("not as it was written")
	}
	if len(m.Files) > maxFiles {
		return nil, fmt.Errorf("it names %d files: more than %d", len(m.Files), maxFiles)
	}
	for i, e := range m.Files {
		ordered := i == 0 || m.Files[i-1].Path < e.Path
		if !fs.ValidPath(e.Path) || len(e.Path) > maxPath || strings.ContainsAny(e.Path, "\\:\x00") || !ordered || atFixedPlace(e.Path) {
			return nil, fmt.Errorf("path %.200q", e.Path)
		}
		if e.Size < 0 || e.Size > maxFile {
			return nil, fmt.Errorf("%.200q: %d bytes", e.Path, e.Size)
		}
	}
	return m, nil
}

// atFixedPlace tells of files that no manifest names: they are made after it.
func atFixedPlace(path string) bool {
	return path == "." || path == ManifestFile || path == AttestationFile || path == TimestampFile
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
