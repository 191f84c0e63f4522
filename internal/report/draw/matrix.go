package draw

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Matrix is what each zone may open to each other one, and to and from addresses outside.
type Matrix struct {
	Zones []MatrixZone `json:"zones"`
	Cells []Cell       `json:"cells"` // by From, then To; pairs with nothing allowed are there too
}

// MatrixZone is a row and a column. Outside tells that it is addresses.
type MatrixZone struct {
	Name      string    `json:"name"`
	Class     pci.Class `json:"class,omitempty"`
	Outside   bool      `json:"outside,omitempty"`
	Workloads int       `json:"workloads,omitempty"`

	rank int
}

// Cell is what one zone may open to another: Certain and Undecided are joined over all pairs of their workloads.
type Cell struct {
	From         string   `json:"from"`
	To           string   `json:"to"`
	Verdict      string   `json:"verdict"` // "allowed", "undecided", "denied"
	Certain      string   `json:"certain,omitempty"`
	Undecided    string   `json:"undecided,omitempty"`
	Needs        []string `json:"needs"`       // that declare a part of it
	Missing      bool     `json:"needMissing"` // an end is in the CDE, and a part is declared by no need
	Pairs        int      `json:"pairs"`       // of workloads, and of workloads with addresses
	Requirements []string `json:"requirements"`

	flow flow
}

// manyCovered is the number of connections at the CDE above which the matrix does not look for needs.
const manyCovered = 20_000

// NewMatrix joins the model's connections by zone. Without a scope namespaces take the place of zones.
func NewMatrix(in *pci.Input) *Matrix {
	b := matrixBuilder{g: &Graph{in: in}, zones: map[string]*MatrixZone{}, cells: map[[2]string]*Cell{}}
	for _, w := range in.Cluster.Workloads {
		b.zone(w).Workloads++
	}
	for e := range in.Model.Edges() {
		b.edge(e)
	}
	m := &Matrix{Zones: []MatrixZone{}, Cells: []Cell{}}
	for _, z := range b.zones {
		m.Zones = append(m.Zones, *z)
	}
	slices.SortFunc(m.Zones, func(x, y MatrixZone) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.Name, y.Name))
	})
	for _, from := range m.Zones {
		for _, to := range m.Zones {
			if !from.Outside || !to.Outside {
				m.Cells = append(m.Cells, b.finished(from, to))
			}
		}
	}
	return m
}

type matrixBuilder struct {
	g       *Graph
	zones   map[string]*MatrixZone
	cells   map[[2]string]*Cell
	covered int
}

func (b *matrixBuilder) zone(w *cluster.Workload) *MatrixZone {
	name, class, rank := w.Ref.Namespace, pci.Class(""), 0
	if b.g.in.Scope != nil {
		band := b.g.bandOf(w)
		name, class = band.Title, band.Class
		rank = slices.Index([]pci.Class{pci.CDE, pci.CDEStore, pci.ConnectedTo, pci.SecurityImpacting, pci.OutOfScope, pci.Unclassified}, class)
	}
	return b.named(name, MatrixZone{Name: name, Class: class, rank: rank})
}

func (b *matrixBuilder) named(key string, z MatrixZone) *MatrixZone {
	if b.zones[key] == nil {
		b.zones[key] = &z
	}
	return b.zones[key]
}

func (b *matrixBuilder) end(p reach.Peer) *MatrixZone {
	if p.Workload != nil {
		return b.zone(p.Workload)
	}
	name, _ := b.g.nameOf(p.Addrs)
	return b.named("outside "+name, MatrixZone{Name: name, Outside: true, rank: 9})
}

func (b *matrixBuilder) edge(e reach.Edge) {
	from, to := b.end(e.Src), b.end(e.Dst)
	k := [2]string{from.Name, to.Name}
	c := b.cells[k]
	if c == nil {
		c = &Cell{}
		b.cells[k] = c
	}
	c.flow.add(e.Bounds)
	in := b.g.in
	if in.Intent == nil || len(in.Intent.Needs) == 0 || !in.Scope.InCDE(e.Src.Workload) && !in.Scope.InCDE(e.Dst.Workload) {
		return
	}
	if b.covered++; b.covered > manyCovered {
		c.Missing = true
		return
	}
	need := func(id string) {
		if !slices.Contains(c.Needs, id) {
			c.Needs = append(c.Needs, id)
		}
	}
	for rest := e.May; !rest.IsEmpty(); {
		part, by := in.Covered(e.Src, e.Dst, rest)
		if by == nil {
			if open := declared(in, e.Dst.Workload).Intersect(rest); e.Src.IsOutside() && !open.IsEmpty() {
				need("public entry")
				rest = rest.Subtract(open)
			}
			c.Missing = c.Missing || !rest.IsEmpty()
			return
		}
		if only := part.Intersect(by.Conns); !only.IsEmpty() {
			part = only
		}
		need(by.ID)
		rest = rest.Subtract(part)
	}
}

func (b *matrixBuilder) finished(from, to MatrixZone) Cell {
	out := Cell{Needs: []string{}, Requirements: requirements(from, to)}
	if c := b.cells[[2]string{from.Name, to.Name}]; c != nil {
		out.flow, out.Missing, out.Pairs = c.flow, c.Missing, c.flow.pairs
		out.Needs = append(out.Needs, c.Needs...)
		slices.Sort(out.Needs)
	}
	out.From, out.To = from.Name, to.Name
	open := out.flow.open()
	switch {
	case !out.flow.must.IsEmpty():
		out.Verdict = string(Allowed)
	case !open.IsEmpty():
		out.Verdict = string(Undecided)
	default:
		out.Verdict = string(Denied)
	}
	out.Certain, out.Undecided = textOf(out.flow.must), textOf(open)
	return out
}

func textOf(c netset.Conns) string {
	if c.IsEmpty() {
		return ""
	}
	return c.String()
}

// requirements are the numbers of PCI DSS 4.0.1 that speak of traffic from one zone to another: into the CDE
// (1.3.1), out of it (1.3.2), from untrusted networks into trusted ones (1.4.2), and to stores of account data from
// untrusted networks (1.4.4).
func requirements(from, to MatrixZone) []string {
	out := []string{}
	if to.Class.InCDE() && !from.Class.InCDE() {
		out = append(out, "1.3.1")
	}
	if from.Class.InCDE() && !to.Class.InCDE() {
		out = append(out, "1.3.2")
	}
	if from.Outside {
		out = append(out, "1.4.2")
		if to.Class == pci.CDEStore {
			out = append(out, "1.4.4")
		}
	}
	return out
}

// Measures of the matrix.
const (
	cellW = 148
	cellH = 62
	sideW = 190
)

// DrawMatrix paints the matrix as a table: rows open connections to columns.
func DrawMatrix(in *pci.Input, title Title) *Picture {
	g := empty(in, Options{View: Zones, Title: title})
	g.Matrix = NewMatrix(in)
	g.Notes = append(g.Notes, "A row opens connections to a column. A cell joins all pairs of workloads of the two zones; its numbers are requirements of PCI DSS 4.0.1.")
	p := &Picture{Graph: g}
	s := &p.Scene
	n := len(g.Matrix.Zones)
	s.Width = max(leastPage, sideW+n*cellW+2*pageMargin)
	top := p.head() + 10
	for i, z := range g.Matrix.Zones {
		p.matrixHead(z, pageMargin+sideW+i*cellW, top, cellW, Middle)
		p.matrixHead(z, pageMargin, top+cellH+i*cellH, sideW, Start)
	}
	if n == 0 {
		s.text(pageMargin, top+30, plain(sizeText), Start, inkText, 0, g.emptiness())
	}
	k := 0
	for i, from := range g.Matrix.Zones {
		for j, to := range g.Matrix.Zones {
			if from.Outside && to.Outside {
				continue
			}
			p.cell(&g.Matrix.Cells[k], pageMargin+sideW+j*cellW, top+cellH+i*cellH)
			k++
		}
	}
	y := top + cellH*(n+1) + 14
	for _, note := range g.Notes {
		y += 14
		s.text(pageMargin, y, plain(sizeSmall), Start, inkFaint, s.Width-2*pageMargin, note)
	}
	p.lastLine(y + 14)
	return p
}

func (p *Picture) matrixHead(z MatrixZone, x, y, w int, a Anchor) {
	s := &p.Scene
	ink, what := inkCloud, "outside"
	if !z.Outside {
		ink, what = inkNone, plural(z.Workloads, "workload")
		if z.Class != "" {
			ink, what = classInk(z.Class), className(z.Class)
		}
	}
	s.figure(Figure{Steps: rect(float64(x), float64(y), float64(w), cellH, 0), Fill: ink, Stroke: inkLine, Width: 0.8})
	at := x + w/2
	if a == Start {
		at = x + 12
	}
	s.text(at, y+cellH/2-2, bold(sizeName), a, inkText, w-20, Safe(z.Name))
	s.text(at, y+cellH/2+13, plain(sizeSmall), a, inkText, w-20, what)
}

// cell paints one cell. The sign tells the verdict as well as the colour does.
func (p *Picture) cell(c *Cell, x, y int) {
	s := &p.Scene
	s.open("cell:"+c.From+":"+c.To, "cell "+c.Verdict, Safe(c.From+" to "+c.To+": "+c.Verdict+" "+c.Certain))
	s.figure(Figure{Steps: rect(float64(x), float64(y), cellW, cellH, 0), Fill: inkPage, Stroke: inkRule, Width: 1})
	ink, word := inkFaint, "-"
	switch c.Verdict {
	case string(Allowed):
		ink, word = inkText, shortConns(c.flow.must)
		if c.Missing {
			ink = inkBad
		}
	case string(Undecided):
		ink, word = inkOpen, "? "+shortConns(c.flow.open())
	}
	s.text(x+cellW/2, y+20, bold(sizeText), Middle, ink, cellW-12, word)
	var second []string
	if c.Verdict == string(Allowed) && c.Undecided != "" {
		second = append(second, "? "+shortConns(c.flow.open()))
	}
	second = append(second, c.Needs...)
	if c.Missing {
		second = append(second, "no need")
	}
	s.text(x+cellW/2, y+35, plain(sizeSmall), Middle, ink, cellW-12, Safe(strings.Join(second, ", ")))
	s.text(x+cellW/2, y+51, plain(sizeTiny), Middle, inkFaint, cellW-12, strings.Join(c.Requirements, "  "))
	s.close()
}
