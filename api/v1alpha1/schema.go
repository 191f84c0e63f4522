package v1alpha1

import _ "embed"

var (
	//go:embed segmentation.schema.json
	jsonSchema string
	//go:embed bulkhead.dev_segmentations.yaml
	crd string
)

// JSONSchema is the JSON schema (draft 7) of a Segmentation, for editors.
func JSONSchema() string { return jsonSchema }

// CRD is the manifest of the CustomResourceDefinition.
func CRD() string { return crd }
