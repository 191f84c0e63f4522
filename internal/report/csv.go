package report

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var csvFormat = Format{Name: "csv", Ext: ".csv", Media: "text/csv; charset=utf-8", Write: writeCSV}

// writeCSV writes a row for each finding. The columns are a promise: new ones come at the end.
func writeCSV(w io.Writer, a *pci.Assessment, _ Options) error {
	rows := [][]string{{
		"status", "severity", "check", "title", "requirements", "requirements_3_2_1", "guidance",
		"kind", "namespace", "name", "file", "line", "message", "witness", "because", "fix", "holds", "of", "fingerprint", "baseline",
	}}
	for _, f := range a.Findings {
		fix, holds, of := "", "", ""
		if f.Fix != nil {
			fix = f.Fix.Text
		}
		if f.Population.Of > 0 {
			holds, of = strconv.Itoa(f.Population.Holds), strconv.Itoa(f.Population.Of)
		}
		rows = append(rows, []string{
			string(f.Status), string(f.Severity), f.Check, f.Title, strings.Join(f.Requirements, " "),
			strings.Join(f.Requirements321, " "), strings.Join(f.Guidance, " "), f.Subject.Kind, f.Subject.Namespace, f.Subject.Name,
			f.Pos.File, lineNumber(f.Pos.Line), f.Message, witnessText(f.Witness), strings.Join(becauseTexts(f), "; "), fix, holds, of, f.Fingerprint, string(f.Since),
		})
	}
	return writeRows(w, rows)
}

// writeRows writes rows that are all there.
func writeRows(w io.Writer, rows [][]string) error {
	out := newRows(w)
	for _, row := range rows {
		if err := out.write(row...); err != nil {
			return err
		}
	}
	return out.flush()
}

// rowWriter writes rows with CRLF (RFC 4180) and with every cell made harmless.
type rowWriter struct{ out *csv.Writer }

func newRows(w io.Writer) rowWriter {
	out := csv.NewWriter(bufio.NewWriterSize(w, writeSize))
	out.UseCRLF = true
	return rowWriter{out}
}

func (r rowWriter) write(row ...string) error {
	safe := make([]string, len(row))
	for i, c := range row {
		safe[i] = cell(c)
	}
	return r.out.Write(safe)
}

func (r rowWriter) flush() error {
	r.out.Flush()
	return r.out.Error()
}

// cell stops spreadsheets from running text as a formula (OWASP "CSV Injection"): a quote in front makes it
// text. Blanks in front do not help, spreadsheets may drop them.
func cell(s string) string {
	if first, n := utf8.DecodeRuneInString(strings.TrimLeft(s, " ")); n > 0 && strings.ContainsRune("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20", first) {
		s = "'" + s
	}
	return line(s)
}

func lineNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
