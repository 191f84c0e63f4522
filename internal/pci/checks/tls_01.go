package checks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tls01 = pci.Check{
	ID: "TLS-01", Title: "the API server has no port without TLS", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "The old insecure port (tcp/8080) asked for no certificate, no password and no right: whoever reached it was the administrator.",
	Fix: "Run a current version; on an old one set --insecure-port=0.",
	Evidence: "The flags --insecure-port and --insecure-bind-address of each kube-apiserver, and its version from the image. Since Kubernetes 1.20 " +
		"the port can only be 0, and since 1.24 the flag is gone. Source: Kubernetes changelogs of 1.20 and 1.24.",
	Run: func(in *pci.Input) []pci.Finding {
		return eachAPIServer(in, "Does the API server have a port without TLS (tcp/8080)? Add the manifest of kube-apiserver to the input.",
			"serve TLS only", insecurePort)
	},
}

func insecurePort(c component) *pci.Finding {
	f, set, sure := c.get("insecure-port")
	minor, known := minorOf(c)
	switch {
	case set && f.value == "0":
		return nil
	case known && minor >= 20: // it does not start with another value
		return nil
	case set && sure:
		return &pci.Finding{
			Status: pci.Fail, Pos: f.pos, Key: "port", Message: "serves without TLS on tcp/" + f.value,
			Fix: &pci.Fix{Text: "set --insecure-port=0"},
		}
	case set || !known || !sure:
		return &pci.Finding{Status: pci.Unknown, Pos: f.pos, Key: "port", Message: "its version does not show in the image, and before 1.20 the port without TLS is open by default"}
	}
	return &pci.Finding{
		Status: pci.Fail, Key: "port", Message: fmt.Sprintf("serves without TLS on tcp/8080: the default of version 1.%d", minor),
		Fix: &pci.Fix{Text: "set --insecure-port=0, and run a current version"},
	}
}

// minorOf reads 27 from an image tag like v1.27.3.
func minorOf(c component) (int, bool) {
	_, tag, _ := strings.Cut(c.image[strings.LastIndexByte(c.image, '/')+1:], ":")
	major, rest, _ := strings.Cut(strings.TrimPrefix(tag, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return n, major == "1" && err == nil
}
