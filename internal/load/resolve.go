package load

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// plainScalar types an unquoted YAML scalar exactly as kubectl does. kubectl reads YAML 1.1 (sigs.k8s.io/yaml
// on yaml.v2): yes, no, on, off, y and n are booleans, 010 is eight, 0x50 is eighty, 80.0 is 80. Numbers
// come back in the JSON spelling the API server would see.
func plainScalar(s string) (object.ValueKind, string) {
	if s == "" {
		return object.Null, ""
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		return plainNumber(s)
	}
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return object.Bool, "true"
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return object.Bool, "false"
	case "~", "null", "Null", "NULL":
		return object.Null, ""
	}
	return object.String, s
}

func plainNumber(s string) (object.ValueKind, string) {
	if decimal(s) {
		return object.Number, s
	}
	if noNumber(s) || isTimestamp(s) {
		return object.String, s
	}
	if s[0] == '.' {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return float(f, s)
		}
		return object.String, s // .inf and .nan have no JSON form; kubectl refuses them
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return object.Number, strconv.FormatInt(i, 10)
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return object.Number, strconv.FormatUint(u, 10)
	}
	if yamlFloat(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return float(f, s)
		}
	}
	return object.String, s
}

// noNumber tells that s is neither a number nor a time, whatever their exact grammar: it has two points, or
// a letter that no number has.
func noNumber(s string) bool {
	points := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			points++
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F', c == 'x', c == 'X', c == 'o', c == 'O', c == '_', c == '+', c == '-', c == 'p', c == 'P':
		default:
			return true
		}
	}
	return points > 1
}

// decimal tells whether s is a plain decimal number that is its own JSON spelling: the usual case.
func decimal(s string) bool {
	if len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// yamlFloat matches [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
func yamlFloat(s string) bool {
	s = strings.TrimLeft(s[:min(1, len(s))], "+-") + s[min(1, len(s)):]
	digits := func() int {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		s = s[i:]
		return i
	}
	whole, frac := digits(), 0
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		frac = digits()
	}
	if whole == 0 && frac == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
}

func float(f float64, text string) (object.ValueKind, string) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return object.String, text
	}
	b, err := json.Marshal(f)
	if err != nil {
		return object.String, text
	}
	return object.Number, string(b)
}

// isTimestamp tells whether yaml.v2 takes s for a time; kubectl leaves those as strings.
func isTimestamp(s string) bool {
	if len(s) < 8 || s[4] != '-' || !decimalDigits(s[:4]) {
		return false
	}
	for _, layout := range []string{"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func decimalDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// plainKey gives the name kubectl makes of an unquoted map key: on becomes "true", 010 becomes "8".
func plainKey(s string) (string, error) {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return ".nan", nil
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return ".inf", nil
	case "-.inf", "-.Inf", "-.INF":
		return "-.inf", nil
	}
	kind, text := plainScalar(s)
	switch kind { //nolint:exhaustive // the other kinds are handled below
	case object.Null:
		return "", errors.New("a key is null")
	case object.Number:
		if _, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64); err == nil {
			return text, nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", errors.New("a key is a number that cannot be a name")
		}
		return strconv.FormatFloat(f, 'g', -1, 32), nil
	}
	return text, nil
}

// tagged types a scalar with an explicit tag (!!str 80, !!int "80").
func tagged(tag, text string, quoted bool) (object.ValueKind, string, error) {
	switch strings.TrimPrefix(strings.Replace(tag, "tag:yaml.org,2002:", "!!", 1), "!!") {
	case "str", "timestamp":
		return object.String, text, nil
	case "binary":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return 0, "", errors.New("a !!binary value is not base64")
		}
		return object.String, string(b), nil
	case "bool", "int", "float", "null":
		kind, s := plainScalar(text)
		want := map[string]object.ValueKind{"bool": object.Bool, "int": object.Number, "float": object.Number, "null": object.Null}
		if kind != want[strings.TrimPrefix(strings.Replace(tag, "tag:yaml.org,2002:", "!!", 1), "!!")] {
			return 0, "", fmt.Errorf("the value does not fit its tag %s", tag) // not quoted: it may be secret
		}
		return kind, s, nil
	}
	if quoted {
		return object.String, text, nil
	}
	return 0, "", fmt.Errorf("the tag %s is not understood", tag)
}
