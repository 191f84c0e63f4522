package calico

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// simplify drops terms that match nothing or are there twice, and joins those that differ in the values of
// one condition, so that "a == 'x' || a == 'y'" is one term. The result is sorted.
func simplify(ks []conj) []conj {
	byKey := map[string]conj{}
	for _, k := range ks {
		possible := true
		for part := range k {
			k[part], possible = tidy(k[part], possible)
		}
		if possible {
			byKey[k.key()] = k
		}
	}
	if _, all := byKey[conj{}.key()]; all {
		return []conj{{}}
	}
	keys := make([]string, 0, len(byKey))
	for key := range byKey {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var out []conj
	at := map[string]int{} // where a single condition of some key and operator went
	for _, key := range keys {
		k := byKey[key]
		shape, part := k.single()
		if i, ok := at[shape]; ok && shape != "" {
			q := &out[i][part][0]
			q.Values = slices.Compact(slices.Sorted(slices.Values(slices.Concat(q.Values, k[part][0].Values))))
			continue
		}
		if shape != "" {
			at[shape] = len(out)
			k[part] = slices.Clone(k[part])
		}
		out = append(out, k)
	}
	return out
}

func (k conj) key() string {
	return k[ofPod].String() + "\x00" + k[ofNamespace].String() + "\x00" + k[ofAccount].String()
}

// single names the key and operator of a term of one condition that holds when one of its values does; the
// name is empty for every other term.
func (k conj) single() (shape string, part int) {
	if len(k[ofPod])+len(k[ofNamespace])+len(k[ofAccount]) != 1 {
		return "", 0
	}
	for part = range k {
		if len(k[part]) == 1 {
			switch q := k[part][0]; q.Op {
			case cluster.In, cluster.Contains, cluster.StartsWith, cluster.EndsWith:
				return strings.Join([]string{string(rune('0' + part)), q.Op.String(), q.Key}, " "), part
			case cluster.NotIn, cluster.Exists, cluster.DoesNotExist, cluster.NotContains, cluster.NotStartsWith, cluster.NotEndsWith:
			}
		}
	}
	return "", 0
}

// tidy drops conditions that the others imply. It reports false when no labels meet them all.
func tidy(s cluster.Selector, possible bool) (cluster.Selector, bool) {
	if !possible || len(s) == 0 {
		return nil, possible
	}
	var out []cluster.Requirement
	for i, q := range s {
		switch {
		case q.Op == cluster.In && len(q.Values) == 0:
			return nil, false
		case q.Op == cluster.NotIn && len(q.Values) == 0:
			continue
		}
		if slices.ContainsFunc(s, func(r cluster.Requirement) bool { return r.Key == q.Key && never(q, r) }) {
			return nil, false
		}
		if !slices.ContainsFunc(s[:i], func(r cluster.Requirement) bool { return r.String() == q.String() }) &&
			!slices.ContainsFunc(s, func(r cluster.Requirement) bool { return r.Key == q.Key && implies(r, q) }) {
			out = append(out, q)
		}
	}
	return cluster.NewSelector(out...), true
}

// always are the labels that every namespace and account has.
func always(key string) bool { return key == cluster.NameLabel || key == cluster.AccountName }

// never tells whether no value meets both conditions on one label. It does not find every such pair.
func never(q, r cluster.Requirement) bool {
	switch {
	case q.Op == cluster.DoesNotExist && always(q.Key):
		return true
	case q.Op == cluster.DoesNotExist:
		return !r.MatchesValue("", false)
	case q.Op == cluster.In:
		return !slices.ContainsFunc(q.Values, func(v string) bool { return r.MatchesValue(v, true) })
	}
	return false
}

// implies tells whether r, another condition on the same label, makes q needless.
func implies(r, q cluster.Requirement) bool {
	if q.Op == cluster.Exists && always(q.Key) {
		return true
	}
	if r.String() == q.String() || r.Op != cluster.In || q.Op == cluster.In && len(q.Values) <= len(r.Values) {
		return false
	}
	return !slices.ContainsFunc(r.Values, func(v string) bool { return !q.MatchesValue(v, true) })
}
