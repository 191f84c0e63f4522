package pci

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// restMark stands around a digest in a text. Names of Kubernetes do not have it.
const restMark = "\x00"

// Rest is put behind "and 7 more" in the text of a finding: a digest of the names that are left out, in order. It does not
// show: Assess moves it from the message into Finding.Rest, and takes it out of all other texts.
func Rest(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, restMark)))
	return restMark + hex.EncodeToString(sum[:8]) + restMark
}

// marked is a digest and what stands around it. A name in a manifest may have a mark, and then it stays in the text.
var marked = regexp.MustCompile(restMark + "[0-9a-f]{16}" + restMark)

// unmarked is a text without digests, and these in their order.
func unmarked(text string) (shown, rest string) {
	if !strings.Contains(text, restMark) {
		return text, ""
	}
	digests := marked.FindAllString(text, -1)
	return marked.ReplaceAllString(text, ""), strings.ReplaceAll(strings.Join(digests, " "), restMark, "")
}

// unmark moves the digests of the message to where they belong.
func (f *Finding) unmark() {
	f.Message, f.Rest = unmarked(f.Message)
	for i := range f.Because {
		f.Because[i].Msg, _ = unmarked(f.Because[i].Msg)
	}
	if f.Fix != nil {
		text, _ := unmarked(f.Fix.Text)
		if text != f.Fix.Text {
			fix := *f.Fix
			fix.Text, f.Fix = text, &fix
		}
	}
}
