// Package v1alpha1 is the intent that users write: what a cluster's segmentation is meant to be. It holds
// plain types without dependencies and is the only package that other modules may import.
//
// The schema for editors and the CustomResourceDefinition beside these files are made from the types: comments
// become descriptions, and lines that begin with +kubebuilder:validation become rules.
package v1alpha1

// Group, Version and Kind name the resource as it stands in a manifest.
const (
	Group   = "bulkhead.dev"
	Version = "v1alpha1"
	Kind    = "Segmentation"
)

// Segmentation is the declared segmentation of one cluster. Several objects in one input are merged.
type Segmentation struct {
	// +kubebuilder:validation:Enum=bulkhead.dev/v1alpha1
	APIVersion string `json:"apiVersion"`
	// +kubebuilder:validation:Enum=Segmentation
	Kind     string   `json:"kind"`
	Metadata Metadata `json:"metadata"`
	Spec     Spec     `json:"spec,omitzero"`
}

// Metadata is that of any object. Only its name is read.
type Metadata struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// Spec is the intent.
type Spec struct {
	Assume Assume `json:"assume,omitzero"`
	// Zones are the parts of the network. The first zone that takes a pod has it.
	Zones []Zone `json:"zones,omitempty"`
	// Entries are the ways in from outside that are meant to be.
	Entries []Entry `json:"entries,omitempty"`
	// Needs are the flow register: the connections that the business needs (PCI DSS 1.2.5).
	Needs []Need `json:"needs,omitempty"`
	// Exceptions are findings that someone accepts for a time.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// ProtectedLabels are labels that open connections, so that not everyone may set them.
	ProtectedLabels []ProtectedLabel `json:"protectedLabels,omitempty"`
	Periods         Periods          `json:"periods,omitzero"`
	// Reviews are what was done at the end of a period, one entry each time.
	Reviews []Review `json:"reviews,omitempty"`
	// ExternalParties are the organisations behind zones that are outside of the cluster (PCI DSS 12.5.2, 12.8).
	ExternalParties []ExternalParty `json:"externalParties,omitempty"`
}

// Assume is facts that manifests do not tell. Flags of the command line win over it.
type Assume struct {
	// What enforces policies, as in --enforcer.
	Enforcer string `json:"enforcer,omitempty"`
	// Where pods have their addresses, of both families.
	PodCIDRs []string `json:"podCIDRs,omitempty"`
	// Where Services have their addresses, of both families.
	ServiceCIDRs []string `json:"serviceCIDRs,omitempty"`
	// Every address of every node lies in these.
	NodeCIDRs []string `json:"nodeCIDRs,omitempty"`
	// The input is the whole cluster: there are no other namespaces, workloads or policies.
	Complete bool `json:"complete,omitempty"`
}

// Zone is a part of the network with one scope class. A pod is in the zone when it meets every criterion
// that is given; the first zone that takes a pod has it. A zone with only cidrs or fqdns is outside of the
// cluster.
// +kubebuilder:validation:AtLeastOneOf=namespaces;namespaceSelector;podSelector;serviceAccounts;cidrs;fqdns
type Zone struct {
	// Needs speak of the zone by it: unique, not "internet", without a slash.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:Pattern=^[^/]+$
	Name string `json:"name"`
	// What the zone is to the cardholder data environment: cde handles account data, cde-store keeps it.
	// +kubebuilder:validation:Enum=cde;cde-store;connected-to;connected;security-impacting;out-of-scope;out
	Scope string `json:"scope"`
	// Free text except for dmz: only pods of dmz zones may be reached from untrusted networks.
	Role string `json:"role,omitempty"`
	// Why the zone has this scope; for out-of-scope, what keeps it apart (PCI DSS 12.5.2).
	Justification string `json:"justification,omitempty"`
	// Who answers for what runs there.
	Owner string `json:"owner,omitempty"`
	// "production", or any other word: what is production has no connection with what is not (PCI DSS 6.5.3).
	Environment string `json:"environment,omitempty"`
	// Whose workloads these are: tenants have no connection with each other (PCI DSS A1.1).
	Tenant            string         `json:"tenant,omitempty"`
	Namespaces        []string       `json:"namespaces,omitempty"`
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	PodSelector       *LabelSelector `json:"podSelector,omitempty"`
	// Names in the pod's own namespace.
	ServiceAccounts []string `json:"serviceAccounts,omitempty"`
	CIDRs           []string `json:"cidrs,omitempty"`
	FQDNs           []string `json:"fqdns,omitempty"`
}

// LabelSelector is the selector of Kubernetes: labels must meet every part of it, and {} takes everything.
type LabelSelector struct {
	MatchLabels      map[string]string     `json:"matchLabels,omitempty"`
	MatchExpressions []SelectorRequirement `json:"matchExpressions,omitempty"`
}

// SelectorRequirement is one condition on one label.
type SelectorRequirement struct {
	// +kubebuilder:validation:MinLength=1
	Key string `json:"key"`
	// In, NotIn, Exists or DoesNotExist.
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	Operator string `json:"operator"`
	// For In and NotIn.
	Values []string `json:"values,omitempty"`
}

// ProtectedLabel is a label of pods or namespaces that opens connections, because policies or zones go by it. Who
// may set it decides who may join the zone.
type ProtectedLabel struct {
	// +kubebuilder:validation:MinLength=1
	Key string `json:"key"`
	// The values that open something; none stands for all.
	Values []string `json:"values,omitempty"`
	// Who may set it: "Group NAME", "User NAME" or "ServiceAccount NAMESPACE/NAME".
	// +kubebuilder:validation:items:Pattern=^(Group|User) .*\S.*$|^ServiceAccount [^/\s]+/[^/\s]+$
	Writers []string `json:"writers,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

// ExternalParty is an organisation that the cluster exchanges data with.
type ExternalParty struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Names of zones outside of the cluster: where the party has its addresses and names.
	// +kubebuilder:validation:MinItems=1
	Zones []string `json:"zones"`
	// What the party does.
	// +kubebuilder:validation:MinLength=1
	Service string `json:"service"`
	// Who of us answers for the relation.
	Owner string `json:"owner,omitempty"`
	// The last day of the party's attestation.
	// +kubebuilder:validation:Format=date
	AttestedUntil string `json:"attestedUntil,omitempty"`
	// Where the agreement, and who does what, is written down.
	Reference string `json:"reference,omitempty"`
}
