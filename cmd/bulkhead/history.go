package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// pastPackage is one package in the object that checks judge.
type pastPackage struct {
	Name    string            `json:"name"`
	Created string            `json:"created"`
	State   string            `json:"state"`
	Checks  map[string]string `json:"checks"`
}

// readHistory makes one object of the packages in a folder. It becomes a part of the input, so that a package that is
// made from it can be evaluated again without the folder.
func readHistory(ctx context.Context, dir string) (*object.Object, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", evidence.ManifestFile))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, hint(fmt.Errorf("%s holds no evidence package", dir), "want a folder of folders that evidence create made")
	}
	dirs := make([]string, len(found))
	for i, f := range found {
		dirs[i] = filepath.Dir(f)
	}
	chain, err := evidence.ReadChain(dirs, 0)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(chain.Links, func(a, b evidence.Link) int { return cmp.Compare(a.Created, b.Created) })
	for i, l := range chain.Links {
		dirs[i] = l.Dir
	}
	if chain, err = evidence.ReadChain(dirs, 0); err != nil {
		return nil, err
	}
	spec := map[string]any{}
	var packages []pastPackage
	for _, l := range chain.Links {
		packages = append(packages, pastPackage{filepath.Base(l.Dir), l.Created, l.State, l.Statuses})
	}
	spec["packages"] = packages
	if controls, err := controlsOf(ctx, dirs[len(dirs)-1]); err == nil { // without them a check says that it cannot tell
		spec["controls"] = controls
	}
	data, err := json.Marshal(map[string]any{
		"apiVersion": load.ImportGroup + "/v1", "kind": checks.HistoryKind, "metadata": map[string]string{"name": "history"}, "spec": spec,
	})
	if err != nil {
		return nil, err
	}
	objects, problems, _ := load.Parse(data, filepath.ToSlash(dir), load.Limits{})
	if len(objects) != 1 {
		return nil, fmt.Errorf("%s: %v", dir, problems)
	}
	return objects[0], nil
}

// controlsOf reads the input of a package again.
func controlsOf(ctx context.Context, dir string) (map[string]string, error) {
	file := filepath.Join(dir, filepath.FromSlash(evidence.SnapshotFile))
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("no input")
	}
	loaded, err := load.Load(ctx, []string{file}, load.Options{})
	if err != nil {
		return nil, err
	}
	c, _ := cluster.New(loaded.Objects, cluster.Options{})
	out := map[string]string{}
	for _, k := range checks.Controls(c, kinds.Compile(c)) {
		out[k.Name] = k.Digest
	}
	return out, nil
}
