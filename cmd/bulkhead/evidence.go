package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/pseudonym"
)

const evidenceDoc = `An evidence package is a folder for an assessor: the input, all that was concluded from it, and a manifest with
a digest of each file, signed with a key of yours. Verify needs the folder and the public key alone: it compares
digests, checks the signature, evaluates the saved input again and compares every conclusion byte for byte.

`

func newEvidence(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "evidence", Short: "make, sign and check the package for the assessor", Long: evidenceDoc,
		Args: arguments(0, 0, "one of create, sign, timestamp, verify, chain, key"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEvidenceCreate(g), newEvidenceSign(), newEvidenceTimestamp(g), newEvidenceVerify(g), newEvidenceChain(g), newEvidenceKey())
	return cmd
}

type createOptions struct {
	sourceOptions
	out, key, at, subject, previous string
	pseudonyms                      string
	keepNames                       []string

	asked []string // the command line, for the manifest
}

const createDoc = `Create evaluates SOURCE and writes the package. With --key it is signed. The same input, flags, version and time
give the same bytes; the time is that of --at, of SOURCE_DATE_EPOCH, or the clock's.

With --pseudonyms the names of namespaces, objects, hosts, people and files are replaced, by a key that stays with
you; the list of names is written beside the package. The package is made only when its conclusions are those of
the true names. Addresses, label names, certificates, which hold names, and free texts stay: read the package before
you give it away.

Examples:
  bulkhead evidence create --out evidence-2026-11 --key signing.pem --subject production manifests/
  bulkhead evidence create --out evidence-2026-12 --previous evidence-2026-11 --key signing.pem --cluster

`

func newEvidenceCreate(g *globals) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use: "create --out DIR SOURCE...", Short: "make a package", Long: createDoc + exitHelp, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.asked = asked(cmd, args)
			return runEvidenceCreate(cmd.Context(), g, &o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "folder to make; it must be empty or not exist")
	f.StringVar(&o.key, "key", "", "private key to sign with (PEM, PKCS #8)")
	f.StringVar(&o.at, "at", "", "the time to write into the package (RFC 3339)")
	f.StringVar(&o.subject, "subject", "", "name of what was looked at, such as the cluster")
	f.StringVar(&o.previous, "previous", "", "the package before this one")
	f.StringVar(&o.pseudonyms, "pseudonyms", "", "replace names, by the key in this file; the list of names goes to DIR.names.csv")
	f.StringSliceVar(&o.keepNames, "keep-names", nil, "with --pseudonyms: names that stay as they are")
	_ = cmd.MarkFlagRequired("out")
	o.flags(cmd)
	o.judging(cmd)
	o.probing(cmd)
	return cmd
}

func runEvidenceCreate(ctx context.Context, g *globals, o *createOptions, sources []string) error {
	created, err := o.created()
	if err != nil {
		return err
	}
	m := &evidence.Manifest{
		Tool: g.tool(), Created: created.Format(time.RFC3339), Subject: o.subject, Sources: append([]string{}, sources...), Command: o.asked,
		Assume: evidence.Assume{
			Namespace: o.namespace, Enforcer: o.enforcer, PodCIDRs: o.podCIDRs, ServiceCIDRs: o.svcCIDRs, NodeCIDRs: o.nodeCIDRs, ScopeLabel: o.scopeLabel,
		},
	}
	if o.pseudonyms != "" && o.probeTLS {
		return hint(errUnfit("--probe-tls", "--pseudonyms"), "the names in certificates can not be replaced")
	}
	if o.pseudonyms != "" {
		if _, err := os.Stat(o.namesFile()); err == nil {
			return hint(fmt.Errorf("%s is there already", o.namesFile()), "it belongs to a package that was made before; take another --out")
		}
	}
	var key crypto.Signer
	if o.key != "" {
		if key, err = readKey(o.key, evidence.ReadPrivate); err != nil {
			return fmt.Errorf("--key: %w", err)
		}
	}
	if o.previous != "" {
		if m.Previous, err = evidence.ManifestDigest(o.previous); err != nil {
			return fmt.Errorf("--previous: %w", err)
		}
	}
	p := &progress{}
	if g.errTTY && !o.noProgress {
		p.w = g.stderr
	}
	defer p.done()
	loaded, err := g.read(ctx, sources, &o.sourceOptions, p)
	if err != nil {
		return err
	}
	if m.Collected, err = o.collected(created); err != nil {
		return err
	}
	for _, r := range loaded.Rights {
		m.Rights = append(m.Rights, evidence.Right(r))
	}
	p.phase("computing")
	var names *pseudonym.Names
	if o.pseudonyms != "" {
		if loaded, names, err = g.renamed(loaded, o, m); err != nil {
			return err
		}
	}
	snapshot, err := snapshotOf(loaded)
	if err != nil {
		return err
	}
	files, result, err := g.derive(ctx, snapshot, m)
	if err != nil {
		return err
	}
	files = append(files, evidence.File{Path: evidence.SnapshotFile, Data: snapshot})
	if err := evidence.Write(o.out, files, m); err != nil {
		return err
	}
	if names != nil {
		if err := writeNames(o.namesFile(), names); err != nil {
			return err
		}
	}
	if key != nil {
		if err := evidence.Sign(ctx, o.out, key); err != nil {
			return err
		}
	}
	s := result.Summary
	fmt.Fprintf(g.stdout, "%s: %d files; %d failed, %d undecided, %d manual, %d passed\n", o.out, len(m.Files)+1, s.Fail+s.Error, s.Unknown, s.Manual, s.Pass)
	if key == nil {
		fmt.Fprintf(g.stderr, "note: the package is not signed; bulkhead evidence sign --key KEY %s signs it\n", o.out)
	}
	return answered(result.ExitCode())
}

// namesFile is where the list of names goes: beside the package, never into it.
func (o *createOptions) namesFile() string { return filepath.Clean(o.out) + ".names.csv" }

// created is the time to write into the package, to the second.
func (o *createOptions) created() (time.Time, error) {
	if o.at != "" {
		t, err := time.Parse(time.RFC3339, o.at)
		if err != nil {
			return t, fmt.Errorf("--at: %w", err)
		}
		return t.UTC(), nil
	}
	return clock()
}

// collected is when reading began and ended, which are one where the time is stated.
func (o *createOptions) collected(start time.Time) (*evidence.Collected, error) {
	end, err := o.created()
	if err != nil {
		return nil, err
	}
	by := "clock of this machine"
	switch {
	case o.at != "":
		by = "--at"
	case os.Getenv("SOURCE_DATE_EPOCH") != "":
		by = "SOURCE_DATE_EPOCH"
	}
	return &evidence.Collected{Start: start.Format(time.RFC3339), End: end.Format(time.RFC3339), Clock: by}, nil
}

// asked is the command line as it bears on the result: flags by name, then sources. Where the package goes and who
// signs it does not, and values for charts may be secret.
func asked(cmd *cobra.Command, sources []string) []string {
	out := strings.Fields(cmd.CommandPath())
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "out", "key", "previous", "no-progress", "color", "keep-names":
			return
		case "set", "pseudonyms":
			out = append(out, "--"+f.Name+"=...")
			return
		}
		out = append(out, "--"+f.Name+"="+f.Value.String())
	})
	return append(out, sources...)
}

// tool says what this program is, with a digest of its checks.
func (g *globals) tool() evidence.Tool {
	return evidence.Tool{Name: "bulkhead", Version: g.version, Rules: checks.Digest()}
}

func readKey[K any](file string, read func([]byte) (K, error)) (K, error) {
	var none K
	data, err := os.ReadFile(file)
	if err != nil {
		return none, err
	}
	key, err := read(data)
	if err != nil {
		return none, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func newEvidenceSign() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "sign --key KEY DIR", Short: "sign a package", Long: "Sign writes the attestation of a package: an in-toto statement about every file, in a DSSE envelope.\n",
		Args: arguments(1, 1, "one package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			signer, err := readKey(key, evidence.ReadPrivate)
			if err != nil {
				return fmt.Errorf("--key: %w", err)
			}
			return evidence.Sign(cmd.Context(), args[0], signer)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "private key (PEM, PKCS #8)")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func newEvidenceKey() *cobra.Command {
	return &cobra.Command{
		Use: "key FILE", Short: "make a key pair to sign with", Long: "Key writes a new Ed25519 private key to FILE, readable by its owner alone, and the public key to FILE.pub.\n",
		Args: arguments(1, 1, "one file name"),
		RunE: func(_ *cobra.Command, args []string) error {
			private, public, err := evidence.NewKey()
			if err != nil {
				return err
			}
			if err := writeNew(args[0], private, 0o600); err != nil {
				return err
			}
			return writeNew(args[0]+".pub", public, 0o644)
		},
	}
}

// writeNew writes a file that must not exist yet.
func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// harmless shows text from a package on a terminal.
func harmless(s string) string {
	q := strconv.QuoteToASCII(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(q[1 : len(q)-1])
}
