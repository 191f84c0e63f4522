// Package bulkhead_test is the law of this repository: the floors, and the house rules that a machine can check.
//
// The tree is parsed in this process. A test that asks "go list" stays green from the test cache after a
// forbidden import was added, because the cache does not see what a child process reads.
package bulkhead_test

import (
	"os"
	"testing"
)

const module = "github.com/bulkhead-sec/bulkhead"

// floorOf is the table of floors. A package imports lower floors only. A pattern covers one folder level.
// Changing the table needs a sentence in the commit that says why.
var floorOf = map[string]int{
	"api/v1alpha1":     0, // the intent, as users write it: plain types
	"internal/object":  0, // what was read: trees that know their lines
	"internal/netset":  0, // sets of connections and of addresses
	"internal/cluster": 0, // one immutable picture of the cluster

	"internal/policy":       1, // the one rule form
	"internal/policy/*":     1, // one folder a policy kind
	"internal/policy/kinds": 1, // the list of them
	"internal/enforcer":     1, // what really enforces
	"internal/exposure":     1, // how the outside reaches in
	"internal/rbac":         1, // who may do what through the API
	"internal/settings":     1, // configuration texts inside of objects
	"internal/pseudonym":    1, // other names for what leaves the house

	"internal/reach": 2, // the engine

	"internal/pci":        3, // scope, needs, findings, assessment
	"internal/pci/scope":  3, // the scope as it is computed
	"internal/pci/checks": 3, // one file a check
	"internal/lint":       3, // policies that do not do what they look like

	"internal/load":     4, // files, charts, snapshots, the live cluster
	"internal/report":   4, // one file a format
	"internal/evidence": 4,

	"internal/handshake": 4, // TLS tried on ports

	"internal/report/workbook":     3, // spreadsheets: cells only
	"internal/report/draw/layout":  3, // boxes and wires: geometry only
	"internal/report/draw":         4, // what a diagram shows, and how it looks
	"internal/report/draw/formats": 4, // one file a format of diagrams

	"cmd/bulkhead": 5,
}

// sameFloor names the only edges that stay on one floor: from -> to.
var sameFloor = [][2]string{
	{"internal/cluster", "internal/object"},                  // the picture is made of objects
	{"internal/cluster", "internal/netset"},                  // and speaks of ports and addresses
	{"internal/policy/*", "internal/policy"},                 // a kind compiles to the rule form
	{"internal/exposure", "internal/enforcer"},               // for its three-valued Answer
	{"internal/policy/calico", "internal/policy/netpol"},     // both live in one tier and share its order
	{"internal/policy/kinds", "internal/policy/*"},           // the list names the kinds
	{"internal/pci", "internal/pci/scope"},                   // the declared scope is held against the computed one
	{"internal/pci/checks", "internal/pci"},                  // a check is a pci.Check
	{"internal/pci/checks", "internal/pci/scope"},            // and speaks of what the scope is computed from
	{"internal/report/draw/formats", "internal/report/draw"}, // they write its pictures
	{"internal/handshake", "internal/load"},                  // what was tried becomes objects
}

// testsOnly are packages that only _test files may import. They stand on no floor.
var testsOnly = []string{"internal/bench", "internal/fixture"}

// lastPureFloor: up to here there is no I/O, clock, log, goroutine or global state, because a
// wrong answer can only be born there and must be found by fuzzing in milliseconds.
const lastPureFloor = 3

// impure are the standard packages that the pure floors do without, each with the reason.
var impure = map[string]string{
	"crypto/rand":   "results may not depend on chance",
	"io/ioutil":     "reading files is the work of internal/load",
	"log":           "facts are returned, not logged",
	"log/slog":      "facts are returned, not logged",
	"math/rand":     "results may not depend on chance",
	"math/rand/v2":  "results may not depend on chance",
	"net":           "no sockets; addresses are net/netip",
	"net/http":      "no sockets",
	"os":            "no files, environment or exit",
	"os/exec":       "no other programs",
	"os/signal":     "no signals",
	"path/filepath": "it asks the file system; path is enough for names",
	"sync":          "values need no locks",
	"sync/atomic":   "values need no locks",
	"syscall":       "no system calls",
	"unsafe":        "no tricks where proofs are made",
}

// impureHere are the exceptions, by file. Each is a cache whose answer does not depend on who filled it.
var impureHere = map[string][]string{
	"internal/object/decode.go": {"sync"}, // the fields of a struct type, by reflection
}

// lastTimelessFloor is the highest floor that may not even name package time. Above it, up to the last pure
// floor, dates are values handed in, and the clock stays forbidden.
const lastTimelessFloor = 2

// clock are the names of package time that read the clock or wait for it.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// pureModules are the only foreign modules that the pure floors may use: types and text, no clients.
var pureModules = []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/", "go.yaml.in/yaml/", "github.com/BurntSushi/toml"}

// emptyNames say nothing about what a package is.
var emptyNames = []string{"common", "helper", "helpers", "manager", "misc", "models", "types", "util", "utils"}

// overclaims are phrases that no text of ours may say: bulkhead tells what the evidence supports, the
// assessor judges. They are looked for in any case, with "-" read as a space.
var overclaims = []string{"pci compliant", "is compliant", "are compliant", "fully compliant", "pci certified", "guarantees compliance"}

// maxLines limits files other than tests; documents have their own limits.
const maxLines = 500

var maxDocLines = map[string]int{"DESIGN.md": 300, "README.md": 300}

// TestRepository holds the tree against every rule.
func TestRepository(t *testing.T) {
	tree, err := parseTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, v := range rule.check(tree) {
				t.Error(v)
			}
		})
	}
}
