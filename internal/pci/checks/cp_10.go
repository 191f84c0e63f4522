package checks

import (
	"fmt"
	"net/url"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cp10 = pci.Check{
	ID: "CP-10", Title: "the API server proves whom it calls", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.7"}, Guidance: []string{"4.3"},
	Why: "The API server passes requests on to API services and asks webhooks. Where it does not check their certificate, whoever sits in between " +
		"reads what they are asked, and answers for them. A webhook given by an address may stand anywhere.",
	Fix: "Give the APIService a caBundle instead of insecureSkipTLSVerify. Run webhooks in the cluster and name their Service, or answer for " +
		"the host they run on.",
	Evidence: "spec.insecureSkipTLSVerify of each APIService, and the address of each admission and conversion webhook. Whether a webhook given " +
		"by address is yours is asked. Source: Kubernetes API reference, APIService and WebhookClientConfig.",
	Run: runCp10,
}

func runCp10(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of := 0
	judge := func(o *object.Object, key string, f *pci.Finding) {
		of++
		if f == nil {
			return
		}
		f.Subject, f.Key = o.Ref, key
		if f.Pos.File == "" {
			f.Pos = o.Pos
		}
		found = append(found, *f)
	}
	for _, o := range in.Cluster.Kind("apiregistration.k8s.io", "APIService") {
		spec := o.Root.Get("spec")
		if !spec.Get("service").IsSet() { // the API server itself answers
			continue
		}
		judge(o, "skip", apiService(o, spec))
	}
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		for _, o := range in.Cluster.Kind("admissionregistration.k8s.io", kind) {
			for _, w := range o.Root.Get("webhooks").List() {
				judge(o, w.Get("name").Str(), webhookClient(o, w.Get("name").Str(), w.Get("clientConfig")))
			}
		}
	}
	for _, o := range in.Cluster.Kind("apiextensions.k8s.io", "CustomResourceDefinition") {
		if c := o.Root.Get("spec", "conversion"); c.Get("strategy").Str() == "Webhook" {
			judge(o, "conversion", webhookClient(o, "conversion", c.Get("webhook", "clientConfig")))
		}
	}
	return withSummary(found, of, of-len(found), "API services and webhooks", "are called over checked TLS")
}

func apiService(o *object.Object, spec *object.Value) *pci.Finding {
	skip := spec.Get("insecureSkipTLSVerify")
	switch {
	case skip.True():
		return &pci.Finding{
			Status: pci.Fail, Pos: o.At(skip), Message: "the API server passes requests on without checking the certificate (insecureSkipTLSVerify)",
			Fix: &pci.Fix{Text: "give it spec.caBundle, by hand or by cert-manager, and drop insecureSkipTLSVerify"},
		}
	case skip.IsSet() && !isFalse(skip):
		return &pci.Finding{Status: pci.Unknown, Pos: o.At(skip), Message: fmt.Sprintf("insecureSkipTLSVerify is %q, which is no boolean", skip.Str())}
	}
	return nil
}

func webhookClient(o *object.Object, name string, c *object.Value) *pci.Finding {
	address := c.Get("url")
	switch {
	case c.Get("service", "name").Str() != "":
		return nil
	case address.Str() == "":
		return &pci.Finding{Status: pci.Unknown, Pos: o.At(c), Message: fmt.Sprintf("webhook %s: neither service nor url is given: whom the API server asks is not known", name)}
	}
	u, err := url.Parse(address.Str())
	switch {
	case err != nil || u.Host == "":
		return &pci.Finding{Status: pci.Unknown, Pos: o.At(address), Message: fmt.Sprintf("webhook %s: the address %q is not understood", name, address.Str())}
	case u.Scheme != "https":
		return &pci.Finding{Status: pci.Fail, Pos: o.At(address), Message: fmt.Sprintf("webhook %s is asked without TLS at %s", name, u.Host), Fix: &pci.Fix{Text: "serve it over https; the API server refuses anything else today"}}
	}
	return &pci.Finding{Status: pci.Manual, Pos: o.At(address), Message: fmt.Sprintf(
		"webhook %s sends what the API server is asked to %s, which is an address and no Service. Whose host is it, and is it in scope?", name, u.Host)}
}
