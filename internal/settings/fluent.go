package settings

import (
	"fmt"
	"strings"
)

// Section is one part of a configuration with parts: an [OUTPUT] of Fluent Bit, a <match> of Fluentd, a block
// of Alloy.
type Section struct {
	Name   string // "OUTPUT"; "match"; "loki.write"
	Arg    string // the pattern of Fluentd's match; the label of Alloy's block
	Line   int
	Keys   []Key
	Within []Section
}

// Key is one setting.
type Key struct {
	Name, Value string
	Line        int
}

// Get gives the last value of a key, its name in any case. ok tells whether it is there.
func (s Section) Get(name string) (k Key, ok bool) {
	for _, has := range s.Keys {
		if strings.EqualFold(has.Name, name) {
			k, ok = has, true
		}
	}
	return k, ok
}

// Inner gives the first inner section of a name.
func (s Section) Inner(name string) (Section, bool) {
	for _, in := range s.Within {
		if strings.EqualFold(in.Name, name) {
			return in, true
		}
	}
	return Section{}, false
}

// FluentBit reads the classic form of Fluent Bit's configuration: sections in brackets, and "Key value" lines
// under them. included are the files that @INCLUDE names.
func FluentBit(text string) (sections []Section, included []string, err error) {
	if len(text) > maxText {
		return nil, nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	n := 0
	for raw := range strings.Lines(text) {
		n++
		line := strings.TrimSpace(raw)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '@':
			if name, rest := keyValue(line); strings.EqualFold(name, "@INCLUDE") {
				included = append(included, rest)
			}
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") {
				return nil, nil, fmt.Errorf("line %d: a section does not end", n)
			}
			sections = append(sections, Section{Name: strings.ToUpper(strings.TrimSpace(line[1 : len(line)-1])), Line: n})
		default:
			if len(sections) == 0 {
				return nil, nil, fmt.Errorf("line %d: %q stands in no section", n, line)
			}
			name, value := keyValue(line)
			s := &sections[len(sections)-1]
			s.Keys = append(s.Keys, Key{name, value, n})
		}
	}
	return sections, included, nil
}

// Fluentd reads Fluentd's configuration: sections between <name arg> and </name>, and "key value" lines in
// them. included are the files that @include names.
func Fluentd(text string) (sections []Section, included []string, err error) {
	if len(text) > maxText {
		return nil, nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	stack := []*Section{{}}
	n := 0
	for raw := range strings.Lines(text) {
		n++
		line := strings.TrimSpace(raw)
		top := stack[len(stack)-1]
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "</"):
			if name := strings.TrimSpace(strings.TrimSuffix(line[2:], ">")); len(stack) == 1 || name != top.Name {
				return nil, nil, fmt.Errorf("line %d: </%s> ends nothing", n, name)
			}
			stack = stack[:len(stack)-1]
			stack[len(stack)-1].Within = append(stack[len(stack)-1].Within, *top)
		case line[0] == '<' && strings.HasSuffix(line, ">"):
			if len(stack) > maxDepth {
				return nil, nil, fmt.Errorf("line %d: nested too deep", n)
			}
			name, arg := keyValue(strings.TrimSpace(line[1 : len(line)-1]))
			stack = append(stack, &Section{Name: name, Arg: strings.TrimSpace(arg), Line: n})
		default:
			name, value := keyValue(line)
			if value != "" && value[0] != '"' && value[0] != '\'' {
				value, _, _ = strings.Cut(value, " #") // a comment
				value = strings.TrimSpace(value)
			}
			if name == "@include" {
				included = append(included, value)
				continue
			}
			top.Keys = append(top.Keys, Key{name, unquoted(value), n})
		}
	}
	if len(stack) > 1 {
		return nil, nil, fmt.Errorf("line %d: <%s> does not end", stack[len(stack)-1].Line, stack[len(stack)-1].Name)
	}
	return stack[0].Within, included, nil
}

// keyValue parts a line at its first blank.
func keyValue(line string) (key, value string) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

// unquoted takes the quotes of a value off, with the comment that may follow them.
func unquoted(value string) string {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return value
	}
	if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
		if rest := strings.TrimSpace(value[end+2:]); rest == "" || rest[0] == '#' {
			return value[1 : end+1]
		}
	}
	return strings.Trim(value, `"'`)
}
