package calico

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Labels that Calico itself puts on endpoints (libcalico-go/lib/backend/k8s/conversion): the name of the pod's
// namespace, "k8s", the name of its service account; and, with these prefixes, the labels of the namespace
// and of the account, among which nameLabel is the name.
const (
	labelNamespace    = "projectcalico.org/namespace"
	labelOrchestrator = "projectcalico.org/orchestrator"
	labelAccount      = "projectcalico.org/serviceaccount"
	prefixNamespace   = "pcns."
	prefixAccount     = "pcsa."
	nameLabel         = "projectcalico.org/name"
)

// maxTerms is how many terms a selector may come to.
const maxTerms = 64

// maxProduct bounds the work of multiplying terms out before they are simplified.
const maxProduct = 4096

// conj is a conjunction of conditions on a pod: on its labels, those of its namespace, and those of its
// service account.
type conj [3]cluster.Selector

// The parts of a conj.
const (
	ofPod = iota
	ofNamespace
	ofAccount
)

// term is the form that policies have.
func (k conj) term() policy.Term {
	t := policy.Term{Pods: k[ofPod], ServiceAccounts: k[ofAccount]}
	t.Namespace, t.NamespaceSelector = policy.OneNamespace(k[ofNamespace])
	return t
}

// terms brings x to disjunctive form for the pods of the cluster; a nil x is all pods. No term means no pod.
func terms(x *expr, pods *podIndex) ([]policy.Term, error) {
	if x == nil {
		return []policy.Term{{}}, nil
	}
	b := termBuilder{pods: pods}
	ks := b.dnf(x, false)
	if b.err != nil {
		return nil, b.err
	}
	out := make([]policy.Term, 0, len(ks))
	for _, k := range ks {
		out = append(out, k.term())
	}
	return out, nil
}

type termBuilder struct {
	pods *podIndex
	err  error
}

func (b *termBuilder) dnf(x *expr, negate bool) []conj {
	if b.err != nil {
		return nil
	}
	kind := x.kind
	if negate && kind == exprAnd {
		kind = exprOr
	} else if negate && kind == exprOr {
		kind = exprAnd
	}
	var out []conj
	switch kind {
	case exprAll, exprGlobal: // global() is true of every endpoint where it is not replaced beforehand
		if !negate {
			out = []conj{{}}
		}
		return out
	case exprNot:
		return b.dnf(x.args[0], !negate)
	case exprLabel:
		q := x.req
		if negate {
			q = q.Not()
		}
		return simplify(b.leaf(q))
	case exprOr:
		for _, a := range x.args {
			out = append(out, b.dnf(a, negate)...)
			if len(out) > maxTerms {
				if out = simplify(out); len(out) > maxTerms {
					break
				}
			}
		}
	case exprAnd:
		out = []conj{{}}
		for _, a := range x.args {
			out = b.product(out, b.dnf(a, negate))
		}
	}
	if out = simplify(out); len(out) > maxTerms {
		b.err = fmt.Errorf("%w: more than %d alternatives", errTooBig, maxTerms)
	}
	return out
}

func (b *termBuilder) product(some, others []conj) []conj {
	if len(some)*len(others) > maxProduct {
		b.err = fmt.Errorf("%w: more than %d alternatives", errTooBig, maxTerms)
		return nil
	}
	out := make([]conj, 0, len(some)*len(others))
	for _, s := range some {
		for _, o := range others {
			var k conj
			for part := range k {
				k[part] = slices.Concat(s[part], o[part])
			}
			out = append(out, k)
		}
	}
	return simplify(out)
}

// leaf says what a condition on a label of an endpoint asks of a pod.
func (b *termBuilder) leaf(q cluster.Requirement) []conj {
	on := func(part int, key string) conj {
		var k conj
		r := q
		r.Key = key
		k[part] = cluster.Selector{r}
		return k
	}
	switch {
	case q.Key == labelNamespace:
		return []conj{on(ofNamespace, cluster.NameLabel)}
	case q.Key == labelOrchestrator:
		if q.MatchesValue("k8s", true) {
			return []conj{{}}
		}
		return nil
	case q.Key == labelAccount:
		// The label is left out for long names.
		if p := b.pods.longAccount; p != nil {
			b.err = fmt.Errorf("the service account of %s has a name that is too long for the label %s", p.Workload.Ref, labelAccount)
		}
		return []conj{on(ofAccount, cluster.AccountName)}
	case strings.HasPrefix(q.Key, prefixNamespace):
		key := strings.TrimPrefix(q.Key, prefixNamespace)
		if key == nameLabel {
			key = cluster.NameLabel
		}
		return b.inherited(q, on(ofNamespace, key), on(ofPod, q.Key))
	case strings.HasPrefix(q.Key, prefixAccount):
		key := strings.TrimPrefix(q.Key, prefixAccount)
		if key == nameLabel {
			key = cluster.AccountName
		}
		return b.inherited(q, on(ofAccount, key), on(ofPod, q.Key))
	}
	return []conj{on(ofPod, q.Key)}
}

// inherited is a condition on a label that a pod has from its namespace or account, unless the pod itself
// carries a label of that name (felix/labelindex, inherited labels).
func (b *termBuilder) inherited(q cluster.Requirement, from, own conj) []conj {
	if !b.pods.labels[q.Key] {
		return []conj{from}
	}
	own[ofPod] = append(own[ofPod], cluster.Requirement{Key: q.Key, Op: cluster.Exists})
	from[ofPod] = append(from[ofPod], cluster.Requirement{Key: q.Key, Op: cluster.DoesNotExist})
	return []conj{own, from}
}
