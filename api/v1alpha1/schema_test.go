package v1alpha1_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
)

// TestGenerated: the schemas beside the types are those of the types. BULKHEAD_UPDATE=1 rewrites them.
func TestGenerated(t *testing.T) {
	for file, want := range map[string][]byte{"segmentation.schema.json": editorSchema(t), "bulkhead.dev_segmentations.yaml": definition(t)} {
		if os.Getenv("BULKHEAD_UPDATE") != "" {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not that of the types (-want +got):\n%s", file, diff)
		}
	}
}

// TestEmbedded: the program carries what stands in the files.
func TestEmbedded(t *testing.T) {
	for file, got := range map[string]string{"segmentation.schema.json": v1alpha1.JSONSchema(), "bulkhead.dev_segmentations.yaml": v1alpha1.CRD()} {
		if want, err := os.ReadFile(file); err != nil || got != string(want) {
			t.Errorf("%s is not in the program: %v", file, err)
		}
	}
}

// TestStructural: an API server takes the schema.
func TestStructural(t *testing.T) {
	if errs := schema.ValidateStructural(nil, structuralOf(t)); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

// structuralOf is the schema of the definition as an API server reads it.
func structuralOf(t *testing.T) *schema.Structural {
	t.Helper()
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crdOf(t).Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	s, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// node is a schema as both files write it.
type node map[string]any

// source is the declarations of this package: comments by "Type" and "Type.Field".
func source(t *testing.T) map[string]*ast.CommentGroup {
	t.Helper()
	docs := map[string]*ast.CommentGroup{}
	for _, file := range []string{"segmentation.go", "register.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				name := s.(*ast.TypeSpec).Name.Name
				docs[name] = g.Doc
				for _, field := range s.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
					docs[name+"."+field.Names[0].Name] = field.Doc
				}
			}
		}
	}
	return docs
}

// words is the text of a comment without its markers.
func words(g *ast.CommentGroup, name string) string {
	if g == nil {
		return ""
	}
	var lines []string
	for _, c := range g.List {
		if l := strings.TrimSpace(strings.TrimPrefix(c.Text, "//")); !strings.HasPrefix(l, "+") {
			lines = append(lines, l)
		}
	}
	text := strings.Join(lines, " ")
	for _, verb := range []string{" is ", " are "} { // "Zone is a part": the name stands before it in an editor
		if rest, ok := strings.CutPrefix(text, name+verb); ok {
			text = strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

type generator struct {
	t    *testing.T
	docs map[string]*ast.CommentGroup
	// strict also refuses unknown fields. A cluster drops them instead, and may not be told otherwise.
	strict bool
}

func (g *generator) structure(typ reflect.Type) node {
	properties, required := node{}, []string{}
	for f := range typ.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		doc := g.docs[typ.Name()+"."+f.Name]
		n := g.value(f.Type)
		if text := words(doc, f.Name); text != "" {
			n["description"] = text
		}
		g.markers(doc, n)
		properties[name] = n
		if options == "" {
			required = append(required, name)
		}
	}
	out := node{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if text := words(g.docs[typ.Name()], typ.Name()); text != "" {
		out["description"] = text
	}
	if g.strict && typ.Name() != "Metadata" {
		out["additionalProperties"] = false
	}
	g.markers(g.docs[typ.Name()], out)
	return out
}

func (g *generator) value(typ reflect.Type) node {
	switch typ.Kind() {
	case reflect.Pointer:
		return g.value(typ.Elem())
	case reflect.Struct:
		return g.structure(typ)
	case reflect.Slice:
		return node{"type": "array", "items": g.value(typ.Elem())}
	case reflect.Map:
		return node{"type": "object", "additionalProperties": g.value(typ.Elem())}
	case reflect.String:
		return node{"type": "string"}
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Int:
		return node{"type": "integer"}
	default:
		g.t.Fatalf("no schema for a %s", typ)
		return nil
	}
}

// markers adds the rules that stand in a comment. One that is not known here fails the test.
func (g *generator) markers(doc *ast.CommentGroup, n node) {
	if doc == nil {
		return
	}
	for _, c := range doc.List {
		marker, ok := strings.CutPrefix(c.Text, "// +")
		if !ok {
			continue
		}
		rule, arg, _ := strings.Cut(strings.TrimPrefix(marker, "kubebuilder:validation:"), "=")
		number := func() int {
			i, err := strconv.Atoi(arg)
			if err != nil {
				g.t.Fatalf("%s: %v", marker, err)
			}
			return i
		}
		switch rule {
		case "Enum":
			n["enum"] = strings.Split(arg, ";")
		case "Pattern":
			n["pattern"] = arg
		case "Format":
			n["format"] = arg
			if g.strict { // editors leave formats unchecked
				n["pattern"] = `^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`
			}
		case "MinLength", "MinItems", "Minimum", "Maximum":
			n[strings.ToLower(rule[:1])+rule[1:]] = number()
		case "items:Pattern":
			n["items"].(node)["pattern"] = arg
		case "AtLeastOneOf", "ExactlyOneOf":
			var each []node
			for field := range strings.SplitSeq(arg, ";") {
				each = append(each, node{"required": []string{field}})
			}
			n[map[string]string{"AtLeastOneOf": "anyOf", "ExactlyOneOf": "oneOf"}[rule]] = each
		default:
			g.t.Fatalf("no rule %s", marker)
		}
	}
}

func editorSchema(t *testing.T) []byte {
	t.Helper()
	g := generator{t, source(t), true}
	root := g.structure(reflect.TypeFor[v1alpha1.Segmentation]())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = v1alpha1.Kind + " " + v1alpha1.Group + "/" + v1alpha1.Version
	root["properties"].(node)["status"] = node{"type": "object", "description": "Written by a cluster; it is not read."}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func definition(t *testing.T) []byte {
	t.Helper()
	g := generator{t, source(t), false}
	root := g.structure(reflect.TypeFor[v1alpha1.Segmentation]())
	properties := root["properties"].(node)
	properties["apiVersion"], properties["kind"], properties["metadata"] = node{"type": "string"}, node{"type": "string"}, node{"type": "object"}
	root["required"] = []string{"spec"}
	plural := strings.ToLower(v1alpha1.Kind) + "s"
	crd := node{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": node{"name": plural + "." + v1alpha1.Group},
		"spec": node{
			"group": v1alpha1.Group, "scope": "Cluster",
			"names":    node{"kind": v1alpha1.Kind, "listKind": v1alpha1.Kind + "List", "plural": plural, "singular": strings.ToLower(v1alpha1.Kind)},
			"versions": []node{{"name": v1alpha1.Version, "served": true, "storage": true, "schema": node{"openAPIV3Schema": root}}},
		},
	}
	data, err := yaml.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("# Made from the Go types beside it by TestGenerated.\n"), data...)
}

// TestDescribed: everything a user may write has a word of explanation, but for names that say it all.
func TestDescribed(t *testing.T) {
	plain := []string{"name", "namespaces", "namespaceSelector", "podSelector", "cidrs", "fqdns", "matchLabels", "matchExpressions", "key", "reason", "owner", "approver", "reviewer", "ticket", "id", "by", "apiVersion", "kind"}
	var walk func(path string, n map[string]any)
	walk = func(path string, n map[string]any) {
		properties, _ := n["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			p := properties[name].(map[string]any)
			if p["description"] == nil && !slices.Contains(plain, name) {
				t.Errorf("%s.%s has no description", path, name)
			}
			walk(fmt.Sprintf("%s.%s", path, name), p)
		}
		if items, ok := n["items"].(map[string]any); ok {
			walk(path, items)
		}
	}
	var root map[string]any
	if err := json.Unmarshal([]byte(v1alpha1.JSONSchema()), &root); err != nil {
		t.Fatal(err)
	}
	walk("", root)
}
