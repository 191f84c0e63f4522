package calico

import (
	"fmt"
	"strings"
)

// tokenKind is what a token of a selector is. The zero kind is the end of the text.
type tokenKind uint8

const (
	tokenEnd   tokenKind = iota
	tokenSign            // punctuation, or an operator word in its one spelling
	tokenLabel           // a label's key
	tokenText            // a quoted text, without its quotes
	tokenHas             // has(key): text is the key
	tokenAll             // all()
	tokenGlobal
)

type token struct {
	kind tokenKind
	text string
}

// String is the token for messages.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenHas:
		return "has(" + shorten(t.text) + ")"
	case tokenAll:
		return "all()"
	case tokenGlobal:
		return "global()"
	case tokenText:
		return fmt.Sprintf("the text %q", shorten(t.text))
	case tokenSign, tokenLabel:
	}
	return shorten(t.text)
}

// maxKey is the longest key that Calico's tokenizer takes.
const maxKey = 512

// blanks may stand inside calls and operators of two words; between tokens only spaces and tabs may.
const blanks = " \t\n\f\r"

// signs, longest first.
var signs = [...]string{"&&", "||", "==", "!=", "!", "(", ")", "{", "}", ","}

// tokenize splits a selector just as libcalico-go/lib/selector/tokenizer does: only after a label are words operators, and has, all and global are calls only without a blank before the
// parenthesis.
func tokenize(text string) ([]token, error) {
	var out []token
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return out, nil
		}
		afterLabel := len(out) > 0 && out[len(out)-1].kind == tokenLabel
		t, n, err := nextToken(text, afterLabel)
		if err != nil {
			return nil, err
		}
		out, text = append(out, t), text[n:]
	}
}

func nextToken(text string, afterLabel bool) (t token, length int, err error) {
	for _, s := range signs {
		if strings.HasPrefix(text, s) {
			return token{tokenSign, s}, len(s), nil
		}
	}
	if q := text[0]; q == '\'' || q == '"' {
		end := strings.IndexByte(text[1:], q)
		if end < 0 {
			return t, 0, fmt.Errorf("the selector is not valid: a quote is not closed")
		}
		return token{tokenText, text[1 : 1+end]}, end + 2, nil
	}
	if afterLabel {
		if t, n := operatorWord(text); n > 0 {
			return t, n, nil
		}
		return t, 0, fmt.Errorf("the selector is not valid: want an operator, got %s", shorten(text))
	}
	if t, n := call(text); n > 0 {
		return t, n, nil
	}
	n := wordLength(text)
	switch {
	case n == 0 && (text[0] == '\n' || text[0] == '\r'):
		return t, 0, fmt.Errorf("the selector is not valid: Calico takes no line breaks in it")
	case n == 0:
		return t, 0, fmt.Errorf("the selector is not valid: %s is not expected", shorten(text))
	case n > maxKey:
		return t, 0, fmt.Errorf("the selector is not valid: a label is longer than %d", maxKey)
	}
	return token{tokenLabel, text[:n]}, n, nil
}

// operatorWord reads an operator of letters; the length is 0 when there is none.
func operatorWord(text string) (token, int) {
	for _, op := range [...]struct {
		first, second string
		whole         bool // no word may go on behind it
	}{
		{"contains", "", false}, {"starts", "with", false}, {"ends", "with", false}, {"not", "in", true}, {"in", "", true},
	} {
		rest, ok := strings.CutPrefix(text, op.first)
		if !ok {
			continue
		}
		name := op.first
		if op.second != "" {
			if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, blanks), op.second); !ok {
				continue
			}
			name += " " + op.second
		}
		if op.whole && rest != "" && isWordByte(rest[0]) {
			continue
		}
		return token{tokenSign, name}, len(text) - len(rest)
	}
	return token{}, 0
}

// call reads has(key), all() and global(); the length is 0 when there is none.
func call(text string) (token, int) {
	for _, f := range [...]struct {
		name string
		kind tokenKind
	}{{"has(", tokenHas}, {"all(", tokenAll}, {"global(", tokenGlobal}} {
		rest, ok := strings.CutPrefix(text, f.name)
		if !ok {
			continue
		}
		rest = strings.TrimLeft(rest, blanks)
		key := ""
		if f.kind == tokenHas {
			n := wordLength(rest)
			if n == 0 || n > maxKey {
				continue
			}
			key, rest = rest[:n], strings.TrimLeft(rest[n:], blanks)
		}
		if rest, ok = strings.CutPrefix(rest, ")"); ok {
			return token{f.kind, key}, len(text) - len(rest)
		}
	}
	return token{}, 0
}

// isWordByte is \w of regular expressions, which ends the words in and not in.
func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_'
}

// wordLength counts the bytes of the label key that text begins with.
func wordLength(text string) int {
	n := 0
	for n < len(text) && (isWordByte(text[n]) || strings.IndexByte("./-", text[n]) >= 0) {
		n++
	}
	return n
}
