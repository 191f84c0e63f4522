package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// end is how one attempt ended.
type end int

const (
	taken     end = iota // the server chose a version and a suite
	refused              // it said that it takes none of what was offered
	closed               // it closed, or gave an alert that says little
	other                // it answered something that is no TLS
	mute                 // it took the connection and said nothing in time
	unreached            // there was no connection
	broken               // it chose, and what followed was not understood
)

type attempt struct {
	end   end
	suite uint16
	why   string
}

// suitesOf is every suite that is known for some version in a range, weak ones too.
func suitesOf(from, to uint16) []uint16 {
	var out []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.ContainsFunc(s.SupportedVersions, func(v uint16) bool { return from <= v && v <= to }) {
			out = append(out, s.ID)
		}
	}
	return out
}

func without(list []uint16, one uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), func(s uint16) bool { return s == one })
}

// errChosen ends a handshake as soon as the server has said all that is asked of it.
var errChosen = errors.New("the server has chosen")

// offer opens one connection and offers versions and suites.
func (p *prober) offer(ctx context.Context, from, to uint16, suites []uint16) attempt {
	ctx, done := context.WithTimeout(ctx, p.Timeout)
	defer done()
	raw, err := p.Dial(ctx, "tcp", p.result.Address)
	if err != nil {
		return attempt{end: unreached, why: "no connection: " + plainly(err)}
	}
	defer func() { _ = raw.Close() }()
	if p.result.Peer == "" {
		p.result.Peer = raw.RemoteAddr().String()
	}
	var got *tls.ConnectionState
	conn := tls.Client(raw, &tls.Config{
		ServerName: p.result.Server, MinVersion: from, MaxVersion: to, CipherSuites: suites,
		InsecureSkipVerify: true, //nolint:gosec // nothing is sent; what is shown is judged later
		VerifyConnection: func(s tls.ConnectionState) error {
			got = &s
			return errChosen
		},
	})
	err = conn.HandshakeContext(ctx)
	if got != nil {
		p.keep(got.PeerCertificates)
		return attempt{end: taken, suite: got.CipherSuite}
	}
	return failed(err)
}

// failed tells what the error of a handshake means.
func failed(err error) attempt {
	var record tls.RecordHeaderError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &record) && record.Conn != nil: // its first bytes are no record of TLS
		return attempt{end: other, why: "it answered something that is no TLS"}
	case errors.As(err, &op) && op.Op == "remote error":
		// handshake_failure, protocol_version and insufficient_security say that the offer is the reason (RFC 8446, 6.2).
		for _, code := range []tls.AlertError{40, 70, 71} {
			if op.Err.Error() == code.Error() {
				return attempt{end: refused, why: "it refused: " + code.Error()}
			}
		}
		return attempt{end: closed, why: "it ended the handshake: " + op.Err.Error()}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return attempt{end: mute, why: "it took the connection, and did not answer in time"}
	case errors.Is(err, context.Canceled):
		return attempt{end: mute, why: "it was not tried to the end"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return attempt{end: closed, why: "it closed the connection"}
	case isOtherVersion(err):
		return attempt{end: refused, why: "it chose a version that was not offered"}
	}
	return attempt{end: broken, why: "the handshake was not understood: " + err.Error()}
}

// isOtherVersion tells whether a server answered with a version that was not offered, which is how old ones refuse.
func isOtherVersion(err error) bool {
	var v uint16
	_, scanned := fmt.Sscanf(err.Error(), "tls: server selected unsupported protocol version %x", &v)
	return scanned == nil
}

// plainly is an error of dialing without the addresses that the reader has already.
func plainly(err error) string {
	var dns *net.DNSError
	var no net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name has no address"
	case errors.As(err, &no) && no.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "nobody answered in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the port is closed"
	case errors.Is(err, errInside):
		return errInside.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

var errInside = errors.New("an input can not send it to this machine or its link")

// Anywhere dials what a person named.
func Anywhere(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Outward dials what an input names, and never this machine, its link (where clouds keep their metadata), a group
// or no address: whoever writes a manifest must not choose those.
func Outward(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		a := to.Addr().Unmap()
		if a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() || metadata(a) {
			return errInside
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// metadata tells of the addresses of clouds' metadata that are not link local.
func metadata(a netip.Addr) bool {
	return slices.Contains([]string{"168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd00:ec2::23"}, a.String())
}
