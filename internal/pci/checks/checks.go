// Package checks is the catalogue: one file a check, listed here in the order reports show.
package checks

import "github.com/bulkhead-sec/bulkhead/internal/pci"

// All is every check. A check that is not listed does not exist; the repository's own tests see to it.
var All = []pci.Check{
	den01, den02, den03, den04, den05, den06, den07, den08, den09, den10, den11, den12, den13,
	cni01, cni02, cni03, cni04, cni05, cni06, cni07,
	sco01, sco02, sco03, sco04, sco05, sco06, sco07, sco08, sco09, sco10, sco11, sco12,
	flo01, flo02, flo03,
	exp01, exp02, exp03, exp04, exp05, exp06, exp07, exp08, exp09, exp10, exp11, exp12, exp13, exp14,
	egr01, egr02, egr03, egr04, egr05, egr06, egr07, egr08,
	cp01, cp02, cp03, cp04, cp05, cp06, cp07, cp08, cp09, cp10, cp11,
	tls01, tls02, tls03, tls04, tls05, tls06, tls07, tls08, tls09, tls10, tls11, tls12, tls13,
	tel01, tel02, tel03, tel04, tel05, tel06, tel07,
	jus01, jus02, jus03, jus04, jus05, jus06, jus07, jus08,
	tst01, tst02, tst03, tst04, tst05, tst06,
	ops01, ops02, ops03, ops04,
}
