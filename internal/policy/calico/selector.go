package calico

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// Limits of one selector. Calico itself has none; what is beyond them is not understood, never cut off.
const (
	maxText  = 1 << 15 // bytes
	maxDepth = 100     // parentheses and negations inside each other
)

// errTooBig marks selectors that are beyond a limit of ours, as opposed to those that Calico refuses.
var errTooBig = errors.New("the selector is too big to be understood")

// exprKind is what an expr is.
type exprKind uint8

const (
	exprAll    exprKind = iota // all(): true of every endpoint
	exprGlobal                 // global(): endpoints outside namespaces; only in a namespaceSelector
	exprLabel                  // one condition on a label
	exprNot                    // of args[0]
	exprAnd                    // of args, true when there are none
	exprOr                     // of args, false when there are none
)

// expr is a selector as written.
type expr struct {
	kind exprKind
	req  cluster.Requirement // exprLabel; Values may be empty: "a in {}"
	args []*expr
}

func label(key string, op cluster.Operator, values ...string) *expr {
	return &expr{kind: exprLabel, req: cluster.Requirement{Key: key, Op: op, Values: values}}
}

// and joins expressions, leaving out nil ones, which ask for nothing. It is nil when all are.
func and(args ...*expr) *expr {
	var some []*expr
	for _, a := range args {
		if a != nil {
			some = append(some, a)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return &expr{kind: exprAnd, args: some}
}

func not(x *expr) *expr { return &expr{kind: exprNot, args: []*expr{x}} }

// has tells whether an expr of kind k is anywhere in x.
func (x *expr) has(k exprKind) bool {
	if x.kind == k {
		return true
	}
	for _, a := range x.args {
		if a.has(k) {
			return true
		}
	}
	return false
}

// rewrite is a copy of x with every leaf replaced. f is given leaves only.
func (x *expr) rewrite(f func(*expr) *expr) *expr {
	if len(x.args) == 0 && x.kind != exprAnd && x.kind != exprOr {
		return f(x)
	}
	c := *x
	c.args = make([]*expr, len(x.args))
	for i, a := range x.args {
		c.args[i] = a.rewrite(f)
	}
	return &c
}

// prefixed puts prefix before every label, as libcalico does to selectors of namespaces and accounts.
func (x *expr) prefixed(prefix string) *expr {
	return x.rewrite(func(l *expr) *expr {
		c := *l
		if c.kind == exprLabel {
			c.req.Key = prefix + c.req.Key
		}
		return &c
	})
}

// eval tells whether x certainly and possibly matches labels. unknown, when not nil, tells of which labels
// nothing is known.
func (x *expr) eval(labels map[string]string, unknown func(key string) bool) (must, may bool) {
	switch x.kind {
	case exprAll, exprGlobal:
		return true, true
	case exprLabel:
		if unknown != nil && unknown(x.req.Key) {
			return false, true
		}
		ok := x.req.Matches(labels)
		return ok, ok
	case exprNot:
		must, may = x.args[0].eval(labels, unknown)
		return !may, !must
	case exprAnd:
		must, may = true, true
		for _, a := range x.args {
			m, n := a.eval(labels, unknown)
			must, may = must && m, may && n
		}
	case exprOr:
		for _, a := range x.args {
			m, n := a.eval(labels, unknown)
			must, may = must || m, may || n
		}
	}
	return must, may
}

// parseSelector reads the selector language as libcalico-go/lib/selector does. An empty text gives nil, which
// callers take for all(). The error is errTooBig, or what Calico would refuse the text for.
func parseSelector(text string) (*expr, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooBig, maxText)
	}
	tokens, err := tokenize(text)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	p := parser{rest: tokens}
	x := p.or(0)
	if p.err == nil && len(p.rest) > 0 {
		p.fail("%s is not expected", p.peek())
	}
	if p.err != nil {
		return nil, p.err
	}
	return x, nil
}

type parser struct {
	rest []token
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("the selector is not valid: "+format, args...)
	}
	p.rest = nil // so that every loop ends
}

func (p *parser) peek() token {
	if len(p.rest) == 0 {
		return token{}
	}
	return p.rest[0]
}

func (p *parser) next() token {
	t := p.peek()
	if len(p.rest) > 0 {
		p.rest = p.rest[1:]
	}
	return t
}

// take takes the next token if it is the sign.
func (p *parser) take(sign string) bool {
	if p.peek() != (token{tokenSign, sign}) {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(sign string) {
	if t := p.peek(); !p.take(sign) {
		p.fail("want %s, got %s", sign, t)
	}
}

// or has the lowest precedence.
func (p *parser) or(depth int) *expr { return p.chain(depth, "||", exprOr, p.and) }

func (p *parser) and(depth int) *expr { return p.chain(depth, "&&", exprAnd, p.operation) }

func (p *parser) chain(depth int, sign string, kind exprKind, operand func(int) *expr) *expr {
	x := operand(depth)
	args := []*expr{x}
	for p.take(sign) {
		args = append(args, operand(depth))
	}
	if len(args) == 1 {
		return x
	}
	return &expr{kind: kind, args: args}
}

func (p *parser) operation(depth int) *expr {
	if depth > maxDepth {
		p.err = fmt.Errorf("%w: nested more than %d deep", errTooBig, maxDepth)
		p.rest = nil
		return &expr{}
	}
	switch t := p.next(); {
	case t == token{tokenSign, "!"}:
		return not(p.operation(depth + 1))
	case t == token{tokenSign, "("}:
		x := p.or(depth + 1)
		p.want(")")
		return x
	case t.kind == tokenAll:
		return &expr{}
	case t.kind == tokenGlobal:
		return &expr{kind: exprGlobal}
	case t.kind == tokenHas:
		return label(t.text, cluster.Exists)
	case t.kind == tokenLabel:
		return p.comparison(t.text)
	default:
		p.fail("want a condition, got %s", t)
	}
	return &expr{}
}

func (p *parser) comparison(key string) *expr {
	t := p.next()
	op := t.text
	if t.kind != tokenSign { // a quoted operator is none
		op = ""
	}
	switch op {
	case "==":
		return label(key, cluster.In, p.value())
	case "!=":
		return label(key, cluster.NotIn, p.value())
	case "contains":
		return label(key, cluster.Contains, p.value())
	case "starts with":
		return label(key, cluster.StartsWith, p.value())
	case "ends with":
		return label(key, cluster.EndsWith, p.value())
	case "in":
		return label(key, cluster.In, p.values()...)
	case "not in":
		return label(key, cluster.NotIn, p.values()...)
	default:
		p.fail("want an operator after %s, got %s", shorten(key), t)
	}
	return &expr{}
}

func (p *parser) value() string {
	t := p.next()
	if t.kind != tokenText {
		p.fail("want a quoted text, got %s", t)
	}
	return t.text
}

// values reads a set. It may be empty, and end in a comma.
func (p *parser) values() []string {
	p.want("{")
	var values []string
	for p.peek().kind == tokenText {
		values = append(values, p.next().text)
		if !p.take(",") {
			break
		}
	}
	p.want("}")
	return values
}

// shorten keeps messages short and in ASCII.
func shorten(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Trim(fmt.Sprintf("%+q", s), `"`)
}
