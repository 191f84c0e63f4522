package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
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
	p.side(a.SrcText, a.Egress)
	p.side(a.DstText, a.Ingress)
	for i, s := range a.Mesh {
		if who := [2]string{a.SrcText, a.DstText}[i]; len(s.Policies) > 0 || len(s.Remarks) > 0 {
			p.side(who, s)
		}
	}
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

// side says what one end's policies make of the question, in one layer.
func (p *printer) side(who string, s Side) {
	label := fmt.Sprintf("%-8s ", line(s.Direction))
	if s.Layer != policy.Network.String() {
		label = fmt.Sprintf("%-8s ", line(s.Layer))
	}
	if !s.Applies {
		note := s.Note
		if note == "" {
			note = "no pod policy binds " + who
		}
		p.para(2, label, note)
		return
	}
	state := map[string]string{
		"no":  who + " is not isolated: no policy selects it for " + s.Direction + ", so everything is allowed",
		"yes": who + " is isolated: only what a rule allows",
	}[s.Isolated]
	switch {
	case s.Isolated == "no" && len(s.Policies) > 0:
		state = who + " is not isolated: what no " + s.Direction + " rule denies is allowed"
	case state == "":
		state = "whether " + who + " is isolated is not known"
	}
	if s.Note != "" {
		state += " (" + s.Note + ")"
	}
	p.para(2, label, state)
	tiers := tiersOf(s.Policies)
	tier := ""
	for _, t := range s.Policies {
		if len(tiers) > 1 && t.Tier != tier {
			p.para(4, "", "tier "+line(t.Tier))
		}
		tier = t.Tier
		p.policyTrace(t, s.Direction)
		if ends := conns(t.Ends); len(tiers) > 1 && !ends.IsEmpty() {
			p.para(4, "", fmt.Sprintf("tier %s ends: it denies %s, which none of its rules decides", line(t.Tier), ends))
		}
	}
	said := map[string]bool{} // several policies may have the same to say
	for _, r := range s.Remarks {
		if !said[r.Msg] {
			p.para(4, "note: ", r.String())
		}
		said[r.Msg] = true
	}
}

func tiersOf(ps []PolicyTrace) map[string]bool {
	tiers := map[string]bool{}
	for _, t := range ps {
		tiers[t.Tier] = true
	}
	return tiers
}

func (p *printer) policyTrace(t PolicyTrace, direction string) {
	order := ""
	if t.Order != nil {
		order = fmt.Sprintf(", order %g", *t.Order)
	}
	p.para(4, "", because(t.Pos, t.Policy, "")+order)
	matched := false
	for _, r := range t.Rules {
		if len(r.Matches) > 0 || len(r.Perhaps) > 0 {
			matched = true
			p.rule(r)
		}
	}
	if !matched {
		p.para(6, "", noMatch(t, direction))
	}
}

func (p *printer) rule(r RuleTrace) {
	at := r.Path + " (" + r.Pos.String() + ")"
	verb, would := r.Action+"s", r.Action
	switch r.Action {
	case policy.Deny.String():
		verb = "denies"
	case policy.Pass.String():
		verb, would = "passes on", "pass on"
	}
	late := conns(r.Late)
	for _, part := range []struct {
		perhaps string
		conns   netset.Conns
	}{{"", conns(r.Matches)}, {"possibly ", conns(r.Perhaps)}} {
		if now := part.conns.Subtract(late); !now.IsEmpty() {
			p.para(6, "", fmt.Sprintf("%s%s %s: %s", part.perhaps, verb, now, at))
		}
	}
	if !late.IsEmpty() {
		p.para(6, "", fmt.Sprintf("would %s %s, which is decided above: %s", would, late, at))
	}
	for _, o := range r.Only {
		p.para(8, "", "only: "+o)
	}
	for _, d := range r.Doubts {
		p.para(8, "", "not sure: "+d)
	}
}

// noMatch counts the rules as they are written: a kind may make several of one, and some that no field states,
// whose path is in parentheses.
func noMatch(t PolicyTrace, direction string) string {
	var written []RuleTrace
	for _, r := range t.Rules {
		same := func(w RuleTrace) bool { return w.Path == r.Path }
		if !strings.HasPrefix(r.Path, "(") && !slices.ContainsFunc(written, same) {
			written = append(written, r)
		}
	}
	switch len(written) {
	case 0:
		return "has no " + direction + " rule: allows nothing"
	case 1:
		return fmt.Sprintf("its %s rule does not match: %s (%s)", direction, written[0].Path, written[0].Pos)
	}
	return fmt.Sprintf("none of its %d %s rules matches", len(written), direction)
}

// missing says what it would take for the whole question to be allowed.
func (p *printer) missing(a Answer) {
	q := conns(a.Query)
	need := []string{}
	if m := q.Subtract(conns(a.Egress.May)); a.Egress.Applies && !m.IsEmpty() {
		need = append(need, fmt.Sprintf("an egress rule for %s to %s, %s%s", a.SrcText, a.DstText, m, inTier(a.Egress, m)))
	}
	if m := q.Subtract(conns(a.Ingress.May)); a.Ingress.Applies && !m.IsEmpty() {
		need = append(need, fmt.Sprintf("an ingress rule for %s from %s, %s%s", a.DstText, a.SrcText, m, inTier(a.Ingress, m)))
	}
	for i, s := range a.Mesh {
		if m := q.Subtract(conns(s.May)); s.Applies && !m.IsEmpty() {
			need = append(need, fmt.Sprintf("the mesh to let %s of %s through at %s", m, s.Direction, [2]string{a.SrcText, a.DstText}[i]))
		}
	}
	if len(need) > 0 {
		p.para(2, "it would take  ", strings.Join(need, "; and "))
	}
}

// inTier names the first tier whose end denies some of m, where there are several.
func inTier(s Side, m netset.Conns) string {
	if len(tiersOf(s.Policies)) > 1 {
		for _, t := range s.Policies {
			if conns(t.Ends).Overlaps(m) {
				return ", in tier " + t.Tier
			}
		}
	}
	return ""
}
