package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// options are the facts that a fixture states: the enforcer ("kube" when none is given), the scope label and
// those of the cluster.
type options struct {
	enforcer string
	label    pci.ScopeLabel
	cluster  cluster.Options
	today    string
}

// TestFixtures runs every testdata/*.txtar: a sentence, .yaml files, sometimes options ("enforcer: calico", or detect,
// "scope-label: KEY", "pod-cidr: LIST", "service-cidr:", "node-cidr:", "complete: true", "today: 2026-06-01"), and the wanted
// findings. The file want has lines
//
//	CHECK-ID status [Kind namespace/name] ["part of the message"]
//	no CHECK-ID status
//
// and a comment "# want CHECK-ID" in the YAML says that a failed finding of that check points at its line. In
// a fixture named after a check (den_01_...) every failed and undecided finding of that check must be wanted,
// so that a fixture also shows where the check is quiet. All of it is run again with the objects shuffled.
func TestFixtures(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(a.Comment)) == "" {
				t.Error("the sentence that says what it shows is missing")
			}
			files, opt, want := readArchive(t, a)
			got := assess(t, files, opt)
			for _, line := range judge(got, files, want) {
				t.Error(line)
			}
			for _, line := range unasked(got, checkOf(path), want) {
				t.Error(line)
			}
			if t.Failed() {
				for _, f := range got.Findings {
					t.Logf("%s %s %s %s %q", f.Check, f.Status, f.Subject, f.Pos, f.Message)
				}
			}
			objects, _ := parse(files)
			first := marshal(t, got)
			for seed := range uint64(3) {
				r := rand.New(rand.NewPCG(seed, 7))
				r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
				if diff := cmp.Diff(first, marshal(t, assessObjects(t, objects, opt))); diff != "" {
					t.Errorf("objects shuffled with seed %d (-want +got):\n%s", seed, diff)
				}
			}
		})
	}
}

func readArchive(t *testing.T, a *txtar.Archive) (files map[string]string, opt options, want string) {
	t.Helper()
	files = map[string]string{}
	for _, f := range a.Files {
		switch {
		case f.Name == "want":
			want = string(f.Data)
		case f.Name == "options":
			opt = readOptions(t, string(f.Data))
		case (strings.HasSuffix(f.Name, ".yaml") || strings.HasSuffix(f.Name, ".iptables")) && files[f.Name] == "":
			files[f.Name] = string(f.Data)
		default:
			t.Fatalf("what is file %s? want .yaml, .iptables, options or want, each once", f.Name)
		}
	}
	if want == "" {
		t.Fatal("want is missing or empty")
	}
	return files, opt, want
}

func readOptions(t *testing.T, text string) (o options) {
	t.Helper()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		var err error
		switch name {
		case "enforcer":
			o.enforcer = value
		case "scope-label":
			o.label, err = pci.ParseScopeLabel(value)
		case "pod-cidr":
			o.cluster.PodCIDRs, err = netset.ParseAddrs(value)
		case "service-cidr":
			o.cluster.ServiceCIDRs, err = netset.ParseAddrs(value)
		case "node-cidr":
			o.cluster.NodeCIDRs, err = netset.ParseAddrs(value)
		case "today":
			o.today = value
		case "complete":
			o.cluster.Complete = value == "true"
		default:
			err = fmt.Errorf("unknown option")
		}
		if err != nil {
			t.Fatalf("options: %s: %v", name, err)
		}
	}
	return o
}

func parse(files map[string]string) (objects []*object.Object, problems []object.Problem) {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		more, bad, _ := load.Parse([]byte(files[name]), name, load.Limits{})
		objects, problems = append(objects, more...), append(problems, bad...)
	}
	return objects, problems
}

// assess runs every check over the files. Reading must not lose anything.
func assess(t *testing.T, files map[string]string, opt options) *pci.Assessment {
	t.Helper()
	objects, problems := parse(files)
	for _, p := range problems {
		t.Errorf("reading: %s", p)
	}
	return assessObjects(t, objects, opt)
}

func assessObjects(t *testing.T, objects []*object.Object, opt options) *pci.Assessment {
	t.Helper()
	a := pci.Assess(inputOf(t, objects, opt), All)
	if text, err := json.Marshal(a); err != nil || bytes.Contains(text, []byte("\\u0000")) {
		t.Errorf("a text of the record has a digest in it (pci.Rest), or cannot be written: %v", err)
	}
	return a
}

// inputOf takes the way of the command: stated facts, cluster, intent, policies, model, exposure, scope.
func inputOf(t *testing.T, objects []*object.Object, opt options) *pci.Input {
	t.Helper()
	said := pci.ReadAssume(objects)
	for _, f := range []struct{ into, from *netset.Addrs }{
		{&opt.cluster.PodCIDRs, &said.PodCIDRs}, {&opt.cluster.ServiceCIDRs, &said.ServiceCIDRs}, {&opt.cluster.NodeCIDRs, &said.NodeCIDRs},
	} {
		if f.into.IsEmpty() {
			*f.into = *f.from
		}
	}
	opt.cluster.Complete = opt.cluster.Complete || said.Complete
	c, problems := cluster.New(objects, opt.cluster)
	intent, more := pci.ReadIntent(c)
	for _, p := range append(problems, more...) {
		if p.Severity == object.Error {
			t.Errorf("reading: %s", p)
		}
	}
	var prof enforcer.Profile
	var err error
	switch name := opt.enforcer; {
	case name == "detect":
		prof = enforcer.Detect(c)
	case name != "":
		prof, err = enforcer.Stated(name, c, true)
	case said.Enforcer != "":
		prof, err = enforcer.Stated(said.Enforcer, c, false)
	default:
		prof, err = enforcer.Named("kube")
	}
	if err != nil {
		t.Fatal(err)
	}
	prof.Mesh = enforcer.MeshOf(c)
	set := kinds.Compile(c)
	scope, _ := pci.ScopeOf(c, intent, opt.label)
	return &pci.Input{
		Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof,
		Exposure: exposure.Find(c), Scope: scope, Intent: intent, Today: opt.today,
	}
}

var (
	wantLine   = regexp.MustCompile(`^(no )?([A-Z]+-\d+) ([a-z-]+)(?: ([A-Z]\w* \S+))?(?: "(.*)")?$`)
	wantInline = regexp.MustCompile(`# want ([A-Z]+-\d+)\s*$`)
	namedAfter = regexp.MustCompile(`^([a-z]+)_(\d+)_`)
)

// want is one line of the file want; zero fields match anything.
type want struct {
	no      bool
	check   string
	status  pci.Status
	subject string
	message string
}

func (w want) matches(f *pci.Finding) bool {
	return f.Check == w.check && f.Status == w.status &&
		(w.subject == "" || f.Subject.String() == w.subject) && strings.Contains(f.Message, w.message)
}

func readWant(line string) (want, bool) {
	m := wantLine.FindStringSubmatch(line)
	if m == nil || !slices.Contains(pci.Statuses(), pci.Status(m[3])) {
		return want{}, false
	}
	return want{m[1] != "", m[2], pci.Status(m[3]), m[4], m[5]}, true
}

// checkOf is the check that a fixture is named after: DEN-01 for den_01_fail.txtar, "" for others.
func checkOf(path string) string {
	if m := namedAfter.FindStringSubmatch(filepath.Base(path)); m != nil {
		return strings.ToUpper(m[1]) + "-" + m[2]
	}
	return ""
}

// unasked gives one line for each failed or undecided finding of a check that no want speaks of.
func unasked(a *pci.Assessment, check, wants string) (bad []string) {
	for i := range a.Findings {
		f := &a.Findings[i]
		if f.Check != check || f.Status != pci.Fail && f.Status != pci.Unknown {
			continue
		}
		asked := false
		for line := range strings.Lines(wants) {
			w, ok := readWant(strings.TrimSpace(line))
			asked = asked || ok && !w.no && w.matches(f)
		}
		if !asked {
			bad = append(bad, fmt.Sprintf("no want speaks of: %s %s %s %q", f.Check, f.Status, f.Subject, f.Message))
		}
	}
	return bad
}

// marshal is the record as it is written, line by line so that differences can be read.
func marshal(t *testing.T, a *pci.Assessment) []string {
	t.Helper()
	b, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// judge gives one line for each want that does not hold.
func judge(a *pci.Assessment, files map[string]string, wants string) (bad []string) {
	for line := range strings.Lines(wants) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		w, ok := readWant(line)
		if !ok {
			bad = append(bad, "want: not understood: "+line)
			continue
		}
		found := slices.ContainsFunc(a.Findings, func(f pci.Finding) bool { return w.matches(&f) })
		if found == w.no {
			bad = append(bad, "want: does not hold: "+line)
		}
	}
	for name, text := range files {
		n := 0
		for line := range strings.Lines(text) {
			n++
			m := wantInline.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m == nil {
				continue
			}
			at := object.Pos{File: name, Line: n}
			if !slices.ContainsFunc(a.Findings, func(f pci.Finding) bool {
				return f.Check == m[1] && f.Status == pci.Fail && (f.Pos == at || slices.ContainsFunc(f.Because, func(b pci.Because) bool { return b.Pos == at }))
			}) {
				bad = append(bad, fmt.Sprintf("%s: no failed finding of %s points here", at, m[1]))
			}
		}
	}
	slices.Sort(bad)
	return bad
}

// TestJudge: the judge says no to what is not true.
func TestJudge(t *testing.T) {
	ref := object.Ref{Kind: "Pod", Namespace: "a", Name: "b"}
	a := &pci.Assessment{Findings: []pci.Finding{
		{Check: "DEN-01", Status: pci.Fail, Subject: ref, Message: "it is open", Pos: object.Pos{File: "x.yaml", Line: 2}},
	}}
	files := map[string]string{"x.yaml": "kind: Pod\nmetadata: {} # want DEN-01\n"}
	for _, ok := range []string{"DEN-01 fail", "DEN-01 fail Pod a/b", `DEN-01 fail Pod a/b "is open"`, `DEN-01 fail "open"`, "no DEN-01 pass", "# nothing"} {
		if bad := judge(a, files, ok); len(bad) != 0 {
			t.Errorf("%s: got %v", ok, bad)
		}
	}
	for _, no := range []string{"DEN-01 pass", "no DEN-01 fail", "DEN-01 fail Pod a/c", `DEN-01 fail "shut"`, "DEN-02 fail", "DEN-01 failed", "den fail"} {
		if bad := judge(a, files, no); len(bad) != 1 {
			t.Errorf("%s: got %v, want one complaint", no, bad)
		}
	}
	for wants, complaints := range map[string]int{"": 1, "DEN-01 fail Pod a/c": 1, "no DEN-01 fail": 1, "DEN-01 pass": 1, "DEN-01 fail": 0} {
		if bad := unasked(a, "DEN-01", wants); len(bad) != complaints {
			t.Errorf("unasked %q: got %v, want %d complaints", wants, bad, complaints)
		}
	}
	if got := checkOf("testdata/den_01_fail.txtar") + checkOf("testdata/wrong_a.txtar"); got != "DEN-01" {
		t.Errorf("got check %q", got)
	}
	files["x.yaml"] = "kind: Pod # want DEN-01\n"
	if bad := judge(a, files, ""); len(bad) != 1 {
		t.Errorf("inline: got %v, want one complaint", bad)
	}
}
