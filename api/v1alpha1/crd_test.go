package v1alpha1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
)

func crdOf(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict([]byte(v1alpha1.CRD()), &crd); err != nil {
		t.Fatal(err)
	}
	return &crd
}

// TestDefinition: what an API server asks of a definition beside a structural schema. There is one version, so nothing
// has to be converted; who adds another one decides here how old objects are read.
func TestDefinition(t *testing.T) {
	crd := crdOf(t)
	n := crd.Spec.Names
	if crd.Name != n.Plural+"."+crd.Spec.Group || n.ListKind != n.Kind+"List" || crd.Spec.Scope != apiextensionsv1.ClusterScoped {
		t.Errorf("name %s, names %+v, scope %s", crd.Name, n, crd.Spec.Scope)
	}
	for _, word := range []string{n.Plural, n.Singular} {
		if bad := validation.IsDNS1035Label(word); len(bad) > 0 {
			t.Errorf("%s: %v", word, bad)
		}
	}
	if bad := validation.IsDNS1123Subdomain(crd.Spec.Group); len(bad) > 0 {
		t.Errorf("%s: %v", crd.Spec.Group, bad)
	}
	if v := crd.Spec.Versions; len(v) != 1 || v[0].Name != v1alpha1.Version || !v[0].Served || !v[0].Storage || crd.Spec.Conversion != nil {
		t.Errorf("versions %+v, conversion %+v", v, crd.Spec.Conversion)
	}
	walkProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, "", func(path string, p *apiextensionsv1.JSONSchemaProps) {
		if _, err := regexp.Compile(p.Pattern); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if p.Format != "" && !slices.Contains([]string{"date", "date-time"}, p.Format) {
			t.Errorf("%s: format %s", path, p.Format)
		}
	})
}

// TestExplained: kubectl explain has a sentence for the kind, for each part, and for each field that TestDescribed asks
// one of; only names that say it all have none.
func TestExplained(t *testing.T) {
	fields, told := 0, 0
	walkProps(crdOf(t).Spec.Versions[0].Schema.OpenAPIV3Schema, "", func(path string, p *apiextensionsv1.JSONSchemaProps) {
		fields++
		if p.Description != "" {
			told++
		}
		if p.Type == "object" && len(p.Properties) > 0 && p.Description == "" && filepath.Base(path) != "podSelector" && filepath.Base(path) != "namespaceSelector" {
			t.Errorf("%s is not described", path)
		}
	})
	if fields < 90 || told*10 < fields*6 {
		t.Errorf("%d of %d fields are described", told, fields)
	}
}

// walkProps goes over a schema and all below it.
func walkProps(p *apiextensionsv1.JSONSchemaProps, path string, see func(string, *apiextensionsv1.JSONSchemaProps)) {
	see(path, p)
	for name := range p.Properties {
		child := p.Properties[name]
		walkProps(&child, path+"/"+name, see)
	}
	if p.Items != nil && p.Items.Schema != nil {
		walkProps(p.Items.Schema, path+"[]", see)
	}
}

// TestExamplesInACluster: an API server takes the examples and drops nothing of them.
func TestExamplesInACluster(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*/segmentation.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	crd := crdOf(t)
	raw, err := json.Marshal(crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("crd.json", doc); err != nil {
		t.Fatal(err)
	}
	rules, err := compiler.Compile("crd.json")
	if err != nil {
		t.Fatal(err)
	}
	structural := structuralOf(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var object, before map[string]any
		for _, into := range []*map[string]any{&object, &before} {
			if err := yaml.Unmarshal(data, into); err != nil {
				t.Fatal(err)
			}
		}
		if err := rules.Validate(object); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		pruning.Prune(object, structural, true)
		if diff := cmp.Diff(before, object); diff != "" {
			t.Errorf("%s: a cluster drops (-given +kept):\n%s", file, diff)
		}
		object["spec"].(map[string]any)["zonez"] = "typo"
		pruning.Prune(object, structural, true)
		if _, kept := object["spec"].(map[string]any)["zonez"]; kept {
			t.Error("an unknown field is kept")
		}
		delete(object["spec"].(map[string]any)["zones"].([]any)[0].(map[string]any), "name")
		if rules.Validate(object) == nil {
			t.Errorf("%s: a zone without a name is taken", file)
		}
	}
}
