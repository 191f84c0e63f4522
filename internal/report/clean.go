package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line makes foreign text safe for one line of a terminal: what moves the cursor, changes colours, hides or
// reorders text is written as its code point, so that a label can not paint a pass over a fail.
func line(s string) string {
	if plain(s) || !strings.ContainsFunc(s, unsafeRune) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case unsafeRune(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// plain tells that s is ASCII without control characters, as nearly all text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// block is line for text of several lines: line ends stay, tabs become blanks.
func block(s string) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
	for i, l := range lines {
		lines[i] = line(strings.ReplaceAll(l, "\t", "  "))
	}
	return lines
}

// unsafeRune holds for control characters (C0, DEL, C1), for format characters (bidirectional overrides, zero
// width), for line and paragraph separators, and for code points that are no characters, which YAML refuses.
func unsafeRune(r rune) bool {
	if r < 0x7f { // nearly all text is ASCII, and the tables are slow
		return r < ' '
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// wrap breaks text at blanks to lines of at most width bytes; longer words stay whole.
func wrap(s string, width int) []string {
	var out []string
	cur := ""
	for w := range strings.FieldsSeq(s) {
		if cur != "" && len(cur)+1+len(w) > width {
			out = append(out, cur)
			cur = ""
		}
		if cur != "" {
			cur += " "
		}
		cur += w
	}
	if cur != "" {
		out = append(out, cur)
	}
	return out
}

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	if s, ok := strings.CutSuffix(one, "y"); ok {
		return fmt.Sprintf("%d %sies", n, s)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
