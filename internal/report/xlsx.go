package report

import (
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/workbook"
)

var xlsxFormat = Format{
	Name: "xlsx", Ext: workbook.Ext, Media: workbook.Media, Binary: true, Write: writeXLSX,
}

// writeXLSX writes a workbook: what the result stands on, both views by requirement, the findings, the checks and
// the population, and the registers where there are some. The columns are a promise: new ones come at the end.
func writeXLSX(w io.Writer, a *pci.Assessment, opt Options) error {
	p, err := newPage(a, opt)
	if err != nil {
		return err
	}
	sheets := []workbook.Sheet{aboutSheet(p), requirementSheet(a, pci.PCI401), requirementSheet(a, pci.PCI321), requirementSheet(a, pci.Containers2022), findingSheet(a), checkSheet(a), populationSheet(a)}
	for i := range opt.Registers {
		sheets = append(sheets, opt.Registers[i].sheet())
	}
	data, err := workbook.Bytes(sheets)
	return written(w, data, err)
}

func aboutSheet(p *page) workbook.Sheet {
	s := workbook.Sheet{Name: "About", Widths: []int{22, 120}, Rows: [][]workbook.Cell{texts("what", "value"), texts("Result", p.Verdict), texts("Claim", p.Claim)}}
	for _, f := range p.Facts {
		for _, v := range f.Values {
			s.Rows = append(s.Rows, texts(f.Name, v))
		}
	}
	for _, g := range p.Gaps {
		s.Rows = append(s.Rows, texts("Not covered", g))
	}
	for _, q := range p.Problems {
		s.Rows = append(s.Rows, texts("Problem with the input", strings.TrimSuffix(q.Severity+": "+q.Text+"; hint: "+q.Hint, "; hint: ")))
	}
	return s
}

// requirementSheet has a row for each requirement and check.
func requirementSheet(a *pci.Assessment, standard pci.Standard) workbook.Sheet {
	r := Requirements(a, standard)
	s := r.sheet()
	s.Name, s.Widths = "Requirements "+strings.TrimPrefix(r.Name, "requirements-"), []int{14, 16, 12, 60, 16, 10, 8, 8, 36, 100, 60, 8}
	return s
}

func findingSheet(a *pci.Assessment) workbook.Sheet {
	s := workbook.Sheet{
		Name:   "Findings",
		Widths: []int{14, 10, 10, 40, 16, 16, 12, 16, 16, 24, 36, 8, 80, 50, 80, 60, 8, 8, 16, 20},
		Rows: [][]workbook.Cell{texts("status", "severity", "check", "title", "requirements", "requirements_3_2_1", "guidance", "kind", "namespace", "name", "file", "line",
			"message", "witness", "because", "fix", "holds", "of", "population", "fingerprint")},
	}
	for _, f := range a.Findings {
		row := texts(string(f.Status), string(f.Severity), f.Check, f.Title, strings.Join(f.Requirements, " "), strings.Join(f.Requirements321, " "), strings.Join(f.Guidance, " "),
			f.Subject.Kind, f.Subject.Namespace, f.Subject.Name, f.Pos.File)
		row = append(row, xlsxNumber(f.Pos.Line, f.Pos.Line > 0))
		row = append(row, texts(f.Message, witnessText(f.Witness), strings.Join(becauseTexts(f), "; "), fixText(f))...)
		row = append(row, xlsxNumber(f.Population.Holds, f.Population.Of > 0), xlsxNumber(f.Population.Of, f.Population.Of > 0))
		s.Rows = append(s.Rows, append(row, texts(f.Population.What, f.Fingerprint)...))
	}
	return s
}

func checkSheet(a *pci.Assessment) workbook.Sheet {
	s := workbook.Sheet{
		Name: "Checks", Widths: []int{10, 60, 16, 10, 8, 8, 36, 24, 24, 16},
		Rows: [][]workbook.Cell{texts("check", "title", "status", "severity", "holds", "of", "population", "requirements", "requirements_3_2_1", "guidance")},
	}
	for _, c := range a.Checks {
		row := append(texts(c.ID, c.Title, string(c.Status), string(c.Severity)), xlsxNumber(c.Population.Holds, c.Population.Of > 0), xlsxNumber(c.Population.Of, c.Population.Of > 0))
		s.Rows = append(s.Rows, append(row, texts(c.Population.What, strings.Join(c.Requirements, " "), strings.Join(c.Requirements321, " "), strings.Join(c.Guidance, " "))...))
	}
	return s
}

// populationSheet is all that was looked at, the scope classes, and the objects that were read by kind.
func populationSheet(a *pci.Assessment) workbook.Sheet {
	s := workbook.Sheet{Name: "Population", Widths: []int{20, 50, 10}, Rows: [][]workbook.Cell{texts("group", "what", "count")}}
	for _, c := range countsOf(a) {
		s.Rows = append(s.Rows, append(texts(c.group, c.what), xlsxNumber(c.n, true)))
	}
	return s
}

func texts(list ...string) []workbook.Cell {
	out := make([]workbook.Cell, len(list))
	for i, s := range list {
		out[i] = workbook.Cell{Text: line(s)}
	}
	return out
}

func xlsxNumber(n int, known bool) workbook.Cell { return workbook.Cell{Number: n, IsNumber: known} }
