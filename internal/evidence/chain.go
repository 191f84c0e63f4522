package evidence

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"time"
)

// Link is one package of a chain. State is "first", "follows" (it names the package before it), "gap" (it names none,
// or comes too late) or "broken". Why says more about a gap and about what is broken.
type Link struct {
	Dir     string `json:"dir"`
	Created string `json:"created"`
	Days    int    `json:"days"` // since the package before it, whole ones
	State   string `json:"state"`
	Why     string `json:"why,omitempty"`

	Statuses map[string]string `json:"-"` // what its record says of each check, by identifier
}

// Change is a check whose status was not the same in all packages; "-" where a package does not have it.
type Change struct {
	Check    string   `json:"check"`
	Statuses []string `json:"statuses"`
}

// Chain is several packages in order. Lists are never nil.
type Chain struct {
	Links   []Link   `json:"links"`
	Held    []string `json:"held"`    // checks that passed in every package; none when a link is broken
	Changed []Change `json:"changed"` // sorted by check
	Notes   []string `json:"notes"`   // what a reader must know before he compares
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

// page is what a chain knows of one package.
type page struct {
	manifest *Manifest
	sum      string
	at       time.Time
	status   map[string]string // by check
	forged   bool              // the results are not those that the manifest names
}

// ReadChain reads packages in the order given. Of each it compares the results with the manifest, no more: verify
// each of them for itself. A package that comes later than every after the one before it is a gap; 0 is any time.
func ReadChain(dirs []string, every time.Duration) (*Chain, error) {
	c := &Chain{Links: []Link{}, Held: []string{}, Changed: []Change{}, Notes: []string{}}
	pages := make([]*page, len(dirs))
	all := map[string]bool{}
	for i, dir := range dirs {
		p, err := readPage(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		pages[i] = p
		l := Link{Dir: dir, Created: p.manifest.Created, State: "first", Statuses: p.status}
		if p.forged {
			l.State, l.Why = "broken", "its results are not those that its manifest names"
		} else if i > 0 {
			l.judge(pages[i-1], p, every)
		}
		c.Links = append(c.Links, l)
		for id := range p.status {
			all[id] = true
		}
	}
	c.note(pages)
	c.compare(pages, all)
	return c, nil
}

// judge says how a package stands to the one before it.
func (l *Link) judge(before, p *page, every time.Duration) {
	l.Days = int(p.at.Sub(before.at).Hours() / 24)
	switch m := p.manifest; {
	case p.at.Before(before.at):
		l.State, l.Why = "broken", "it is older than the package before it"
	case m.Previous != "" && m.Previous != before.sum:
		l.State, l.Why = "broken", "it names another package as the one before it"
	case m.Subject != before.manifest.Subject && m.Subject != "" && before.manifest.Subject != "":
		l.State, l.Why = "broken", fmt.Sprintf("it is about %q, and the package before it about %q", m.Subject, before.manifest.Subject)
	case m.Previous == "":
		l.State, l.Why = "gap", "it names no package before it: others may have been left out"
	case every > 0 && p.at.Sub(before.at) > every:
		l.State, l.Why = "gap", fmt.Sprintf("%d days in which nobody looked", l.Days)
	default:
		l.State = "follows"
	}
}

// note tells where the packages were not made in the same way.
func (c *Chain) note(pages []*page) {
	for i := 1; i < len(pages); i++ {
		was, is := pages[i-1].manifest, pages[i].manifest
		if was.Tool != is.Tool {
			c.Notes = append(c.Notes, fmt.Sprintf("%s was made by %s, and %s by %s: a check may ask something else", c.Links[i-1].Dir, was.Tool, c.Links[i].Dir, is.Tool))
		}
		if (was.Subject == "") != (is.Subject == "") {
			c.Notes = append(c.Notes, fmt.Sprintf("only one of %s and %s says what it is about", c.Links[i-1].Dir, c.Links[i].Dir))
		}
		if !reflect.DeepEqual(was.Assume, is.Assume) {
			c.Notes = append(c.Notes, fmt.Sprintf("%s and %s do not assume the same", c.Links[i-1].Dir, c.Links[i].Dir))
		}
	}
}

// compare says what held and what changed.
func (c *Chain) compare(pages []*page, all map[string]bool) {
	broken := c.ExitCode() == 1
	for _, id := range slices.Sorted(maps.Keys(all)) {
		x := Change{Check: id}
		for _, p := range pages {
			st, ok := p.status[id]
			if !ok {
				st = "-"
			}
			x.Statuses = append(x.Statuses, st)
		}
		same := slices.Compact(slices.Clone(x.Statuses))
		switch {
		case len(same) > 1:
			c.Changed = append(c.Changed, x)
		case same[0] == "pass" && !broken:
			c.Held = append(c.Held, id)
		}
	}
}

func readPage(dir string) (*page, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	m, sum, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, m.Created)
	if err != nil {
		return nil, fmt.Errorf("%s: created: %w", ManifestFile, err)
	}
	data, err := read(root, ResultsFile, maxFile)
	if err != nil {
		return nil, err
	}
	var record verdicts
	if err := json.Unmarshal(data, &record); err != nil {
		return nil, fmt.Errorf("%s: %w", ResultsFile, err)
	}
	p := &page{manifest: m, sum: sum, at: at, status: map[string]string{}}
	p.forged = !slices.ContainsFunc(m.Files, func(e Entry) bool { return e.Path == ResultsFile && e.SHA256 == digest(data) })
	for _, k := range record.Checks {
		p.status[k.ID] = k.Status
	}
	return p, nil
}
