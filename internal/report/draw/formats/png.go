package formats

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	picture "github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

const (
	sharp      = 2     // pixels of the image for one of the picture
	mostPixels = 40e6  // of an image; larger pictures are drawn smaller
	paperDots  = 200.0 // for one inch of paper
)

func writePNG(w io.Writer, p *picture.Picture, o Options) error {
	theme, err := picture.ThemeNamed(o.Theme)
	if err != nil {
		return err
	}
	s := &p.Scene
	k := float64(sharp)
	wide, high := float64(s.Width)*k, float64(s.Height)*k
	if o.Paper != "" {
		mw, mh := paperSize(o.Paper, s.Width >= s.Height)
		wide, high = mw/25.4*paperDots, mh/25.4*paperDots
		k = math.Min(wide/float64(s.Width), high/float64(s.Height))
	} else if wide*high > mostPixels {
		k *= math.Sqrt(mostPixels / (wide * high))
		wide, high = float64(s.Width)*k, float64(s.Height)*k
	}
	c := canvas{img: image.NewRGBA(image.Rect(0, 0, int(wide), int(high))), theme: theme, k: k, faces: map[faceKey]font.Face{}}
	if err := c.fonts(); err != nil {
		return err
	}
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(c.color("page")), image.Point{}, draw.Src)
	for _, m := range s.Marks {
		switch {
		case m.Figure != nil:
			c.figure(m.Figure)
		case m.Text != nil:
			if err := c.text(m.Text); err != nil {
				return err
			}
		}
	}
	return png.Encode(w, c.img)
}

type faceKey struct {
	bold bool
	size float64
}

// canvas draws in the coordinates of a scene.
type canvas struct {
	img           *image.RGBA
	theme         picture.Theme
	k             float64
	regular, bold *opentype.Font
	faces         map[faceKey]font.Face
	raster        vector.Rasterizer
}

func (c *canvas) fonts() (err error) {
	if c.regular, err = opentype.Parse(goregular.TTF); err != nil {
		return err
	}
	c.bold, err = opentype.Parse(gobold.TTF)
	return err
}

func (c *canvas) color(i picture.Ink) color.RGBA {
	r, g, b := rgb(c.theme.Colors[i])
	return color.RGBA{uint8(r), uint8(g), uint8(b), 255}
}

type dot2 struct{ x, y float64 }

// figure paints the surface, then the line.
func (c *canvas) figure(f *picture.Figure) {
	lines := c.flat(f.Steps)
	if f.Fill != "" {
		c.paint(lines, f.Fill)
	}
	if f.Stroke != "" {
		var pieces [][]dot2
		for _, l := range lines {
			pieces = append(pieces, c.strokes(l, f)...)
		}
		c.paint(pieces, f.Stroke)
	}
}

// flat makes an outline into lines of points, in pixels. A closed one ends where it begins.
func (c *canvas) flat(steps []picture.Step) [][]dot2 {
	const parts = 10 // of a curve
	var out [][]dot2
	var cur []dot2
	for _, s := range steps {
		to := dot2{s.X * c.k, s.Y * c.k}
		switch s.Op {
		case 'M':
			if len(cur) > 1 {
				out = append(out, cur)
			}
			cur = []dot2{to}
		case 'L':
			cur = append(cur, to)
		case 'C':
			a, b, d := cur[len(cur)-1], dot2{s.X1 * c.k, s.Y1 * c.k}, dot2{s.X2 * c.k, s.Y2 * c.k}
			for i := 1; i <= parts; i++ {
				t := float64(i) / parts
				u := 1 - t
				cur = append(cur, dot2{u*u*u*a.x + 3*u*u*t*b.x + 3*u*t*t*d.x + t*t*t*to.x, u*u*u*a.y + 3*u*u*t*b.y + 3*u*t*t*d.y + t*t*t*to.y})
			}
		case 'Z':
			cur = append(cur, cur[0])
		}
	}
	if len(cur) > 1 {
		out = append(out, cur)
	}
	return out
}

// strokes is the surface of a line: a rectangle for each piece and a disc for each corner, all turning the same way
// so that they add up.
func (c *canvas) strokes(line []dot2, f *picture.Figure) [][]dot2 {
	half := math.Max(f.Width*c.k, 1) / 2
	var out [][]dot2
	for _, l := range c.dashes(line, f.Dash) {
		for i := 1; i < len(l); i++ {
			a, b := l[i-1], l[i]
			n := math.Hypot(b.x-a.x, b.y-a.y)
			if n == 0 {
				continue
			}
			nx, ny := (b.y-a.y)/n*half, -(b.x-a.x)/n*half
			out = append(out, []dot2{{a.x + nx, a.y + ny}, {b.x + nx, b.y + ny}, {b.x - nx, b.y - ny}, {a.x - nx, a.y - ny}})
			if i > 1 || l[0] == l[len(l)-1] {
				out = append(out, disc(a, half))
			}
		}
	}
	return out
}

func disc(m dot2, r float64) []dot2 {
	const corners = 12
	out := make([]dot2, corners)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		out[i] = dot2{m.x + r*cos, m.y + r*sin}
	}
	return out
}

// dashes cuts a line.
func (c *canvas) dashes(line []dot2, dash []float64) [][]dot2 {
	if len(dash) == 0 {
		return [][]dot2{line}
	}
	var out [][]dot2
	k, left, on := 0, dash[0]*c.k, true
	cur := []dot2{line[0]}
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		n := math.Hypot(b.x-a.x, b.y-a.y)
		for n > left {
			t := left / n
			a = dot2{a.x + (b.x-a.x)*t, a.y + (b.y-a.y)*t}
			if on {
				out = append(out, append(cur, a))
			}
			n -= left
			k = (k + 1) % len(dash)
			left, on, cur = dash[k]*c.k, !on, []dot2{a}
		}
		left -= n
		cur = append(cur, b)
	}
	if on && len(cur) > 1 {
		out = append(out, cur)
	}
	return out
}

// paint fills areas, only as much of the image as they lie in.
func (c *canvas) paint(areas [][]dot2, ink picture.Ink) {
	lo, hi := dot2{math.MaxFloat64, math.MaxFloat64}, dot2{-math.MaxFloat64, -math.MaxFloat64}
	for _, a := range areas {
		for _, p := range a {
			lo, hi = dot2{math.Min(lo.x, p.x), math.Min(lo.y, p.y)}, dot2{math.Max(hi.x, p.x), math.Max(hi.y, p.y)}
		}
	}
	box := image.Rect(int(lo.x)-1, int(lo.y)-1, int(hi.x)+2, int(hi.y)+2).Intersect(c.img.Bounds())
	if box.Empty() {
		return
	}
	c.raster.Reset(box.Dx(), box.Dy())
	ox, oy := float64(box.Min.X), float64(box.Min.Y)
	for _, a := range areas {
		c.raster.MoveTo(float32(a[0].x-ox), float32(a[0].y-oy))
		for _, p := range a[1:] {
			c.raster.LineTo(float32(p.x-ox), float32(p.y-oy))
		}
		c.raster.ClosePath()
	}
	c.raster.Draw(c.img, box, image.NewUniform(c.color(ink)), image.Point{})
}

// text draws a line, smaller when this font is wider than the room that is kept free.
func (c *canvas) text(t *picture.Text) error {
	face, err := c.face(t.Bold, t.Size*c.k)
	if err != nil {
		return err
	}
	w := float64(font.MeasureString(face, t.Text)) / 64
	if room := float64(t.Room) * c.k; w > room {
		if face, err = c.face(t.Bold, math.Floor(4*t.Size*c.k*room/w)/4); err != nil {
			return err
		}
		w = float64(font.MeasureString(face, t.Text)) / 64
	}
	x := t.X * c.k
	switch t.Anchor {
	case picture.Middle:
		x -= w / 2
	case picture.End:
		x -= w
	case picture.Start:
	}
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(c.color(t.Ink)), Face: face, Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(t.Y * c.k * 64)}}
	d.DrawString(t.Text)
	return nil
}

func (c *canvas) face(bold bool, size float64) (font.Face, error) {
	key := faceKey{bold, size}
	if f := c.faces[key]; f != nil {
		return f, nil
	}
	src := c.regular
	if bold {
		src = c.bold
	}
	f, err := opentype.NewFace(src, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	c.faces[key] = f
	return f, nil
}
