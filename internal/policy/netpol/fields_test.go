package netpol_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "k8s.io/api/networking/v1"

	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

func TestEveryField(t *testing.T) { fixture.CheckFields(t, netpol.Kind, "testdata/crd_fields.txt") }

// The list of fields is that of the API's own types. A new version of them that brings a field fails here
// first, and then, with the list updated, in TestEveryField.
func TestFieldsOfTheAPI(t *testing.T) {
	const file = "testdata/crd_fields.txt"
	lines := []string{}
	for _, path := range below(reflect.TypeFor[networking.NetworkPolicySpec](), "spec") {
		lines = append(lines, "NetworkPolicy "+path)
	}
	slices.Sort(lines)
	want := "# Fields of NetworkPolicySpec in k8s.io/api/networking/v1.\n" + strings.Join(lines, "\n") + "\n"
	if os.Getenv("BULKHEAD_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("%s is not what the API has (-want +got); BULKHEAD_UPDATE=1 rewrites it\n%s", file, d)
	}
}

// paths is every field below a type, as JSON names them.
func paths(t reflect.Type, at string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return paths(t.Elem(), at)
	case reflect.Slice:
		return append([]string{at + "[]"}, below(t.Elem(), at+"[]")...)
	case reflect.Map:
		return append([]string{at + "{}"}, below(t.Elem(), at+"{}")...)
	case reflect.Struct:
		return append([]string{at}, below(t, at)...)
	default:
		return []string{at}
	}
}

// below leaves out the value itself. A type that writes its own JSON, such as a port that may be a name, is
// one value.
func below(t reflect.Type, at string) []string {
	if t.Kind() != reflect.Struct || t.Implements(reflect.TypeFor[interface{ OpenAPISchemaType() []string }]()) {
		return nil
	}
	var out []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		out = append(out, paths(field.Type, at+"."+name)...)
	}
	return out
}
