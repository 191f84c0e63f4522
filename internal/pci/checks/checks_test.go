package checks

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// TestEveryCheck: each check documents itself, has an id of its own, and a fixture wants something of it.
func TestEveryCheck(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, _, lines := readArchive(t, a)
		for line := range strings.Lines(lines) {
			if w, ok := readWant(strings.TrimSpace(line)); ok && !w.no {
				wanted[w.check] = true
			}
		}
	}
	id := regexp.MustCompile(`^[A-Z]{2,3}-[0-9]{2}$`)
	requirement := regexp.MustCompile(`^(A1\.|[1-9]\d?\.)\d+(\.\d+)*$`)
	seen := map[string]bool{}
	for i := range All {
		k := &All[i]
		if !id.MatchString(k.ID) || seen[k.ID] {
			t.Errorf("id %q: want two or three letters and two digits, each once", k.ID)
		}
		seen[k.ID] = true
		for what, text := range map[string]string{"Title": k.Title, "Since": k.Since, "Why": k.Why, "Fix": k.Fix, "Evidence": k.Evidence} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", k.ID, what)
			}
			for _, r := range text {
				if r > '~' || r < ' ' {
					t.Errorf("%s: %s is not plain ASCII: %q", k.ID, what, text)
					break
				}
			}
		}
		if !slices.Contains(pci.Severities(), k.Severity) {
			t.Errorf("%s: severity %q", k.ID, k.Severity)
		}
		if len(k.Requirements)+len(k.Guidance) == 0 {
			t.Errorf("%s: neither a requirement nor a section of the guidance", k.ID)
		}
		for _, r := range k.Requirements {
			if !requirement.MatchString(r) {
				t.Errorf("%s: requirement %q is no number of the standard", k.ID, r)
			}
		}
		if (k.Run == nil) == (k.After == nil) {
			t.Errorf("%s: want one of Run and After", k.ID)
		}
		if !wanted[k.ID] {
			t.Errorf("%s: no fixture wants anything of it", k.ID)
		}
	}
}

// TestDenyFixesClose adds the policies that DEN-01, DEN-02 and DEN-05 offer, one finding at a time: that
// finding must be gone, and nothing new may be wrong with the input.
func TestDenyFixesClose(t *testing.T) {
	for _, name := range []string{"den_01_fail", "den_01_other_namespace", "den_01_one_pod", "den_02_fail", "den_05_fail", "den_05_fail_expression", "den_05_fail_labelled", "wrong_b", "wrong_e"} {
		t.Run(name, func(t *testing.T) {
			a, err := txtar.ParseFile("testdata/" + name + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			files, opt, _ := readArchive(t, a)
			tried := 0
			for _, f := range assess(t, files, opt).Findings {
				if !slices.Contains([]string{"DEN-01", "DEN-02", "DEN-05"}, f.Check) || f.Status != pci.Fail {
					continue
				}
				if f.Fix == nil || f.Fix.YAML == "" {
					t.Errorf("%s %s: no policy is offered", f.Check, f.Subject)
					continue
				}
				tried++
				files["fix.yaml"] = f.Fix.YAML
				added, problems := parse(map[string]string{"fix.yaml": f.Fix.YAML})
				if len(added) != 1 || len(problems) > 0 {
					t.Fatalf("the fix is %d objects with %v:\n%s", len(added), problems, f.Fix.YAML)
				}
				after := assess(t, files, opt)
				delete(files, "fix.yaml")
				if left := find(after, f); left != nil {
					t.Errorf("with the fix applied: %s %s: %s", left.Status, left.Subject, left.Message)
				}
				for _, g := range after.Findings {
					if g.Subject == added[0].Ref && g.Status == pci.Fail {
						t.Errorf("the fix is at fault itself: %s: %s", g.Check, g.Message)
					}
				}
			}
			if tried == 0 {
				t.Error("no finding to fix")
			}
		})
	}
}

// find looks for a failed or undecided finding of the same check about the same thing.
func find(a *pci.Assessment, f pci.Finding) *pci.Finding {
	for i := range a.Findings {
		g := &a.Findings[i]
		if g.Check == f.Check && g.Subject == f.Subject && g.Fingerprint == f.Fingerprint && (g.Status == pci.Fail || g.Status == pci.Unknown) {
			return g
		}
	}
	return nil
}

// TestDenyFixName: a deny-all never replaces a policy that is there, and is not offered to a cluster in which
// it would do nothing.
func TestDenyFixName(t *testing.T) {
	files := map[string]string{"in.yaml": `apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny-ingress, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}}
`}
	for enforcedBy, want := range map[string]string{"kube": "name: default-deny-ingress-2\n", "none": ""} {
		for _, f := range assess(t, files, options{enforcer: enforcedBy}).Findings {
			if f.Check != "DEN-01" {
				continue
			}
			if got := f.Fix.YAML; !strings.Contains(got, want) || (got == "") != (want == "") {
				t.Errorf("%s: got\n%s\nwant %q in it", enforcedBy, got, want)
			}
		}
	}
}

// TestSeverity: what is wrong in the cardholder data environment is one step worse.
func TestSeverity(t *testing.T) {
	files := map[string]string{"in.yaml": `apiVersion: v1
kind: Pod
metadata: {name: pay, namespace: cde, labels: {scope: cde}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: card, namespace: cde, labels: {scope: cde, app: card}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {scope: out}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: cde}
spec: {podSelector: {matchLabels: {app: card}}, ingress: [{}]}
`}
	a := assess(t, files, options{label: pci.ScopeLabel{Key: "scope"}})
	pay, card, web := ref("Pod", "cde", "pay"), ref("Pod", "cde", "card"), ref("Pod", "shop", "web")
	for _, want := range []struct {
		check   string
		subject object.Ref
		pci.Severity
	}{
		{"DEN-01", web, pci.High},
		{"DEN-02", card, pci.Critical},
		{"DEN-03", card, pci.Critical},
		{"DEN-04", pay, pci.Critical},
		{"DEN-05", ref("Namespace", "", "cde"), pci.Critical},
		{"DEN-05", ref("Namespace", "", "shop"), pci.High},
	} {
		i := slices.IndexFunc(a.Findings, func(f pci.Finding) bool {
			return f.Check == want.check && f.Subject == want.subject && f.Status == pci.Fail
		})
		if i < 0 || a.Findings[i].Severity != want.Severity {
			t.Errorf("%s %s: want a failed finding of severity %s, got %v", want.check, want.subject, want.Severity, a.Findings)
		}
	}
}

// TestWitness: a finding that something is open shows a packet to or from its subject, of the open family; none
// when a layer above the network may refuse it.
func TestWitness(t *testing.T) {
	for _, name := range []string{"den_01_fail", "wrong_a", "wrong_b", "den_01_mesh", "den_03_fail_one_family"} {
		a, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(t, a)
		shown := 0
		for _, f := range assess(t, files, opt).Findings {
			if !slices.Contains([]string{"DEN-01", "DEN-02", "DEN-03"}, f.Check) || f.Status != pci.Fail {
				continue
			}
			shown++
			switch w := f.Witness; {
			case name == "den_01_mesh":
				if w != nil {
					t.Errorf("%s: the mesh may refuse %s", name, w.Text)
				}
			case w == nil:
				t.Errorf("%s: %s has no packet", name, f.Check)
			case w.Src != f.Subject.String() && w.Dst != f.Subject.String():
				t.Errorf("%s: %s about %s shows %s", name, f.Check, f.Subject, w.Text)
			case name == "den_03_fail_one_family" && w.SrcAddress != "2001:db8::10":
				t.Errorf("%s: want a packet of IPv6, got %s", name, w.Text)
			}
		}
		if shown == 0 {
			t.Errorf("%s: no finding", name)
		}
	}
}

// TestNear: what counts as a typing error.
func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"carts", "cart", true},
		{"web", "wbe", true},
		{"frontend", "fromtend", true},
		{"web", "web", false},
		{"", "web", false},
		{"web", "db", false},
		{"web", "app", false},
		{"prod", "test", false},
		{"abcd", "dbca", false},
	} {
		if near(c.a, c.b) != c.want || near(c.b, c.a) != c.want {
			t.Errorf("near(%q, %q): want %v both ways", c.a, c.b, c.want)
		}
	}
}

// TestEvidence: what was seen of the engine reaches the reader, with its place.
func TestEvidence(t *testing.T) {
	at := object.Pos{File: "x.yaml", Line: 7}
	in := inputOf(t, nil, options{})
	in.Profile = enforcer.Profile{Name: "cilium", Enforces: enforcer.No, Because: []enforcer.Evidence{{Pos: at, Ref: ref("ConfigMap", "kube-system", "cilium-config"), Msg: "enable-policy: never"}}}
	for _, k := range []pci.Check{cni01, cni02} {
		f := k.Run(in)[0]
		if f.Status != pci.Fail || len(f.Because) != 1 || f.Because[0].Pos != at || f.Because[0].Msg != "enable-policy: never" {
			t.Errorf("%s: got %+v", k.ID, f)
		}
	}
	if f := cni02.Run(in)[0]; f.Pos != at {
		t.Errorf("CNI-02 points at %s", f.Pos)
	}
}

func ref(kind, namespace, name string) object.Ref {
	return object.Ref{Kind: kind, Namespace: namespace, Name: name}
}
