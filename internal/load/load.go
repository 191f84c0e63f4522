// Package load is the reader of everything bulkhead can be pointed at: manifest files and folders,
// kustomizations, Helm charts, kubectl output and transcripts of it, snapshots, and a live cluster.
//
// It gives back objects that know the file and line of every value, the problems met on the way, and an
// account of what was read, what was skipped and what is known to be missing. It never touches the network
// except to list from the API server that Options.Live names, and it never keeps the content of a Secret.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Options says how to read. The zero value reads plain sources offline.
type Options struct {
	Stdin     io.Reader // read for the source "-"; nil makes "-" an error
	Values    []string  // Helm values files, later ones win
	Set       []string  // Helm --set expressions, stronger than Values
	Namespace string    // release namespace of Helm charts; objects without a namespace stay without one
	Live      *Live     // nil: offline

	// Progress is told how far reading is; total is 0 when it is not known. May be nil.
	Progress func(done, total int64, what string)
	Limits   Limits // zero fields take their default
}

// Result is everything read.
type Result struct {
	Objects  []*object.Object // in input order, files of a folder by name; lists expanded; no object twice
	Problems []object.Problem // by place
	Coverage Coverage
	Rights   []Right // of a live read, in order
}

// Load reads the sources in order. It fails only when a source does not exist or nothing at all could be
// read; everything else is a Problem, and reading goes on. Of an object given twice the last one is kept,
// as kubectl apply would.
func Load(ctx context.Context, sources []string, opt Options) (*Result, error) {
	if len(sources) == 0 && opt.Live == nil {
		return nil, errors.New("no source given: name a file, a folder, - or a cluster")
	}
	c := newCollector(ctx, opt)
	for _, s := range sources {
		paths, err := expandGlob(s)
		if err != nil {
			return nil, err
		}
		c.cov.Sources = append(c.cov.Sources, s)
		for _, p := range paths {
			if err := c.source(p); err != nil {
				return nil, err
			}
		}
	}
	if opt.Live != nil {
		if err := c.live(opt.Live); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.cov.Files == 0 && opt.Live == nil && len(c.problems) == 0 {
		return nil, fmt.Errorf("nothing to read in %s: want .yaml, .yml or .json files, a kustomization or a Helm chart", strings.Join(sources, ", "))
	}
	return c.result(), nil
}

// Parse reads one stream of YAML or JSON documents, a transcript of kubectl commands with such output, or a
// snapshot. file is only a name for positions. Problems and skipped documents come in the order met.
func Parse(data []byte, file string, limits Limits) ([]*object.Object, []object.Problem, []Skipped) {
	c := newCollector(context.Background(), Options{Limits: limits}) //nolint:forbidigo // Parse reads bytes that are here: there is nothing to cancel
	c.stream(data, file)
	return c.objects, c.problems, c.cov.Skipped
}

// expandGlob resolves wildcards that the shell left alone. A path that exists is never a pattern.
func expandGlob(s string) ([]string, error) {
	if s == "-" {
		return []string{s}, nil
	}
	if _, err := os.Lstat(s); err == nil {
		return []string{s}, nil
	}
	if strings.Contains(s, "://") {
		return nil, fmt.Errorf("source %s: remote sources are not fetched; download it first", s)
	}
	if !strings.ContainsAny(s, "*?[") {
		return nil, fmt.Errorf("source %s: no such file or folder", s)
	}
	paths, err := filepath.Glob(s)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("source %s: matches no file", s)
	}
	slices.Sort(paths)
	return paths, nil
}

// source reads one existing path, by what it is.
func (c *collector) source(path string) error {
	if path == "-" {
		if c.opt.Stdin == nil {
			return errors.New("source -: there is no standard input to read")
		}
		return c.readAll(c.opt.Stdin, "stdin")
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("source %s: %w", path, plain(err))
	case info.IsDir():
		return c.folder(path)
	case isArchive(path):
		c.archive(path)
		return nil
	}
	return c.file(path)
}

// file reads one manifest file that was named as a source or met in a folder.
func (c *collector) file(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("source %s: %w", path, plain(err))
	}
	if !info.Mode().IsRegular() && info.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) == 0 {
		c.skip(object.Pos{File: path}, "not a regular file")
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("source %s: %w", path, plain(err))
	}
	defer f.Close()
	return c.readAll(f, path)
}

// readAll reads a whole stream within the file limit.
func (c *collector) readAll(r io.Reader, name string) error {
	name = filepath.ToSlash(name)
	var buf bytes.Buffer
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() <= c.lim.FileBytes {
			buf.Grow(int(info.Size()) + bytes.MinRead) // or it is copied several times on the way
		}
	}
	_, err := buf.ReadFrom(io.LimitReader(&progressReader{c: c, r: r, name: name}, c.lim.FileBytes+1))
	if err != nil {
		return fmt.Errorf("source %s: %w", name, plain(err))
	}
	data := buf.Bytes()
	if int64(len(data)) > c.lim.FileBytes {
		c.problem(object.Error, object.Pos{File: name}, fmt.Sprintf("larger than the limit of %s; not read", size(c.lim.FileBytes)),
			"split the file, or export it per namespace")
		c.skip(object.Pos{File: name}, "larger than the limit of "+size(c.lim.FileBytes))
		return nil
	}
	c.cov.Files++
	c.cov.Bytes += int64(len(data))
	c.stream(data, name)
	return nil
}

// progressReader reports bytes as they arrive and stops when the context ends.
type progressReader struct {
	c    *collector
	r    io.Reader
	name string
	n    int64
}

func (p *progressReader) Read(b []byte) (int, error) {
	if err := p.c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.n += int64(n)
	p.c.progress(p.n, 0, p.name)
	return n, err
}

// plain drops the "open PATH:" in front of file errors, because the source is named already.
func plain(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// size writes a limit the way people say it.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
