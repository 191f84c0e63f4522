package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const whyDoc = `Why says whether a connection is allowed, which policies and rules decide it on both ends, and what it
would take to allow it. Without PORT it asks about all ports of TCP, UDP and SCTP.

Examples:
  bulkhead why shop/web shop/db tcp/5432 manifests/
  bulkhead why internet web 443 -n shop manifests/
  bulkhead why web service/db manifests/

` // followed by names and exit codes

const portHelp = `PORT is 443 (TCP), udp/53, "tcp/80,443 udp/53", or the name of a port of DST. Policies see the port of the
pods; with a Service as DST, PORT is a port of the Service and is translated.

`

type whyOptions struct {
	sourceOptions
	output string
}

func newWhy(g *globals) *cobra.Command {
	var o whyOptions
	cmd := &cobra.Command{
		Use: "why SRC DST [PORT] SOURCE...", Short: "say why a connection is allowed or not",
		Long: whyDoc + namesHelp + "\n" + portHelp + strings.Replace(exitHelp, "Exit codes:", "Exit codes (0 allowed, 1 denied in whole or in part, 3 undecided):", 1),
		Args: arguments(2, -1, "SRC and DST, then perhaps PORT, then one SOURCE or more"),
		RunE: func(cmd *cobra.Command, args []string) error { return runWhy(cmd.Context(), g, o, args) },
	}
	output(cmd, &o.output, report.Names(report.WhyFormats, whyName))
	o.flags(cmd)
	return cmd
}

func whyName(f report.WhyFormat) string { return f.Name }

func runWhy(ctx context.Context, g *globals, o whyOptions, args []string) error {
	format, err := pick(report.WhyFormats, whyName, o.output)
	if err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	port, sources, err := splitPort(args[2:])
	if err != nil {
		return err
	}
	a, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	names := namer{a.cluster, o.namespace}
	src, err := names.find(args[0])
	if err != nil {
		return fmt.Errorf("SRC: %w", err)
	}
	dst, err := names.find(args[1])
	if err != nil {
		return fmt.Errorf("DST: %w", err)
	}
	out, err := a.why(src, dst, port)
	if err != nil {
		return err
	}
	printProblems(g.stderr, a.problems)
	if err := format.Write(g.stdout, out, report.Options{Color: color}); err != nil {
		return err
	}
	if lost(a.problems) {
		return exitError(exitUndecided)
	}
	switch out.Verdict {
	case report.Allowed:
		return nil
	case report.Denied, report.Partly:
		return exitError(exitFails)
	case report.Undecided:
		return exitError(exitUndecided)
	}
	return exitError(exitUndecided)
}

// portName is IANA_SVC_NAME, the form of port names in Kubernetes.
var portName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$`)

// splitPort takes PORT off the arguments behind DST, "" when there is none. What is both a port and a file
// is a port: a file can be written ./443.
func splitPort(args []string) (port string, sources []string, err error) {
	if len(args) == 0 {
		return "", nil, nil
	}
	first := args[0]
	if _, err := netset.Parse(first); err == nil {
		return first, args[1:], nil
	}
	if _, err := os.Lstat(first); err == nil || first == "-" || strings.ContainsAny(first, "*?[./\\") {
		if _, perr := netset.Parse(first); err != nil && looksLikePort(first) {
			return "", nil, fmt.Errorf("PORT: %w", perr)
		}
		return "", args, nil
	}
	if portName.MatchString(first) && strings.ContainsFunc(first, func(r rune) bool { return r >= 'a' }) {
		return first, args[1:], nil
	}
	_, err = netset.Parse(first)
	return "", nil, hint(fmt.Errorf("%q is neither a port nor a source: %w", first, err), "the order is SRC DST [PORT] SOURCE...")
}

func looksLikePort(s string) bool {
	head, _, ok := strings.Cut(s, "/")
	_, err := netset.ParseProtocol(head)
	return ok && err == nil
}

// why answers for every pair of workloads that the names stand for.
func (a *analysis) why(src, dst found, port string) (*report.Why, error) {
	out := &report.Why{
		Protocol: report.TraceProtocol, Notes: append(append([]string{}, src.notes...), dst.notes...), Answers: []report.Answer{},
		Problems: append([]object.Problem{}, a.problems...),
	}
	if lost(a.problems) {
		out.Notes = append(out.Notes, "part of the input could not be read; what follows holds for the rest of it")
	}
	if src.service != nil {
		out.Notes = append(out.Notes, fmt.Sprintf("a Service opens no connections; %s as source means the pods behind it", src.service.Ref))
	}
	for _, d := range dst.peers {
		query, notes, err := ports(dst.service, d, port)
		if err != nil {
			return nil, err
		}
		for _, n := range append(notes, shadowed(dst.namesake, d, query)...) {
			if !slices.Contains(out.Notes, n) {
				out.Notes = append(out.Notes, n)
			}
		}
		for _, s := range src.peers {
			out.Answers = append(out.Answers, report.AnswerOf(a.model.Explain(s, d, query), src.called, dst.called))
		}
	}
	out.Verdict = together(out.Answers)
	return out, nil
}

// together is the verdict on all answers: undecided outweighs all, and differing answers are partly allowed.
func together(answers []report.Answer) report.Verdict {
	v := answers[0].Verdict
	for _, a := range answers {
		switch {
		case a.Verdict == report.Undecided:
			return report.Undecided
		case a.Verdict != v:
			v = report.Partly
		}
	}
	return v
}

// ports turns PORT into ports of the pods of dst. With a Service they are translated, otherwise names are
// looked up on the pods.
func ports(s *cluster.Service, dst reach.Peer, port string) (netset.Conns, []string, error) {
	if s != nil {
		return servicePorts(s, dst, port)
	}
	if port == "" {
		return netset.Transport(), nil, nil
	}
	if c, err := netset.Parse(port); err == nil {
		if c.IsEmpty() {
			return c, nil, fmt.Errorf("PORT %q holds no connection to ask about", port)
		}
		return c, nil, nil
	}
	var c netset.Conns
	var have []string
	for _, p := range podsOf(dst) {
		for _, q := range p.Ports {
			if q.Name == port {
				c = c.Union(netset.Ports(q.Protocol, q.Number, q.Number))
			} else if q.Name != "" && !slices.Contains(have, q.Name) {
				have = append(have, q.Name)
			}
		}
	}
	if c.IsEmpty() {
		err := fmt.Errorf("%s has no port named %q", dst, port)
		if len(have) > 0 {
			return c, nil, hint(err, "it has %s", strings.Join(have, ", "))
		}
		return c, nil, hint(err, "it names no ports; give a number")
	}
	return c, []string{fmt.Sprintf("port %s of %s is %s", port, dst, c)}, nil
}

// servicePorts translates ports of s to ports of the pods of dst.
func servicePorts(s *cluster.Service, dst reach.Peer, port string) (netset.Conns, []string, error) {
	asked, err := netset.Parse(port)
	byName := port != "" && err != nil
	if s.Headless && port != "" && !byName {
		if asked.IsEmpty() {
			return asked, nil, fmt.Errorf("PORT %q holds no connection to ask about", port)
		}
		return asked, []string{fmt.Sprintf("%s is headless: its name stands for the addresses of its pods, and no port is translated", s.Ref)}, nil
	}
	var out netset.Conns
	var notes, have []string
	for _, sp := range s.Ports {
		have = append(have, strings.TrimSuffix(sp.Name+" "+strings.ToLower(sp.Protocol.String())+fmt.Sprintf("/%d", sp.Port), " "))
		if byName && sp.Name != port || !byName && port != "" && !asked.Contains(sp.Protocol, uint16(sp.Port)) {
			continue
		}
		for _, p := range podsOf(dst) {
			n, ok := sp.Target(p)
			if !ok {
				return out, nil, fmt.Errorf("%s port %d leads to port %q, which %s does not have", s.Ref, sp.Port, sp.TargetName, dst)
			}
			out = out.Union(netset.Ports(sp.Protocol, n, n))
			note := fmt.Sprintf("%s port %d leads to port %d of %s; policies see the port of the pods", s.Ref, sp.Port, n, dst)
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
		if dst.IsOutside() && sp.TargetNumber != 0 {
			out = out.Union(netset.Ports(sp.Protocol, sp.TargetNumber, sp.TargetNumber))
		}
	}
	if out.IsEmpty() {
		return out, nil, hint(fmt.Errorf("%s has no port %s", s.Ref, port), "it has %s", strings.Join(have, ", "))
	}
	return out, notes, nil
}
