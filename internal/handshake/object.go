package handshake

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Kind of the objects that results become, of the group of imports.
const Kind = "TLSHandshake"

// record is a result as it is written. Fields are only added.
type record struct {
	Address      string    `yaml:"address"`
	Peer         string    `yaml:"peer,omitempty"`
	Server       string    `yaml:"server,omitempty"`
	Via          string    `yaml:"via,omitempty"`
	Workload     string    `yaml:"workload,omitempty"`
	Port         int       `yaml:"port,omitempty"`
	Time         string    `yaml:"time"`
	TLS          *bool     `yaml:"tls,omitempty"`
	Versions     []version `yaml:"versions,omitempty"`
	Certificates string    `yaml:"certificates,omitempty"`
	Error        string    `yaml:"error,omitempty"`
}

type version struct {
	Version string   `yaml:"version"`
	Taken   bool     `yaml:"taken"`
	Suites  []string `yaml:"suites,omitempty,flow"`
	Error   string   `yaml:"error,omitempty"`
}

// YAML writes results as objects, one document each.
func YAML(results []Result) ([]byte, error) {
	var b bytes.Buffer
	for i, r := range results {
		if i > 0 {
			b.WriteString("---\n")
		}
		rec := record{
			Address: r.Address, Peer: r.Peer, Server: r.Server, Via: r.Via, Workload: r.Workload, Port: r.Port,
			Time: r.Time.UTC().Format(time.RFC3339), Certificates: r.PEM(), Error: r.Error,
		}
		if r.TLS != Silent {
			took := r.TLS == Speaks
			rec.TLS = &took
		}
		for _, v := range r.Versions {
			rec.Versions = append(rec.Versions, version{v.Name, len(v.Suites) > 0, v.Suites, v.Error})
		}
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		err := enc.Encode(struct {
			APIVersion string            `yaml:"apiVersion"`
			Kind       string            `yaml:"kind"`
			Metadata   map[string]string `yaml:"metadata"`
			Spec       record            `yaml:"spec"`
		}{load.ImportGroup + "/v1", Kind, map[string]string{"name": name(r.Target)}, rec})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Address, err)
		}
	}
	return b.Bytes(), nil
}

// name is one for each address and name asked for.
func name(t Target) string {
	if t.Server != "" && !bytes.HasPrefix([]byte(t.Address), []byte(t.Server+":")) {
		return t.Server + "@" + t.Address
	}
	return t.Address
}

// Objects gives results as parts of an input. Their lines are those of YAML, in a file that does not exist.
func Objects(results []Result) ([]*object.Object, error) {
	data, err := YAML(results)
	if err != nil {
		return nil, err
	}
	objects, problems, _ := load.Parse(data, "handshakes", load.Limits{})
	if len(problems) > 0 || len(objects) != len(results) {
		return nil, fmt.Errorf("handshakes: %d of %d results can be read again: %v", len(objects), len(results), problems)
	}
	return objects, nil
}
