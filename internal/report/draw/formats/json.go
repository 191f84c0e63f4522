package formats

import (
	"encoding/json"
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// record is the JSON form: the graph, and where everything stands.
type record struct {
	*draw.Graph
	Cluster  string        `json:"cluster,omitempty"`
	AsOf     string        `json:"asOf,omitempty"`
	Digest   string        `json:"digest,omitempty"`
	Tool     string        `json:"tool,omitempty"`
	Filter   string        `json:"filter,omitempty"`
	Reviewer string        `json:"reviewer,omitempty"`
	Width    int           `json:"width"`
	Height   int           `json:"height"`
	Boxes    []draw.Placed `json:"boxes"`
	Routes   []draw.Route  `json:"routes"`
}

func writeJSON(w io.Writer, p *draw.Picture, _ Options) error {
	t := p.Graph.Title
	r := record{
		Graph: p.Graph, Cluster: t.Cluster, Digest: t.Digest, Tool: t.Tool, Filter: t.Filter, Reviewer: t.Reviewer,
		Width: p.Scene.Width, Height: p.Scene.Height, Boxes: p.Boxes, Routes: p.Routes,
	}
	if !t.Time.IsZero() {
		r.AsOf = t.Time.UTC().Format("2006-01-02T15:04:05Z")
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
