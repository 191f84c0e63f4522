package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

const timestampDoc = `Timestamp has a time-stamping authority confirm that a package existed at a time (RFC 3161), and keeps the answer
as timestamp.tsr. The authority is sent a SHA-256 and nothing else. Sign the package first: the timestamp is about
the signature, or about the manifest where there is none.

With --url the authority is asked over the network, and not otherwise. Without a network, --request-out writes the request, which any machine can send to the
authority, and --response takes its answer. The timestamp is optional: without it everything else can be checked.

Examples:
  bulkhead evidence timestamp --url https://tsa.example/tsr evidence-2026-11
  bulkhead evidence timestamp --request-out request.tsq evidence-2026-11
  bulkhead evidence timestamp --response answer.tsr evidence-2026-11
  openssl ts -verify -in evidence-2026-11/timestamp.tsr -data evidence-2026-11/attestation.dsse.json -CAfile tsa.pem
`

// The answer of an authority is a few kilobytes, in a few seconds.
const (
	maxAnswer     = 64 << 10
	answerTimeout = 30 * time.Second
)

type timestampOptions struct{ url, request, response string }

func newEvidenceTimestamp(g *globals) *cobra.Command {
	var o timestampOptions
	cmd := &cobra.Command{
		Use: "timestamp DIR", Short: "have the time of a package confirmed", Long: timestampDoc, Args: arguments(1, 1, "one package"),
		RunE: func(cmd *cobra.Command, args []string) error { return runTimestamp(cmd.Context(), g, &o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "ask the time-stamping authority at this address")
	f.StringVar(&o.request, "request-out", "", "write the request to this file")
	f.StringVar(&o.response, "response", "", "take the answer from this file")
	cmd.MarkFlagsMutuallyExclusive("url", "request-out", "response")
	cmd.MarkFlagsOneRequired("url", "request-out", "response")
	return cmd
}

func runTimestamp(ctx context.Context, g *globals, o *timestampOptions, dir string) error {
	var nonce *big.Int
	if o.url != "" {
		var err error
		if nonce, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64)); err != nil {
			return err
		}
	}
	request, err := evidence.TimestampRequest(dir, nonce)
	if err != nil {
		return err
	}
	var answer []byte
	switch {
	case o.request != "":
		return writeNew(o.request, request, 0o644)
	case o.url != "":
		answer, err = ask(ctx, o.url, request)
	default:
		answer, err = os.ReadFile(o.response)
	}
	if err != nil {
		return err
	}
	t, err := evidence.AddTimestamp(dir, answer, nonce)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "%s: stamped %s, of %s, by %s\n", harmless(dir), harmless(t.Time), harmless(t.Of), harmless(t.Authority))
	return nil
}

// ask sends a request as RFC 3161, 3.4, has it.
func ask(ctx context.Context, url string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(request))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("--url: the authority answers %s", resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	if len(data) > maxAnswer {
		return nil, errors.New("--url: the answer is too long for a timestamp")
	}
	return data, nil
}
