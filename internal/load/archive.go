package load

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// unpackedSize fails when a compressed archive unpacks to more than the limit.
func unpackedSize(data []byte, lim Limits) error {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("not a chart archive: %w", err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(zr, lim.ChartBytes+1))
	if err != nil {
		return fmt.Errorf("not a chart archive: %w", err)
	}
	if n > lim.ChartBytes {
		return fmt.Errorf("it unpacks to more than the limit of %s", size(lim.ChartBytes))
	}
	return nil
}
