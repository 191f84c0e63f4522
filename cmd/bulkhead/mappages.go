package main

import (
	"fmt"
	"slices"

	"codeberg.org/go-pdf/fpdf"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/report"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// mostPages is up to how many namespaces of a view get a page of their own in a report.
const mostPages = 40

// page is the picture of one namespace with what it has connections with.
type page struct {
	namespace string
	picture   *draw.Picture
}

// pages draws each namespace that has workloads for itself.
func (a *analysis) pages(opt draw.Options, namespaces []*cluster.Namespace) ([]page, error) {
	var out []page
	for _, ns := range namespaces {
		opt.Focus, opt.Hops, opt.Expand = nil, 1, []string{ns.Name}
		for _, w := range a.cluster.Workloads {
			if w.Ref.Namespace == ns.Name {
				opt.Focus = append(opt.Focus, w)
			}
		}
		if len(opt.Focus) == 0 {
			continue
		}
		opt.Title.Filter = "namespace " + ns.Name
		p, err := draw.Draw(draw.Build(a.input(), opt))
		if err != nil {
			return nil, err
		}
		out = append(out, page{ns.Name, p})
	}
	return out, nil
}

// sheets is a picture of a report on paper. The network and the data flows get a page for each namespace where the
// whole does not show every workload, or not large enough; those of the cardholder data environment come first when
// they are many.
func (a *analysis) sheets(p *draw.Picture, opt draw.Options) ([]report.Sheet, error) {
	title := draw.ViewTitle(opt.View)
	out := []report.Sheet{sheet(title, p)}
	if opt.View == draw.Zones || opt.View == draw.Exposure || !p.Graph.HasBundles() && formats.Readable(p, "a3", report.FooterHeight) {
		return out, nil
	}
	own, rest := a.namespacesByCDE(p.Graph)
	all := slices.Concat(own, rest)
	drawn := all[:min(len(all), mostPages)]
	pages, err := a.pages(opt, drawn)
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		out = append(out, sheet(title+", namespace "+page.namespace, page.picture))
	}
	if left := len(all) - len(drawn); left > 0 {
		out[0].Note = fmt.Sprintf("%d of %d namespaces have a page of their own below; \"bulkhead map -o pdf --paper a4 --view %s\" draws one for each.", len(drawn), len(all), opt.View)
	}
	return out, nil
}

func sheet(title string, p *draw.Picture) report.Sheet {
	return report.Sheet{Title: title, Add: func(doc *fpdf.Fpdf) { formats.AddSheet(doc, p, report.FooterHeight) }}
}

// namespacesByCDE is the namespaces with workloads that the picture shows: those of the cardholder data environment,
// and the others.
func (a *analysis) namespacesByCDE(g *draw.Graph) (own, rest []*cluster.Namespace) {
	in, shown := map[string]bool{}, map[string]bool{}
	for _, w := range a.cluster.Workloads {
		shown[w.Ref.Namespace] = shown[w.Ref.Namespace] || g.Shows(w)
		in[w.Ref.Namespace] = in[w.Ref.Namespace] || a.scope != nil && a.scope.InCDE(w)
	}
	for _, ns := range a.cluster.Namespaces {
		switch {
		case !shown[ns.Name]:
		case in[ns.Name]:
			own = append(own, ns)
		default:
			rest = append(rest, ns)
		}
	}
	return own, rest
}
