package cilium_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/policy/cilium"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

func TestFields(t *testing.T) { fixture.CheckFields(t, cilium.Kind, "testdata/crd_fields.txt") }
