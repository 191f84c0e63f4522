package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// otherVersion compares what this version concludes with a package of another one. Texts change from version to
// version, so a difference is no fault; that it can not be confirmed is said, and every verdict that differs.
func (v *verifier) otherVersion(tool Tool, files []File) {
	m := v.report.Manifest
	x := &Version{Made: m.Tool, Checked: tool, Files: []string{}, Verdicts: []string{}}
	seen := map[string]bool{}
	for _, f := range files {
		if !f.Derived {
			continue
		}
		seen[f.Path] = true
		data, ok := v.data[f.Path]
		switch {
		case ok && bytes.Equal(data, f.Data):
			v.report.Derived++
			continue
		case !ok && v.names(f.Path): // told already
			continue
		}
		x.Files = append(x.Files, f.Path)
		if f.Path == ResultsFile && ok {
			x.Verdicts = changedVerdicts(data, f.Data)
		}
	}
	for path := range v.data {
		if !seen[path] {
			x.Files = append(x.Files, path)
		}
	}
	slices.Sort(x.Files)
	v.report.Version = x
	if len(x.Files) == 0 {
		return
	}
	said := "every verdict is the same"
	if len(x.Verdicts) > 0 {
		said = fmt.Sprintf("verdicts that differ: %d", len(x.Verdicts))
	}
	v.report.Unchecked = append(v.report.Unchecked, fmt.Sprintf(
		"the conclusions byte for byte: the package was made by %s, and this is %s, which writes %d of its files in another way; %s",
		m.Tool, tool, len(x.Files), said))
}

// String names a version, with enough of the digest of its rules to tell two apart.
func (t Tool) String() string {
	return fmt.Sprintf("%s %s (rules %.12s)", t.Name, t.Version, t.Rules)
}

// verdicts is the part of a record of results that is compared across versions.
type verdicts struct {
	Checks []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"checks"`
	Findings []struct {
		Check       string `json:"check"`
		Status      string `json:"status"`
		Fingerprint string `json:"fingerprint"`
		Message     string `json:"message"`
	} `json:"findings"`
}

// changedVerdicts compares the records of the same input by two versions: checks, then findings by fingerprint.
func changedVerdicts(have, now []byte) []string {
	var a, b verdicts
	if json.Unmarshal(have, &a) != nil || json.Unmarshal(now, &b) != nil {
		return []string{ResultsFile + " can not be read"}
	}
	var out []string
	compare := func(what string, was, is map[string]string) {
		var keys []string
		for k := range was {
			keys = append(keys, k)
		}
		for k := range is {
			if _, ok := was[k]; !ok {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			if x, y := absent(was[k]), absent(is[k]); x != y {
				out = append(out, fmt.Sprintf("%s %s: the package says %s, this version %s", what, k, x, y))
			}
		}
	}
	was, is := map[string]string{}, map[string]string{}
	for _, c := range a.Checks {
		was[c.ID] = c.Status
	}
	for _, c := range b.Checks {
		is[c.ID] = c.Status
	}
	compare("check", was, is)
	was, is = map[string]string{}, map[string]string{}
	for _, f := range a.Findings {
		was[f.Check+" "+f.Fingerprint] = joinStatus(was[f.Check+" "+f.Fingerprint], f.Status)
	}
	for _, f := range b.Findings {
		is[f.Check+" "+f.Fingerprint] = joinStatus(is[f.Check+" "+f.Fingerprint], f.Status)
	}
	compare("finding", was, is)
	return out
}

func absent(status string) string {
	if status == "" {
		return "nothing"
	}
	return status
}

// joinStatus keeps the statuses of findings that share a fingerprint, in order.
func joinStatus(have, status string) string {
	return strings.TrimPrefix(have+" "+status, " ")
}
