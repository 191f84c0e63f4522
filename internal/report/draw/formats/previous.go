package formats

import (
	"bytes"
	"encoding/json"
	stdxml "encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// Bounds of a file that Places reads.
const (
	mostBytes  = 64 << 20
	mostPlaces = 100_000
	mostDepth  = 64
	farthest   = 1_000_000 // from the upper left corner
)

// Places reads where things stand in a diagram that Format svg or json wrote, by draw.Safe of the ID. The rest of it is not looked
// at. Foreign SVG gives no places, which is an error.
func Places(data []byte) (map[string]draw.Placed, error) {
	if len(data) > mostBytes {
		return nil, fmt.Errorf("it is larger than %d MiB", mostBytes>>20)
	}
	var out map[string]draw.Placed
	var err error
	if text := bytes.TrimLeft(data, " \t\r\n"); bytes.HasPrefix(text, []byte("{")) {
		out, err = placesOfJSON(data)
	} else {
		out, err = placesOfSVG(data)
	}
	switch {
	case err != nil:
		return nil, err
	case len(out) == 0:
		return nil, errors.New("it has no boxes that \"bulkhead map\" drew")
	case len(out) > mostPlaces:
		return nil, fmt.Errorf("it has more than %d boxes", mostPlaces)
	}
	for id, at := range out {
		if max(at.X, at.Y, at.W, at.H) > farthest || min(at.X, at.Y, at.W, at.H) < 0 {
			return nil, fmt.Errorf("%q stands outside of any page", draw.Safe(id))
		}
	}
	return out, nil
}

func placesOfJSON(data []byte) (map[string]draw.Placed, error) {
	var r struct {
		Protocol string        `json:"protocol"`
		Boxes    []draw.Placed `json:"boxes"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if r.Protocol != draw.Protocol {
		return nil, fmt.Errorf("its protocol is %q, want %s", draw.Safe(r.Protocol), draw.Protocol)
	}
	out := map[string]draw.Placed{}
	for _, b := range r.Boxes {
		out[draw.Safe(b.ID)] = b
	}
	return out, nil
}

// placesOfSVG takes the first outline of each group that has an ID. Of boxes it goes around all of the box.
func placesOfSVG(data []byte) (map[string]draw.Placed, error) {
	d := stdxml.NewDecoder(bytes.NewReader(data))
	out := map[string]draw.Placed{}
	var open []string // the IDs of the groups around, "" for none or for a group whose outline is known
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := tok.(type) {
		case stdxml.StartElement:
			if len(open) > mostDepth || len(out) > mostPlaces {
				return nil, errors.New("it is nested too deeply, or has too many boxes")
			}
			id := ""
			if class := attribute(e, "class"); !strings.HasPrefix(class, "wire ") {
				id = attribute(e, "data-id")
			}
			if n := len(open); e.Name.Local == "path" && n > 0 && open[n-1] != "" {
				if at, ok := extent(attribute(e, "d")); ok {
					at.ID = open[n-1]
					out[at.ID] = at
				}
				open[n-1] = ""
			}
			open = append(open, id)
		case stdxml.EndElement:
			open = open[:max(0, len(open)-1)]
		}
	}
}

func attribute(e stdxml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// extent is the rectangle around all points of a path.
func extent(path string) (draw.Placed, bool) {
	lo, hi := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	n := 0
	for word := range strings.FieldsFuncSeq(path, func(r rune) bool { return !strings.ContainsRune("0123456789.-", r) }) {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || math.Abs(f) > farthest {
			return draw.Placed{}, false
		}
		lo[n%2], hi[n%2] = math.Min(lo[n%2], f), math.Max(hi[n%2], f)
		n++
	}
	if n < 4 {
		return draw.Placed{}, false
	}
	return draw.Placed{X: int(lo[0]), Y: int(lo[1]), W: int(hi[0] - lo[0]), H: int(hi[1] - lo[1])}, true
}
