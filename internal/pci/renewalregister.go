package pci

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const no = enforcer.No

func itoa(n int) string { return strconv.Itoa(n) }

// targetsOf is the workloads behind a way in, each once.
func targetsOf(e *exposure.Entry) []*cluster.Workload {
	var out []*cluster.Workload
	for _, t := range e.Targets {
		if len(out) == 0 || out[len(out)-1] != t.Workload {
			out = append(out, t.Workload)
		}
	}
	return out
}

// declared is one thing that is declared: its name, what it says, and where.
type declared struct {
	name  string
	says  reflect.Value // the struct of package v1alpha1
	owner string
	pos   object.Pos
}

// register compares what is declared, name by name.
func (r *Renewal) register(then, now *Intent) {
	was, is := then.declared(), now.declared()
	find := func(list []declared, name string) *declared {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
		return nil
	}
	for _, d := range is {
		item := RenewalItem{Section: Register, What: d.name, Owner: d.owner, Pos: d.pos, Requirements: []string{"1.2.7"}}
		if earlier := find(was, d.name); earlier == nil {
			item.State = "added"
		} else if item.Before, item.Now = different(earlier.says, d.says); item.Before == item.Now {
			continue
		} else {
			item.State = "changed"
		}
		r.Items = append(r.Items, item)
	}
	for _, d := range was {
		if find(is, d.name) == nil {
			r.Items = append(r.Items, RenewalItem{Section: Register, State: "removed", What: d.name, Owner: d.owner, Requirements: []string{"1.2.7"}})
		}
	}
}

// declared is everything that an intent declares by name; none for nil.
func (in *Intent) declared() []declared {
	var out []declared
	if in == nil {
		return out
	}
	for i := range in.Zones {
		z := &in.Zones[i]
		out = append(out, declared{"zone " + z.Name, reflect.ValueOf(z.Zone), z.Owner, z.Pos})
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		out = append(out, declared{"entry " + e.Name(), reflect.ValueOf(e.Entry), e.Owner, e.Pos})
	}
	for i := range in.Needs {
		n := &in.Needs[i]
		out = append(out, declared{"need " + n.ID, reflect.ValueOf(n.Need), n.Owner, n.Pos})
	}
	for i := range in.Proposed {
		n := &in.Proposed[i]
		out = append(out, declared{"need " + n.ID, reflect.ValueOf(n.Need), n.Owner, n.Pos})
	}
	for i := range in.Exceptions {
		e := &in.Exceptions[i]
		out = append(out, declared{"exception " + e.ID, reflect.ValueOf(e.Exception), e.Owner, e.Pos})
	}
	for i := range in.ProtectedLabels {
		l := &in.ProtectedLabels[i]
		out = append(out, declared{"protected label " + l.Key, reflect.ValueOf(l.ProtectedLabel), "", l.Pos})
	}
	for i := range in.ExternalParties {
		x := &in.ExternalParties[i]
		out = append(out, declared{"external party " + x.Name, reflect.ValueOf(x.ExternalParty), x.Owner, x.Pos})
	}
	return out
}

// different gives the fields that differ, as they were and as they are: "ports: tcp/80; owner: a".
func different(was, is reflect.Value) (before, now string) {
	var b, n []string
	for i := range is.NumField() {
		x, y := was.Field(i).Interface(), is.Field(i).Interface()
		if reflect.DeepEqual(x, y) {
			continue
		}
		name, _, _ := strings.Cut(is.Type().Field(i).Tag.Get("json"), ",")
		b, n = append(b, name+": "+shown(was.Field(i))), append(n, name+": "+shown(is.Field(i)))
	}
	return strings.Join(b, "; "), strings.Join(n, "; ")
}

// shown is a field's value in a line, as JSON where it is no text.
func shown(v reflect.Value) string {
	if v.IsZero() {
		return "-"
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	data, err := json.Marshal(v.Interface())
	if err != nil { // plain data has none
		return err.Error()
	}
	return string(data)
}
