package evidence

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// Timestamp is what a time-stamping authority said of a package (RFC 3161).
type Timestamp struct {
	Time      string `json:"time"`      // RFC 3339, UTC
	Of        string `json:"of"`        // the file it is about
	Authority string `json:"authority"` // the name in the certificate
	Trusted   bool   `json:"trusted"`   // the certificate leads to a root that the reader gave
}

// skew is how much later than its timestamp a package may say that it was made: clocks differ.
const skew = 5 * time.Minute

// TimestampRequest gives the request, in DER, for a timestamp of the package: of its attestation, or of the
// manifest where there is none. Of the package only a SHA-256 is in it. nonce may be nil.
func TimestampRequest(dir string, nonce *big.Int) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if _, _, err := readManifest(root); err != nil {
		return nil, err
	}
	_, data, err := stamped(root)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	req := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}
	return req.Marshal()
}

// stamped is the file that a timestamp is about.
func stamped(root *os.Root) (string, []byte, error) {
	data, err := read(root, AttestationFile, maxHead)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = read(root, ManifestFile, maxHead)
		return ManifestFile, data, err
	}
	return AttestationFile, data, err
}

// AddTimestamp puts the response of the authority, in DER, into the package, or replaces the one that is there. It
// must be about this package and, when nonce is not nil, answer the request with that nonce. Whether the authority
// is to be trusted is a question for Verify.
func AddTimestamp(dir string, response []byte, nonce *big.Int) (*Timestamp, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if _, _, err := readManifest(root); err != nil {
		return nil, err
	}
	name, data, err := stamped(root)
	if err != nil {
		return nil, err
	}
	t, err := readToken(response)
	if err != nil {
		return nil, fmt.Errorf("the response: %w", err)
	}
	if nonce != nil && (t.said.Nonce == nil || t.said.Nonce.Cmp(nonce) != 0) {
		return nil, errors.New("the response answers another request")
	}
	if err := t.about(data); err != nil {
		return nil, fmt.Errorf("the response: %w: %s", err, name)
	}
	return t.summary(name), root.WriteFile(TimestampFile, response, 0o644)
}

// timestamp checks the timestamp of the package, if it has one.
func (v *verifier) timestamp(roots *x509.CertPool) {
	data, err := read(v.root, TimestampFile, maxStamp)
	switch {
	case errors.Is(err, fs.ErrNotExist) && roots != nil:
		v.fault(TimestampFile, "missing: there is no timestamp to check")
		return
	case errors.Is(err, fs.ErrNotExist):
		return // it is optional
	case err != nil:
		v.fault(TimestampFile, "%v", err)
		return
	}
	t, err := readToken(data)
	if err != nil {
		v.fault(TimestampFile, "%v", err)
		return
	}
	name, of, err := stamped(v.root)
	if err != nil {
		return // told already
	}
	if err := t.about(of); err != nil {
		v.fault(TimestampFile, "%v: %s", err, name)
		return
	}
	said := t.summary(name)
	if made, err := time.Parse(time.RFC3339, v.report.Manifest.Created); err == nil && made.After(t.said.Time.Add(skew)) {
		v.fault(ManifestFile, "says that it was made %s, later than its timestamp, %s", v.report.Manifest.Created, said.Time)
	}
	if roots == nil {
		v.report.Timestamp = said
		v.report.Unchecked = append(v.report.Unchecked, "who made the timestamp, as no certificate of an authority was given")
		return
	}
	if err := t.trust(roots); err != nil {
		v.fault(TimestampFile, "not by an authority that leads to the given certificates: %v", err)
		return
	}
	said.Trusted = true
	v.report.Timestamp = said
}

// token is a response that was read, with its signature checked against the certificate in it.
type token struct {
	said   *timestamp.Timestamp
	signed *pkcs7.PKCS7
	signer *x509.Certificate
}

// The content type of a timestamp (RFC 3161, 2.4.2). Another signed message must not pass for one.
func tstInfo() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
}

func readToken(data []byte) (t *token, err error) {
	defer func() {
		if r := recover(); r != nil { // the library panics on some malformed lengths
			t, err = nil, errors.New("no timestamp response")
		}
	}()
	if len(data) > maxStamp {
		return nil, fmt.Errorf("larger than %d bytes", maxStamp)
	}
	said, err := timestamp.ParseResponse(data)
	if err != nil {
		return nil, err
	}
	signed, err := pkcs7.Parse(said.RawToken)
	if err != nil {
		return nil, err
	}
	signer := signed.GetOnlySigner()
	if signer == nil {
		return nil, errors.New("it does not hold the certificate of its one signer")
	}
	if err := signed.VerifyWithChainAtTime(nil, said.Time); err != nil {
		return nil, err
	}
	var kind asn1.ObjectIdentifier
	if err := signed.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &kind); err != nil || !kind.Equal(tstInfo()) {
		return nil, errors.New("it is signed, and no timestamp")
	}
	return &token{said, signed, signer}, nil
}

// about tells whether the timestamp is of this text.
func (t *token) about(data []byte) error {
	if !t.said.HashAlgorithm.Available() || t.said.HashAlgorithm.Size() < sha256.Size {
		return fmt.Errorf("the digest %v is not strong enough, or not known", t.said.HashAlgorithm)
	}
	h := t.said.HashAlgorithm.New()
	h.Write(data)
	if !bytes.Equal(h.Sum(nil), t.said.HashedMessage) {
		return errors.New("it is not about this file")
	}
	return nil
}

// trust tells whether the signer was, at the time it states, a time-stamping authority of one of the roots.
func (t *token) trust(roots *x509.CertPool) error {
	if !slices.Contains(t.signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return errors.New("the certificate is not for timestamps")
	}
	between := x509.NewCertPool()
	for _, c := range t.signed.Certificates {
		between.AddCert(c)
	}
	_, err := t.signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: t.said.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	return err
}

func (t *token) summary(of string) *Timestamp {
	return &Timestamp{Time: t.said.Time.UTC().Format(time.RFC3339), Of: of, Authority: t.signer.Subject.String()}
}

// ReadRoots reads the certificates of time-stamping authorities, or of those who certify them, as PEM.
func ReadRoots(data []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("no certificate as PEM")
	}
	return pool, nil
}
