package workbook

import (
	"strings"
	"testing"
)

func TestCutsWhatDoesNotFit(t *testing.T) {
	s := Sheet{Name: "x", Widths: []int{1}, Rows: make([][]Cell, maxRows+5)}
	out := s.xml()
	if got := strings.Count(out, "<row "); got != maxRows {
		t.Errorf("%d rows", got)
	}
	if !strings.Contains(out, "6 more rows do not fit") {
		t.Error("the cut is not told")
	}
}

func TestColumn(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := column(i); got != want {
			t.Errorf("column %d is %s, want %s", i, got, want)
		}
	}
}
