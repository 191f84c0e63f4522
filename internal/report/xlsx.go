package report

import (
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var xlsxFormat = Format{
	Name: "xlsx", Ext: ".xlsx", Media: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Binary: true, Write: writeXLSX,
}

// writeXLSX writes a workbook: what the result stands on, both views by requirement, the findings, the checks and
// the population, and the registers where there are some. The columns are a promise: new ones come at the end.
func writeXLSX(w io.Writer, a *pci.Assessment, opt Options) error {
	p, err := newPage(a, opt)
	if err != nil {
		return err
	}
	sheets := []xlsxSheet{aboutSheet(p), requirementSheet(a, pci.PCI401), requirementSheet(a, pci.PCI321), requirementSheet(a, pci.Containers2022), findingSheet(a), checkSheet(a), populationSheet(a)}
	for i := range opt.Registers {
		sheets = append(sheets, opt.Registers[i].sheet())
	}
	data, err := workbook(sheets)
	return written(w, data, err)
}

func aboutSheet(p *page) xlsxSheet {
	s := xlsxSheet{name: "About", widths: []int{22, 120}, rows: [][]xlsxCell{texts("what", "value"), texts("Result", p.Verdict), texts("Claim", p.Claim)}}
	for _, f := range p.Facts {
		for _, v := range f.Values {
			s.rows = append(s.rows, texts(f.Name, v))
		}
	}
	for _, g := range p.Gaps {
		s.rows = append(s.rows, texts("Not covered", g))
	}
	for _, q := range p.Problems {
		s.rows = append(s.rows, texts("Problem with the input", strings.TrimSuffix(q.Severity+": "+q.Text+"; hint: "+q.Hint, "; hint: ")))
	}
	return s
}

// requirementSheet has a row for each requirement and check.
func requirementSheet(a *pci.Assessment, standard pci.Standard) xlsxSheet {
	r := Requirements(a, standard)
	s := r.sheet()
	s.name, s.widths = "Requirements "+strings.TrimPrefix(r.Name, "requirements-"), []int{14, 16, 12, 60, 16, 10, 8, 8, 36, 100, 60, 8}
	return s
}

func findingSheet(a *pci.Assessment) xlsxSheet {
	s := xlsxSheet{
		name:   "Findings",
		widths: []int{14, 10, 10, 40, 16, 16, 12, 16, 16, 24, 36, 8, 80, 50, 80, 60, 8, 8, 16, 20},
		rows: [][]xlsxCell{texts("status", "severity", "check", "title", "requirements", "requirements_3_2_1", "guidance", "kind", "namespace", "name", "file", "line",
			"message", "witness", "because", "fix", "holds", "of", "population", "fingerprint")},
	}
	for _, f := range a.Findings {
		row := texts(string(f.Status), string(f.Severity), f.Check, f.Title, strings.Join(f.Requirements, " "), strings.Join(f.Requirements321, " "), strings.Join(f.Guidance, " "),
			f.Subject.Kind, f.Subject.Namespace, f.Subject.Name, f.Pos.File)
		row = append(row, xlsxNumber(f.Pos.Line, f.Pos.Line > 0))
		row = append(row, texts(f.Message, witnessText(f.Witness), strings.Join(becauseTexts(f), "; "), fixText(f))...)
		row = append(row, xlsxNumber(f.Population.Holds, f.Population.Of > 0), xlsxNumber(f.Population.Of, f.Population.Of > 0))
		s.rows = append(s.rows, append(row, texts(f.Population.What, f.Fingerprint)...))
	}
	return s
}

func checkSheet(a *pci.Assessment) xlsxSheet {
	s := xlsxSheet{
		name: "Checks", widths: []int{10, 60, 16, 10, 8, 8, 36, 24, 24, 16},
		rows: [][]xlsxCell{texts("check", "title", "status", "severity", "holds", "of", "population", "requirements", "requirements_3_2_1", "guidance")},
	}
	for _, c := range a.Checks {
		row := append(texts(c.ID, c.Title, string(c.Status), string(c.Severity)), xlsxNumber(c.Population.Holds, c.Population.Of > 0), xlsxNumber(c.Population.Of, c.Population.Of > 0))
		s.rows = append(s.rows, append(row, texts(c.Population.What, strings.Join(c.Requirements, " "), strings.Join(c.Requirements321, " "), strings.Join(c.Guidance, " "))...))
	}
	return s
}

// populationSheet is all that was looked at, the scope classes, and the objects that were read by kind.
func populationSheet(a *pci.Assessment) xlsxSheet {
	s := xlsxSheet{name: "Population", widths: []int{20, 50, 10}, rows: [][]xlsxCell{texts("group", "what", "count")}}
	for _, c := range countsOf(a) {
		s.rows = append(s.rows, append(texts(c.group, c.what), xlsxNumber(c.n, true)))
	}
	return s
}

func texts(list ...string) []xlsxCell {
	out := make([]xlsxCell, len(list))
	for i, s := range list {
		out[i] = xlsxCell{text: line(s)}
	}
	return out
}

func xlsxNumber(n int, known bool) xlsxCell { return xlsxCell{number: n, isNumber: known} }
