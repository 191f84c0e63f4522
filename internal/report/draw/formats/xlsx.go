package formats

import (
	"io"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/workbook"
)

// writeXLSX writes a workbook: of the matrix the grid that assessors know, then for every view the same facts as in
// CSV, a row each, and what the picture is of.
func writeXLSX(w io.Writer, p *draw.Picture, _ Options) error {
	var sheets []workbook.Sheet
	if m := p.Graph.Matrix; m != nil {
		grid := gridOf(m)
		grid[0] = append([]string{"", "from / to"}, columns(m)...)
		sheets = append(sheets, sheetOf("Matrix", grid))
	}
	facts := [][]string{{"about"}}
	for _, f := range append([]string{p.Headline()}, p.Facts()...) {
		facts = append(facts, []string{f})
	}
	sheets = append(sheets, sheetOf("Connections", rows(p)), sheetOf("In words", facts))
	data, err := workbook.Bytes(sheets)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// columns is the zones as heads of columns.
func columns(m *draw.Matrix) []string {
	out := make([]string, len(m.Zones))
	for i, z := range m.Zones {
		out[i] = z.Name
	}
	return out
}

func sheetOf(name string, rows [][]string) workbook.Sheet {
	const least, most = 8, 60 // characters of a column
	s := workbook.Sheet{Name: name}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = draw.Safe(text)
			if i == len(s.Widths) {
				s.Widths = append(s.Widths, least)
			}
			s.Widths[i] = max(s.Widths[i], min(most, utf8.RuneCountInString(cells[i])+2))
		}
		s.Rows = append(s.Rows, workbook.Texts(cells...))
	}
	return s
}
