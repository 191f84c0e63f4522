package calico

import "github.com/bulkhead-sec/bulkhead/internal/policy"

func fields() []policy.Field { return nil }
