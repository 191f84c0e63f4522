package draw

import (
	"fmt"
	"math"
)

// Skin is how boxes are painted. The layout is the same but for some room.
type Skin string

// KDL is the notation's own look; Icons puts a sign for the kind of object on each box, in the manner of the icons
// of the Kubernetes project: a blue heptagon with a white figure, drawn here.
const (
	KDL   Skin = ""
	Icons Skin = "icons"
)

// SkinNamed finds a skin; "" and "kdl" are the notation's own. The error names those there are.
func SkinNamed(name string) (Skin, error) {
	switch name {
	case "", "kdl":
		return KDL, nil
	case string(Icons):
		return Icons, nil
	}
	return KDL, fmt.Errorf("no skin %q: want kdl or icons", name)
}

const (
	inkIcon  Ink = "icon"
	inkGlyph Ink = "glyph" // figures on icons

	iconR = 12.0
)

func (p *Picture) icons() bool { return p.Graph.opt.Skin == Icons }

// paper is what a box is filled with, and what is written on it.
func (p *Picture) paper(fill Ink) (paper, text Ink) {
	if p.icons() {
		return inkCloud, inkText
	}
	return fill, inkOnPaint
}

// iconOf is the sign of a node, "" for none: that of its controller, or of its kind.
func iconOf(n *Node) string {
	switch n.Kind {
	case Workload:
		return n.Left[0].Text
	case Service, Alias:
		return "Service"
	case Entry:
		return "Ingress"
	case Storage:
		return "Claim"
	case Bundle:
		return "Namespace"
	case Outside:
	}
	return ""
}

// iconName is the kind of object that a sign stands for.
func iconName(icon string) string {
	switch icon {
	case "D", "DC":
		return "Deployment"
	case "SS":
		return "StatefulSet"
	case "DS":
		return "DaemonSet"
	case "RS", "RC":
		return "ReplicaSet"
	case "J":
		return "Job"
	case "CJ":
		return "CronJob"
	case "Service", "Namespace":
		return icon
	case "Ingress":
		return "Ingress or route"
	case "Claim":
		return "claim for a volume"
	}
	return "Pod"
}

// iconMark paints a sign around a point.
func (p *Picture) iconMark(icon string, x, y float64) {
	var edge []Step
	for i := range 7 {
		a := float64(i)*2*math.Pi/7 - math.Pi/2
		op := byte('L')
		if i == 0 {
			op = 'M'
		}
		edge = append(edge, Step{Op: op, X: x + iconR*math.Cos(a), Y: y + iconR*math.Sin(a)})
	}
	p.Scene.figure(Figure{Steps: append(edge, Step{Op: 'Z'}), Fill: inkIcon, Stroke: inkPage, Width: 1})
	for _, f := range glyph(icon) {
		for i := range f.Steps {
			s := &f.Steps[i]
			s.X, s.Y, s.X1, s.Y1, s.X2, s.Y2 = s.X+x, s.Y+y, s.X1+x, s.Y1+y, s.X2+x, s.Y2+y
		}
		p.Scene.figure(f)
	}
}

// glyph is the figure of a sign, around the origin.
func glyph(icon string) []Figure {
	line := func(pts ...float64) Figure {
		f := Figure{Stroke: inkGlyph, Width: 1.3}
		for i := 0; i+1 < len(pts); i += 2 {
			op := byte('L')
			if i == 0 {
				op = 'M'
			}
			f.Steps = append(f.Steps, Step{Op: op, X: pts[i], Y: pts[i+1]})
		}
		return f
	}
	box := func(x, y, w, h, r float64) Figure {
		return Figure{Steps: rect(x, y, w, h, r), Stroke: inkGlyph, Width: 1.3}
	}
	full := func(x, y, w, h float64) Figure { return Figure{Steps: rect(x, y, w, h, 0), Fill: inkGlyph} }
	switch iconName(icon) {
	case "Deployment":
		turn := loop(0, 0.5, 5)
		turn.Stroke, turn.Width = inkGlyph, 1.5
		return []Figure{turn}
	case "StatefulSet":
		body, lid := cylinder(-4, -2, 8, 8)
		return []Figure{box(-6, -6, 8, 5, 0), {Steps: body, Fill: inkIcon, Stroke: inkGlyph, Width: 1.2}, {Steps: lid, Stroke: inkGlyph, Width: 1.2}}
	case "DaemonSet":
		return []Figure{full(-5, -5, 4, 4), full(1, -5, 4, 4), full(-5, 1, 4, 4), full(1, 1, 4, 4)}
	case "ReplicaSet":
		return []Figure{box(-6, -6, 8, 8, 1), full(-2, -2, 8, 8)}
	case "Job":
		return []Figure{box(-5, -5, 10, 10, 1), line(-3, 0, -0.5, 2.5, 3, -2.5)}
	case "CronJob":
		return []Figure{box(-6, -6, 12, 12, 6), line(0, -4, 0, 0, 3, 2)}
	case "Service":
		return []Figure{full(-2, -7, 4, 4), line(0, -3, 0, 3), line(-5, 3, -5, 0, 5, 0, 5, 3), full(-7, 3, 4, 3), full(-2, 3, 4, 3), full(3, 3, 4, 3)}
	case "Ingress or route":
		return []Figure{line(-7, 0, 3, 0), line(0, -3, 3, 0, 0, 3), line(5, -6, 5, 6)}
	case "claim for a volume":
		body, lid := cylinder(-5, -7, 10, 14)
		return []Figure{{Steps: body, Stroke: inkGlyph, Width: 1.3}, {Steps: lid, Stroke: inkGlyph, Width: 1.3}}
	case "Namespace":
		f := box(-6, -5, 12, 10, 0)
		f.Dash = []float64{2, 1.5}
		return []Figure{f}
	}
	return []Figure{line(0, -7, 6, -3.5, 6, 3.5, 0, 7, -6, 3.5, -6, -3.5, 0, -7), line(-6, -3.5, 0, 0, 6, -3.5), line(0, 0, 0, 7)} // a cube
}
