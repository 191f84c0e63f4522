package settings

import (
	"fmt"
	"strings"
)

// Alloy reads the block structure of Grafana Alloy's configuration: blocks with labels, and attributes whose
// values are kept as written, strings without their quotes.
func Alloy(text string) ([]Section, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("larger than %d bytes", maxText)
	}
	stack := []*Section{{}}
	n := 0
	open := 0 // brackets of a value that goes over several lines
	for raw := range strings.Lines(text) {
		n++
		line, err := withoutComment(strings.TrimSpace(raw))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		top := stack[len(stack)-1]
		switch {
		case line == "":
		case open > 0:
			open += balance(line)
		case line == "}":
			if len(stack) == 1 {
				return nil, fmt.Errorf("line %d: } ends nothing", n)
			}
			stack = stack[:len(stack)-1]
			stack[len(stack)-1].Within = append(stack[len(stack)-1].Within, *top)
		case strings.HasSuffix(line, "{") && !strings.Contains(before(line), "="):
			name, arg, _ := strings.Cut(strings.TrimSpace(strings.TrimSuffix(line, "{")), " ")
			if len(stack) > maxDepth {
				return nil, fmt.Errorf("line %d: nested too deep", n)
			}
			stack = append(stack, &Section{Name: name, Arg: strings.Trim(strings.TrimSpace(arg), `"`), Line: n})
		default:
			if err := oneLine(top, line, n, &open); err != nil {
				return nil, err
			}
		}
	}
	if len(stack) > 1 || open != 0 {
		return nil, fmt.Errorf("line %d: %s does not end", stack[len(stack)-1].Line, stack[len(stack)-1].Name)
	}
	return stack[0].Within, nil
}

// oneLine reads "name = value", and a block that begins and ends on its line.
func oneLine(top *Section, line string, n int, open *int) error {
	name, value, ok := strings.Cut(line, "=")
	if head, body, block := strings.Cut(line, "{"); block && strings.HasSuffix(line, "}") && (!ok || len(head) < len(name)) {
		inner := Section{Name: strings.TrimSpace(head), Line: n}
		inner.Name, inner.Arg, _ = strings.Cut(inner.Name, " ")
		inner.Arg = strings.Trim(strings.TrimSpace(inner.Arg), `"`)
		if body = strings.TrimSpace(strings.TrimSuffix(body, "}")); body != "" {
			if err := oneLine(&inner, body, n, open); err != nil {
				return err
			}
		}
		top.Within = append(top.Within, inner)
		return nil
	}
	if !ok {
		return fmt.Errorf("line %d: %q is no attribute and no block", n, line)
	}
	value = strings.TrimSpace(value)
	top.Keys = append(top.Keys, Key{strings.TrimSpace(name), strings.Trim(value, `"`), n})
	*open = balance(value)
	return nil
}

// balance counts the brackets that a line leaves open, outside of strings.
func balance(line string) int {
	n, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{' || c == '(':
			n++
		case c == ']' || c == '}' || c == ')':
			n--
		}
	}
	return n
}

// before is what stands in front of the first string.
func before(line string) string {
	head, _, _ := strings.Cut(line, `"`)
	return head
}

// withoutComment cuts "// ..." off. Comments and strings that go over lines are not understood.
func withoutComment(line string) (string, error) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '`':
			return "", fmt.Errorf("a string in backquotes")
		case c == '/' && i+1 < len(line) && line[i+1] == '/':
			return strings.TrimSpace(line[:i]), nil
		case c == '/' && i+1 < len(line) && line[i+1] == '*':
			return "", fmt.Errorf("a comment over several lines")
		}
	}
	if quoted {
		return "", fmt.Errorf("a string does not end")
	}
	return line, nil
}
