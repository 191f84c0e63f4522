package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/workbook"
)

// Register is a table of facts beside the findings: a file of its own in an evidence package, and a table in the
// reports for people. Texts are as they were read; each format makes them harmless.
type Register struct {
	Name  string     // of the file, without an extension: lower case letters and "-"
	Title string     // for people, short enough for a sheet of a workbook: 31 characters
	About string     // what a row is, in a sentence; "" when the title says it
	Head  []string   // names of the columns; a promise: new ones come at the end
	Rows  [][]string // each as long as Head; order is that of the input and does not depend on chance
}

// WriteCSV writes the register as CSV, with the head as its first row.
func (r *Register) WriteCSV(w io.Writer) error {
	return writeRows(w, append([][]string{r.Head}, r.Rows...))
}

// How many rows of a register reports for people show. All of them are in the CSV file.
const (
	shownOnPage  = 2000
	shownOnPaper = 300
	shownInBook  = 50_000 // a workbook is not compressed, and a million connections would make it a gigabyte
)

// manyRanges is how many ranges of addresses a cell shows to people.
const manyRanges = 8

// pageRegister is the part of a register that a report shows. Every cell is one harmless line.
type pageRegister struct {
	Name, Title, About, Left string
	Of                       int // rows of the whole register
	Head                     []string
	Prose                    []bool // by column: a cell has sentences in it
	Rows                     [][]string
}

// proseWords is from how many words on a cell is read as sentences: ports and addresses are lists of fewer.
const proseWords = 12

func pageRegisters(list []Register, most int) []pageRegister {
	var out []pageRegister
	for i := range list {
		r := &list[i]
		p := pageRegister{Name: r.Name, Title: line(r.Title), About: line(r.About), Of: len(r.Rows)}
		columns := r.columns()
		for _, c := range columns {
			p.Head = append(p.Head, c.name)
		}
		p.Prose = make([]bool, len(columns))
		for _, row := range r.Rows[:min(len(r.Rows), most)] {
			cells := make([]string, len(columns))
			for k, c := range columns {
				cells[k] = line(c.of(row))
				p.Prose[k] = p.Prose[k] || len(strings.Fields(cells[k])) >= proseWords
			}
			p.Rows = append(p.Rows, cells)
		}
		if len(r.Rows) > most {
			p.Left = fmt.Sprintf("These are the first %d rows of %d. All of them are in registers/%s.csv.", most, len(r.Rows), r.Name)
		}
		out = append(out, p)
	}
	return out
}

// shownColumn is one or several columns of a register that people read as one.
type shownColumn struct {
	name string
	of   func(row []string) string
}

// columns joins what names an object, or a place, and leaves out what is empty in every row.
func (r *Register) columns() []shownColumn {
	var out []shownColumn
	for next := 0; next < len(r.Head); next++ {
		i, rest := next, r.Head[next:]
		prefix, isKind := strings.CutSuffix(rest[0], "kind")
		switch {
		case isKind && len(rest) > 2 && rest[1] == prefix+"namespace" && rest[2] == prefix+"name":
			wide := 3
			if len(rest) > 3 && rest[3] == prefix+"other" {
				wide = 4
			}
			name := map[string]string{"": "workload", "src_": "from", "dst_": "to"}[prefix]
			out = append(out, shownColumn{name, func(row []string) string { return named(row[i : i+wide]) }})
			next += wide - 1
		case rest[0] == "file" && len(rest) > 1 && rest[1] == "line":
			out = append(out, shownColumn{"at", func(row []string) string { return strings.TrimSuffix(row[i]+":"+row[i+1], ":") }})
			next++
		case len(r.Rows) > 0 && !slices.ContainsFunc(r.Rows, func(row []string) bool { return row[i] != "" }):
		default:
			out = append(out, shownColumn{strings.ReplaceAll(rest[0], "_", " "), func(row []string) string { return row[i] }})
		}
	}
	return out
}

// named is the peer of the columns kind, namespace, name and, where there is one, other.
func named(cells []string) string {
	switch {
	case len(cells) > 3 && cells[3] != "":
		ranges := strings.Fields(cells[3])
		if len(ranges) > manyRanges {
			return fmt.Sprintf("%s and %d more ranges", strings.Join(ranges[:manyRanges-2], " "), len(ranges)-manyRanges+2)
		}
		return cells[3]
	case cells[1] == "":
		return cells[0] + " " + cells[2]
	}
	return cells[0] + " " + cells[1] + "/" + cells[2]
}

// sheet is the register in a workbook. Cells that are whole numbers are numbers there.
func (r *Register) sheet() workbook.Sheet {
	s := workbook.Sheet{Name: r.Title, Rows: [][]workbook.Cell{texts(r.Head...)}}
	for i, h := range r.Head {
		wide := len(h) + 4
		for _, row := range r.Rows[:min(len(r.Rows), 200)] {
			wide = max(wide, min(len(row[i])+2, 60))
		}
		s.Widths = append(s.Widths, wide)
	}
	for _, row := range r.Rows[:min(len(r.Rows), shownInBook)] {
		cells := texts(row...)
		for i, c := range row {
			if n, err := strconv.Atoi(c); err == nil && strconv.Itoa(n) == c {
				cells[i] = xlsxNumber(n, true)
			}
		}
		s.Rows = append(s.Rows, cells)
	}
	if left := len(r.Rows) - shownInBook; left > 0 {
		s.Rows = append(s.Rows, texts(fmt.Sprintf("%d more rows: all of them are in registers/%s.csv", left, r.Name)))
	}
	return s
}
