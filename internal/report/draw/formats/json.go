package formats

import (
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

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
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(escaped(data), '\n'))
	return err
}

// escaped is JSON without characters that a terminal acts on or a reader does not see: encoding/json escapes those
// below U+0020 only. They stand in strings, as the rest of JSON is ASCII.
func escaped(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for _, r := range string(data) {
		if r < 0x7f || draw.Safe(string(r)) == string(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, u)
		}
	}
	return out
}
