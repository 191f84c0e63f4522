package load

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// transcript cuts a stream into documents, as split does, and takes out of it what a terminal shows around
// kubectl's output: the command lines and kubectl's own messages. Lines keep their number. Messages that
// mean lost input are reported.
func (c *collector) transcript(data []byte, file string) []chunk {
	out := data
	own := func() []byte { // copy before the first change: the caller owns data
		if &out[0] == &data[0] {
			out = bytes.Clone(data)
		}
		return out
	}
	cut := newSplitter(data)
	var scan transcriptScan
	topLines(data, func(l []byte, n, off int) bool {
		if scan.continued {
			scan.continued = bytes.HasSuffix(l, []byte(`\`))
			blank(own()[off : off+len(l)])
			return scan.continued
		}
		switch {
		case l[0] == '-':
			cut.line(l, n, off)
		case scan.isCommand(l, data[off+len(l):]):
			scan = transcriptScan{continued: bytes.HasSuffix(l, []byte(`\`))}
			blank(own()[off : off+len(l)])
			cut.command(n, off)
		case isMessage(l):
			c.message(string(l), object.Pos{File: file, Line: n})
			blank(own()[off : off+len(l)])
		default:
			scan.note(l)
			cut.line(l, n, off)
		}
		return scan.continued
	})
	return cut.chunks(out)
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// transcriptScan remembers what the document so far has shown in its first column.
type transcriptScan struct {
	kind, api bool
	text      bool // anything at all
	continued bool // the command line ended in a backslash
}

func (s *transcriptScan) note(l []byte) {
	s.kind = s.kind || bytes.HasPrefix(l, []byte("kind:"))
	s.api = s.api || bytes.HasPrefix(l, []byte("apiVersion:"))
	s.text = s.text || l[0] != '#'
}

// tools are the commands whose output people paste.
const tools = `kubectl|oc|calicoctl|cilium|istioctl|helm|kustomize|microk8s|k3s|minikube|k`

// promptLine matches "$ kubectl get", "root@box:~# kubectl get", "PS C:\> kubectl get", "[me@box ~]$ oc get".
var promptLine = regexp.MustCompile(`^[^"':{]*(?:[@:][^"'{]*)?[$#>%]\s+(?:sudo\s+)?(?:` + tools + `)\s`)

// yamlKey matches a field in the first column, whatever its text says.
var yamlKey = regexp.MustCompile(`^[A-Za-z]+:\s`)

// commentCommand matches "# kubectl get", which is also how people write remarks in manifests.
var commentCommand = regexp.MustCompile(`^#+\s*(?:sudo\s+)?(?:` + tools + `)\s`)

// maybeTool tells whether a remark starts with the first letter of one of tools, or of sudo.
func maybeTool(l []byte) bool {
	rest := bytes.TrimLeft(l, "# \t")
	return len(rest) > 0 && strings.IndexByte("chikmos", rest[0]) >= 0
}

func (s *transcriptScan) isCommand(l, rest []byte) bool {
	switch {
	case l[0] == '#':
		return (!s.text || s.kind && s.api) && maybeTool(l) && commentCommand.Match(l) && startsDocument(rest)
	case l[0] == '+': // set -x prints "+ kubectl get", deeper shells "++ date"
		rest := bytes.TrimLeft(l, "+")
		return len(rest) > 0 && rest[0] == ' '
	case bytes.HasPrefix(l, []byte("$ ")), bytes.HasPrefix(l, []byte("kubectl ")), bytes.HasPrefix(l, []byte("oc get ")):
		return true
	}
	if l[0] == '{' || l[0] == '"' || l[0] == '}' && len(l) == 1 {
		return false // JSON; no prompt starts like that, and the line may be long
	}
	return bytes.ContainsAny(l, "$#>%") && promptLine.Match(l) && !yamlKey.Match(l)
}

// startsDocument tells whether the next line with content begins an object.
func startsDocument(rest []byte) bool {
	found := false
	lines(rest, func(l []byte, _, _ int) bool {
		t := bytes.TrimSpace(l)
		if len(t) == 0 || t[0] == '#' {
			return true
		}
		found = bytes.HasPrefix(l, []byte("apiVersion:")) || l[0] == '{' || isMessage(l)
		return false
	})
	return found
}

// messages are the beginnings of lines that kubectl writes to standard error.
var messages = regexp.MustCompile(`^(?:Error from server|error: |Error: |error when |No resources found|Warning: |Unable to connect to the server|` +
	`The connection to the server |Flag --|[WEI]\d{4} \d\d:\d\d:\d\d\.|command terminated with|bash: |sh: |-bash: |zsh: |Defaulted container)`)

func isMessage(l []byte) bool {
	switch l[0] {
	case 's':
		return bytes.HasPrefix(l, []byte("sh: ")) // every object has a line "spec:"
	case 'E', 'e', 'N', 'W', 'U', 'T', 'F', 'I', 'c', 'b', 'z', 'D':
		return messages.Match(l)
	}
	return false
}

var forbidden = regexp.MustCompile(`^Error from server \(Forbidden\): .*cannot \w+ resource "([^"]+)" in API group "([^"]*)"(?:.*in the namespace "([^"]+)")?`)

// message reports what a line of kubectl's standard error says about the input.
func (c *collector) message(l string, at object.Pos) {
	switch {
	case strings.Contains(l, "(Forbidden)"), strings.Contains(l, "(Unauthorized)"):
		what, where, severity := "objects", "", object.Error
		if m := forbidden.FindStringSubmatch(l); m != nil {
			what = m[1]
			if m[2] != "" {
				what += "." + m[2]
			}
			if m[3] != "" {
				where = " in namespace " + m[3]
			}
			if !c.decides(m[1], m[2]) {
				severity = object.Warning
			}
		}
		c.missing(at, what, "the cluster refused to list them"+where)
		c.problem(severity, at, fmt.Sprintf("the cluster refused to list %s%s: they are not in the input", what, where),
			"repeat the command as a user who may list them")
	case strings.HasPrefix(l, "error: the server doesn't have a resource type"):
		c.problem(object.Note, at, "kubectl said: "+l, "")
	case strings.HasPrefix(l, "No resources found"), strings.HasPrefix(l, "Warning: "), strings.HasPrefix(l, "Flag --"),
		strings.HasPrefix(l, "Defaulted"), len(l) > 5 && l[5] == ' ' && (l[0] == 'W' || l[0] == 'I'):
	default:
		severity := object.Error
		if strings.Contains(l, "(NotFound)") || l[0] == 'E' && l[1] != 'r' {
			// What is not found is not lost; behind a line of the log the command says itself when it gives up.
			severity = object.Warning
		}
		c.missing(at, "output of a command", "kubectl said: "+l)
		c.problem(severity, at, "a command failed: "+l, "what it should have listed is not in the input")
	}
}

// decides tells whether answers about connections rest on a resource.
func (c *collector) decides(resource, group string) bool {
	resource, _, _ = strings.Cut(resource, "/")
	for gk, k := range c.kinds {
		if gk.Group == group && k.Resource == resource && !k.Aside {
			return true
		}
	}
	return false
}
