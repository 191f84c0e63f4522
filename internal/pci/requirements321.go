package pci

import "slices"

// dss321 is the part of PCI DSS 3.2.1 that network segmentation touches. Assessments by it have ended; histories and
// contracts still speak in its numbers.
var dss321 = []requirement{
	{"1.1", "a standard for firewalls and routers", Part, "Which written standard do the policies follow, and who approved it?"},
	{"1.1.1", "new and changed connections are approved and tested", Part, "Show the approval and the test for a sample of changes since the last review (bulkhead review lists them)."},
	{"1.1.2", "a network diagram that is current", Part, "Which diagram is kept, and does it equal the one that bulkhead map draws?"},
	{"1.1.3", "a diagram of where card data flows", Part, "Which flows carry card data, and who keeps their diagram up to date?"},
	{"1.1.4", "a firewall at each connection to the internet and around the DMZ", Whole, ""},
	{"1.1.5", "who manages parts of the network", None, "Who is named as responsible for network controls, and do they know it?"},
	{"1.1.6", "each allowed service, protocol and port has a reason, insecure ones a protection", Part, "Show that each mitigation in the flow register is in place."},
	{"1.1.7", "rules are reviewed twice a year", Part, "Show the record of the last review, and who did it."},
	{"1.2.1", "only traffic that card data needs, both ways", Whole, ""},
	{"1.2.2", "configuration of firewalls is protected and the one that runs", Part, "Who can change the repository that the policies come from, and how is it compared with the cluster?"},
	{"1.2.3", "wireless networks are kept off card data", None, "Do wireless networks lead to the cluster, and what stands between?"},
	{"1.3.1", "a DMZ takes what comes in for public services", Whole, ""},
	{"1.3.2", "the internet reaches addresses in the DMZ alone", Whole, ""},
	{"1.3.3", "forged sender addresses are stopped", Part, "What stops forged addresses on the network below the cluster?"},
	{"1.3.4", "card data systems reach the internet only where that is allowed", Whole, ""},
	{"1.3.5", "from outside only answers to open connections come in", Part, "Which engine and firewalls keep the state of connections?"},
	{"1.3.6", "stores of card data stand behind the DMZ", Whole, ""},
	{"1.3.7", "internal addresses are not given away", Part, "Which names and addresses of the inside do public DNS, headers and certificates show?"},
	{"1.4", "computers that are on the internet and on this network have a firewall", None, "How are the computers of administrators kept safe that reach both the internet and the cluster?"},
	{"1.5", "procedures for firewalls are written down and in use", None, "Where are the procedures for network controls, and when were they last changed?"},
	{"2.2.1", "one main function for each server", Part, "Which functions share nodes with card data, and why?"},
	{"2.2.2", "only needed services, protocols and daemons", Whole, ""},
	{"2.2.3", "insecure services have a protection", Part, "Show that each mitigation in the flow register is in place."},
	{"2.2.4", "settings against misuse", Part, "Which hardening guide do nodes and components follow?"},
	{"2.3", "administration over the network is encrypted", Part, "How do administrators reach nodes and consoles that are not in the cluster?"},
	{"2.4", "an inventory of what is in scope", Part, "Does the inventory name the function of each workload that is listed here?"},
	{"4.1", "strong cryptography for card data on open networks", Part, "Which of the flows to open networks carry card data, and how are they encrypted?"},
	{"6.4.1", "test environments are kept apart from production", Part, "Which namespaces and clusters are not production?"},
	{"6.4.2", "duties in test and production are kept apart", Part, "Who may change both production and other environments?"},
	{"6.4.5", "changes follow a procedure", Part, "Show a sample of changes with impact, approval, test and the way back."},
	{"6.4.6", "after a significant change everything is in place again", Part, "Which changes since the last assessment were significant, and what was confirmed after them?"},
	{"7.1.1", "each role's need for access is defined", Part, "Where are roles and their rights defined, and who approves them?"},
	{"7.2.1", "a system that decides on access covers every component", Part, "Which systems outside of the cluster give access to it?"},
	{"8.2.1", "credentials are encrypted on the way and where they are kept", Part, "How are credentials kept in the systems that logs and metrics go to?"},
	{"8.3.1", "administrators log in with several factors", None, "Show that every way to the API server, nodes and consoles asks for more than one factor."},
	{"8.5", "no shared accounts", Part, "Who holds the shared credentials that were found, and why?"},
	{"10.2", "audit logs are on", Part, "Show the audit log of a sample of changes to policies."},
	{"10.5.2", "audit logs can not be changed", Part, "Who can change the audit logs where they are kept?"},
	{"10.5.3", "audit logs are copied soon to a place of their own", Part, "Where are the audit logs kept, and how soon do they get there?"},
	{"10.5.5", "a change of what was logged is noticed", Part, "What notices a change of audit logs and of evidence?"},
	{"10.7", "audit logs are kept for a year", None, "Show the oldest audit log, and the setting that keeps it."},
	{"10.8", "service providers: failing network controls are noticed", Part, "For service providers: show the alert of the last failure of a network control, or of a test."},
	{"10.8.1", "service providers: failing network controls are answered", Part, "For service providers: show the record of a failure: its length, its cause, and what was done."},
	{"11.3", "the method of penetration tests covers the segmentation", Part, "Where is the method, and which parts of the segmentation does it name?"},
	{"11.3.4", "the segmentation is tested every year and after changes", Part, "Show the report of the test, its date, and who did it independently."},
	{"11.3.4.1", "service providers: the segmentation is tested twice a year", Part, "For service providers: show the reports of the last two tests."},
	{"11.4", "attacks on the network are noticed", None, "What watches the edge of the card data environment, and who reads it?"},
	{"12.8.1", "a list of service providers", Part, "Does the list hold every party that is named here, with what it does?"},
	{"12.8.4", "the standing of service providers is looked at every year", Part, "Show the latest attestation of each third party."},
	{"12.10.5", "incident response covers alerts of network controls", Part, "Which part of the incident plan answers alerts of network controls?"},
}

// old is the table from numbers of PCI DSS 4.0.1 to those of 3.2.1. Requirements that 4.0 brought in have
// no old number and are not in it.
var old = map[string][]string{
	"1.1.1":   {"1.5"},
	"1.1.2":   {"1.1.5"},
	"1.2.1":   {"1.1"},
	"1.2.2":   {"1.1.1"},
	"1.2.3":   {"1.1.2"},
	"1.2.4":   {"1.1.3"},
	"1.2.5":   {"1.1.6"},
	"1.2.6":   {"1.1.6"},
	"1.2.7":   {"1.1.7"},
	"1.2.8":   {"1.2.2"},
	"1.3.1":   {"1.2.1"},
	"1.3.2":   {"1.2.1", "1.3.4"},
	"1.3.3":   {"1.2.3"},
	"1.4.1":   {"1.1.4"},
	"1.4.2":   {"1.3.1", "1.3.2", "1.3.5"},
	"1.4.3":   {"1.3.3"},
	"1.4.4":   {"1.3.6"},
	"1.4.5":   {"1.3.7"},
	"1.5.1":   {"1.4"},
	"2.2.3":   {"2.2.1"},
	"2.2.4":   {"2.2.2"},
	"2.2.5":   {"2.2.3"},
	"2.2.6":   {"2.2.4"},
	"2.2.7":   {"2.3"},
	"4.2.1":   {"4.1"},
	"6.5.1":   {"6.4.5"},
	"6.5.2":   {"6.4.6"},
	"6.5.3":   {"6.4.1"},
	"6.5.4":   {"6.4.2"},
	"7.2.1":   {"7.1.1"},
	"7.3.1":   {"7.2.1"},
	"8.2.2":   {"8.5"},
	"8.3.2":   {"8.2.1"},
	"8.4.1":   {"8.3.1"},
	"10.2.1":  {"10.2"},
	"10.3.2":  {"10.5.2"},
	"10.3.3":  {"10.5.3"},
	"10.3.4":  {"10.5.5"},
	"10.5.1":  {"10.7"},
	"10.7.2":  {"10.8"},
	"10.7.3":  {"10.8.1"},
	"11.4.1":  {"11.3"},
	"11.4.5":  {"11.3.4"},
	"11.4.6":  {"11.3.4.1"},
	"11.5.1":  {"11.4"},
	"12.5.1":  {"2.4"},
	"12.8.1":  {"12.8.1"},
	"12.8.4":  {"12.8.4"},
	"12.10.5": {"12.10.5"},
}

// Old gives the PCI DSS 3.2.1 numbers of 4.0.1 ones, each once, in the order of the given numbers. It is
// never nil.
func Old(requirements []string) []string {
	out := []string{}
	for _, r := range requirements {
		for _, o := range old[r] {
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}
