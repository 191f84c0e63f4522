package evidence

import (
	"crypto"
	"testing"
)

// testKey is a new key.
func testKey(t *testing.T) (crypto.Signer, crypto.PublicKey) {
	t.Helper()
	private, public, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ReadPrivate(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ReadPublic(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, key
}
