package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// linkState is how a connection of a supporting system is protected, worst first.
type linkState uint8

const (
	linkPlain      linkState = iota // no TLS
	linkUnverified                  // TLS with anybody: the certificate is not checked
	linkUnknown                     // the configuration does not tell
	linkGood                        // TLS, checked
	linkLocal                       // does not leave the pod, or is no connection
)

// link is one connection that a configuration makes or takes.
type link struct {
	ref    object.Ref
	pos    object.Pos
	what   string // "line 12 of fluent-bit.conf: output es"
	to     string // where to, as written; never a credential
	state  linkState
	why    string // of linkUnknown
	secret bool   // it carries a password or a token
}

// textOf is one configuration text inside of an object.
type textOf struct {
	object *object.Object
	key    string
	text   string
	pos    object.Pos
}

// link begins a link at a line of the text. Positions stay at the key: only the object's own lines are places.
func (t textOf) link(line int, what string) link {
	return link{ref: t.object.Ref, pos: t.pos, what: fmt.Sprintf("line %d of %s: %s", line, t.key, what)}
}

// unread is what stands for a text that is not understood.
func (t textOf) unread(why string) link {
	return link{ref: t.object.Ref, pos: t.pos, what: t.key, state: linkUnknown, why: why}
}

// configTexts gives the texts of all ConfigMaps, in their order.
func configTexts(in *pci.Input) []textOf {
	var out []textOf
	for _, o := range in.Cluster.Kind("", "ConfigMap") {
		for _, f := range o.Root.Get("data").Map() {
			if f.Value != nil && f.Value.Kind == object.String {
				out = append(out, textOf{object: o, key: f.Name, text: f.Value.Text, pos: object.Pos{File: o.Pos.File, Line: f.Line}})
			}
		}
	}
	return out
}

// variable tells whether a value is filled in only when the program starts.
func variable(s string) bool {
	return strings.Contains(s, "${") || strings.Contains(s, "$(") || strings.Contains(s, "#{") || strings.Contains(s, "{{") || strings.Contains(s, "%{") ||
		strings.Contains(s, "env(") || strings.HasPrefix(s, "$")
}

// toURL judges an address: http is plain, https is TLS. One without a scheme, or with one that is filled in
// later, is unknown.
func (l link) toURL(address string) link {
	scheme, rest, has := strings.Cut(address, "://")
	if !has || variable(scheme) {
		l.to = withoutUser(address)
		l.state, l.why = linkUnknown, "whether it is over TLS does not show in the address"
		switch {
		case variable(address):
			l.why = "the address is filled in when it starts"
		case here(hostOf(address)):
			l.state = linkLocal
		}
		return l
	}
	host, _, _ := strings.Cut(rest, "/")
	l.secret = l.secret || strings.Contains(host, "@")
	host = withoutUser(host)
	l.to = scheme + "://" + host
	switch scheme {
	case "https", "wss", "tls", "ssl", "grpcs", "tcps", "tcp+tls":
		l.state = linkGood
	case "http", "ws", "tcp", "udp", "grpc":
		l.state = linkPlain
		if variable(host) { // which may be the pod itself
			l.state, l.why = linkUnknown, "it is without TLS, and where it goes is filled in when it starts"
		}
	default:
		l.state, l.why = linkUnknown, "the scheme "+scheme+" is not known"
	}
	if here(hostOf(host)) {
		l.state = linkLocal
	}
	return l
}

// withTLS judges an address that may be a URL, or a host with a switch for TLS beside it.
func (l link) withTLS(address string, on, known bool) link {
	if list := strings.Split(address, ","); len(list) > 1 { // of several servers the worst protected one counts
		worst := l.withTLS(list[0], on, known)
		for _, one := range list[1:] {
			if next := l.withTLS(strings.TrimSpace(one), on, known); next.state < worst.state {
				worst = next
			}
		}
		return worst
	}
	if strings.Contains(address, "://") || variable(address) {
		return l.toURL(address)
	}
	return l.hostTLS(address, on, known)
}

// hostTLS judges a host, which says nothing of TLS, by the switch beside it.
func (l link) hostTLS(host string, on, known bool) link {
	if strings.Contains(host, ",") {
		return l.withTLS(host, on, known)
	}
	l.to = withoutUser(host)
	switch {
	case here(hostOf(host)):
		l.state = linkLocal
	case !known:
		l.state, l.why = linkUnknown, "whether TLS is on is filled in when it starts"
	case on:
		l.state = linkGood
	case variable(host) || host == "": // it may be the pod itself
		l.state, l.why = linkUnknown, "TLS is off, and the address is filled in when it starts"
	default:
		l.state = linkPlain
	}
	return l
}

// verified takes the check of the certificate away where a setting does so.
func (l link) verified(off bool) link {
	if off && l.state == linkGood {
		l.state = linkUnverified
	}
	return l
}

// skips is verified by switches that turn the check off. One that is filled in when the program starts leaves it open.
func (l link) skips(switches ...string) link {
	for _, s := range switches {
		off, known := yes(s)
		if l = l.verified(off); !known && l.state == linkGood {
			l.state, l.why = linkUnknown, "whether the certificate is checked is filled in when it starts"
		}
	}
	return l
}

// checks is skips for switches that turn the check on; one that is not set is on.
func (l link) checks(switches ...string) link {
	for _, s := range switches {
		if s == "" {
			continue
		}
		on, known := yes(s)
		if !known {
			l = l.skips(s)
			continue
		}
		l = l.verified(!on)
	}
	return l
}

// hostOf cuts the port off.
func hostOf(address string) string {
	if rest, ok := strings.CutPrefix(address, "["); ok {
		host, _, _ := strings.Cut(rest, "]")
		return host
	}
	host, _, _ := strings.Cut(address, ":")
	return host
}

func withoutUser(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// here tells whether a host is the pod itself.
func here(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// yes reads a switch as the programs of this file write them. known is false for a variable.
func yes(value string) (on, known bool) {
	switch strings.ToLower(strings.Trim(strings.TrimSpace(value), `"'`)) {
	case "true", "on", "yes", "1", "enabled":
		return true, true
	case "", "false", "off", "no", "0", "disabled", "none":
		return false, true
	}
	return false, false
}

// judgeLinks turns links into findings, with what the check asks when it sees a program and no configuration.
func judgeLinks(links []link, severity pci.Severity, what, sentence string) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for i, l := range links {
		if l.state == linkLocal {
			continue
		}
		of++
		f := pci.Finding{Subject: l.ref, Pos: l.pos, Severity: severity, Key: fmt.Sprintf("%s %s", l.what, l.to)}
		if slices.ContainsFunc(links[:i], func(m link) bool { return m.ref == l.ref && m.what == l.what && m.to == l.to }) {
			f.Key += fmt.Sprint(" ", i)
		}
		to := ""
		if l.to != "" {
			to = " to " + l.to
		}
		switch l.state {
		case linkPlain:
			f.Status, f.Message = pci.Fail, l.what+to+" goes without TLS"
			f.Fix = &pci.Fix{Text: "switch TLS on at both ends, with a certificate that is checked"}
		case linkUnverified:
			f.Status, f.Message = pci.Fail, l.what+to+" goes over TLS with anybody: the certificate is not checked"
			f.Fix = &pci.Fix{Text: "give it the authority that signs the other end, and switch the check on"}
		case linkUnknown:
			f.Status, f.Message = pci.Unknown, l.what+to+": "+l.why
		case linkGood, linkLocal:
			holds++
			continue
		}
		if l.secret && f.Status == pci.Fail {
			f.Severity = severity.Up()
			f.Message += "; it carries a password or a token"
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, what, sentence)
}

// runsImage finds workloads with a container whose image is one of the names, "fluent-bit" for
// "cr.fluentbit.io/fluent/fluent-bit:3.1".
func runsImage(in *pci.Input, names ...string) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		for _, c := range w.Pods[0].Containers {
			base := c.Image[strings.LastIndexByte(c.Image, '/')+1:]
			base, _, _ = strings.Cut(base, "@")
			base, _, _ = strings.Cut(base, ":")
			if slices.Contains(names, base) && !c.Init {
				out = append(out, w)
				break
			}
		}
	}
	return out
}

// unconfigured asks about the workloads that run a program while no configuration that they mount was read.
func unconfigured(in *pci.Input, links []link, names ...string) []pci.Finding {
	read := map[object.Ref]bool{}
	for _, l := range links {
		read[l.ref] = true
	}
	var out []pci.Finding
	for _, w := range runsImage(in, names...) {
		has := false
		for _, v := range w.Pods[0].Spec.Get("volumes").List() {
			sources := append([]*object.Value{v}, v.Get("projected", "sources").List()...)
			for _, s := range sources {
				name := s.Get("configMap", "name").Str()
				has = has || name != "" && read[object.Ref{Kind: "ConfigMap", Namespace: w.Ref.Namespace, Name: name}]
			}
		}
		if !has {
			out = append(out, pci.Finding{
				Status: pci.Manual, Subject: w.Ref, Pos: w.Pos, Key: "configuration",
				Message: "its configuration is not in the input, or is not understood: a Secret, an operator, or the image has it. Does it send over TLS only, and check whom it sends to?",
			})
		}
	}
	return out
}

// telemetry puts both together: links that were read, and programs of which nothing was.
func telemetry(in *pci.Input, links []link, severity pci.Severity, what, sentence string, images ...string) []pci.Finding {
	asked := unconfigured(in, links, images...)
	if len(links) == 0 && len(asked) > 0 {
		return asked
	}
	return append(judgeLinks(links, severity, what, sentence), asked...)
}
