package evidence

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

const (
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://bulkhead.dev/evidence/v1"
)

// statement is an in-toto statement about every file of a package (in-toto attestation, "Statement" v1).
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// predicate repeats what a reader of the statement wants to know without the manifest.
type predicate struct {
	Tool    Tool   `json:"tool"`
	Created string `json:"created"`
	Subject string `json:"subject,omitempty"`
}

func statementOf(m *Manifest, manifest string) statement {
	s := statement{
		Type: statementType, PredicateType: predicateType, Predicate: predicate{m.Tool, m.Created, m.Subject},
		Subject: []subject{{ManifestFile, map[string]string{"sha256": manifest}}},
	}
	for _, e := range m.Files {
		s.Subject = append(s.Subject, subject{e.Path, map[string]string{"sha256": e.SHA256}})
	}
	return s
}

// Sign adds the attestation to a package, or replaces it. It does not look at the files: sign what Verify has
// checked.
func Sign(ctx context.Context, dir string, key crypto.Signer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	m, sum, err := readManifest(root)
	if err != nil {
		return err
	}
	if _, err := root.Stat(TimestampFile); err == nil {
		return fmt.Errorf("%s is there: it is about the package as it is, so sign before it is stamped", TimestampFile)
	}
	body, err := json.Marshal(statementOf(m, sum))
	if err != nil {
		return err
	}
	pair, err := newPair(key.Public(), key)
	if err != nil {
		return err
	}
	signer, err := dsse.NewEnvelopeSigner(pair)
	if err != nil {
		return err
	}
	envelope, err := signer.SignPayload(ctx, payloadType, body)
	if err != nil {
		return err
	}
	data, err := encode(envelope)
	if err != nil {
		return err
	}
	return root.WriteFile(AttestationFile, data, 0o644)
}

// keyPair signs and verifies with Ed25519, or ECDSA over SHA-256.
type keyPair struct {
	public crypto.PublicKey
	signer crypto.Signer // nil for verifying alone
	id     string
}

func newPair(public crypto.PublicKey, signer crypto.Signer) (*keyPair, error) {
	switch public.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
	default:
		return nil, fmt.Errorf("a key of type %T: want Ed25519 or ECDSA", public)
	}
	id, err := dsse.SHA256KeyID(public)
	return &keyPair{public, signer, id}, err
}

func (k *keyPair) Sign(_ context.Context, data []byte) ([]byte, error) {
	if _, ok := k.public.(ed25519.PublicKey); ok {
		return k.signer.Sign(rand.Reader, data, crypto.Hash(0))
	}
	sum := sha256.Sum256(data)
	return k.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
}

func (k *keyPair) Verify(_ context.Context, data, sig []byte) error {
	ok := false
	switch pub := k.public.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(pub, data, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(data)
		ok = ecdsa.VerifyASN1(pub, sum[:], sig)
	}
	if !ok {
		return errors.New("the signature does not fit")
	}
	return nil
}

func (k *keyPair) KeyID() (string, error)   { return k.id, nil }
func (k *keyPair) Public() crypto.PublicKey { return k.public }

// NewKey makes an Ed25519 key, as PEM: the private half as PKCS #8, the public half as PKIX.
func NewKey() (private, public []byte, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, nil, err
	}
	pubDER, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pubDER}), nil
}

// ReadPrivate reads a private key as PEM: PKCS #8, or the older form of ECDSA keys.
func ReadPrivate(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block: want a private key as PKCS #8")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q: want PRIVATE KEY, not encrypted", block.Type)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	_, err = newPair(signer.Public(), signer)
	return signer, err
}

// ReadPublic reads a public key as PEM, PKIX or a certificate.
func ReadPublic(data []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block: want a public key")
	}
	var key crypto.PublicKey
	switch block.Type {
	case "PUBLIC KEY":
		k, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key = k
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		key = c.PublicKey
	default:
		return nil, fmt.Errorf("a PEM block %q: want PUBLIC KEY or CERTIFICATE", block.Type)
	}
	_, err := newPair(key, nil)
	return key, err
}
