package pci

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// ProtectedLabel is a declared protected label with its place.
type ProtectedLabel struct {
	v1alpha1.ProtectedLabel
	Ref object.Ref // the Segmentation
	Pos object.Pos
}

// Review is a declared review with its place.
type Review struct {
	v1alpha1.Review
	Ref object.Ref
	Pos object.Pos
}

// ExternalParty is a declared party with its place.
type ExternalParty struct {
	v1alpha1.ExternalParty
	Ref object.Ref
	Pos object.Pos
}

// Periods is how often things are due, in months: the stricter of what is declared and what PCI DSS asks for.
// Zero fields, as in the zero value, stand for the latter: see Months.
type Periods struct {
	ServiceProvider                        bool
	Rules, Scope, SegmentationTest, Access int
	Certificates                           int // 0 when nobody states it: PCI DSS gives no number
	at                                     [len(periodic)]place
}

// place is where a period is declared, for problems that show when all objects are read.
type place struct {
	o *object.Object
	v *object.Value
}

// period is something that is due again and again: the longest time PCI DSS 4.0.1 allows, in months.
type period struct {
	of, field, requirement string
	most                   int
	provider               int // for service providers
	providerRequirement    string
}

var periodic = [...]period{
	{"rules", "rules", "1.2.7", 6, 6, "1.2.7"},
	{"scope", "scope", "12.5.2", 12, 6, "12.5.2.1"},
	{"segmentation-test", "segmentationTest", "11.4.5", 12, 6, "11.4.6"},
	{"access", "access", "7.2.4", 6, 6, "7.2.4"},
}

func (p *Periods) field(i int) *int {
	return [...]*int{&p.Rules, &p.Scope, &p.SegmentationTest, &p.Access}[i]
}

// most is the longest period allowed to whom it concerns, with the number of the requirement that says so.
func (p *Periods) most(i int) (months int, requirement string) {
	if p.ServiceProvider {
		return periodic[i].provider, periodic[i].providerRequirement
	}
	return periodic[i].most, periodic[i].requirement
}

// Months is the period of "rules", "scope", "segmentation-test" or "access", with the PCI DSS 4.0.1 requirement;
// 0 for anything else.
func (p *Periods) Months(of string) (months int, requirement string) {
	for i := range periodic {
		if periodic[i].of == of {
			months, requirement = p.most(i)
			if own := *p.field(i); own > 0 {
				months = min(months, own)
			}
		}
	}
	return months, requirement
}

// periods joins the periods of several objects: the shorter one counts.
func (r *intentReader) periods(o *object.Object, v *object.Value, p v1alpha1.Periods) {
	r.Periods.ServiceProvider = r.Periods.ServiceProvider || p.ServiceProvider
	switch at := v.Get("certificates"); {
	case at == nil || at.Kind != object.Number:
	case p.Certificates < 1:
		r.problem(o, at, "give the months until certificates are replaced", "periods.certificates: %d is no period", p.Certificates)
	case r.Periods.Certificates == 0 || p.Certificates < r.Periods.Certificates:
		r.Periods.Certificates = p.Certificates
	}
	given := [...]int{p.Rules, p.Scope, p.SegmentationTest, p.Access}
	for i := range periodic {
		at := v.Get(periodic[i].field)
		if at == nil || at.Kind != object.Number {
			continue // not given, or already reported
		}
		if given[i] < 1 {
			r.problem(o, at, "give the months between two of them", "periods.%s: %d is no period", periodic[i].field, given[i])
			continue
		}
		if own := r.Periods.field(i); *own == 0 || given[i] < *own {
			*own, r.Periods.at[i] = given[i], place{o, at}
		}
	}
}

// strict refuses periods that are longer than PCI DSS allows, when it is known whether this is a service provider.
func (r *intentReader) strict() {
	for i := range periodic {
		own := r.Periods.field(i)
		if most, requirement := r.Periods.most(i); *own > most {
			r.problem(r.Periods.at[i].o, r.Periods.at[i].v, "shorten it", "periods.%s: %d months are longer than the %d of PCI DSS %s, which count", periodic[i].field, *own, most, requirement)
			*own = most
		}
	}
}

func (r *intentReader) protectedLabel(o *object.Object, v *object.Value, l v1alpha1.ProtectedLabel) {
	if l.Key == "" {
		r.problem(o, v, "name the label", "a protected label without a key")
		return
	}
	for i, w := range l.Writers {
		if kind, name, _ := strings.Cut(w, " "); !slices.Contains([]string{"Group", "User", "ServiceAccount"}, kind) || strings.TrimSpace(name) == "" ||
			kind == "ServiceAccount" && (strings.Count(name, "/") != 1 || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || len(strings.Fields(name)) != 1) {
			r.problem(o, v.Get("writers").List()[i], `write "Group NAME", "User NAME" or "ServiceAccount NAMESPACE/NAME"`, "protected label %s: writer %q is nobody, so the label is not declared", l.Key, w)
			return
		}
	}
	r.ProtectedLabels = append(r.ProtectedLabels, ProtectedLabel{l, o.Ref, o.At(v)})
}

func (r *intentReader) review(o *object.Object, v *object.Value, x v1alpha1.Review) {
	const want = "a review has of, done and by"
	for _, f := range [...]field{{"of", x.Of}, {"done", x.Done}, {"by", x.By}} {
		if strings.TrimSpace(f.text) == "" {
			r.problem(o, v, want, "a review without %s does not count", f.name)
			return
		}
	}
	known := make([]string, len(periodic))
	for i := range periodic {
		known[i] = periodic[i].of
	}
	if x.Digest != "" && !isDigest(x.Digest) {
		r.problem(o, v.Get("digest"), `write it as "bulkhead scope" prints it`, "review of %s: %q is no digest, so the review does not count", x.Of, x.Digest)
		return
	}
	if r.oneOf(o, v, "a review", "it does not count", field{"of", x.Of}, known) && r.days(o, v, "review of "+x.Of, "it does not count", field{"done", x.Done}) {
		r.Reviews = append(r.Reviews, Review{x, o.Ref, o.At(v)})
	}
}

func (r *intentReader) party(o *object.Object, v *object.Value, x v1alpha1.ExternalParty) {
	zones := strings.Join(x.Zones, "")
	for _, f := range [...]field{{"name", x.Name}, {"zones", zones}, {"service", x.Service}} {
		if strings.TrimSpace(f.text) == "" {
			r.problem(o, v, "an external party has name, zones and service", "external party %s has no %s and is not declared", cmp.Or(x.Name, "without a name"), f.name)
			return
		}
	}
	if !r.days(o, v, "external party "+x.Name, "the party is not declared", field{"attestedUntil", x.AttestedUntil}) {
		return
	}
	if slices.ContainsFunc(r.ExternalParties, func(y ExternalParty) bool { return y.Name == x.Name }) {
		r.problem(o, v.Get("name"), "give each party a name of its own", "external party %s is declared twice; this one is not", x.Name)
		return
	}
	r.ExternalParties = append(r.ExternalParties, ExternalParty{x, o.Ref, o.At(v)})
}

// zonesOfParties looks for the zones that parties are said to be in. They must be outside of the cluster.
func (r *intentReader) zonesOfParties() {
	for _, x := range r.ExternalParties {
		for _, name := range x.Zones {
			i := slices.IndexFunc(r.Zones, func(z Zone) bool { return z.Name == name })
			p := object.Problem{Severity: object.Error, Pos: x.Pos, Ref: x.Ref, Hint: "name zones that have cidrs or fqdns and take no pods"}
			switch {
			case i < 0:
				p.Msg = "external party " + x.Name + ": there is no zone " + name
			case r.Zones[i].OfPods:
				p.Msg = "external party " + x.Name + ": zone " + name + " is inside of the cluster"
			default:
				continue
			}
			r.problems = append(r.problems, p)
		}
	}
}

// Due is something that has to be done until a day.
type Due struct {
	Of          string // "rules", "scope", "segmentation-test", "access"
	Requirement string // PCI DSS 4.0.1
	Months      int
	Last        *Review // nil when it was never done
	Until       string  // the last day; "" when it was never done
}

// Dues is when each thing that is done periodically is due next, in a fixed order.
func (in *Intent) Dues() []Due {
	out := make([]Due, 0, len(periodic))
	for i := range periodic {
		d := Due{Of: periodic[i].of}
		d.Months, d.Requirement = in.Periods.Months(d.Of)
		for k := range in.Reviews {
			if x := &in.Reviews[k]; x.Of == d.Of && (d.Last == nil || x.Done > d.Last.Done) {
				d.Last = x
			}
		}
		if d.Last != nil {
			d.Until = monthsAfter(d.Last.Done, d.Months)
		}
		out = append(out, d)
	}
	return out
}

// ReviewDue is the day until which a need has to be reviewed: the day it states, and not later than the period
// after its last review or approval. It is "" when the need states no day at all.
func (in *Intent) ReviewDue(n *Need) string {
	months, _ := in.Periods.Months("rules")
	due := n.Review
	if last := max(n.Reviewed, n.Approved); last != "" {
		if latest := monthsAfter(last, months); due == "" || latest < due {
			due = latest
		}
	}
	return due
}

// monthsAfter is the same day some months later, or the last of that month when it has no such day. day is valid.
func monthsAfter(day string, months int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1).Format(time.DateOnly)
}
