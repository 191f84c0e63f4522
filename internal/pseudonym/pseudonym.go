// Package pseudonym is other names for what leaves the house: names of namespaces, objects, hosts, people and files
// are replaced by words that only the holder of a key can tell the origin of.
//
// The same key gives the same word for the same name, so that packages of different days can be compared. A name is
// replaced everywhere, also within other texts, so that what fitted together fits afterwards. Addresses, ports,
// the names of labels, free texts apart from names, and whatever stands in namespaces of the cluster's own stay as
// they are.
package pseudonym

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// LeastKey is how many bytes a key has at least.
const LeastKey = 16

// Names is the names of one input. Learn all objects first, and then rewrite.
type Names struct {
	key   []byte
	words map[string]string // name: pseudonym
	kept  map[string]bool   // names that stay, because they stand in namespaces of the cluster's own
	files map[string]string
	exact map[string]string // values that depend on names, such as a digest over them
	whole map[string]string // people and tickets, replaced as a whole
}

// New makes an empty set. The error is about a key that is too short.
func New(key []byte) (*Names, error) {
	if len(key) < LeastKey {
		return nil, fmt.Errorf("a key of %d bytes: want at least %d", len(key), LeastKey)
	}
	return &Names{key: key, words: map[string]string{}, kept: map[string]bool{}, files: map[string]string{}, whole: map[string]string{}, exact: map[string]string{}}, nil
}

// word is the pseudonym of a name: a word that is a valid name of a Kubernetes object, with 60 bits of an HMAC.
func (n *Names) word(name string) string {
	h := hmac.New(sha256.New, n.key)
	h.Write([]byte(name))
	return "n" + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:12])
}

// Keep takes names out: they stay as they are.
func (n *Names) Keep(names ...string) {
	for _, name := range names {
		for _, w := range words(name) {
			n.kept[w] = true
		}
	}
}

// Replace has a value replaced by another one, where it is all of a text: a digest over names, by that over the
// pseudonyms.
func (n *Names) Replace(value, by string) { n.exact[value] = by }

// system tells whether a namespace is the cluster's own or that of a part of it that everybody knows.
func system(namespace string) bool {
	for _, p := range []string{"kube-", "openshift", "istio-", "calico-", "tigera-", "cilium", "linkerd", "gatekeeper-", "cert-manager", "ingress-nginx"} {
		if strings.HasPrefix(namespace, p) {
			return true
		}
	}
	return namespace == "default"
}

// Learn takes up the names of an object.
func (n *Names) Learn(o *object.Object) {
	meta := o.Root.Get("metadata")
	namespace := o.Ref.Namespace
	if o.Ref.Kind == "Namespace" {
		namespace = o.Ref.Name
	}
	if system(namespace) {
		n.Keep(o.Ref.Name, namespace)
		return
	}
	if namespace == "" && o.Ref.Kind != "Node" && o.Ref.Kind != "PersistentVolume" && o.Ref.Group != "bulkhead.dev" {
		return // names of classes, roles and definitions are known or known by their users
	}
	n.take(o.Ref.Name)
	n.take(namespace)
	for _, l := range meta.Get("labels").Map() {
		n.label(l)
	}
	n.learn(o.Root)
}

// take takes up the words of a name.
func (n *Names) take(name string) {
	if isAddr(name) || strings.Contains(name, ":") {
		return
	}
	for _, w := range words(name) {
		if !vocabulary(w) {
			n.words[w] = ""
		}
	}
}

// learn looks for names in the fields of an object.
func (n *Names) learn(v *object.Value) {
	for _, it := range v.List() {
		n.learn(it)
	}
	port := v.Get("containerPort").IsSet() || v.Get("port").IsSet() || v.Get("protocol").IsSet() || v.Get("number").IsSet()
	for _, f := range v.Map() {
		switch f.Name {
		case "name":
			if !port && f.Value.Str() != strings.ToUpper(f.Value.Str()) { // not those of ports and of environment variables
				n.take(f.Value.Str())
			}
		case "namespace", "serviceAccountName", "serviceAccount", "nodeName", "secretName", "claimName", "host", "hostname", "cluster":
			n.take(f.Value.Str())
		case "hosts", "hostnames", "namespaces", "fqdns":
			for _, it := range f.Value.List() {
				n.take(it.Str())
			}
		case "matchLabels", "labels", "selector":
			for _, l := range f.Value.Map() {
				n.label(l)
			}
		case "owner", "approver", "ticket":
			if s := f.Value.Str(); s != "" {
				n.whole[s] = ""
			}
		}
		n.learn(f.Value)
	}
}

// label takes up the value of a label, unless its key is one of a system that gives values a meaning.
func (n *Names) label(l object.Field) {
	domain, _, ok := strings.Cut(l.Name, "/")
	if ok && domain != "app.kubernetes.io" || l.Value == nil || l.Value.Kind != object.String {
		return
	}
	n.take(l.Value.Text)
}

// Object gives o with its names replaced.
func (n *Names) Object(o *object.Object) (*object.Object, error) {
	out, err := object.New(n.value("", o.Root), n.File(o.Pos.File))
	if err != nil {
		return nil, err
	}
	out.Pos.Line = o.Pos.Line
	if o.Ref.Namespace != "" && out.Ref.Namespace == "" { // given beside the object
		out.Ref.Namespace = n.Text(o.Ref.Namespace)
	}
	return out, nil
}

func (n *Names) value(field string, v *object.Value) *object.Value {
	if v == nil {
		return nil
	}
	w := *v
	switch field {
	case "apiVersion", "kind", "group", "apiGroup", "controllerName", "key", "apiGroups", "resources", "verbs", "uid", "resourceVersion", "creationTimestamp", "protocol", "appProtocol", "type":
		return &w
	case "owner", "approver", "ticket":
		if v.Kind == object.String && v.Text != "" {
			w.Text = n.person(v.Text)
			return &w
		}
	}
	if v.Kind == object.String {
		w.Text = n.Text(v.Text)
	}
	w.Items, w.Fields = nil, nil
	for _, it := range v.Items {
		w.Items = append(w.Items, n.value(field, it))
	}
	for _, f := range v.Fields {
		f.Value = n.value(f.Name, f.Value)
		w.Fields = append(w.Fields, f)
	}
	return &w
}

func (n *Names) person(s string) string {
	p := n.word("person " + s)
	n.whole[s] = p
	return p
}

// Text gives a text with every name in it replaced.
func (n *Names) Text(s string) string {
	if by, ok := n.exact[s]; ok {
		return by
	}
	if isAddr(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, inWord)
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexFunc(s, func(r rune) bool { return !inWord(r) })
		if end < 0 {
			end = len(s)
		}
		b.WriteString(n.name(s[:end]))
		s = s[end:]
	}
	return b.String() + s
}

// name is the pseudonym of one word, or the word.
func (n *Names) name(w string) string {
	bare := strings.Trim(w, "-")
	if _, ok := n.words[bare]; !ok || n.kept[bare] {
		return w
	}
	// Controllers name what they make after what it is for: "pay-istio" runs the Gateway pay, "db-0" is a pod of db.
	first, last := bare, ""
	if i := strings.LastIndexByte(bare, '-'); i > 0 && vocabulary(bare[i+1:]) {
		first, last = bare[:i], bare[i:]
	}
	p := first
	if !vocabulary(first) {
		p = n.word(first)
	}
	p += last
	n.words[bare] = p
	return strings.Replace(w, bare, p, 1)
}

// File gives a file another name: that of a file says where it is kept and what for.
func (n *Names) File(name string) string {
	if name == "" || name == "-" || strings.HasPrefix(name, "<") {
		return name
	}
	p := n.word("file " + name)
	switch ext := path.Ext(name); ext {
	case ".yaml", ".yml", ".json", ".txt", ".tpl":
		p += ext
	}
	n.files[name] = p
	return p
}

// Said is Text for a sentence of ours, which may also name files.
func (n *Names) Said(s string) string {
	var files []string
	for f := range n.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	for _, f := range files {
		s = strings.ReplaceAll(s, f, n.files[f])
	}
	return n.Text(s)
}

// Pair is a name and what stands for it.
type Pair struct{ Pseudonym, Name, Kind string }

// Pairs lists what was replaced, by pseudonym. The error is about two names with one pseudonym, after which the
// rewritten objects are of no use.
func (n *Names) Pairs() ([]Pair, error) {
	var out []Pair
	for kind, m := range map[string]map[string]string{"name": n.words, "file": n.files, "person": n.whole} {
		for name, p := range m {
			if p != "" {
				out = append(out, Pair{p, name, kind})
			}
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.Pseudonym, b.Pseudonym), cmp.Compare(a.Name, b.Name)) })
	for i := 1; i < len(out); i++ {
		if out[i].Pseudonym == out[i-1].Pseudonym {
			return nil, fmt.Errorf("%s and %s get the same pseudonym: take another key", out[i-1].Name, out[i].Name)
		}
	}
	return out, nil
}

func inWord(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }

// words are the parts of a name between dots and other signs; names of hosts share theirs with the names of objects.
func words(name string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(name, func(r rune) bool { return !inWord(r) }) {
		if w = strings.Trim(w, "-"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func isAddr(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(s)
	return err == nil
}
