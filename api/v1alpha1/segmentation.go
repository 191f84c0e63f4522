// Package v1alpha1 is the intent that users write: what a cluster's segmentation is meant to be. It holds
// plain types without dependencies and is the only package that other modules may import.
package v1alpha1

// Group, Version and Kind name the resource as it stands in a manifest.
const (
	Group   = "bulkhead.dev"
	Version = "v1alpha1"
	Kind    = "Segmentation"
)

// Segmentation is the declared segmentation of one cluster. Several objects in one input are merged.
type Segmentation struct {
	APIVersion string   `json:"apiVersion"` // "bulkhead.dev/v1alpha1"
	Kind       string   `json:"kind"`       // "Segmentation"
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata is the part of an object's metadata that is read here; whatever else stands there is left alone.
type Metadata struct {
	Name string `json:"name"`
}

// Spec is the intent.
type Spec struct {
	Assume  Assume  `json:"assume,omitzero"`
	Zones   []Zone  `json:"zones,omitempty"`
	Entries []Entry `json:"entries,omitempty"`
	Needs   []Need  `json:"needs,omitempty"`
	// Exceptions are findings that someone accepts for a time.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Assume is facts that manifests do not tell. Command line flags win over it.
type Assume struct {
	Enforcer     string   `json:"enforcer,omitempty"` // as in --enforcer
	PodCIDRs     []string `json:"podCIDRs,omitempty"`
	ServiceCIDRs []string `json:"serviceCIDRs,omitempty"`
	NodeCIDRs    []string `json:"nodeCIDRs,omitempty"` // holds every address of every node
	Complete     bool     `json:"complete,omitempty"`  // the input is the whole cluster
}

// Zone is a part of the network with one scope class. A pod is in the zone when it meets every criterion
// that is given; the first zone that takes a pod has it. A zone with only cidrs or fqdns is outside of the
// cluster.
type Zone struct {
	Name string `json:"name"`
	// Scope is cde, cde-store, connected-to, security-impacting or out-of-scope.
	Scope string `json:"scope"`
	// Role is free text except for dmz: only pods of dmz zones may be reached from untrusted networks.
	Role              string         `json:"role,omitempty"`
	Namespaces        []string       `json:"namespaces,omitempty"`
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	PodSelector       *LabelSelector `json:"podSelector,omitempty"`
	ServiceAccounts   []string       `json:"serviceAccounts,omitempty"` // names in the pod's own namespace
	CIDRs             []string       `json:"cidrs,omitempty"`
	FQDNs             []string       `json:"fqdns,omitempty"`
}

// LabelSelector is metav1.LabelSelector.
type LabelSelector struct {
	MatchLabels      map[string]string     `json:"matchLabels,omitempty"`
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`
}

// SelectorRequirement is metav1.LabelSelectorRequirement.
type SelectorRequirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"` // In, NotIn, Exists, DoesNotExist
	Values   []string `json:"values,omitempty"`
}

// Entry declares a public entry point.
type Entry struct {
	// Exactly one of Service and Workload is given, as namespace/name. Service may be an Ingress or a Route as
	// well; Workload stands for every way in that leads to this workload and no other.
	Service       string `json:"service,omitempty"`
	Workload      string `json:"workload,omitempty"`
	Ports         string `json:"ports,omitempty"` // of the pods: "tcp/443"; empty means every port the entry has
	Justification string `json:"justification"`
}

// Exception accepts the failed findings of one check about one subject until a day. It excuses no other.
type Exception struct {
	ID    string `json:"id"`
	Check string `json:"check"` // "DEN-03"
	// Subject is "Kind namespace/name", "namespace/name", or "namespace/*" for all subjects of a namespace.
	Subject  string `json:"subject"`
	Reason   string `json:"reason"`
	Owner    string `json:"owner"`
	Approver string `json:"approver"`
	Approved string `json:"approved,omitempty"` // date
	Expires  string `json:"expires"`            // the last day it holds, "2026-06-30"
	Ticket   string `json:"ticket,omitempty"`
}

// Need is one line of the flow register: a connection that the business needs (PCI DSS 1.2.5).
type Need struct {
	ID string `json:"id"`
	// From and To are a zone's name, "namespace/workload", a CIDR, or "internet". As From, internet is every address
	// outside the cluster that is no node's and in no zone; as To it is the public ones of these only, so
	// private networks and metadata services need a zone of their own.
	From          string `json:"from"`
	To            string `json:"to"`
	Ports         string `json:"ports"` // "tcp/443", "udp/53 tcp/53"
	Justification string `json:"justification"`
	Owner         string `json:"owner,omitempty"`
	Approver      string `json:"approver,omitempty"`
	Approved      string `json:"approved,omitempty"` // date, "2026-01-31"
	Review        string `json:"review,omitempty"`   // date of the next review
	DataClass     string `json:"dataClass,omitempty"`
	// Mitigation says what makes up for an insecure protocol (PCI DSS 1.2.6).
	Mitigation string `json:"mitigation,omitempty"`
	Ticket     string `json:"ticket,omitempty"`
}
