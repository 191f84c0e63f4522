package draw

import (
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// measure gives the shape of a node, with room for the wires that end and begin at it.
func (p *Picture) measure(n *Node) *shape {
	s := &shape{id: n.ID, box: &layout.Box{}}
	in, out := p.in[n.ID], p.out[n.ID]
	s.ports = badges(n.Ports, manyBadges)
	w := s.tops(in, func(w *Wire) int { return portFor(n, w) })
	s.left = badges(n.Left, manyBadges)
	switch n.Kind {
	case Workload, Bundle:
		w = max(w, p.measureWorkload(n, s, out))
	case Service, Alias, Entry, Outside, Storage:
		pad := 36
		if n.Kind == Outside || n.Kind == Entry {
			pad = 52
		}
		if p.icons() && len(s.left) > 0 {
			pad += 2 * s.left[0].w
		}
		w = max(w, pad+min(width(n.Title, bold(sizeName)), roomTitle), pad+min(width(n.Sub, plain(sizeSmall)), roomTitle))
		s.box.H = 30
		if n.Edge != "" || n.Kind == Outside {
			s.box.H = 46
		}
		if n.Kind == Outside {
			s.box.H = 58
		}
		w = max(w, 24+len(out)*pinGap)
		s.outFrom, s.outTo = 18, w-18
	}
	if len(n.Groups) > 0 {
		w = max(w, 40+min(width(n.Title, bold(sizeName)), roomTitle)+20*min(len(n.Groups), 3))
	}
	s.box.W = w
	if n.Kind != Workload && n.Kind != Bundle {
		s.outTo = w - 18
	} else if len(s.below) == 0 {
		s.outTo = w - 10
	}
	s.margins()
	if p.icons() && n.Kind != Outside {
		s.box.Margin.Left = max(s.box.Margin.Left, int(iconR)+2)
	}
	return s
}

func (p *Picture) measureWorkload(n *Node, s *shape, out []*Wire) int {
	title := min(width(n.Title, bold(sizeName)), roomTitle)
	w := max(72, title+36)
	h := titleH
	if n.Sub != "" {
		h += 14
		w = max(w, width(n.Sub, plain(sizeSmall))+24)
	}
	parts := n.Parts
	if len(parts) > manyParts {
		parts = parts[:manyParts-1]
	}
	for _, c := range parts {
		w = max(w, min(width(partText(c), plain(sizeSmall)), roomTitle-20)+32)
		h += partH
	}
	if len(parts) < len(n.Parts) {
		h += partH
	}
	h += 10
	if p.icons() && n.Kind == Bundle {
		h = max(h, 10+2*rowH)
	}
	if n.Shield != nil {
		h += 14
	}
	if n.Kind == Bundle {
		h += 6
	}
	s.right = badges(n.Right, manyParts)
	h = max(h, 10+rowH*max(len(s.left), len(s.right)))
	// Below: where wires leave, then the badges of volumes, then the shield.
	x := 10
	leaving := 0
	for _, o := range out {
		if !p.stores(o) {
			leaving++
		}
	}
	if leaving > 0 {
		x += max(24, leaving*pinGap)
	}
	s.outFrom = 10
	s.outTo = x
	s.below = badges(n.Below, manyParts)
	s.outAt = map[*Wire][2]int{}
	for i := range s.below {
		b := &s.below[i]
		b.x = x
		x += b.w + 6
	}
	for _, o := range out {
		if p.stores(o) {
			at := p.volumeOf(n, o, s)
			s.outAt[o] = at
		}
	}
	if len(s.below) > 0 {
		x += 24
	}
	s.box.H = h
	return max(w, x+10)
}

// stores tells whether a wire leads to a claim.
func (p *Picture) stores(w *Wire) bool {
	n := p.Graph.byID[w.To[0]]
	return w.Verdict == Structure && n != nil && n.Kind == Storage
}

// volumeOf is the range below a workload from which the wire to a claim leaves: the badge of the volume.
func (p *Picture) volumeOf(n *Node, w *Wire, s *shape) [2]int {
	claim := p.Graph.byID[w.To[0]]
	for _, b := range s.below {
		if b.Text == claim.Title || claimOf(n, b.Text) == claim.Title {
			return [2]int{b.x + 4, b.x + b.w - 4}
		}
	}
	last := s.below[len(s.below)-1]
	return [2]int{last.x + 4, last.x + last.w - 4}
}

// claimOf is the claim of a volume.
func claimOf(n *Node, volume string) string {
	for _, v := range n.workloads[0].Pods[0].Spec.Get("volumes").List() {
		if v.Get("name").Str() == volume {
			return v.Get("persistentVolumeClaim", "claimName").Str()
		}
	}
	return ""
}

func partText(c Part) string {
	if c.Role == "" {
		return c.Name
	}
	return c.Name + " (" + c.Role + ")"
}

// measureFrame gives the shape of a frame or band: only its edges, as rows are set elsewhere. Wires
// end no nearer to its left than lead.
func (p *Picture) measureFrame(id, title string, head, lead int) *shape {
	s := &shape{id: id, box: &layout.Box{Stretch: true, Pad: layout.Insets{Top: head}}, lead: lead}
	w := s.tops(p.in[id], func(*Wire) int { return -1 })
	s.box.W = max(w, min(width(title, bold(sizeHead)), 260)+60, 30+pinGap*len(p.out[id]))
	s.outFrom, s.outTo = 16, max(20, s.box.W-16)
	s.margins()
	return s
}
