package istio

import (
	"os"
	"testing"

	"istio.io/istio/pkg/log"
)

// TestMain silences Istio, which warns of nearly every random object.
func TestMain(m *testing.M) {
	for _, s := range log.Scopes() {
		s.SetOutputLevel(log.NoneLevel)
	}
	os.Exit(m.Run())
}
