package exposure

import (
	"fmt"
	"slices"
	"strings"
)

// matched is one way to meet a rule of Traefik: a host and a path, "" for any.
type matched struct{ host, path string }

// maxMatched limits the ways to meet a rule that are told apart, and maxNested how deep its brackets go.
const (
	maxMatched = 200
	maxNested  = 50
)

// traefikRule reads the hosts and paths of a rule, such as "Host(`a.example.com`) && PathPrefix(`/x`)". What
// a rule asks besides is left out, so that the result is never narrower than the rule.
func traefikRule(text string) ([]matched, error) {
	p := ruleParser{text: text}
	out, err := p.or(0)
	if err == nil && p.skip() < len(p.text) {
		err = fmt.Errorf("cannot read %q", p.text[p.at:])
	}
	if err != nil {
		return []matched{{}}, err
	}
	return out, nil
}

type ruleParser struct {
	text string
	at   int
}

// skip passes over blanks, and gives the place after them.
func (p *ruleParser) skip() int {
	for p.at < len(p.text) && strings.ContainsRune(" \t\n\r", rune(p.text[p.at])) {
		p.at++
	}
	return p.at
}

func (p *ruleParser) take(word string) bool {
	if !strings.HasPrefix(p.text[p.skip():], word) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *ruleParser) or(depth int) ([]matched, error) {
	out, err := p.and(depth)
	for err == nil && p.take("||") {
		var more []matched
		more, err = p.and(depth)
		out = fewer(append(out, more...))
	}
	return out, err
}

func (p *ruleParser) and(depth int) ([]matched, error) {
	out, err := p.one(depth)
	for err == nil && p.take("&&") {
		var more []matched
		if more, err = p.one(depth); err == nil {
			out = fewer(both(out, more))
		}
	}
	return out, err
}

func (p *ruleParser) one(depth int) ([]matched, error) {
	if depth > maxNested {
		return nil, fmt.Errorf("more than %d brackets", maxNested)
	}
	switch {
	case p.take("!"):
		_, err := p.one(depth + 1)
		return []matched{{}}, err // everything but that
	case p.take("("):
		out, err := p.or(depth + 1)
		if err == nil && !p.take(")") {
			err = fmt.Errorf("no closing bracket")
		}
		return out, err
	}
	return p.matcher()
}

// matcher reads "Name(`a`, `b`)".
func (p *ruleParser) matcher() ([]matched, error) {
	start := p.skip()
	for p.at < len(p.text) && isLetter(p.text[p.at]) {
		p.at++
	}
	name := p.text[start:p.at]
	if name == "" || !p.take("(") {
		return nil, fmt.Errorf("want a matcher at %q", p.text[start:])
	}
	var args []string
	for !p.take(")") {
		if len(args) > 0 && !p.take(",") {
			return nil, fmt.Errorf("want a comma or a closing bracket after %s", name)
		}
		if p.skip() == len(p.text) || !strings.ContainsRune("`\"'", rune(p.text[p.at])) {
			return nil, fmt.Errorf("want a text in quotes in %s", name)
		}
		n := strings.IndexByte(p.text[p.at+1:], p.text[p.at])
		if n < 0 {
			return nil, fmt.Errorf("no closing quote in %s", name)
		}
		args = append(args, p.text[p.at+1:p.at+1+n])
		p.at += n + 2
	}
	return meaning(name, args), nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func meaning(name string, args []string) []matched {
	var out []matched
	for _, a := range args {
		switch name {
		case "Host", "HostHeader", "HostSNI":
			out = append(out, matched{host: plainHost(a)})
		case "Path", "PathPrefix":
			out = append(out, matched{path: a})
		}
	}
	if len(out) == 0 {
		return []matched{{}}
	}
	return fewer(out)
}

// both is the ways to meet a and b.
func both(a, b []matched) []matched {
	var out []matched
	for _, x := range a {
		for _, y := range b {
			host, ok := hostsMeet(x.host, y.host)
			if !ok {
				continue
			}
			path := x.path
			if len(y.path) > len(path) {
				path = y.path
			}
			out = append(out, matched{host, path})
		}
	}
	return out
}

// fewer drops what is there twice, and everything when there is too much of it: then any host and path may
// meet the rule.
func fewer(list []matched) []matched {
	var out []matched
	for _, m := range list {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
		if len(out) > maxMatched {
			return []matched{{}}
		}
	}
	return out
}
