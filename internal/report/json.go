package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// maxRecord limits a saved result: the record of the largest cluster we test with is a tenth of it.
const maxRecord = 1 << 30

var jsonFormat = Format{Name: "json", Ext: ".json", Media: "application/json", Write: writeJSON}

func writeJSON(w io.Writer, a *pci.Assessment, _ Options) error { return encode(w, a) }

// encode writes indented JSON with a line end. Angle brackets stay readable: nothing of ours puts the record
// into a page. What line makes harmless for a terminal is escaped, as records are printed to terminals too.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeUnsafe(b.Bytes()))
	return err
}

// escapeUnsafe escapes runes that stand in strings of encoded JSON; outside of strings it is all ASCII.
// U+FFFD is escaped as the encoder escapes invalid UTF-8, so that a record read and written stays the same.
func escapeUnsafe(data []byte) []byte {
	if !slices.ContainsFunc(data, func(b byte) bool { return b >= 0x7f }) {
		return data // control characters below it are escaped by the encoder
	}
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r != '\n' && (unsafeRune(r) || r == utf8.RuneError):
			for _, u := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
		default:
			out = append(out, data[:n]...)
		}
		data = data[n:]
	}
	return out
}

// Read reads a result saved as JSON. Writing it again gives the same bytes. A record of another protocol,
// and anything behind the record, is an error.
func Read(r io.Reader) (*pci.Assessment, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRecord {
		return nil, fmt.Errorf("larger than %d bytes", maxRecord)
	}
	var head struct {
		Protocol string          `json:"protocol"`
		Coverage json.RawMessage `json:"coverage"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not a saved result: %w", plainJSON(err))
	}
	switch head.Protocol {
	case pci.Protocol:
	case "":
		return nil, errors.New(`not a saved result: it has no "protocol" (save one with "bulkhead assess -o json")`)
	default:
		return nil, fmt.Errorf("a record of protocol %q: this program reads %s", line(head.Protocol), pci.Protocol)
	}
	var a pci.Assessment
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return nil, fmt.Errorf("not a saved result: %w", plainJSON(err))
	}
	// Kept as it is written: as a tree its keys would change their order.
	if head.Coverage != nil {
		a.Coverage = head.Coverage
	}
	return &a, nil
}

// plainJSON puts the place of a syntax error into the text.
func plainJSON(err error) error {
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w at byte %d", err, se.Offset)
	}
	return err
}
