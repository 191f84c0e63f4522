package policy

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
)

// TestPlainNames: the fast ways say what the API's own validation says, of any text.
func TestPlainNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9._/-]{0,6}`), rapid.StringMatching(`[a-z0-9]{61,64}`), rapid.StringMatching(`([a-z-]{1,62}\.){3,4}[a-z]{0,60}`), rapid.String()).Draw(t, "text")
		if got, want := plainName(s), s != "" && len(validation.IsValidLabelValue(s)) == 0; got != want {
			t.Errorf("plainName(%q) is %v", s, got)
		}
		if got, want := plainDomain(s), len(validation.IsDNS1123Subdomain(s)) == 0; got != want {
			t.Errorf("plainDomain(%q) is %v", s, got)
		}
		if got, want := len(LabelErrors(s, nil)), len(validation.IsQualifiedName(s)); got != want {
			t.Errorf("%q as a key: %d errors, want %d", s, got, want)
		}
	})
}
