// Package handshake is the only part that opens connections to what is judged: it tries TLS on ports, one version
// and one set of ciphers at a time, and writes down what the port took.
//
// It sends a first message of a handshake and nothing after it: no request, no credentials, and no redirect is
// followed. What it writes is an object of the input like any other (kind TLSHandshake), so that a judgement can be
// repeated without dialing again.
package handshake

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Limits of one run.
const (
	MaxTargets = 256 // more are not tried, and Cut says so
	MaxTimeout = time.Minute

	maxParallel = 8                // targets at a time; each has one connection open at most
	maxCerts    = 24               // kept of one target
	forTarget   = 90 * time.Second // for all connections to one target
)

// Target is one port to try.
type Target struct {
	Address string // host and port, as net.JoinHostPort writes them
	Server  string // the name asked for, "" for none
	// Workload and Port are the pods' side of a way in that changes nothing on its way there: "namespace/name", or "".
	Workload string
	Port     int
	Via      string // the object that names it, "" when a person did
}

// Dialer opens connections, as net.Dialer.DialContext does.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Options are what a run goes by.
type Options struct {
	Dial    Dialer        // nil is Outward
	Timeout time.Duration // of one connection with its handshake; 0 is five seconds
	Time    time.Time     // written into each result
}

// Result is what one port answered.
type Result struct {
	Target
	Time     time.Time
	Peer     string // address and port that answered, "" when none did
	TLS      Took
	Versions []Version // newest first, all four unless Error is set
	Certs    []*x509.Certificate
	Error    string // why nothing more is known, "" when all was tried
}

// Took tells whether a port speaks TLS.
type Took int

// What a port said: nothing that tells, other words than TLS, or TLS.
const (
	Silent Took = iota
	Plain
	Speaks
)

// Version is one version of TLS.
type Version struct {
	Name   string   // "1.2"
	Suites []string // those taken, as IANA names them; none when the version is refused
	Error  string   // why it is not known whether it is taken, or which further suites are
}

// Cut keeps as many targets as one run may have, and gives the number of the others.
func Cut(targets []Target) ([]Target, int) {
	if n := len(targets) - MaxTargets; n > 0 {
		return targets[:MaxTargets], n
	}
	return targets, 0
}

// All tries each target. Results come in the order of the targets. When ctx ends, those that are left have its error.
func All(ctx context.Context, targets []Target, o Options) []Result {
	o.Timeout = min(cmp.Or(o.Timeout, 5*time.Second), MaxTimeout)
	if o.Dial == nil {
		o.Dial = Outward
	}
	out := make([]Result, len(targets))
	slots := make(chan struct{}, maxParallel)
	var all sync.WaitGroup
	for i, t := range targets {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			out[i] = try(ctx, t, o)
		})
	}
	all.Wait()
	return out
}

func try(ctx context.Context, t Target, o Options) Result {
	ctx, done := context.WithTimeout(ctx, forTarget)
	defer done()
	r := Result{Target: t, Time: o.Time}
	p := prober{Options: o, result: &r}
	first := p.offer(ctx, tls.VersionTLS10, tls.VersionTLS13, suitesOf(tls.VersionTLS10, tls.VersionTLS13))
	switch first.end {
	case unreached, mute:
		r.Error = first.why
		return r
	case other:
		r.TLS = Plain
		return r
	case taken, refused:
		r.TLS = Speaks
	case closed, broken: // some servers close when they are offered what they do not know
	}
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		r.Versions = append(r.Versions, p.version(ctx, v))
	}
	known := r.TLS == Speaks
	for _, v := range r.Versions {
		known = known || len(v.Suites) > 0
	}
	switch {
	case known:
		r.TLS = Speaks
	default:
		r.Versions, r.Error = nil, first.why
	}
	return r
}

// prober is the connections to one target.
type prober struct {
	Options
	result *Result
}

// version asks for one version, again and again without the suites that the server has picked. TLS 1.3 lets nobody
// choose, and none of its suites is weak.
func (p *prober) version(ctx context.Context, v uint16) Version {
	out := Version{Name: strings.TrimPrefix(tls.VersionName(v), "TLS ")}
	left := suitesOf(v, v)
	for {
		a := p.offer(ctx, v, v, left)
		switch a.end {
		case taken:
			p.result.TLS = Speaks
			out.Suites = append(out.Suites, tls.CipherSuiteName(a.suite))
			if left = without(left, a.suite); v == tls.VersionTLS13 || len(left) == 0 {
				return out
			}
			continue
		case refused:
			return out
		case closed:
			// Not an answer by itself: a busy server closes, too. It is one when another offer is answered right after.
			if b := p.offer(ctx, tls.VersionTLS10, tls.VersionTLS13, suitesOf(tls.VersionTLS10, tls.VersionTLS13)); b.end == taken {
				return out
			}
			out.Error = a.why
		case other, mute, unreached, broken:
			out.Error = a.why
		}
		return out
	}
}

// keep adds a certificate that was not seen before.
func (p *prober) keep(chain []*x509.Certificate) {
	for _, c := range chain {
		seen := len(p.result.Certs) >= maxCerts
		for _, d := range p.result.Certs {
			seen = seen || c.Equal(d)
		}
		if !seen {
			p.result.Certs = append(p.result.Certs, c)
		}
	}
}

// PEM is the certificates as text.
func (r *Result) PEM() string {
	var b strings.Builder
	for _, c := range r.Certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// Says is the result in one line, for people.
func (r *Result) Says() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.TLS == Plain:
		return "it answered, and took no TLS"
	}
	var takes, unclear []string
	for _, v := range r.Versions {
		if len(v.Suites) > 0 {
			takes = append(takes, v.Name)
		}
		if v.Error != "" {
			unclear = append(unclear, v.Name)
		}
	}
	s := "takes TLS " + cmp.Or(strings.Join(takes, ", "), "in none of the versions tried")
	if len(unclear) > 0 {
		s += fmt.Sprintf("; not known of %s", strings.Join(unclear, ", "))
	}
	return s
}
