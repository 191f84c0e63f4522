package reach_test

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// smallPolicies is every policy with at most one rule a direction that can be written with two namespaces, one
// label on pods and one on namespaces, two networks, and ports 80, 81 and "web".
func smallPolicies() []networkingv1.NetworkPolicy {
	labelled := metav1.LabelSelector{MatchLabels: map[string]string{"r": "1"}}
	others := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "r", Operator: "NotIn", Values: []string{"1"}}}}
	marked := metav1.LabelSelector{MatchLabels: map[string]string{"x": "1"}}
	all := metav1.LabelSelector{}
	peers := [][]networkingv1.NetworkPolicyPeer{
		nil,
		{{PodSelector: &all}},
		{{PodSelector: &labelled}},
		{{NamespaceSelector: &all}},
		{{NamespaceSelector: &marked}},
		{{NamespaceSelector: &all, PodSelector: &others}},
		{{NamespaceSelector: &marked, PodSelector: &labelled}},
		{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.2.0/30"}}}},
		{{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0"}}},
	}
	udp, end := corev1.ProtocolUDP, int32(81)
	p80, p81, web := intstr.FromInt32(80), intstr.FromInt32(81), intstr.FromString("web")
	ports := [][]networkingv1.NetworkPolicyPort{
		nil, {{Port: &p81}}, {{Port: &p80, EndPort: &end}}, {{Port: &web}}, {{Protocol: &udp}},
	}
	var out []networkingv1.NetworkPolicy
	for _, ns := range []string{"ns0", "ns1"} {
		for _, subject := range []metav1.LabelSelector{all, labelled, others} {
			for _, types := range [][]networkingv1.PolicyType{{"Ingress"}, {"Egress"}, {"Ingress", "Egress"}} {
				add := func(in []networkingv1.NetworkPolicyIngressRule, eg []networkingv1.NetworkPolicyEgressRule) {
					p := networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}}
					p.Namespace, p.Spec.PodSelector, p.Spec.PolicyTypes = ns, subject, types
					if types[0] == "Ingress" {
						p.Spec.Ingress = in
					}
					if types[len(types)-1] == "Egress" {
						p.Spec.Egress = eg
					}
					out = append(out, p)
				}
				add(nil, nil)
				for _, peer := range peers {
					for _, port := range ports {
						add([]networkingv1.NetworkPolicyIngressRule{{From: peer, Ports: port}}, []networkingv1.NetworkPolicyEgressRule{{To: peer, Ports: port}})
					}
				}
			}
		}
	}
	return out
}

// TestEverySmallCluster asks for every packet of every small cluster: three pods in two namespaces with any one
// policy of smallPolicies, and with any two. An everyday run takes two of them here and there;
// BULKHEAD_ORACLE_CASES is about how many packets, 31 million are all.
func TestEverySmallCluster(t *testing.T) {
	pod := func(ns string, labels map[string]string, ip string, web int32) *oraclePod {
		p := &oraclePod{namespace: ns, labels: labels, ips: []netip.Addr{netip.MustParseAddr(ip)}, node: "n0"}
		if web > 0 {
			p.ports = []corev1.ContainerPort{{Name: "web", ContainerPort: web, Protocol: corev1.ProtocolTCP}}
		}
		return p
	}
	w := &world{
		pods:  []*oraclePod{pod("ns0", map[string]string{"r": "1"}, "10.1.2.1", 80), pod("ns0", nil, "10.1.2.9", 81), pod("ns1", map[string]string{"r": "1"}, "10.1.2.2", 0)},
		names: []string{"ns0/pod0", "ns0/pod1", "ns1/pod2"},
	}
	w.podsByIP = true
	w.namespaces = map[string]map[string]string{
		"ns0": {"x": "1", "kubernetes.io/metadata.name": "ns0"}, "ns1": {"kubernetes.io/metadata.name": "ns1"},
	}
	prof, packets, allowed := upstream(t, true), 0, 0
	check := func(policies ...networkingv1.NetworkPolicy) {
		for i := range policies {
			policies[i].Name = string(rune('p' + i))
		}
		w.policies = policies
		data := w.json(false)
		m := compileJSON(t, data, prof, cluster.Options{})
		byName := podsByName(m)
		var ends []oracleEnd
		var peers []reach.Peer
		for i, p := range w.pods {
			ends, peers = append(ends, oracleEnd{pod: p}), append(peers, reach.OfPod(byName[w.names[i]]))
		}
		for _, s := range []string{"10.1.2.3", "8.8.8.8"} {
			ip := netip.MustParseAddr(s)
			ends, peers = append(ends, oracleEnd{ip: ip}), append(peers, reach.OfAddrs(netset.OneAddr(ip)))
		}
		for i := range ends {
			for j := range ends {
				if i == j || ends[i].pod == nil && ends[j].pod == nil {
					continue
				}
				b := m.Between(peers[i], peers[j])
				for _, q := range []struct {
					proto corev1.Protocol
					port  int32
				}{{"TCP", 79}, {"TCP", 80}, {"TCP", 81}, {"TCP", 82}, {"UDP", 81}} {
					want := w.oracleTruth(ends[i], ends[j], q.proto, q.port)
					packets++
					if want {
						allowed++
					}
					must, may := b.Must.Contains(netProto[q.proto], uint16(q.port)), b.May.Contains(netProto[q.proto], uint16(q.port))
					if must != want || may != want {
						t.Fatalf("%d -> %d %s/%d: oracle %v, engine must=%v may=%v\n%s", i, j, q.proto, q.port, want, must, may, data)
					}
				}
			}
		}
	}
	small := smallPolicies()
	for _, p := range small {
		check(p)
	}
	each := packets / len(small)
	pairs := len(small) * (len(small) - 1) / 2
	stride := max(1, pairs*each/cases(t, 100_000))
	n := 0
	for i := range small {
		for j := range i {
			if n++; n%stride == 0 {
				check(small[i], small[j])
			}
		}
	}
	t.Logf("%d packets, %d of them allowed; one of %d pairs of %d policies", packets, allowed, stride, len(small))
	if allowed < packets/10 || allowed > packets*9/10 {
		t.Errorf("%d of %d packets allowed: too one-sided to test anything", allowed, packets)
	}
}
