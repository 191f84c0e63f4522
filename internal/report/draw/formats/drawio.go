package formats

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// writeDrawio writes boxes where the picture has them. Lines are left to the program, so that boxes can be moved.
func writeDrawio(w io.Writer, p *draw.Picture, _ Options) error {
	b := bufio.NewWriter(w)
	g := p.Graph
	name, nodes := names(g), nodesOf(g)
	at := map[string]draw.Placed{}
	for _, x := range p.Boxes {
		at[x.ID] = x
	}
	fmt.Fprintf(b, "<mxfile><diagram name=\"%s\"><mxGraphModel dx=\"0\" dy=\"0\" grid=\"1\" page=\"0\"><root>\n<mxCell id=\"0\"/><mxCell id=\"1\" parent=\"0\"/>\n", xml(p.Headline()))
	cell := func(id, label, style string) {
		x, ok := at[id]
		if !ok {
			return
		}
		short := name[id]
		if id == "cluster" {
			short = "cluster"
		}
		fmt.Fprintf(b, "<mxCell id=\"%s\" value=\"%s\" style=\"%s\" vertex=\"1\" parent=\"1\"><mxGeometry x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" as=\"geometry\"/></mxCell>\n",
			short, xml(label), style, x.X, x.Y, x.W, x.H)
	}
	const frame = "html=0;verticalAlign=top;align=left;spacingLeft=8;fontStyle=1;"
	cell("cluster", draw.Safe("Cluster "+g.Title.Cluster), frame+"fillColor=#FFBBB1;")
	for _, bd := range g.Bands {
		if bd.Title != "" {
			cell(bd.ID, bandText(bd), frame+"fillColor="+classColor(bd)+";")
		}
		for _, f := range bd.Frames {
			cell(f.ID, draw.Safe(f.Title), frame+"rounded=1;arcSize=4;fillColor=#FFE1DC;")
		}
	}
	for _, n := range g.Nodes {
		_, color := looks(n)
		cell(n.ID, strings.Join(caption(n), "\n"), "html=0;whiteSpace=wrap;fillColor="+color+";"+drawioShape(nodes[n.ID]))
	}
	for i, e := range edges(g) {
		if name[e.from] == "" || name[e.to] == "" {
			continue
		}
		fmt.Fprintf(b, "<mxCell id=\"e%d\" value=\"%s\" style=\"html=0;edgeStyle=orthogonalEdgeStyle;rounded=1;%s\" edge=\"1\" parent=\"1\" source=\"%s\" target=\"%s\"><mxGeometry relative=\"1\" as=\"geometry\"/></mxCell>\n",
			i+1, xml(edgeText(e.wire)), drawioEdge(e.wire), name[e.from], name[e.to])
	}
	for i, gr := range g.Groups {
		fmt.Fprintf(b, "<mxCell id=\"g%d\" value=\"%s\" style=\"html=0;shape=note;whiteSpace=wrap;align=left;fillColor=#FFECA9;\" vertex=\"1\" parent=\"1\"><mxGeometry x=\"%d\" y=\"%d\" width=\"320\" height=\"80\" as=\"geometry\"/></mxCell>\n",
			i+1, xml(draw.Safe(groupLine(g, gr))), 20+i*340, p.Scene.Height)
	}
	b.WriteString("</root></mxGraphModel></diagram></mxfile>\n")
	return b.Flush()
}

func drawioShape(n *draw.Node) string {
	switch n.Kind {
	case draw.Service, draw.Alias:
		return "rounded=1;arcSize=50;"
	case draw.Entry:
		return "shape=parallelogram;perimeter=parallelogramPerimeter;size=0.1;"
	case draw.Storage:
		return "shape=cylinder3;size=6;"
	case draw.Outside:
		return "ellipse;shape=cloud;"
	case draw.Bundle, draw.Workload:
	}
	return "rounded=0;"
}

func drawioEdge(w *draw.Wire) string {
	switch {
	case w.Change == "removed":
		return "dashed=1;strokeColor=#A40E26;endArrow=cross;"
	case w.Change == "added":
		return "strokeColor=#0B5A2A;strokeWidth=2;"
	case w.Verdict == draw.Undecided:
		return "dashed=1;strokeColor=#7A4A00;endArrow=open;"
	case w.Verdict == draw.Denied:
		return "strokeColor=#A40E26;endArrow=cross;"
	case w.Verdict == draw.Structure:
		return "strokeColor=#50575F;endArrow=open;"
	case w.Missing:
		return "strokeColor=#A40E26;"
	case w.Account:
		return "strokeWidth=3;"
	}
	return ""
}
