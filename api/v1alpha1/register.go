package v1alpha1

// Entry declares a public entry point. Exactly one of service and workload is given.
// +kubebuilder:validation:ExactlyOneOf=service;workload
type Entry struct {
	// The namespace/name of a Service, an Ingress or a Route.
	// +kubebuilder:validation:Pattern=^[^/]+/[^/]+$
	Service string `json:"service,omitempty"`
	// The namespace/name of a workload: every way in that leads to it and to no other.
	// +kubebuilder:validation:Pattern=^[^/]+/[^/]+$
	Workload string `json:"workload,omitempty"`
	// Ports of the pods: "tcp/443". Without it, every port that the entry has.
	Ports string `json:"ports,omitempty"`
	// What the entry point is for.
	// +kubebuilder:validation:MinLength=1
	Justification string `json:"justification"`
	Owner         string `json:"owner,omitempty"`
	Approver      string `json:"approver,omitempty"`
	// The day it was approved.
	// +kubebuilder:validation:Format=date
	Approved string `json:"approved,omitempty"`
	// The day of the next review.
	// +kubebuilder:validation:Format=date
	Review string `json:"review,omitempty"`
	Ticket string `json:"ticket,omitempty"`
}

// Need is one line of the flow register: a connection that the business needs (PCI DSS 1.2.5).
// +kubebuilder:validation:AtLeastOneOf=justification;proposed
type Need struct {
	// +kubebuilder:validation:MinLength=1
	ID string `json:"id"`
	// A zone's name, "namespace/workload", a CIDR, or "internet": every address outside the cluster that is no
	// node's and in no zone.
	// +kubebuilder:validation:MinLength=1
	From string `json:"from"`
	// As from, but internet is the public addresses only: private networks and metadata services need a zone of
	// their own.
	// +kubebuilder:validation:MinLength=1
	To string `json:"to"`
	// "tcp/443" or "udp/53 tcp/53".
	// +kubebuilder:validation:MinLength=1
	Ports string `json:"ports"`
	// The connection is there and nobody has approved it yet. A proposed need covers nothing; take the line away
	// when justification, owner and approver stand.
	Proposed bool `json:"proposed,omitempty"`
	// Why the business needs it; required unless it is proposed.
	Justification string `json:"justification,omitempty"`
	// Who answers for it.
	Owner string `json:"owner,omitempty"`
	// Who asked for it, when that is not the owner. Another one approves.
	Author   string `json:"author,omitempty"`
	Approver string `json:"approver,omitempty"`
	// The day it was approved.
	// +kubebuilder:validation:Format=date
	Approved string `json:"approved,omitempty"`
	// The day it was last reviewed.
	// +kubebuilder:validation:Format=date
	Reviewed string `json:"reviewed,omitempty"`
	Reviewer string `json:"reviewer,omitempty"`
	// The day of the next review (PCI DSS 1.2.7).
	// +kubebuilder:validation:Format=date
	Review string `json:"review,omitempty"`
	// The last day it holds; afterwards it covers nothing.
	// +kubebuilder:validation:Format=date
	Expires string `json:"expires,omitempty"`
	// What flows. "account-data" and "none" (no account data at all) have a meaning, other words are yours.
	DataClass string `json:"dataClass,omitempty"`
	// How the data is protected on the way; "none" means clear text.
	// +kubebuilder:validation:Enum=tls;mtls;ipsec;wireguard;ssh;application;none
	Protection string `json:"protection,omitempty"`
	// What makes up for an insecure protocol (PCI DSS 1.2.6).
	Mitigation string `json:"mitigation,omitempty"`
	Ticket     string `json:"ticket,omitempty"`
}

// Exception accepts the failed findings of one check about one subject until a day. It excuses no other.
type Exception struct {
	// +kubebuilder:validation:MinLength=1
	ID string `json:"id"`
	// As "bulkhead checks" lists it: "DEN-03".
	// +kubebuilder:validation:MinLength=1
	Check string `json:"check"`
	// "Kind namespace/name", "namespace/name", or "namespace/*" for all subjects of a namespace.
	// +kubebuilder:validation:MinLength=1
	Subject string `json:"subject"`
	// +kubebuilder:validation:MinLength=1
	Reason string `json:"reason"`
	// +kubebuilder:validation:MinLength=1
	Owner string `json:"owner"`
	// +kubebuilder:validation:MinLength=1
	Approver string `json:"approver"`
	// The day it was approved.
	// +kubebuilder:validation:Format=date
	Approved string `json:"approved,omitempty"`
	// The last day it holds: "2026-06-30".
	// +kubebuilder:validation:Format=date
	Expires string `json:"expires"`
	Ticket  string `json:"ticket,omitempty"`
}

// Periods is how often things are done, in months. The defaults are the longest that PCI DSS allows; longer ones
// are refused. For certificates there is no default.
type Periods struct {
	// The entity is a service provider: scope and segmentation test are due every six months (12.5.2.1, 11.4.6).
	ServiceProvider bool `json:"serviceProvider,omitempty"`
	// Review of the rules and of each need (1.2.7): 6.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=6
	Rules int `json:"rules,omitempty"`
	// Confirmation of the scope (12.5.2): 12, for service providers 6.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=12
	Scope int `json:"scope,omitempty"`
	// Test of the segmentation (11.4.5): 12, for service providers 6.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=12
	SegmentationTest int `json:"segmentationTest,omitempty"`
	// Review of who may do what (7.2.4): 6.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=6
	Access int `json:"access,omitempty"`
	// The age at which certificates and their keys are replaced. PCI DSS leaves it to the entity (4.2.1.1).
	// +kubebuilder:validation:Minimum=1
	Certificates int `json:"certificates,omitempty"`
}

// Review says that something was done on a day.
type Review struct {
	// rules is the review of network controls (PCI DSS 1.2.7), scope its confirmation (12.5.2), segmentation-test the
	// test (11.4.5), access the review of rights (7.2.4).
	// +kubebuilder:validation:Enum=rules;scope;segmentation-test;access
	Of string `json:"of"`
	// The day it was done.
	// +kubebuilder:validation:Format=date
	Done string `json:"done"`
	// +kubebuilder:validation:MinLength=1
	By string `json:"by"`
	// Where the record is kept.
	Reference string `json:"reference,omitempty"`
	// Of scope: the digest that was confirmed, as "bulkhead scope" prints it.
	// +kubebuilder:validation:Pattern=^sha256:[0-9a-f]{64}$
	Digest string `json:"digest,omitempty"`
}
