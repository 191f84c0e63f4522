package pci

// Extent is how much of a requirement the objects of a cluster can show.
type Extent string

// Whole requirements are about what objects say; of Part the rest is for people; None is for people alone.
const (
	Whole Extent = "whole"
	Part  Extent = "part"
	None  Extent = "none"
)

// requirement is one requirement in words of ours. The standards are not quoted: the words tell which of their
// requirements is meant, and what we look for, and do not stand in for them.
type requirement struct {
	number, title string
	extent        Extent
	ask           string // of people: what evidence an assessor wants beside what is shown here, "" for none
}

// dss401 is the part of PCI DSS 4.0.1 that network segmentation touches.
var dss401 = []requirement{
	{"1.1.1", "procedures for network controls are written down and in use", None, "Where are the procedures for network controls, who keeps them, and when were they last changed?"},
	{"1.1.2", "who is responsible for network controls", None, "Who is named as responsible for network controls, and do they know it?"},
	{"1.2.1", "a standard for rule sets, and rule sets that follow it", Part, "Which written standard do the policies follow, and who approved it?"},
	{"1.2.2", "changes of network controls go through change control", Part, "Show the ticket and the approval for a sample of changes since the last review (bulkhead review lists them)."},
	{"1.2.3", "a network diagram that is accurate", Part, "Which diagram is kept, and does it equal the one that bulkhead map draws?"},
	{"1.2.4", "a diagram of where account data flows", Part, "Which flows carry account data, and who keeps their diagram up to date?"},
	{"1.2.5", "every allowed service, protocol and port is known, needed and approved", Whole, ""},
	{"1.2.6", "what makes insecure services safe", Part, "Show that each mitigation in the flow register is in place."},
	{"1.2.7", "rules are reviewed every six months", Part, "Show the record of the last review, and who did it."},
	{"1.2.8", "files of network controls are protected and equal to what runs", Part, "Who can change the repository that the policies come from, and how is it compared with the cluster?"},
	{"1.3.1", "only needed traffic gets into the cardholder data environment", Whole, ""},
	{"1.3.2", "only needed traffic gets out of the cardholder data environment", Whole, ""},
	{"1.3.3", "wireless networks are kept apart", None, "Do wireless networks lead to the cluster, and what stands between?"},
	{"1.4.1", "controls stand between trusted and untrusted networks", Whole, ""},
	{"1.4.2", "from untrusted networks only public services can be reached", Whole, ""},
	{"1.4.3", "forged sender addresses are stopped", Part, "What stops forged addresses on the network below the cluster?"},
	{"1.4.4", "what keeps account data can not be reached from untrusted networks", Whole, ""},
	{"1.4.5", "internal addresses are not given away", Part, "Which names and addresses of the inside do public DNS, headers and certificates show?"},
	{"1.5.1", "devices that are on untrusted networks and on this one", None, "How are the computers of administrators kept safe that reach both the internet and the cluster?"},
	{"2.2.3", "functions of different protection needs are kept apart", Part, "Which functions share nodes with account data, and why?"},
	{"2.2.4", "only needed services and ports", Whole, ""},
	{"2.2.5", "insecure services are justified and made safe", Part, "Show that each mitigation in the flow register is in place."},
	{"2.2.6", "settings against misuse", Part, "Which hardening guide do nodes and components follow?"},
	{"2.2.7", "administration is encrypted", Part, "How do administrators reach nodes and consoles that are not in the cluster?"},
	{"4.2.1", "strong cryptography for card numbers on open networks", Part, "Which of the flows to open networks carry card numbers, and how are they encrypted?"},
	{"4.2.1.1", "an inventory of keys and certificates for that", Part, "Where is the inventory of trusted keys and certificates?"},
	{"6.5.1", "changes follow a procedure", Part, "Show the procedure, and a sample of changes with reason, impact, approval and test."},
	{"6.5.2", "after a significant change everything is confirmed again", Part, "Which changes since the last assessment were significant, and what was confirmed after them?"},
	{"6.5.3", "test environments are kept apart from production", Part, "Which namespaces and clusters are not production?"},
	{"6.5.4", "duties in production and elsewhere are kept apart", Part, "Who may change both production and other environments?"},
	{"7.2.1", "a model of who may do what", Part, "Where is the model of access rights, and who approves them?"},
	{"7.2.4", "rights of people are reviewed every six months", None, "Show the record of the last review of rights."},
	{"7.2.5", "rights of applications are the least that they need", Part, "Who approves the rights of service accounts?"},
	{"7.3.1", "a system decides on access", Part, "Which systems outside of the cluster give access to it?"},
	{"8.2.2", "no shared accounts", Part, "Who holds the shared credentials that were found, and why?"},
	{"8.3.2", "credentials are encrypted on the way and where they are kept", Part, "How are credentials kept in the systems that logs and metrics go to?"},
	{"8.4.2", "several factors for access to the cardholder data environment", None, "Show that every way to the API server, nodes and consoles asks for more than one factor."},
	{"10.2.1", "audit logs are on", Part, "Show the audit log of a sample of changes to policies."},
	{"10.3.2", "audit logs can not be changed", Part, "Who can change the audit logs where they are kept?"},
	{"10.3.3", "audit logs are kept elsewhere", Part, "Where are the audit logs kept, and how soon do they get there?"},
	{"10.3.4", "records are kept so that a change of them is noticed", Part, "Where are audit logs and evidence kept, and what notices a change of them?"},
	{"10.5.1", "audit logs are kept for twelve months", None, "Show the oldest audit log, and the setting that keeps it."},
	{"10.7.2", "failing network controls are noticed", Part, "Show the alert of the last failure of a network control, or of a test."},
	{"10.7.3", "failing network controls are answered", Part, "Show the record of a failure: its length, its cause, and what was done."},
	{"11.4.1", "the method of penetration tests covers the segmentation", Part, "Where is the method, and which parts of the segmentation does it name?"},
	{"11.4.5", "the segmentation is tested every twelve months and after changes", Part, "Show the report of the test, its date, and who did it independently."},
	{"11.4.6", "service providers: the segmentation is tested every six months", Part, "For service providers: show the reports of the last two tests."},
	{"11.5.1", "attacks on the network are noticed", None, "What watches the edge of the cardholder data environment, and who reads it?"},
	{"12.3.3", "cryptography in use is reviewed every year", Part, "Show the record of the last review of ciphers and protocols."},
	{"12.5.1", "an inventory of what is in scope", Part, "Does the inventory name the function and the owner of each workload that is listed here?"},
	{"12.5.2", "the scope is confirmed every twelve months", Part, "Who confirmed the scope, when, and with which reasons for what is out of scope?"},
	{"12.5.2.1", "service providers: the scope is confirmed every six months", Part, "For service providers: show the records of the last two confirmations."},
	{"12.8.1", "a list of third parties that have to do with account data", Part, "Does the list hold every party that is named here, with what it does?"},
	{"12.8.4", "the standing of third parties is looked at every year", Part, "Show the latest attestation of each third party."},
	{"12.10.5", "incident response covers alerts of network controls", Part, "Which part of the incident plan answers alerts of network controls?"},
	{"A1.1.1", "providers for several customers: customers are kept apart", Part, "Which namespaces belong to which customer?"},
	{"A1.1.4", "providers for several customers: that is tested every six months", None, "Show the reports of the last two tests."},
}

// containers2022 is the PCI SSC guidance for containers and container orchestration tools of 2022, section 3.1.
var containers2022 = []requirement{
	{"1.1", "every interface of orchestration and its tools asks who is there", Part, "Which consoles and interfaces outside of the cluster reach it?"},
	{"1.2", "no accounts of administrators that several people use", Part, "Who holds the credentials of cluster administrators?"},
	{"1.3", "credentials can be taken back", Part, "How is a credential taken back when someone leaves?"},
	{"1.4", "credentials are kept safe", None, "Where do people and pipelines keep their credentials?"},
	{"1.5", "no credentials for workloads that need none", Part, ""},
	{"1.6", "several factors for people", None, "Show that every way in for people asks for more than one factor."},
	{"2.1", "least rights, and nobody in groups that may do all", Part, "Who approves rights, and who reviews them?"},
	{"3.1", "workloads have no access to their node", Part, "Which workloads need it, and why?"},
	{"3.2", "images are what they are meant to be", None, "How are images pinned and verified?"},
	{"4.1", "networks of containers are segmented", Whole, ""},
	{"4.2", "interfaces for administration can be reached from named places only", Part, "What protects the interfaces that clouds and data centres give?"},
	{"4.3", "orchestration and the systems that support it talk encrypted", Part, "How are systems outside of the cluster reached?"},
	{"5.1", "certificates can be replaced, and people do not log in by them", Part, "How often are certificates replaced, and how fast in an emergency?"},
	{"5.2", "the authority of the cluster is trusted by the cluster alone", Part, "Which systems outside trust the authority of the cluster?"},
	{"6.1", "secrets are in a store of their own, encrypted", None, "Which store holds secrets, and who can read them?"},
	{"7.1", "what is done with the orchestration is logged, elsewhere", Part, "Who reads the audit log?"},
	{"8.1", "logs of containers go to a central place", Part, "Who reads them, and how long are they kept?"},
	{"9.1", "workloads of high risk are isolated further", None, "Which workloads are of high risk, and what isolates them?"},
	{"9.2", "containers of Windows are isolated further", Part, "Are there Windows nodes with account data?"},
	{"10.1", "orchestration, nodes and images are patched", None, "How soon are patches applied, and who watches for them?"},
	{"11.1", "resources of workloads are limited", None, "Which limits hold, and who watches them?"},
	{"12.1", "images are small and signed", None, "How are images built and signed?"},
	{"13.1", "production has a registry of its own", None, "Which registries does production take images from?"},
	{"14", "configuration is kept under version control", Part, "Which repository holds the manifests, and who approves changes?"},
	{"15", "configuration is hardened and tested", None, "Which hardening guide is followed, and how is that tested?"},
	{"16", "workloads of different protection needs are kept apart", Part, "Which workloads share the cluster, and why?"},
	{"16.1", "high protection needs have a cluster of their own, or are fully separated", Part, "Why is one cluster enough?"},
	{"16.2", "critical systems have nodes of their own", Part, "Which nodes are meant for which workloads?"},
	{"16.3", "others can not schedule onto those nodes", Part, "Who may set tolerations and node selectors?"},
	{"16.4", "owners of applications can not change what the cluster shares", Part, "Who approves rights to shared resources?"},
}
