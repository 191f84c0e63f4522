package draw

import (
	"fmt"
	"strings"
	"unicode"
)

// Safe makes a foreign text fit for one line: characters that a reader does not see, or that move others, are
// shown by their number.
func Safe(s string) string {
	var b strings.Builder
	for _, r := range s {
		writeSafe(&b, r)
	}
	return b.String()
}

// writeSafe writes a character, or its number when a reader would not see it or when it moves others.
func writeSafe(b *strings.Builder, r rune) {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		b.WriteByte(' ')
	case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r == unicode.ReplacementChar:
		fmt.Fprintf(b, "<U+%04X>", r)
	default:
		b.WriteRune(r)
	}
}
