package main

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
)

const evidenceDoc = `An evidence package is a folder for an assessor: the input, all that was concluded from it, and a manifest with
a digest of each file, signed with a key of yours. Verify needs the folder and the public key alone: it compares
digests, checks the signature, evaluates the saved input again and compares every conclusion byte for byte.

`

func newEvidence(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "evidence", Short: "make, sign and check the package for the assessor", Long: evidenceDoc,
		Args: arguments(0, 0, "one of create, sign, verify, chain, key"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEvidenceCreate(g), newEvidenceSign(), newEvidenceVerify(g), newEvidenceChain(g), newEvidenceKey())
	return cmd
}

type createOptions struct {
	sourceOptions
	out, key, at, subject, previous string
}

const createDoc = `Create evaluates SOURCE and writes the package. With --key it is signed. The same input, flags, version and time
give the same bytes; the time is that of --at, of SOURCE_DATE_EPOCH, or the clock's.

Examples:
  bulkhead evidence create --out evidence-2026-11 --key signing.pem --subject production manifests/
  bulkhead evidence create --out evidence-2026-12 --previous evidence-2026-11 --key signing.pem --cluster

`

func newEvidenceCreate(g *globals) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use: "create --out DIR SOURCE...", Short: "make a package", Long: createDoc + exitHelp, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runEvidenceCreate(cmd.Context(), g, &o, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "folder to make; it must be empty or not exist")
	f.StringVar(&o.key, "key", "", "private key to sign with (PEM, PKCS #8)")
	f.StringVar(&o.at, "at", "", "the time to write into the package (RFC 3339)")
	f.StringVar(&o.subject, "subject", "", "name of what was looked at, such as the cluster")
	f.StringVar(&o.previous, "previous", "", "the package before this one")
	_ = cmd.MarkFlagRequired("out")
	o.flags(cmd)
	return cmd
}

func runEvidenceCreate(ctx context.Context, g *globals, o *createOptions, sources []string) error {
	created, err := o.created()
	if err != nil {
		return err
	}
	m := &evidence.Manifest{
		Tool: g.tool(), Created: created, Subject: o.subject, Sources: append([]string{}, sources...),
		Assume: evidence.Assume{
			Namespace: o.namespace, Enforcer: o.enforcer, PodCIDRs: o.podCIDRs, ServiceCIDRs: o.svcCIDRs, NodeCIDRs: o.nodeCIDRs, ScopeLabel: o.scopeLabel,
		},
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
	p.phase("computing")
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

// created is the time to write into the package.
func (o *createOptions) created() (string, error) {
	at, err := clock()
	if err != nil {
		return "", err
	}
	if o.at != "" {
		t, err := time.Parse(time.RFC3339, o.at)
		if err != nil {
			return "", fmt.Errorf("--at: %w", err)
		}
		at = t
	}
	return at.UTC().Format(time.RFC3339), nil
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

const verifyDoc = `Verify checks a package, with nothing but the folder and the public key.

Exit codes: 0 everything holds; 1 something does not, and the file is named; 2 this is no package; 3 everything
that was checked holds, but not all could be checked (no key was given, or the package is not signed).
`

func newEvidenceVerify(g *globals) *cobra.Command {
	var key, out string
	cmd := &cobra.Command{
		Use: "verify --key PUBLIC DIR", Short: "check a package", Long: verifyDoc, Args: arguments(1, 1, "one package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := g.verify(cmd.Context(), args[0], key)
			if err != nil {
				return err
			}
			return printReport(g.stdout, args[0], r, out)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key or certificate (PEM)")
	output(cmd, &out, []string{"text", "json"})
	return cmd
}

func (g *globals) verify(ctx context.Context, dir, keyFile string) (*evidence.Report, error) {
	var key crypto.PublicKey
	if keyFile != "" {
		var err error
		if key, err = readKey(keyFile, evidence.ReadPublic); err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
	}
	return evidence.Verify(ctx, dir, key, g.tool(), func(snapshot []byte, m *evidence.Manifest) ([]evidence.File, error) {
		files, _, err := g.derive(ctx, snapshot, m)
		return files, err
	})
}

func printReport(w io.Writer, dir string, r *evidence.Report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
		return answered(reportCode(r))
	}
	m := r.Manifest
	fmt.Fprintf(w, "Package   %s, made %s by %s %s\n", harmless(dir), harmless(m.Created), harmless(m.Tool.Name), harmless(m.Tool.Version))
	if m.Subject != "" {
		fmt.Fprintf(w, "Subject   %s\n", harmless(m.Subject))
	}
	signed := "no"
	if r.Signed {
		signed = "yes, by the key given"
	}
	fmt.Fprintf(w, "Signed    %s\nFiles     %d compared, %d computed again\n", signed, r.Files, r.Derived)
	for _, u := range r.Unchecked {
		fmt.Fprintf(w, "NOT CHECKED  %s\n", u)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(w, "FAULT  %s: %s\n", harmless(f.Path), harmless(f.Msg))
	}
	switch {
	case len(r.Faults) > 0:
		fmt.Fprintf(w, "Result    %d faults: do not rely on this package\n", len(r.Faults))
	case len(r.Unchecked) > 0:
		fmt.Fprintf(w, "Result    what was checked holds\n")
	default:
		fmt.Fprintf(w, "Result    everything holds\n")
	}
	return answered(reportCode(r))
}

func reportCode(r *evidence.Report) int {
	switch {
	case len(r.Faults) > 0:
		return 1
	case len(r.Unchecked) > 0:
		return 3
	}
	return 0
}

// harmless shows text from a package on a terminal.
func harmless(s string) string {
	q := strconv.QuoteToASCII(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(q[1 : len(q)-1])
}
