package load

import "cmp"

// Limits bound what hostile or broken input can cost. A zero field means the default.
type Limits struct {
	FileBytes  int64 // one file or stream, 256 MiB; a larger one is not read at all
	DocBytes   int64 // one document, or one item of a kubectl List, 64 MiB
	ChartBytes int64 // one Helm archive, unpacked, 64 MiB; also all text a chart renders to
	Objects    int   // all sources together, 2,000,000
	Files      int   // files met in folders, 100,000
	Depth      int   // nesting of values, 100
	AliasNodes int   // values a document gains by YAML aliases, 1,000,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		FileBytes:  cmp.Or(l.FileBytes, 256<<20),
		DocBytes:   cmp.Or(l.DocBytes, 64<<20),
		ChartBytes: cmp.Or(l.ChartBytes, 64<<20),
		Objects:    cmp.Or(l.Objects, 2_000_000),
		Files:      cmp.Or(l.Files, 100_000),
		Depth:      cmp.Or(l.Depth, 100),
		AliasNodes: cmp.Or(l.AliasNodes, 1_000_000),
	}
}
