// Package workbook is files of spreadsheet programs (Office Open XML, ECMA-376), as small as those programs take them:
// sheets of texts and numbers, one style for the head and one for texts. There is no element for a formula in it, so
// no text can be one.
package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// MaxUnits is how many UTF-16 units of a text spreadsheets keep in a cell; more are cut, and the cut is told.
const MaxUnits = 32767

const maxRows = 1 << 20 // of a sheet

// Media and Ext are the content type and the ending of a workbook.
const (
	Media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	Ext   = ".xlsx"
)

// Sheet is rows of cells, the first of them the head. Widths are in characters, one for each column.
type Sheet struct {
	Name   string
	Widths []int
	Rows   [][]Cell
}

// Cell is a text or a number; the zero value is empty.
type Cell struct {
	Text     string
	Number   int
	IsNumber bool
}

// Texts makes a row of texts. They are written as they are: what may stand in a line is the caller's to say.
func Texts(list ...string) []Cell {
	out := make([]Cell, len(list))
	for i, s := range list {
		out[i] = Cell{Text: s}
	}
	return out
}

const (
	mainNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	relsNS = "http://schemas.openxmlformats.org/package/2006/relationships"
	docNS  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	typeNS = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// styles: 0 is plain, 1 the head, 2 text that wraps. quotePrefix keeps text that looks like a formula text
// also when somebody edits the cell.
const styles = `<styleSheet xmlns="` + mainNS + `"><fonts count="2"><font><sz val="10"/><name val="Arial"/></font><font><b/><sz val="10"/><name val="Arial"/></font></fonts>` +
	`<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8ECF0"/></patternFill></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs></styleSheet>`

// Bytes packs sheets into a file. Parts are stored, not compressed, and bear no time: the bytes depend on the cells alone.
func Bytes(sheets []Sheet) ([]byte, error) {
	var types, rels, list strings.Builder
	type part struct{ name, body string }
	var parts []part
	for i, s := range sheets {
		n := strconv.Itoa(i + 1)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%s.xml" ContentType="%sworksheet+xml"/>`, n, typeNS)
		fmt.Fprintf(&rels, `<Relationship Id="rId%s" Type="%s/worksheet" Target="worksheets/sheet%s.xml"/>`, n, docNS, n)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%s" r:id="rId%s"/>`, escaped(s.Name), n, n)
		parts = append(parts, part{"xl/worksheets/sheet" + n + ".xml", s.xml()})
	}
	style := strconv.Itoa(len(sheets) + 1)
	parts = append([]part{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + typeNS + `sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + typeNS + `styles+xml"/>` + types.String() + `</Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + relsNS + `"><Relationship Id="rId1" Type="` + docNS + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + mainNS + `" xmlns:r="` + docNS + `"><sheets>` + list.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + relsNS + `">` + rels.String() + `<Relationship Id="rId` + style + `" Type="` + docNS + `/styles" Target="styles.xml"/></Relationships>`},
		{"xl/styles.xml", styles},
	}, parts...)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		data := []byte(xml.Header + p.body)
		h := &zip.FileHeader{Name: p.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data), CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data))}
		w, err := z.CreateRaw(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// xml is the part of a sheet: the head stays in sight and filters its columns.
func (s Sheet) xml() string {
	rows := s.Rows
	if len(rows) > maxRows {
		left := len(rows) - maxRows + 1
		rows = append(rows[:maxRows-1:maxRows-1], Texts(fmt.Sprintf("%d more rows do not fit into a sheet: see another format", left)))
	}
	var b strings.Builder
	b.WriteString(`<worksheet xmlns="` + mainNS + `"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i, w := range s.Widths {
		fmt.Fprintf(&b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, w)
	}
	b.WriteString(`</cols><sheetData>`)
	for n, row := range rows {
		fmt.Fprintf(&b, `<row r="%d">`, n+1)
		style := 2
		if n == 0 {
			style = 1
		}
		for i, c := range row {
			at := column(i) + strconv.Itoa(n+1)
			switch {
			case c.IsNumber:
				fmt.Fprintf(&b, `<c r="%s"><v>%d</v></c>`, at, c.Number)
			case c.Text != "":
				fmt.Fprintf(&b, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, at, style, escaped(c.Text))
			}
		}
		b.WriteString(`</row>`)
	}
	fmt.Fprintf(&b, `</sheetData><autoFilter ref="A1:%s%d"/></worksheet>`, column(len(s.Widths)-1), len(rows))
	return b.String()
}

// column names a column: 0 is A, 26 is AA.
func column(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

// escape is what spreadsheets read as a code unit of any kind (ST_Xstring, 22.9.2.19).
var escape = regexp.MustCompile(`^_x[0-9A-Fa-f]{4}_`)

// escaped is text for an element or an attribute, cut to what a cell takes.
func escaped(s string) string {
	if units := utf16.Encode([]rune(s)); len(units) > MaxUnits {
		const room = 100
		s = string(utf16.Decode(units[:MaxUnits-room])) + fmt.Sprintf(" ... (cut: %d more; see another format)", len(units)-MaxUnits+room)
	}
	var plain strings.Builder
	for i := range len(s) {
		if s[i] == '_' && escape.MatchString(s[i:]) {
			plain.WriteString("_x005F") // and the underscore itself
		}
		plain.WriteByte(s[i])
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(plain.String())) // a bytes.Buffer takes every write
	return b.String()
}
