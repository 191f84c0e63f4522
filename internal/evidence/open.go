package evidence

import (
	"fmt"
	"os"
	"slices"
)

// Is tells whether dir has a manifest, which makes it a package, be it a good one or not.
func Is(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	m, _, err := readManifest(root)
	return err == nil && m.Protocol == Protocol
}

// Open reads the manifest of a package and one of the files that it names. The file must have the digest that stands
// there; signatures are not looked at: that is the work of Verify.
func Open(dir, name string) (*Manifest, []byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()
	m, _, err := readManifest(root)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(m.Files, func(e Entry) bool { return e.Path == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("%s does not name %s", ManifestFile, name)
	}
	data, err := read(root, name, maxFile)
	if err != nil {
		return nil, nil, err
	}
	if digest(data) != m.Files[i].SHA256 {
		return nil, nil, fmt.Errorf("%s is not the file that %s names: its digest differs", name, ManifestFile)
	}
	return m, data, nil
}
