package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/pseudonym"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// renamed gives what was read with other names in it, and writes these names into the manifest. It fails when the
// conclusions would not be the same: a name that means something has to be kept.
func (g *globals) renamed(loaded *load.Result, o *createOptions, m *evidence.Manifest) (*load.Result, *pseudonym.Names, error) {
	key, err := os.ReadFile(o.pseudonyms)
	if err != nil {
		return nil, nil, fmt.Errorf("--pseudonyms: %w", err)
	}
	names, err := pseudonym.New(bytes.TrimSpace(key))
	if err != nil {
		return nil, nil, hint(fmt.Errorf("--pseudonyms: %s: %w", o.pseudonyms, err), "openssl rand -hex 32 > %s makes one", o.pseudonyms)
	}
	names.Keep(o.keepNames...)
	for _, x := range loaded.Objects {
		names.Learn(x)
	}
	out, err := rewritten(loaded, names)
	if err != nil {
		return nil, nil, err
	}
	before := o.sourceOptions
	after := before
	after.namespace = names.Text(before.namespace)
	day := m.Created[:len("2006-01-02")]
	if out, err = confirmed(loaded, out, names, &before, &after, day); err != nil {
		return nil, nil, err
	}
	was, err := g.conclusions(loaded, &before, day, names.Said)
	if err != nil {
		return nil, nil, err
	}
	is, err := g.conclusions(out, &after, day, func(s string) string { return s })
	if err != nil {
		return nil, nil, err
	}
	if diff := unlike(was, is); len(diff) > 0 {
		return nil, nil, hint(fmt.Errorf("with pseudonyms %d conclusions would not be the same, such as: %.300s", len(diff), diff[0]), "keep the names that mean something with --keep-names")
	}
	m.Pseudonyms, m.Assume.Namespace, m.Subject = true, after.namespace, names.Text(m.Subject)
	for i, r := range m.Rights {
		m.Rights[i].Namespace = names.Text(r.Namespace)
		for j, name := range r.Names {
			r.Names[j] = names.Text(name)
		}
	}
	for i, a := range m.Command {
		if slices.Contains(m.Sources, a) {
			m.Command[i] = names.File(a)
		} else if strings.HasPrefix(a, "--") && !strings.HasPrefix(a, "--pseudonyms=") {
			m.Command[i] = names.Text(a)
		}
	}
	for i, s := range m.Sources {
		m.Sources[i] = names.File(s)
	}
	return out, names, nil
}

// confirmed rewrites the input once more, with the digest of its scope in place of that over the true names: a
// record that confirms the one confirms the other.
func confirmed(loaded, out *load.Result, names *pseudonym.Names, before, after *sourceOptions, day string) (*load.Result, error) {
	was, err := conclude(loaded, before, day)
	if err != nil {
		return nil, err
	}
	is, err := conclude(out, after, day)
	if err != nil || was.scope == nil || is.scope == nil {
		return out, err
	}
	names.Replace(was.scope.Digest(was.input().ComputeScope()), is.scope.Digest(is.input().ComputeScope()))
	return rewritten(loaded, names)
}

// rewritten is a copy of what was read with every name replaced.
func rewritten(loaded *load.Result, names *pseudonym.Names) (*load.Result, error) {
	out := &load.Result{Coverage: loaded.Coverage}
	for _, x := range loaded.Objects {
		y, err := names.Object(x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.Pos, err)
		}
		out.Objects = append(out.Objects, y)
	}
	pos := func(p object.Pos) object.Pos { return object.Pos{File: names.File(p.File), Line: p.Line} }
	c := &out.Coverage
	c.Sources, c.Skipped, c.Missing = slices.Clone(c.Sources), slices.Clone(c.Skipped), slices.Clone(c.Missing)
	for i, s := range c.Sources {
		c.Sources[i] = names.File(s)
	}
	for i, s := range c.Skipped {
		c.Skipped[i].Pos, c.Skipped[i].Reason = pos(s.Pos), names.Said(s.Reason)
	}
	for i, x := range c.Missing {
		c.Missing[i].Pos, c.Missing[i].What, c.Missing[i].Why = pos(x.Pos), names.Said(x.What), names.Said(x.Why)
	}
	for _, p := range loaded.Problems {
		p.Pos, p.Ref.Namespace, p.Ref.Name = pos(p.Pos), names.Text(p.Ref.Namespace), names.Text(p.Ref.Name)
		p.Msg, p.Hint = names.Said(p.Msg), names.Said(p.Hint)
		out.Problems = append(out.Problems, p)
	}
	return out, nil
}

// conclusions are the verdicts and the connections, each as one line in which say has replaced names, sorted.
func (g *globals) conclusions(loaded *load.Result, o *sourceOptions, day string, say func(string) string) ([]string, error) {
	a, err := conclude(loaded, o, day)
	if err != nil {
		return nil, err
	}
	var out []string
	result := a.assess(g, checks.All)
	for _, c := range result.Checks {
		out = append(out, fmt.Sprint("check ", c.ID, ": ", c.Status, " ", c.Population.Holds, " of ", c.Population.Of))
	}
	for _, f := range result.Findings {
		out = append(out, fmt.Sprint(f.Check, " ", f.Status, " ", f.Severity, ": ", f.Subject.Kind, " ", say(f.Subject.Namespace), "/", say(f.Subject.Name)))
	}
	for _, row := range report.Flows(a.input()).Flows.Rows {
		row = slices.Clone(row)
		row[10] = "" // reasons are sentences
		for i := range row[:8] {
			row[i] = say(row[i])
		}
		row[14] = say(row[14])
		out = append(out, "connection "+strings.Join(row, " "))
	}
	slices.Sort(out)
	return out, nil
}

// unlike gives what stands in one sorted list only.
func unlike(a, b []string) []string {
	var out []string
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && cmp.Less(a[0], b[0]):
			out, a = append(out, a[0]), a[1:]
		case len(a) == 0 || cmp.Less(b[0], a[0]):
			out, b = append(out, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// writeNames writes the list of names beside the package, for its owner alone. It is never part of a package.
func writeNames(file string, names *pseudonym.Names) error {
	pairs, err := names.Pairs()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"pseudonym", "name", "kind"}}
	for _, p := range pairs {
		rows = append(rows, []string{p.Pseudonym, p.Name, p.Kind})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return writeNew(file, b.Bytes(), 0o600)
}
