package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// Requirements writes a row for each requirement, of PCI DSS 4.0.1 or of 3.2.1 with old set. The columns are a
// promise: new ones come at the end.
func Requirements(w io.Writer, a *pci.Assessment, old bool) error {
	rows := [][]string{{"requirement", "standing", "checks", "holds", "questions"}}
	for _, r := range a.Requirements(old) {
		var holds []string
		for _, p := range r.Holds {
			holds = append(holds, strconv.Itoa(p.Holds)+" of "+strconv.Itoa(p.Of)+" "+p.What)
		}
		rows = append(rows, []string{r.Number, string(r.Standing), strings.Join(r.Checks, " "), strings.Join(holds, "; "), strings.Join(r.Questions, "; ")})
	}
	return writeRows(w, rows)
}

// Inventory writes a row for each workload with its scope class; scope may be nil.
func Inventory(w io.Writer, c *cluster.Cluster, scope *pci.Scope) error {
	rows := [][]string{{"kind", "namespace", "name", "pods", "class", "zone", "service_accounts", "images", "ports", "host_network", "file", "line"}}
	for _, x := range c.Workloads {
		class, zone := "", ""
		if scope != nil {
			class = string(scope.Class(x))
			if z := scope.Zone(x); z != nil {
				zone = z.Name
			}
		}
		var accounts, images, ports []string
		host := false
		for _, p := range x.Pods {
			accounts = append(accounts, p.ServiceAccount)
			host = host || p.HostNetwork
			for _, k := range p.Containers {
				images = append(images, k.Image)
			}
			for _, q := range p.Ports {
				ports = append(ports, strings.ToLower(q.Protocol.String())+"/"+strconv.Itoa(q.Number))
			}
		}
		rows = append(rows, []string{
			x.Ref.Kind, x.Ref.Namespace, x.Ref.Name, strconv.Itoa(len(x.Pods)), class, zone, distinct(accounts), distinct(images), distinct(ports),
			strconv.FormatBool(host), x.Pos.File, lineNumber(x.Pos.Line),
		})
	}
	return writeRows(w, rows)
}

func distinct(list []string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// Ways writes a row for each way in from outside and each workload behind it.
func Ways(w io.Writer, entries []Exposed) error {
	rows := [][]string{{"via", "kind", "public", "port", "host", "path", "tls", "sources", "target", "allowed", "possible", "because", "file", "line"}}
	for _, e := range entries {
		targets := e.Targets
		if len(targets) == 0 {
			targets = []Target{{}}
		}
		for _, t := range targets {
			to := ""
			if t.Workload.Name != "" {
				to = t.Workload.String()
			}
			rows = append(rows, []string{
				e.Via.String(), e.Kind, e.Public, e.Port, e.Host, e.Path, e.TLS, strings.Join(e.Sources, " "), to,
				conns(t.Must).String(), conns(t.May).String(), strings.Join(e.Because, "; "), e.Pos.File, lineNumber(e.Pos.Line),
			})
		}
	}
	return writeRows(w, rows)
}
