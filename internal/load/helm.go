package load

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// releaseName is the name charts are rendered with.
const releaseName = "release"

// chartDir renders a chart folder.
func (c *collector) chartDir(dir string) {
	if err := c.chartFits(dir); err != nil {
		c.chartFailed(dir, err)
		return
	}
	ch, err := loadChart(func() (*chart.Chart, error) { return loader.LoadDir(dir) })
	if err != nil {
		c.chartFailed(dir, err)
		return
	}
	c.renderChart(dir, ch)
}

// archive renders a packed chart.
func (c *collector) archive(file string) {
	f, err := os.Open(file)
	if err != nil {
		c.chartFailed(file, plain(err))
		return
	}
	defer f.Close()
	files, err := unpack(f, c.lim)
	if err != nil {
		c.chartFailed(file, err)
		return
	}
	ch, err := loadChart(func() (*chart.Chart, error) { return loader.LoadFiles(files) })
	if err != nil {
		c.chartFailed(file, err)
		return
	}
	c.renderChart(file, ch)
}

func (c *collector) chartFailed(source string, err error) {
	at := slashPos(source)
	hint := ""
	if m := templateError.FindStringSubmatch(err.Error()); m != nil {
		at.File = path.Join(at.File, stripFirst(m[1]))
		if n, err := strconv.Atoi(m[2]); err == nil {
			at.Line = n
		}
		hint = "give the values it needs with --values or --set"
	}
	c.problem(object.Error, at, "the Helm chart cannot be rendered: "+oneLine(err), hint)
	c.skip(slashPos(source), "Helm chart that cannot be rendered")
}

// templateError finds the place in what text/template says.
var templateError = regexp.MustCompile(`(?:template: |parse error at \(|execution error at \()([^:()\s]+\.[a-z]+):(\d+)`)

func stripFirst(p string) string {
	_, rest, ok := strings.Cut(p, "/")
	if !ok {
		return p
	}
	return rest
}

// loadChart turns Helm's panics on broken charts into errors.
func loadChart(load func() (*chart.Chart, error)) (ch *chart.Chart, err error) {
	defer func() {
		if r := recover(); r != nil {
			ch, err = nil, errors.New("helm gave up on this chart")
		}
	}()
	return load()
}

// chartFits measures a chart folder before Helm reads all of it into memory.
func (c *collector) chartFits(dir string) error {
	var sum int64
	files := 0
	return filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil {
			return plain(err)
		}
		if files++; files > c.lim.Files {
			return fmt.Errorf("it has more than %d files", c.lim.Files)
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			if sum += info.Size(); sum > c.lim.ChartBytes {
				return fmt.Errorf("it is larger than the limit of %s", size(c.lim.ChartBytes))
			}
		}
		return nil
	})
}

// renderChart adds the objects of a chart. The line of a value is the line in what the template rendered
// to, because Go templates do not tell which of their lines made which line of output; the file is the
// template. Files of crds/ are read as they are, with their true lines.
func (c *collector) renderChart(source string, ch *chart.Chart) {
	c.chartFiles(ch)
	before := len(c.objects)
	defer func() { c.dropHooks(before) }()
	values, err := c.chartValues(ch)
	if err != nil {
		c.chartFailed(source, err)
		return
	}
	c.missingCharts(source, ch, "")
	c.asksCluster(source, ch, askingParts(ch))
	out, err := renderTemplates(ch, values)
	if err != nil {
		c.chartFailed(source, err)
		return
	}
	for _, crd := range ch.CRDObjects() {
		c.stream(crd.File.Data, path.Join(filepath.ToSlash(source), stripFirst(crd.Filename)))
	}
	var sum int64
	for _, name := range slices.Sorted(maps.Keys(out)) {
		base := path.Base(name)
		if base == "NOTES.txt" || strings.HasPrefix(base, "_") || !slices.Contains([]string{".yaml", ".yml", ".json", ".tpl", ".txt"}, path.Ext(base)) {
			continue
		}
		if sum += int64(len(out[name])); sum > c.lim.ChartBytes {
			c.chartFailed(source, fmt.Errorf("it renders to more than the limit of %s", size(c.lim.ChartBytes)))
			return
		}
		c.stream([]byte(out[name]), path.Join(filepath.ToSlash(source), stripFirst(name)))
	}
}

// dropHooks leaves out what helm install never creates: tests, and hooks of deletion and rollback. A policy that is only
// there while a hook runs, or after an upgrade, is left out with an error: it is in force at some times and not at others.
func (c *collector) dropHooks(from int) {
	kept := c.objects[:from]
	for _, o := range c.objects[from:] {
		hooks := o.Root.Get("metadata", "annotations", "helm.sh/hook").Str()
		run := strings.Contains(hooks, "install") || strings.Contains(hooks, "upgrade")
		passing := run && !strings.Contains(hooks, "install") || run && strings.Contains(o.Root.Get("metadata", "annotations", "helm.sh/hook-delete-policy").Str(), "hook-succeeded")
		if k, known := c.kinds[o.Ref.GroupKind()]; passing && known && !k.Aside && strings.HasSuffix(o.Ref.Kind, "Policy") {
			c.skip(o.Pos, "Helm hook that passes: "+hooks)
			c.problems = append(c.problems, object.Problem{
				Severity: object.Error, Pos: o.Pos, Ref: o.Ref, Msg: "a Helm hook (" + hooks + "): it is not always there; not read",
				Hint: "make it an object of the release, or give what runs: kubectl get -o yaml",
			})
			continue
		}
		if hooks == "" || run {
			kept = append(kept, o)
			continue
		}
		c.skip(o.Pos, "Helm hook that installing does not run: "+hooks)
	}
	c.objects = kept
}

// chartFiles counts what was read, of the chart and of those in charts/.
func (c *collector) chartFiles(ch *chart.Chart) {
	for _, f := range ch.Raw {
		c.cov.Files++
		c.cov.Bytes += int64(len(f.Data))
	}
	for _, dep := range ch.Dependencies() {
		c.chartFiles(dep)
	}
}

// missingCharts names the dependencies that the values switch on and that are not there.
func (c *collector) missingCharts(source string, ch *chart.Chart, under string) {
	if ch.Metadata == nil {
		return
	}
	at := object.Pos{File: path.Join(filepath.ToSlash(source), under, "Chart.yaml")}
	have := map[string]bool{}
	for _, dep := range ch.Dependencies() {
		have[dep.Name()] = true
		c.missingCharts(source, dep, path.Join(under, "charts", dep.Name()))
	}
	for _, dep := range ch.Metadata.Dependencies {
		if dep != nil && !have[dep.Name] {
			c.missing(at, "Helm chart "+dep.Name, "a dependency that is not in charts/; run helm dependency build")
			c.problem(object.Error, at, "the dependency "+dep.Name+" is not in charts/; rendered without it", "run helm dependency build")
		}
	}
}

// chartValues merges the values files and --set.
func (c *collector) chartValues(ch *chart.Chart) (chartutil.Values, error) {
	merged := map[string]any{}
	for _, file := range c.opt.Values {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("values file %s: %w", file, plain(err))
		}
		var v map[string]any
		if err := yaml.Unmarshal(data, &v); err != nil {
			return nil, fmt.Errorf("values file %s: %w", file, err)
		}
		merged = chartutil.MergeTables(v, merged)
	}
	for _, s := range c.opt.Set {
		if err := strvals.ParseInto(s, merged); err != nil {
			return nil, fmt.Errorf("--set %s: %w", s, err)
		}
	}
	if err := chartutil.ProcessDependenciesWithMerge(ch, merged); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: releaseName, Namespace: cmp.Or(c.opt.Namespace, "default"), Revision: 1, IsInstall: true}
	// The schema is not checked: it may refer to others by URL, and those would be fetched.
	return chartutil.ToRenderValuesWithSchemaValidation(ch, merged, release, chartutil.DefaultCapabilities, true)
}

func renderTemplates(ch *chart.Chart, values chartutil.Values) (out map[string]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, errors.New("helm gave up on a template")
		}
	}()
	return engine.Engine{}.Render(ch, values)
}

// unpack reads an archive within the chart limit. Helm's own limit is 100 MiB and adjustable only globally.
func unpack(f *os.File, lim Limits) ([]*loader.BufferedFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, plain(err)
	}
	if info.Size() > lim.ChartBytes {
		return nil, fmt.Errorf("it is larger than the limit of %s", size(lim.ChartBytes))
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return nil, plain(err)
	}
	if err := unpackedSize(data, lim); err != nil {
		return nil, err
	}
	return loader.LoadArchiveFiles(bytes.NewReader(data))
}
