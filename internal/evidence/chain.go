package evidence

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Link is one package of a chain. State is "first", "follows" (it names the package before it), "gap" (it names
// none) or "broken" (it names another, or is older). Statuses is that of each check in it.
type Link struct {
	Dir, Created, State string
	Statuses            map[string]string
}

// Change is a check whose status was not the same in all packages; "-" where a package does not have it.
type Change struct {
	Check    string
	Statuses []string
}

// Chain is several packages in order.
type Chain struct {
	Links   []Link
	Held    []string // checks that passed in every package
	Changed []Change // sorted by check
}

// ExitCode is 1 for a broken link, 3 for a gap, else 0.
func (c *Chain) ExitCode() int {
	code := 0
	for _, l := range c.Links {
		switch l.State {
		case "broken":
			return 1
		case "gap":
			code = 3
		}
	}
	return code
}

// ReadChain reads packages in the order given. It trusts their files: verify each of them for itself.
func ReadChain(dirs []string) (*Chain, error) {
	c := &Chain{}
	statuses := make([]map[string]string, len(dirs))
	all := map[string]bool{}
	last, lastTime := "", ""
	for i, dir := range dirs {
		m, sum, status, err := readLink(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		state := "follows"
		switch {
		case i == 0:
			state = "first"
		case m.Created < lastTime || m.Previous != "" && m.Previous != last:
			state = "broken"
		case m.Previous == "":
			state = "gap"
		}
		c.Links = append(c.Links, Link{dir, m.Created, state, status})
		last, lastTime, statuses[i] = sum, m.Created, status
		for id := range status {
			all[id] = true
		}
	}
	var ids []string
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		x := Change{Check: id}
		for _, s := range statuses {
			st, ok := s[id]
			if !ok {
				st = "-"
			}
			x.Statuses = append(x.Statuses, st)
		}
		same := slices.Compact(slices.Clone(x.Statuses))
		switch {
		case len(same) > 1:
			c.Changed = append(c.Changed, x)
		case same[0] == "pass":
			c.Held = append(c.Held, id)
		}
	}
	return c, nil
}

func readLink(dir string) (*Manifest, string, map[string]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", nil, err
	}
	defer func() { _ = root.Close() }()
	m, sum, err := readManifest(root)
	if err != nil {
		return nil, "", nil, err
	}
	data, err := read(root, ResultsFile, maxFile)
	if err != nil {
		return nil, "", nil, err
	}
	var record struct {
		Checks []struct{ ID, Status string } `json:"checks"`
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return nil, "", nil, fmt.Errorf(ResultsFile+": %w", err)
	}
	out := map[string]string{}
	for _, k := range record.Checks {
		out[k.ID] = k.Status
	}
	return m, sum, out, nil
}
