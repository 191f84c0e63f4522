package report

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// Draft writes a Segmentation to begin with. It is valid as it is: a zone for each namespace, whose scope a person
// must decide, and the connections between zones that are certainly open now as proposed needs, which cover
// nothing until someone approves them. Where the input has a Segmentation, the draft holds what that one lacks.
func Draft(w io.Writer, in *pci.Input) error {
	d := draft{b: bufio.NewWriter(w), in: in}
	d.divide()
	d.head()
	d.assume()
	d.writeZones()
	d.entries()
	d.needs()
	d.rest()
	return d.b.Flush()
}

// SchemaFile is the name by which drafts tell editors where the schema is.
const SchemaFile = "segmentation.schema.json"

type draft struct {
	b       *bufio.Writer
	in      *pci.Input
	zones   []*draftZone
	of      map[*cluster.Workload]*draftZone
	id      int      // of the last need
	private []string // zones that reach private networks outside
}

func (d *draft) line(format string, args ...any) { fmt.Fprintf(d.b, format+"\n", args...) }

func (d *draft) head() {
	d.line("# yaml-language-server: $schema=%s", SchemaFile)
	d.line("# \"bulkhead schema > %s\" writes the schema that the line above names: editors then help and warn.", SchemaFile)
	d.line("#")
	if d.in.Intent == nil {
		d.line("# A draft, made from what is there. What is written here is what you mean: read every line.")
	} else {
		d.line("# An addition to what is declared already. What is written here is what you mean: read every line.")
	}
	d.line("# docs/guide/segmentation.md explains each field.")
	d.line("apiVersion: %s/%s\nkind: %s\nmetadata:\n  name: draft\nspec:", v1alpha1.Group, v1alpha1.Version, v1alpha1.Kind)
}

// assume writes what is known of the cluster. A Segmentation of the input has said it already.
func (d *draft) assume() {
	if d.in.Intent != nil {
		return
	}
	d.line("  assume: # facts that manifests do not tell; state only what you can prove")
	if p := d.in.Profile; p.Enforces == enforcer.Yes {
		d.line("    enforcer: %s", p.Name)
	} else {
		d.line("    # enforcer: calico # what enforces policies; it is not certain from the input")
	}
	for _, f := range []struct {
		name, example string
		addrs         netset.Addrs
	}{
		{"podCIDRs", "10.244.0.0/16", d.in.Cluster.PodCIDRs},
		{"serviceCIDRs", "10.96.0.0/16", d.in.Cluster.ServiceCIDRs},
		{"nodeCIDRs", "192.168.10.0/24", d.in.Cluster.NodeAddrs},
	} {
		if f.addrs.IsEmpty() {
			d.line("    # %s: [%s]", f.name, f.example)
			continue
		}
		d.line("    %s: [%s]", f.name, quoted(CIDRs(f.addrs)))
	}
	d.line("    complete: false # true: there are no other namespaces, workloads or policies than in the input")
}

// quoted joins texts as YAML flow items.
func quoted(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = fmt.Sprintf("%q", t)
	}
	return strings.Join(out, ", ")
}

func (d *draft) entries() {
	kinds := map[string][]string{} // of ways in, by line
	for _, e := range d.in.Exposure.Entries {
		var targets []*cluster.Workload
		ports := ""
		for _, t := range e.Targets {
			targets = append(targets, t.Workload)
			if t.Port > 0 {
				ports = fmt.Sprintf(", ports: %s/%d", strings.ToLower(e.Protocol.String()), t.Port)
			}
		}
		if e.Public == enforcer.No || e.Via.Namespace == "" || d.in.EntryFor(e.Via, targets) != nil {
			continue
		}
		l := fmt.Sprintf("  # - {service: %q%s, justification: \"\"}", e.Via.Namespace+"/"+e.Via.Name, ports)
		kinds[l] = append(kinds[l], e.Kind)
	}
	if len(kinds) == 0 {
		d.line("  entries: [] # nothing else can be reached from outside, as far as the input tells")
		return
	}
	d.line("  entries: [] # ways in from outside; open now, and not declared until you say what for:")
	for _, l := range slices.Sorted(maps.Keys(kinds)) {
		d.line("%s # %s", l, strings.ReplaceAll(distinct(kinds[l]), " ", ", "))
	}
}

// rest shows the fields that no cluster can tell.
func (d *draft) rest() {
	if d.in.Intent != nil {
		return
	}
	d.line("  # periods: {serviceProvider: true} # then scope and segmentation test are due every six months, not twelve")
	d.line("  # reviews: # one line each time something was done; rules, scope, segmentation-test or access")
	d.line("  # - {of: rules, done: \"2026-01-31\", by: \"\", reference: \"\"}")
	d.line("  # externalParties: # who is behind zones that are outside of the cluster")
	d.line("  # - {name: \"\", zones: [], service: \"\", owner: \"\", attestedUntil: \"2027-01-31\"}")
}
