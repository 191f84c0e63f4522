package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func whyText(w io.Writer, y *Why, opt Options) error {
	p := newPrinter(w, opt)
	for _, n := range y.Notes {
		p.para(0, "note: ", n)
	}
	for i, a := range y.Answers {
		if i > 0 || len(y.Notes) > 0 {
			p.line("")
		}
		p.answer(a)
	}
	if len(y.Answers) > 1 {
		p.line("")
		p.line("%s", p.bold("All together: "+strings.ToUpper(string(y.Verdict))))
	}
	return p.w.Flush()
}

func (p *printer) answer(a Answer) {
	color := map[Verdict]string{Allowed: "1;32", Denied: "1;31"}[a.Verdict]
	if color == "" {
		color = "1;33"
	}
	p.line("%s  %s -> %s  %s", p.mark(color, strings.ToUpper(string(a.Verdict))), line(a.SrcText), line(a.DstText), conns(a.Query))
	certain, possible := conns(a.Must), conns(a.May)
	if a.Verdict == Partly || a.Verdict == Undecided {
		p.line("  allowed    %s", blank(certain))
		p.line("  undecided  %s", blank(possible.Subtract(certain)))
		p.line("  denied     %s", blank(conns(a.Query).Subtract(possible)))
	}
	p.side(policy.Egress, a.SrcText, a.Egress)
	p.side(policy.Ingress, a.DstText, a.Ingress)
	if len(a.Because) > 0 {
		p.line("  not decided, because")
		for _, r := range a.Because {
			p.para(4, "- ", r.String())
		}
	}
	p.missing(a)
	if a.Witness != "" {
		p.para(2, "for example  ", a.Witness)
	}
}

// side says what one end's policies make of the question.
func (p *printer) side(d policy.Direction, who string, s Side) {
	label := fmt.Sprintf("%-8s ", d)
	if !s.Applies {
		note := s.Note
		if note == "" {
			note = "no pod policy binds " + who
		}
		p.para(2, label, note)
		return
	}
	state := map[string]string{
		"no":  who + " is not isolated: no policy selects it for " + d.String() + ", so everything is allowed",
		"yes": who + " is isolated: only what a rule allows",
	}[s.Isolated]
	if state == "" {
		state = "whether " + who + " is isolated is not known"
	}
	if s.Note != "" {
		state += " (" + s.Note + ")"
	}
	p.para(2, label, state)
	for _, t := range s.Policies {
		p.para(4, "", because(t.Pos, t.Policy, ""))
		matched := false
		for _, r := range t.Rules {
			if len(r.Matches) == 0 && len(r.Perhaps) == 0 {
				continue
			}
			matched = true
			p.rule(r)
		}
		if !matched {
			p.para(6, "", noMatch(t, d))
		}
	}
}

func (p *printer) rule(r RuleTrace) {
	at := r.Path + " (" + r.Pos.String() + ")"
	if len(r.Matches) > 0 {
		p.para(6, "", fmt.Sprintf("%ss %s: %s", r.Action, conns(r.Matches), at))
	}
	if len(r.Perhaps) > 0 {
		p.para(6, "", fmt.Sprintf("possibly %ss %s: %s", r.Action, conns(r.Perhaps), at))
	}
	for _, d := range r.Doubts {
		p.para(8, "", "not sure: "+d)
	}
}

func noMatch(t PolicyTrace, d policy.Direction) string {
	if len(t.Rules) == 0 {
		return "has no " + d.String() + " rule: allows nothing"
	}
	if len(t.Rules) == 1 {
		return fmt.Sprintf("its %s rule does not match: %s (%s)", d, t.Rules[0].Path, t.Rules[0].Pos)
	}
	return fmt.Sprintf("none of its %d %s rules matches", len(t.Rules), d)
}

// missing says what it would take for the whole question to be allowed.
func (p *printer) missing(a Answer) {
	q := conns(a.Query)
	need := []string{}
	if m := q.Subtract(conns(a.Egress.May)); a.Egress.Applies && !m.IsEmpty() {
		need = append(need, fmt.Sprintf("an egress rule for %s to %s, %s", a.SrcText, a.DstText, m))
	}
	if m := q.Subtract(conns(a.Ingress.May)); a.Ingress.Applies && !m.IsEmpty() {
		need = append(need, fmt.Sprintf("an ingress rule for %s from %s, %s", a.DstText, a.SrcText, m))
	}
	if len(need) > 0 {
		p.para(2, "it would take  ", strings.Join(need, "; and "))
	}
}
