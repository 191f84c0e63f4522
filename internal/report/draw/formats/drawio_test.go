package formats_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// mxCell is a cell of a draw.io file, as its own schema has it.
type mxCell struct {
	ID       string `xml:"id,attr"`
	Value    string `xml:"value,attr"`
	Parent   string `xml:"parent,attr"`
	Source   string `xml:"source,attr"`
	Target   string `xml:"target,attr"`
	Vertex   string `xml:"vertex,attr"`
	Edge     string `xml:"edge,attr"`
	Geometry *struct {
		Width  int `xml:"width,attr"`
		Height int `xml:"height,attr"`
	} `xml:"mxGeometry"`
}

type mxFile struct {
	XMLName xml.Name `xml:"mxfile"`
	Cells   []mxCell `xml:"diagram>mxGraphModel>root>mxCell"`
}

// A file of draw.io is a flat list: each cell has its own ID and a parent that is there, each line two ends.
func TestDrawio(t *testing.T) {
	for name, p := range map[string]*draw.Picture{"hostile": picture(t, objects(t, hostile(t))), "card-shop": example(t)} {
		var f mxFile
		data := write(t, "drawio", p, formats.Options{})
		wellFormed(t, data)
		if err := xml.Unmarshal(data, &f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		byID := map[string]mxCell{}
		for _, c := range f.Cells {
			if _, twice := byID[c.ID]; twice || c.ID == "" {
				t.Errorf("%s: the ID %q is there twice", name, c.ID)
			}
			byID[c.ID] = c
		}
		boxes, lines := 0, 0
		var values []string
		for _, c := range f.Cells {
			if _, ok := byID[c.Parent]; c.ID != "0" && !ok {
				t.Errorf("%s: %s has no parent %q", name, c.ID, c.Parent)
			}
			switch {
			case c.Edge == "1":
				lines++
				if byID[c.Source].Vertex != "1" || byID[c.Target].Vertex != "1" {
					t.Errorf("%s: %s runs from %q to %q", name, c.ID, c.Source, c.Target)
				}
			case c.Vertex == "1":
				boxes++
				values = append(values, c.Value)
				if c.Geometry == nil || c.Geometry.Width <= 0 || c.Geometry.Height <= 0 {
					t.Errorf("%s: %s has no size", name, c.ID)
				}
			case c.ID != "0" && c.ID != "1":
				t.Errorf("%s: %s is neither a box nor a line", name, c.ID)
			}
		}
		if boxes < len(p.Graph.Nodes)+1 || lines < len(p.Graph.Wires) {
			t.Errorf("%s: %d boxes and %d lines", name, boxes, lines)
		}
		all := strings.Join(values, "\n")
		for _, n := range p.Graph.Nodes {
			if !strings.Contains(all, draw.Safe(n.Title)) {
				t.Errorf("%s: no box has the name %q", name, n.Title)
			}
		}
	}
}
