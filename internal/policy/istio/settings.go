package istio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// settings is what the mesh as a whole is set to: MeshConfig, where the input has one, and its defaults
// (istio.io/api mesh/v1alpha1, pkg/config/mesh DefaultMeshConfig).
type settings struct {
	root        string   // the namespace whose policies hold everywhere
	trustDomain string   // first part of the identities of this mesh
	aliases     []string // trust domains that policies may use for it
	autoMTLS    bool     // client proxies use mTLS on their own where the server takes it
	hbone       bool     // sidecars and gateways speak the tunnel protocol of ambient pods
	stated      bool     // a MeshConfig was read
	// registryOnly, when not nil, says where proxies are told to let nothing out but to hosts they know.
	registryOnly *policy.Doubt
	rivals       []string // other namespaces that may be the root, where no MeshConfig says which one is
	// discovery, when not nil, selects the namespaces that the control plane looks at (any of them).
	discovery []cluster.Selector
	// doubt, when not nil, says why none of this is certain.
	doubt *policy.Doubt
}

// meshConfigs are the places where a MeshConfig is kept: the ConfigMap that the control plane reads, and the
// objects of the two operators that write it.
func meshConfigs(c *cluster.Cluster) (found []meshConfig) {
	for _, o := range c.Kind("", "ConfigMap") {
		v := o.Root.Get("data", "mesh")
		if !v.IsSet() || o.Ref.Name != "istio" && !strings.HasPrefix(o.Ref.Name, "istio-") {
			continue
		}
		root, err := parseYAML(v)
		found = append(found, meshConfig{o, v, root, err})
	}
	for _, o := range c.Kind("install.istio.io", "IstioOperator") {
		if v := o.Root.Get("spec", "meshConfig"); v.IsSet() {
			found = append(found, meshConfig{o, v, v, nil})
		}
	}
	for _, o := range c.Kind("sailoperator.io", "Istio") {
		if v := o.Root.Get("spec", "values", "meshConfig"); v.IsSet() {
			found = append(found, meshConfig{o, v, v, nil})
		}
	}
	return found
}

type meshConfig struct {
	object *object.Object
	at     *object.Value // for the place
	root   *object.Value
	err    error
}

func readSettings(c *cluster.Cluster) settings {
	s := settings{root: "istio-system", trustDomain: localDomain, autoMTLS: true}
	unsure := func(m meshConfig, format string, args ...any) {
		if s.doubt == nil {
			s.doubt = &policy.Doubt{Pos: m.object.At(m.at), Ref: m.object.Ref, Msg: fmt.Sprintf(format, args...)}
		}
	}
	var first *settings
	for _, m := range meshConfigs(c) {
		if m.err != nil || m.root.Kind != object.Map {
			unsure(m, "the MeshConfig cannot be read, so the settings of the mesh are not known")
			continue
		}
		got := s
		got.doubt = nil
		got.read(m.root)
		// REGISTRY_ONLY is the zero of the mode, and a mode that does not exist may be anything.
		if v := m.root.Get("outboundTrafficPolicy"); v.IsSet() && v.Get("mode").Str() != "ALLOW_ANY" {
			got.registryOnly = &policy.Doubt{
				Pos: m.object.At(v), Ref: m.object.Ref,
				Msg: "the proxy stops connections to hosts without a Service or ServiceEntry (outboundTrafficPolicy of the mesh), unless the process goes past it",
			}
		}
		if first == nil {
			first = &got
		} else if !first.equal(got) {
			unsure(m, "two MeshConfigs differ, and it is not known which control plane a pod belongs to")
		}
	}
	if first != nil {
		first.doubt, first.stated = s.doubt, true
		s = *first
	} else if s.doubt == nil {
		s.rivals = rivals(c, s.root)
	}
	return s
}

// rivals are the namespaces beside the default one that may be the root of a mesh whose MeshConfig is not in
// the input: those in which its control plane is, and those that are called after Istio, hold policies, and are
// not there for gateways.
func rivals(c *cluster.Cluster, root string) []string {
	var out []string
	add := func(ns string) {
		if ns != "" && ns != root && !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	for _, w := range c.Workloads {
		if controlPlane(w) {
			add(w.Ref.Namespace)
		}
	}
	for _, o := range c.Kind("", "ConfigMap") {
		if strings.HasPrefix(o.Ref.Name, "istio-sidecar-injector") {
			add(o.Ref.Namespace)
		}
	}
	forGateways := func(ns string) bool {
		return slices.ContainsFunc([]string{"gateway", "gw", "ingress", "egress"}, func(word string) bool { return strings.Contains(ns, word) }) ||
			slices.ContainsFunc(c.Pods, func(p *cluster.Pod) bool {
				role, _ := proxyOf(p)
				return p.Namespace.Name == ns && (role == "router" || strings.Contains(annotation(p, "inject.istio.io/templates"), "gateway"))
			})
	}
	var asked []string
	for _, gk := range gvks {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			ns := o.Ref.Namespace
			if !strings.HasPrefix(ns, "istio-") || slices.Contains(asked, ns) {
				continue
			}
			if asked = append(asked, ns); !forGateways(ns) {
				add(ns)
			}
		}
	}
	slices.Sort(out)
	return out
}

// isRoot tells whether what stands in a namespace holds everywhere.
func (s *settings) isRoot(namespace string) answer {
	switch {
	case s.doubt != nil, slices.Contains(s.rivals, namespace), namespace == s.root && len(s.rivals) > 0:
		return unknown
	case namespace == s.root:
		return yes
	}
	return no
}

// read takes over the fields of a MeshConfig that matter here; all others are about other things.
func (s *settings) read(v *object.Value) {
	if t := v.Get("rootNamespace").Str(); t != "" {
		s.root = t
	}
	if t := v.Get("trustDomain").Str(); t != "" {
		s.trustDomain = t
	}
	for _, a := range v.Get("trustDomainAliases").List() {
		s.aliases = append(s.aliases, a.Str())
	}
	if a := v.Get("enableAutoMtls"); a.IsSet() {
		s.autoMTLS = a.True()
	}
	s.hbone = v.Get("defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE").Str() == "true"
	for _, d := range v.Get("discoverySelectors").List() {
		sel, bad := cluster.ParseSelector(d)
		if len(bad) > 0 { // then it may select anything: a namespace label that no input has says so
			sel = cluster.NewSelector(cluster.Requirement{Key: "istio.io/unreadable", Op: cluster.Exists})
		}
		s.discovery = append(s.discovery, sel)
	}
}

func (s *settings) equal(t settings) bool {
	return s.root == t.root && s.trustDomain == t.trustDomain && slices.Equal(s.aliases, t.aliases) && s.autoMTLS == t.autoMTLS &&
		s.hbone == t.hbone && (s.registryOnly == nil) == (t.registryOnly == nil) && slices.EqualFunc(s.discovery, t.discovery, func(a, b cluster.Selector) bool { return a.String() == b.String() })
}

// discovers tells whether the control plane certainly looks at a namespace.
func (s *settings) discovers(ns *cluster.Namespace) bool {
	if len(s.discovery) == 0 {
		return true
	}
	return ns != nil && slices.ContainsFunc(s.discovery, func(sel cluster.Selector) bool {
		for _, r := range sel {
			if !ns.Declared && r.Key != cluster.NameLabel || !r.Matches(ns.Labels) {
				return false
			}
		}
		return true
	})
}

// parseYAML reads YAML that stands as text in a ConfigMap. All values get the line of the text.
func parseYAML(v *object.Value) (*object.Value, error) {
	if v.Kind != object.String || len(v.Text) > 1<<20 { // a ConfigMap holds no more
		return nil, fmt.Errorf("want a text of at most 1 MiB")
	}
	data, err := yaml.ToJSON([]byte(v.Text))
	if err != nil {
		return nil, err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return value(tree, v.Line), nil
}

func value(tree any, line int) *object.Value {
	v := &object.Value{Line: line}
	switch t := tree.(type) {
	case bool:
		v.Kind, v.Text = object.Bool, fmt.Sprint(t)
	case json.Number:
		v.Kind, v.Text = object.Number, t.String()
	case string:
		v.Kind, v.Text = object.String, t
	case []any:
		v.Kind = object.List
		for _, it := range t {
			v.Items = append(v.Items, value(it, line))
		}
	case map[string]any:
		v.Kind = object.Map
		for name, it := range t {
			v.Fields = append(v.Fields, object.Field{Name: name, Line: line, Value: value(it, line)})
		}
		slices.SortFunc(v.Fields, func(a, b object.Field) int { return strings.Compare(a.Name, b.Name) })
	}
	return v
}
