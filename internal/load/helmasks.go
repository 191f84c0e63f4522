package load

import (
	"bytes"
	"path"
	"path/filepath"
	"regexp"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

var (
	// asking finds the functions of Helm that depend on what the cluster has; its version is not among them.
	asking = regexp.MustCompile(`\{\{[^}]*(?:\blookup\s|\.Capabilities\.APIVersions)`)
	// policyLine finds a policy in the text of a template.
	policyLine = regexp.MustCompile(`(?m)^\s*kind:\s*"?(\w*Policy)\b`)
	defining   = regexp.MustCompile(`\{\{-?\s*define\s+"([^"]+)"`)
	including  = regexp.MustCompile(`\{\{[^}]*\b(?:include|template)\s+"([^"]+)"`)
)

// asksCluster finds policies whose template asks the cluster what it has, itself or through a named part: here it is told
// of nothing.
func (c *collector) asksCluster(source string, ch *chart.Chart, parts map[string]bool) {
	for _, t := range ch.Templates {
		at, kind := asks(t.Data, parts), policyLine.FindSubmatch(t.Data)
		if at < 0 || kind == nil {
			continue
		}
		pos := object.Pos{File: path.Join(filepath.ToSlash(source), stripFirst(path.Join(ch.ChartFullPath(), t.Name))), Line: 1 + bytes.Count(t.Data[:at], []byte("\n"))}
		c.problem(object.Error, pos, "what the template makes of its "+string(kind[1])+" depends on the cluster, which was not asked", "give what helm template --validate prints, or what runs: kubectl get -o yaml")
	}
	for _, dep := range ch.Dependencies() {
		c.asksCluster(source, dep, parts)
	}
}

// askingParts names the parts ("define") that ask the cluster. All charts of a release share them. Of parts whose name is
// made when the chart is rendered nothing is known.
func askingParts(ch *chart.Chart) map[string]bool {
	texts := map[string][]byte{} // a part with what follows it up to the next
	var gather func(*chart.Chart)
	gather = func(ch *chart.Chart) {
		for _, t := range ch.Templates {
			starts := defining.FindAllSubmatchIndex(t.Data, -1)
			for i, at := range starts {
				end := len(t.Data)
				if i+1 < len(starts) {
					end = starts[i+1][0]
				}
				name := string(t.Data[at[2]:at[3]])
				texts[name] = append(texts[name], t.Data[at[1]:end]...)
			}
		}
		for _, dep := range ch.Dependencies() {
			gather(dep)
		}
	}
	gather(ch)
	found := map[string]bool{}
	for more := true; more; {
		more = false
		for name, text := range texts {
			if !found[name] && asks(text, found) >= 0 {
				found[name], more = true, true
			}
		}
	}
	return found
}

// asks is where a text first asks the cluster, or takes a part that does; -1 when it does not.
func asks(text []byte, parts map[string]bool) int {
	first := -1
	if at := asking.FindIndex(text); at != nil {
		first = at[0]
	}
	for _, at := range including.FindAllSubmatchIndex(text, -1) {
		if parts[string(text[at[2]:at[3]])] && (first < 0 || at[0] < first) {
			first = at[0]
		}
	}
	return first
}
