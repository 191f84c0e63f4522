package load

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// ImportGroup is the API group of objects that no API server holds: what a cloud's command line says of a
// cluster. Each has metadata.name and, under spec, the fields that answers rest on and no others: such output
// may hold keys and passwords.
const ImportGroup = "import.bulkhead.dev"

// export is one kind of output that is known by its shape.
type export struct {
	kind   string // in ImportGroup
	is     func(v *object.Value) bool
	inside []string // where the described thing stands in the output
	keep   []string // fields of it; those under a kept field are kept too
	drop   []string // except these, which stand right under a kept field
	named  string   // the field with the name, when it is not "name"
}

func exports() []export {
	return []export{
		{ // aws eks describe-cluster
			kind:   "EKSCluster",
			is:     func(v *object.Value) bool { return v.Get("cluster", "resourcesVpcConfig").IsSet() },
			inside: []string{"cluster"},
			keep:   []string{"arn", "version", "endpoint", "resourcesVpcConfig", "logging", "encryptionConfig", "accessConfig"},
		},
		{ // the same with --query cluster
			kind: "EKSCluster",
			is:   func(v *object.Value) bool { return v.Get("resourcesVpcConfig").IsSet() && v.Get("arn").IsSet() },
			keep: []string{"arn", "version", "endpoint", "resourcesVpcConfig", "logging", "encryptionConfig", "accessConfig"},
		},
		{ // gcloud container clusters describe
			kind: "GKECluster",
			is: func(v *object.Value) bool {
				return strings.Contains(v.Get("selfLink").Str(), "container.googleapis.com/") && strings.Contains(v.Get("selfLink").Str(), "/clusters/")
			},
			keep: []string{
				"selfLink", "endpoint", "currentMasterVersion", "masterAuthorizedNetworksConfig", "controlPlaneEndpointsConfig",
				"privateClusterConfig", "legacyAbac", "masterAuth", "loggingConfig", "networkConfig", "autopilot",
			},
			drop: []string{"password", "clientKey", "username", "clientCertificate"},
		},
		{ // az aks show
			kind: "AKSCluster",
			is: func(v *object.Value) bool {
				return strings.EqualFold(v.Get("type").Str(), "Microsoft.ContainerService/managedClusters")
			},
			keep: []string{"id", "fqdn", "privateFqdn", "kubernetesVersion", "apiServerAccessProfile", "disableLocalAccounts", "networkProfile", "location"},
		},
		{ // one of aws ec2 describe-security-groups
			kind:  "SecurityGroup",
			is:    func(v *object.Value) bool { return v.Get("GroupId").IsSet() && v.Get("IpPermissions").IsSet() },
			named: "GroupId",
			keep:  []string{"GroupId", "GroupName", "VpcId", "IpPermissions"},
		},
		{ // one of gcloud compute firewall-rules list
			kind: "FirewallRule",
			is:   func(v *object.Value) bool { return v.Get("kind").Str() == "compute#firewall" },
			keep: []string{
				"network", "direction", "priority", "disabled", "allowed", "denied", "sourceRanges", "sourceTags", "sourceServiceAccounts",
				"targetTags", "targetServiceAccounts",
			},
		},
		{ // az network nsg show
			kind: "NetworkSecurityGroup",
			is: func(v *object.Value) bool {
				return strings.EqualFold(v.Get("type").Str(), "Microsoft.Network/networkSecurityGroups")
			},
			keep: []string{"id", "securityRules", "defaultSecurityRules"},
		},
		{ // nft -j list ruleset
			kind: "NodeFirewall",
			is: func(v *object.Value) bool {
				return len(v.Get("nftables").List()) > 0 && v.Get("nftables").List()[0].Get("metainfo").IsSet()
			},
			keep: []string{"nftables"},
		},
	}
}

// imported turns output that is no Kubernetes object, but known by its shape, into one. Anything else is
// given back as it is.
func (d *document) imported(v *object.Value) *object.Value {
	if v.Kind != object.Map {
		return v
	}
	if k := v.Get("kubeletconfig"); k != nil && k.Kind == object.Map { // configz of a kubelet
		return d.nameless(k, "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", true)
	}
	api, kind := v.Get("apiVersion").Str(), v.Get("kind").Str()
	if api == "" { // newer versions of az aks show have a kind of their own
		for _, e := range exports() {
			if e.is(v) {
				return d.exported(e, v)
			}
		}
		return v
	}
	group, _, _ := strings.Cut(api, "/")
	if slices.Contains(namelessKinds(), object.GroupKind{Group: group, Kind: kind}) && !v.Get("metadata", "name").IsSet() {
		return d.nameless(v, api, kind, false)
	}
	return v
}

// namelessKinds are the configuration files of Kubernetes' own components that answers rest on. They look
// like objects, but have no name.
func namelessKinds() []object.GroupKind {
	return []object.GroupKind{
		{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"},
		{Group: "apiserver.config.k8s.io", Kind: "AuthenticationConfiguration"},
		{Group: "audit.k8s.io", Kind: "Policy"},
	}
}

// exported keeps of some output what answers rest on.
func (d *document) exported(e export, v *object.Value) *object.Value {
	v = v.Get(e.inside...)
	spec := &object.Value{Kind: object.Map, Line: v.Line}
	for _, f := range v.Map() {
		if !slices.Contains(e.keep, f.Name) {
			continue
		}
		if f.Value != nil && f.Value.Kind == object.Map {
			f.Value = without(f.Value, func(name string) bool { return slices.Contains(e.drop, name) })
		}
		spec.Fields = append(spec.Fields, f)
	}
	name := v.Get(cmp.Or(e.named, "name")).Str()
	return d.wrapped(v.Line, ImportGroup+"/v1", e.kind, cmp.Or(name, d.fileName()), object.Field{Name: "spec", Line: v.Line, Value: spec})
}

// nameless gives a configuration file the name of the file it stands in. What a component says that it runs
// with gets an annotation: a file only says what it was given.
func (d *document) nameless(v *object.Value, api, kind string, running bool) *object.Value {
	var rest []object.Field
	for _, f := range v.Fields {
		if f.Name != "apiVersion" && f.Name != "kind" && f.Name != "metadata" {
			rest = append(rest, f)
		}
	}
	w := d.wrapped(v.Line, api, kind, d.fileName(), rest...)
	if running {
		meta := w.Get("metadata")
		notes := &object.Value{Kind: object.Map, Line: v.Line, Fields: []object.Field{textField(v.Line, ImportGroup+"/running", "true")}}
		meta.Fields = append(meta.Fields, object.Field{Name: "annotations", Line: v.Line, Value: notes})
	}
	return w
}

func (d *document) wrapped(line int, api, kind, name string, rest ...object.Field) *object.Value {
	meta := &object.Value{Kind: object.Map, Line: line, Fields: []object.Field{textField(line, "name", d.c.freeName(kind, name))}}
	head := []object.Field{textField(line, "apiVersion", api), textField(line, "kind", kind), {Name: "metadata", Line: line, Value: meta}}
	return &object.Value{Kind: object.Map, Line: line, Fields: append(head, rest...)}
}

func textField(line int, name, text string) object.Field {
	return object.Field{Name: name, Line: line, Value: &object.Value{Kind: object.String, Line: line, Text: text}}
}

// fileName is the file's name without folder and ending.
func (d *document) fileName() string {
	base := path.Base(d.file)
	return strings.TrimSuffix(base, path.Ext(base))
}

// isPacketFilter tells whether a text is the output of iptables-save or ip6tables-save: comments, then a table.
func isPacketFilter(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return slices.Contains([]string{"*filter", "*nat", "*mangle", "*raw", "*security"}, string(line))
		}
	}
	return false
}

// packetFilter keeps such a text without the rules of tables that answers do not rest on. Lines keep their numbers.
func (d *document) packetFilter() *object.Value {
	var text bytes.Buffer
	filter := false
	for line := range bytes.Lines(d.chunk.text) {
		word := bytes.TrimSpace(line)
		if len(word) > 0 && word[0] == '*' {
			filter = string(word) == "*filter"
		}
		if rule := bytes.HasPrefix(word, []byte("-A ")) || bytes.HasPrefix(word, []byte("[")); rule && !filter {
			line = []byte("\n")
		}
		text.Write(line)
	}
	spec := &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{textField(1, "iptables", text.String())}}
	return d.wrapped(1, ImportGroup+"/v1", "NodeFirewall", d.fileName(), object.Field{Name: "spec", Line: 1, Value: spec})
}

// freeName makes names unique: two nodes may have files of one name, and two regions clusters of one. An
// object that replaces another of its name must not hide that one here.
func (c *collector) freeName(kind, name string) string {
	if c.given == nil {
		c.given = map[string]int{}
	}
	key := kind + "\x00" + name
	c.given[key]++
	if n := c.given[key]; n > 1 {
		return c.freeName(kind, fmt.Sprintf("%s-%d", name, n))
	}
	return name
}
