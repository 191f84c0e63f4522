package calico

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Labels that Calico itself puts on endpoints and namespaces.
const (
	labelNamespace    = "projectcalico.org/namespace"    // on a pod: the name of its namespace
	labelOrchestrator = "projectcalico.org/orchestrator" // on a pod: "k8s"
	labelName         = "projectcalico.org/name"         // on a namespace: its name
)

// selector reads a selector field; an unset or empty one selects everything. The doubt is nil when it was
// understood.
func (c *compiler) selector(v *object.Value, path string) (cluster.Selector, *policy.Doubt) {
	text, _ := c.Text(v, path)
	s, err := parseSelector(text)
	if err != nil {
		d := c.Unclear(v, "%s: %v", path, err)
		return nil, &d
	}
	return s, nil
}

// onPods splits a selector of endpoints into what it asks of a pod's own labels and of the name of its
// namespace.
func onPods(r *policy.Reader, at *object.Value, s cluster.Selector) (pods, namespaces cluster.Selector, doubt *policy.Doubt) {
	for _, q := range s {
		switch {
		case q.Key == labelNamespace:
			q.Key = cluster.NameLabel
			namespaces = append(namespaces, q)
		case q.Key == labelOrchestrator && q.Matches(map[string]string{labelOrchestrator: "k8s"}):
			// Every pod has it.
		case reserved(q.Key):
			d := r.Unclear(at, "the label %s, which Calico itself sets, is not modelled yet", q.Key)
			return nil, nil, &d
		default:
			pods = append(pods, q)
		}
	}
	return pods, namespaces, nil
}

// onNamespaces turns a namespaceSelector into one on the labels that Kubernetes knows.
func onNamespaces(r *policy.Reader, at *object.Value, s cluster.Selector) (cluster.Selector, *policy.Doubt) {
	var out cluster.Selector
	for _, q := range s {
		switch {
		case q.Key == labelName:
			q.Key = cluster.NameLabel
		case reserved(q.Key):
			d := r.Unclear(at, "the label %s, which Calico itself sets, is not modelled yet", q.Key)
			return nil, &d
		}
		out = append(out, q)
	}
	return out, nil
}

// reserved tells whether Calico makes the label up, so that objects do not show it. pcns. and pcsa. carry
// the labels of the namespace and of the service account.
func reserved(key string) bool {
	return strings.HasPrefix(key, "projectcalico.org/") || strings.HasPrefix(key, "pcns.") || strings.HasPrefix(key, "pcsa.")
}

// parseSelector reads the part of Calico's selector language that a conjunction of label requirements can
// say. Every error means "not understood", not "wrong".
func parseSelector(text string) (cluster.Selector, error) {
	p := parser{rest: text}
	if p.peek() == "" {
		return nil, p.err
	}
	s := p.conjunction(0)
	if p.err == nil && p.peek() != "" {
		p.fail("%q", p.peek())
	}
	if p.err != nil {
		return nil, p.err
	}
	return sorted(s), nil
}

// sorted sorts s in place, as cluster.Selector asks.
func sorted(s cluster.Selector) cluster.Selector {
	slices.SortFunc(s, func(a, b cluster.Requirement) int { return strings.Compare(a.String(), b.String()) })
	return s
}

type parser struct {
	rest string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("selector not modelled yet: "+format, args...)
	}
}

// operators, longest first. Words are read as words.
var operators = []string{"&&", "||", "==", "!=", "(", ")", "{", "}", ",", "!"}

// peek is the next token as written, "" at the end or after an error.
func (p *parser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.err != nil || p.rest == "" {
		return ""
	}
	for _, op := range operators {
		if strings.HasPrefix(p.rest, op) {
			return op
		}
	}
	if q := p.rest[0]; q == '\'' || q == '"' {
		end := strings.IndexByte(p.rest[1:], q)
		if end < 0 {
			p.fail("a quote is not closed")
			return ""
		}
		return p.rest[:end+2]
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !inWord(r) })
	switch end {
	case 0:
		p.fail("%+q", p.rest[:1])
		return ""
	case -1:
		return p.rest
	}
	return p.rest[:end]
}

func inWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_./-", r)
}

func (p *parser) next() string {
	t := p.peek()
	p.rest = strings.TrimPrefix(p.rest, t)
	return t
}

// want takes the token t, or fails.
func (p *parser) want(t string) {
	if got := p.next(); got != t {
		p.fail("want %q, got %q", t, got)
	}
}

const maxDepth = 50

func (p *parser) conjunction(depth int) cluster.Selector {
	s := p.term(depth)
	for p.err == nil && p.peek() == "&&" {
		p.next()
		s = append(s, p.term(depth)...)
	}
	return s
}

func (p *parser) term(depth int) cluster.Selector {
	switch t := p.peek(); {
	case depth > maxDepth:
		p.fail("nested too deeply")
	case t == "(":
		p.next()
		s := p.conjunction(depth + 1)
		p.want(")")
		return s
	case t == "!":
		p.next()
		if p.peek() == "has" {
			return cluster.Selector{{Key: p.has(), Op: cluster.DoesNotExist}}
		}
		p.fail("! before anything but has()")
	case t == "has":
		return cluster.Selector{{Key: p.has(), Op: cluster.Exists}}
	case t == "all":
		p.next()
		p.want("(")
		p.want(")")
	case t == "" || !isWord(t):
		p.fail("want a condition, got %q", t)
	default:
		return p.comparison()
	}
	return nil
}

func (p *parser) has() string {
	p.next()
	p.want("(")
	key := p.next()
	if !isWord(key) {
		p.fail("has(%s", key)
	}
	p.want(")")
	return key
}

func (p *parser) comparison() cluster.Selector {
	r := cluster.Requirement{Key: p.next()}
	switch op := p.next(); op {
	case "==":
		r.Values = []string{p.value()}
	case "!=":
		r.Op, r.Values = cluster.NotIn, []string{p.value()}
	case "in":
		r.Values = p.values()
	case "not":
		p.want("in")
		r.Op, r.Values = cluster.NotIn, p.values()
	default:
		p.fail("%q after %s", op, r.Key)
	}
	return cluster.Selector{r}
}

func (p *parser) values() []string {
	p.want("{")
	values := []string{p.value()}
	for p.err == nil && p.peek() == "," {
		p.next()
		values = append(values, p.value())
	}
	p.want("}")
	slices.Sort(values)
	return slices.Compact(values)
}

func (p *parser) value() string {
	t := p.next()
	if len(t) < 2 || t[0] != '\'' && t[0] != '"' {
		p.fail("want a quoted value, got %q", t)
		return ""
	}
	return t[1 : len(t)-1]
}

func isWord(t string) bool { return t != "" && inWord(rune(t[0])) }
