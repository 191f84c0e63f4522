package policy

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// LabelErrors says what keeps a label, or a requirement that names the values, from being one the API server takes:
// nothing when it takes it. The values are not quoted.
func LabelErrors(key string, values []string) []string {
	var out []string
	if prefix, name, ok := strings.Cut(key, "/"); !ok && !plainName(key) || ok && (!plainDomain(prefix) || !plainName(name)) {
		out = validation.IsQualifiedName(key)
	}
	for _, v := range values {
		if v != "" && !plainName(v) {
			out = append(out, validation.IsValidLabelValue(v)...)
		}
	}
	return out
}

// NameErrors says what keeps a text from being the name of most kinds of objects.
func NameErrors(name string) []string {
	if plainDomain(name) {
		return nil
	}
	return validation.IsDNS1123Subdomain(name)
}

// plainName and plainDomain say the same as the regular expressions of the API, and are much faster.
func plainName(s string) bool {
	if s == "" || len(s) > 63 || !letterOrDigit(s[0]) || !letterOrDigit(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letterOrDigit(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func plainDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	before := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-' && before != '.':
		case c == '.' && before != '.' && before != '-':
		default:
			return false
		}
		before = c
	}
	return before != '.' && before != '-'
}

// Item is the path of an item of a list.
func Item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
