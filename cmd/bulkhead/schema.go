package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
)

const schemaDoc = `Schema prints the JSON schema of "kind: Segmentation", by which editors complete, explain and check the file, or
the CustomResourceDefinition by which a cluster takes it. A draft of init names the schema in its first line:
save it beside the draft. In other files, that line is

  # yaml-language-server: $schema=segmentation.schema.json

Examples:
  bulkhead schema > segmentation.schema.json
  bulkhead schema -o crd | kubectl apply -f -
`

// schemaFormat is a form of the schema.
type schemaFormat struct {
	name string
	text func() string
}

func newSchema(g *globals) *cobra.Command {
	var format string
	formats := []schemaFormat{{"json", v1alpha1.JSONSchema}, {"crd", v1alpha1.CRD}}
	cmd := &cobra.Command{
		Use: "schema", Short: "print the schema of the intent, for editors or for a cluster", Long: schemaDoc,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			f, err := pick(formats, func(f schemaFormat) string { return f.name }, format)
			if err != nil {
				return err
			}
			_, err = io.WriteString(g.stdout, f.text())
			return err
		},
	}
	output(cmd, &format, []string{"json", "crd"})
	return cmd
}
