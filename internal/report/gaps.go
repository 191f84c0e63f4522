package report

import (
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// gapRecord is what is known not to be covered. Lists are never null.
type gapRecord struct {
	Limits   []string         `json:"limits"`   // what the model leaves out
	NotKnown []string         `json:"notKnown"` // what the input lacks, in the sentences of the reports
	Problems []object.Problem `json:"problems"` // with the input, by place
}

// WriteGaps writes, as JSON, what an assessment does not cover.
func WriteGaps(w io.Writer, a *pci.Assessment) error {
	all := gaps(a)
	return encode(w, gapRecord{
		Limits: append([]string{}, a.Limits...), NotKnown: append([]string{}, all[len(a.Limits):]...), Problems: append([]object.Problem{}, a.Problems...),
	})
}
