package rbac

import "slices"

// Power is something that a right lets its holder do to the workloads of a namespace without sending them a
// packet.
type Power struct {
	Name string // stable: "exec"
	Does string // continues "may": "run commands in containers"
}

// Held is what one grant gives over some namespaces. Powers are in the order of the table and never empty.
type Held struct {
	Grant
	Powers []Power
}

// right is one of the rights that make a power. An everywhere right is about objects without a namespace, so
// a grant in one namespace does not give it.
type right struct {
	group      string
	resources  []string
	verbs      []string
	everywhere bool
}

type power struct {
	Power
	rights []right
}

// powers follows Kubernetes' "Role Based Access Control Good Practices" and "Using RBAC Authorization", with
// what else changes who may talk to whom.
func powers() []power {
	use, write, all := []string{"get", "create"}, []string{"create", "update", "patch"}, []string{"create", "update", "patch", "delete", "deletecollection"}
	change := []string{"update", "patch"}
	table := []power{
		{Power{"exec", "run commands in containers"}, []right{{"", []string{"pods/exec", "pods/attach"}, use, false}}},
		{Power{"port-forward", "open connections to any port of pods through the API server"}, []right{{"", []string{"pods/portforward"}, use, false}}},
		{Power{"proxy", "send requests to pods and Services through the API server"}, []right{
			{"", []string{"pods/proxy", "services/proxy"}, []string{"get", "create", "update", "patch", "delete"}, false},
		}},
		{Power{"ephemeral-containers", "add containers to running pods"}, []right{{"", []string{"pods/ephemeralcontainers"}, change, false}}},
		{Power{"nodes-proxy", "run commands in every container of every node by the kubelet"}, []right{
			{"", []string{"nodes/proxy"}, []string{"get", "create", "update", "patch", "delete"}, true},
		}},
		{Power{"read-secrets", "read Secrets"}, []right{{"", []string{"secrets"}, []string{"get", "list", "watch"}, false}}},
		{Power{"tokens", "make tokens of service accounts"}, []right{{"", []string{"serviceaccounts/token"}, []string{"create"}, false}}},
		{Power{"write-pods", "change pods and their labels"}, []right{{"", []string{"pods"}, change, false}}},
		{Power{"create-pods", "run pods with any service account and Secret"}, []right{
			{"", []string{"pods"}, []string{"create"}, false},
			{"", []string{"replicationcontrollers"}, write, false},
			{"apps", []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, write, false},
			{"batch", []string{"jobs", "cronjobs"}, write, false},
		}},
		{Power{"write-namespaces", "change the labels of namespaces"}, []right{{"", []string{"namespaces"}, change, false}}},
		{Power{"write-services", "send the traffic of Services elsewhere"}, []right{
			{"", []string{"services", "endpoints"}, write, false},
			{"discovery.k8s.io", []string{"endpointslices"}, write, false},
		}},
		{Power{"impersonate", "act as other accounts"}, []right{
			{"", []string{"serviceaccounts"}, []string{"impersonate"}, false},
			{"", []string{"users", "groups"}, []string{"impersonate"}, true},
		}},
		{Power{"escalate", "give itself any right"}, []right{
			{group, []string{"roles", "rolebindings", "clusterroles"}, []string{"escalate", "bind"}, false},
			{group, []string{"clusterrolebindings"}, []string{"escalate", "bind"}, true},
		}},
		{Power{"sign", "issue client certificates"}, []right{{"certificates.k8s.io", []string{"certificatesigningrequests/approval"}, change, true}}},
		{Power{"admission", "change what is admitted to the cluster"}, []right{{"admissionregistration.k8s.io", []string{
			"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
			"validatingadmissionpolicies", "validatingadmissionpolicybindings",
		}, all, true}}},
		{Power{"nodes", "decide what runs on which node"}, []right{
			{"", []string{"nodes"}, change, true}, {"", []string{"pods/binding"}, []string{"create"}, false},
		}},
		{Power{"volumes", "mount files of nodes by way of volumes"}, []right{{"", []string{"persistentvolumes"}, write, true}}},
	}
	policies := power{Power: Power{"write-policies", "change network policies"}}
	for _, c := range Controls() {
		policies.rights = append(policies.rights, right{c.Group, c.Resources, all, c.Everywhere})
	}
	return append(table, policies)
}

// Control is a set of kinds that segment, of one API group. Objects of an Everywhere one have no namespace.
type Control struct {
	Group      string
	Resources  []string
	Everywhere bool
}

// Controls is the kinds of network control that one can have the right to write: policies of Kubernetes,
// Calico, Cilium, Antrea and meshes, and what governs them.
func Controls() []Control {
	return []Control{
		{"networking.k8s.io", []string{"networkpolicies"}, false},
		{"policy.networking.k8s.io", []string{"adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"}, true},
		{"crd.projectcalico.org", []string{"networkpolicies"}, false},
		{"crd.projectcalico.org", []string{"globalnetworkpolicies", "tiers", "felixconfigurations"}, true},
		{"projectcalico.org", []string{"networkpolicies"}, false},
		{"projectcalico.org", []string{"globalnetworkpolicies", "tiers", "felixconfigurations"}, true},
		{"cilium.io", []string{"ciliumnetworkpolicies"}, false},
		{"cilium.io", []string{"ciliumclusterwidenetworkpolicies"}, true},
		{"crd.antrea.io", []string{"networkpolicies"}, false},
		{"crd.antrea.io", []string{"clusternetworkpolicies", "tiers"}, true},
		{"security.istio.io", []string{"authorizationpolicies", "peerauthentications"}, false},
		{"policy.linkerd.io", []string{"authorizationpolicies", "servers"}, false},
	}
}

// Over gives the grants with a power over one of the namespaces, in the order of Grants. A grant in another
// namespace has none; that its holder may hand on what it can do there is not followed.
func (a Access) Over(namespaces []string) []Held {
	table := powers()
	var out []Held
	for _, g := range a.Grants {
		if has := g.over(table, namespaces); len(has) > 0 {
			out = append(out, Held{g, has})
		}
	}
	return out
}

// Over gives the powers that the grant has over one of the namespaces, in the order of the table.
func (g Grant) Over(namespaces []string) []Power { return g.over(powers(), namespaces) }

func (g Grant) over(table []power, namespaces []string) []Power {
	if g.Namespace != "" && !slices.Contains(namespaces, g.Namespace) {
		return nil
	}
	var out []Power
	for _, p := range table {
		if slices.ContainsFunc(p.rights, func(r right) bool { return r.given(g, namespaces) }) {
			out = append(out, p.Power)
		}
	}
	return out
}

func (r right) given(g Grant, namespaces []string) bool {
	if r.everywhere && g.Namespace != "" || !g.Rule.Allows(r.group, r.resources, r.verbs) {
		return false
	}
	// Objects that are named by the namespaces themselves can be told apart.
	if slices.Equal(r.resources, []string{"namespaces"}) && len(g.Rule.Names) > 0 {
		return slices.ContainsFunc(g.Rule.Names, func(n string) bool { return slices.Contains(namespaces, n) })
	}
	return true
}

// Unsettled gives the bindings that hold in one of the namespaces, to roles that the input does not hold and
// that may give a power over it.
func (a Access) Unsettled(namespaces []string) []Dangling {
	var out []Dangling
	for _, d := range a.Dangling {
		if (d.Namespace == "" || slices.Contains(namespaces, d.Namespace)) && (d.Role.Kind != "ClusterRole" || !slices.Contains(powerless, d.Role.Name)) {
			out = append(out, d)
		}
	}
	return out
}

// powerless is roles that every API server makes itself and that give no power (Kubernetes documentation,
// default roles and role bindings).
var powerless = []string{
	"view", "system:basic-user", "system:discovery", "system:public-info-viewer", "system:monitoring", "system:auth-delegator",
	"system:node-bootstrapper", "system:node-proxier", "system:kube-dns", "system:service-account-issuer-discovery",
	"system:certificates.k8s.io:certificatesigningrequests:nodeclient", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
}

// Identities is a ServiceAccount with the groups that it is in (Kubernetes documentation, authenticating).
func Identities(namespace, account string) []Subject {
	return []Subject{
		{Kind: "ServiceAccount", Namespace: namespace, Name: account},
		{Kind: "Group", Name: "system:serviceaccounts"},
		{Kind: "Group", Name: "system:serviceaccounts:" + namespace},
		{Kind: "Group", Name: "system:authenticated"},
	}
}
