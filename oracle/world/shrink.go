package world

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// shrink leaves out whatever the disagreement does not need, one thing at a time. It takes lists shorter and
// maps smaller, and so never makes an object that holds less than its kind asks for.
func (w *World) shrink(p Packet, wrong func() bool) {
	for again := true; again; {
		again = false
		for i := len(w.Policies) - 1; i >= 0; i-- {
			policies, spelling := w.Policies, w.Spelling
			w.Policies, w.Spelling = without(policies, i), without(spelling, i)
			if wrong() {
				again = true
			} else {
				w.Policies, w.Spelling = policies, spelling
			}
		}
		again = dropAny(&w.Other, nil, wrong) || again
		again = dropAny(&w.Pods, func(q *corev1.Pod) bool { return q != p.Src.Pod && q != p.Dst.Pod }, wrong) || again
		again = dropAny(&w.Accounts, nil, wrong) || again
		for _, list := range []any{w.Nodes, w.Namespaces, w.Pods, w.Policies, w.Other} {
			v := reflect.ValueOf(list)
			for i := range v.Len() {
				again = smaller(v.Index(i), "", wrong) || again
			}
		}
	}
}

func without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }

// dropAny removes every item that is not needed and that may go.
func dropAny[T any](list *[]T, may func(T) bool, wrong func() bool) bool {
	any := false
	for i := len(*list) - 1; i >= 0; i-- {
		old := *list
		if may != nil && !may(old[i]) {
			continue
		}
		if *list = without(old, i); wrong() {
			any = true
		} else {
			*list = old
		}
	}
	return any
}

// keep are the lists and maps that an object can not do without.
var keep = []string{"Values", "Addresses", "PodIPs", "Containers", "TypeMeta", "Status"}

// smaller walks an object.
func smaller(v reflect.Value, field string, wrong func() bool) bool {
	any := false
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return smaller(v.Elem(), field, wrong)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !slices.Contains(keep, f.Name) {
				any = smaller(v.Field(i), f.Name, wrong) || any
			}
		}
	case reflect.Slice:
		for i := v.Len() - 1; i >= 0; i-- {
			old := reflect.ValueOf(v.Interface())
			if !v.CanSet() {
				break
			}
			rest := reflect.MakeSlice(v.Type(), 0, v.Len())
			rest = reflect.AppendSlice(rest, old.Slice(0, i))
			rest = reflect.AppendSlice(rest, old.Slice(i+1, old.Len()))
			if rest.Len() == 0 {
				rest = reflect.Zero(v.Type())
			}
			if v.Set(rest); wrong() {
				any = true
			} else {
				v.Set(old)
			}
		}
		for i := range v.Len() {
			any = smaller(v.Index(i), field, wrong) || any
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			old := v.MapIndex(k)
			v.SetMapIndex(k, reflect.Value{})
			if k.String() != corev1.LabelMetadataName && wrong() {
				any = true
			} else {
				v.SetMapIndex(k, old)
			}
		}
	}
	return any
}
