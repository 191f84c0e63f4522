package draw

import (
	"sort"
	"strings"
)

// helvetica is the widths of the printable ASCII characters, in thousandths of the size (Adobe core font metrics).
// Arial and Liberation Sans, which stand in for it on most machines, have the same.
const (
	firstChar  = ' '
	otherWidth = 1000 // of characters that are not in the table, which is no less than any
)

func helvetica() [95]int {
	return [95]int{
		278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
		556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
		1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
		667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
		333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
		556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
	}
}

// Style is the look of a text.
type Style struct {
	Size float64
	Bold bool
}

// The typographic scale.
const (
	sizeTitle = 20
	sizeHead  = 13
	sizeName  = 12
	sizeText  = 11
	sizeSmall = 10
	sizeTiny  = 9
)

func bold(size float64) Style  { return Style{size, true} }
func plain(size float64) Style { return Style{size, false} }

// width is how wide a text is at most, in pixels.
func width(s string, st Style) int {
	table := helvetica()
	sum := 0
	for _, r := range s {
		if r >= firstChar && int(r-firstChar) < len(table) {
			sum += table[r-firstChar]
		} else {
			sum += otherWidth
		}
	}
	w := float64(sum) * st.Size / 1000
	if st.Bold {
		w *= 1.08 // the widest of Helvetica Bold's usual letters against those of Helvetica
	}
	return int(w + 0.999)
}

// fit cuts a text in the middle, where names differ least, so that it is no wider than some pixels.
func fit(s string, st Style, most int) string {
	if width(s, st) <= most {
		return s
	}
	r := []rune(s)
	short := func(cut int) string {
		left := (len(r) - cut + 1) / 2
		return string(r[:left]) + ".." + string(r[left+cut:])
	}
	// Each cut takes one letter more; a name may have ten thousand.
	cut := 1 + sort.Search(max(0, len(r)-1), func(i int) bool { return width(short(i+1), st) <= most })
	if cut >= len(r) {
		return ""
	}
	return short(cut)
}

// wrap breaks a text at blanks into lines that are no wider than some pixels.
func wrap(s string, st Style, most int) []string {
	var out []string
	cur := ""
	for word := range strings.FieldsSeq(s) {
		word = fit(word, st, most)
		if cur != "" && width(cur+" "+word, st) > most {
			out = append(out, cur)
			cur = ""
		}
		if cur != "" {
			cur += " "
		}
		cur += word
	}
	if cur != "" {
		out = append(out, cur)
	}
	return out
}
