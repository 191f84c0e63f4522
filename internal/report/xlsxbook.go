package report

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

// A workbook of Office Open XML (ECMA-376), as small as spreadsheets take it: sheets of texts and numbers, one
// style for the head and one for texts. There is no element for a formula in it, so no text can be one.

// What spreadsheets take at most.
const (
	xlsxMaxRows  = 1 << 20
	xlsxMaxUnits = 32767 // UTF-16 units of a cell
)

// xlsxSheet is rows of cells, the first of them the head. Widths are in characters.
type xlsxSheet struct {
	name   string
	widths []int
	rows   [][]xlsxCell
}

// xlsxCell is a text or a number; the zero value is empty.
type xlsxCell struct {
	text     string
	number   int
	isNumber bool
}

const (
	xlsxMain = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	xlsxRels = "http://schemas.openxmlformats.org/package/2006/relationships"
	xlsxDoc  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// xlsxStyles: 0 is plain, 1 the head, 2 text that wraps. quotePrefix keeps text that looks like a formula text
// also when somebody edits the cell.
const xlsxStyles = `<styleSheet xmlns="` + xlsxMain + `"><fonts count="2"><font><sz val="10"/><name val="Arial"/></font><font><b/><sz val="10"/><name val="Arial"/></font></fonts>` +
	`<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8ECF0"/></patternFill></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs></styleSheet>`

// workbook packs sheets. Parts are stored, not compressed, and bear no time: the bytes depend on the cells alone.
func workbook(sheets []xlsxSheet) ([]byte, error) {
	var types, rels, list strings.Builder
	type part struct{ name, body string }
	var parts []part
	for i, s := range sheets {
		n := strconv.Itoa(i + 1)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%s.xml" ContentType="%sworksheet+xml"/>`, n, xlsxType)
		fmt.Fprintf(&rels, `<Relationship Id="rId%s" Type="%s/worksheet" Target="worksheets/sheet%s.xml"/>`, n, xlsxDoc, n)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%s" r:id="rId%s"/>`, xlsxText(s.name), n, n)
		parts = append(parts, part{"xl/worksheets/sheet" + n + ".xml", s.xml()})
	}
	style := strconv.Itoa(len(sheets) + 1)
	parts = append([]part{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + xlsxType + `sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + xlsxType + `styles+xml"/>` + types.String() + `</Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + xlsxRels + `"><Relationship Id="rId1" Type="` + xlsxDoc + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + xlsxMain + `" xmlns:r="` + xlsxDoc + `"><sheets>` + list.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + xlsxRels + `">` + rels.String() + `<Relationship Id="rId` + style + `" Type="` + xlsxDoc + `/styles" Target="styles.xml"/></Relationships>`},
		{"xl/styles.xml", xlsxStyles},
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
func (s xlsxSheet) xml() string {
	rows := s.rows
	if len(rows) > xlsxMaxRows {
		left := len(rows) - xlsxMaxRows + 1
		rows = append(rows[:xlsxMaxRows-1:xlsxMaxRows-1], texts(fmt.Sprintf("%d more rows do not fit into a sheet: see another format", left)))
	}
	var b strings.Builder
	b.WriteString(`<worksheet xmlns="` + xlsxMain + `"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i, w := range s.widths {
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
			at := xlsxColumn(i) + strconv.Itoa(n+1)
			switch {
			case c.isNumber:
				fmt.Fprintf(&b, `<c r="%s"><v>%d</v></c>`, at, c.number)
			case c.text != "":
				fmt.Fprintf(&b, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, at, style, xlsxText(c.text))
			}
		}
		b.WriteString(`</row>`)
	}
	fmt.Fprintf(&b, `</sheetData><autoFilter ref="A1:%s%d"/></worksheet>`, xlsxColumn(len(s.widths)-1), len(rows))
	return b.String()
}

// xlsxColumn names a column: 0 is A, 26 is AA.
func xlsxColumn(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

// xlsxEscape is what spreadsheets read as a code unit of any kind (ST_Xstring, 22.9.2.19).
var xlsxEscape = regexp.MustCompile(`^_x[0-9A-Fa-f]{4}_`)

// xlsxText is text for an element or an attribute, cut to what a cell takes.
func xlsxText(s string) string {
	if units := utf16.Encode([]rune(s)); len(units) > xlsxMaxUnits {
		const room = 100
		s = string(utf16.Decode(units[:xlsxMaxUnits-room])) + fmt.Sprintf(" ... (cut: %d more; see another format)", len(units)-xlsxMaxUnits+room)
	}
	var plain strings.Builder
	for i := range len(s) {
		if s[i] == '_' && xlsxEscape.MatchString(s[i:]) {
			plain.WriteString("_x005F") // and the underscore itself
		}
		plain.WriteByte(s[i])
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(plain.String())) // a bytes.Buffer takes every write
	return b.String()
}
