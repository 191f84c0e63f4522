package checks

import "testing"

// TestCardShopWays pins what the walk-through of the card shop promises about ways in and out.
func TestCardShopWays(t *testing.T) {
	for _, c := range []struct{ step, want string }{
		{"1-open", `EXP-03 fail Service shop/other-frontend "public through nothing but its type, LoadBalancer"
			EXP-01 fail Service shop/other-frontend "no entry declares it"
			no EXP-01 unknown
			EGR-01 fail Deployment shop/pci-backend "every public IPv4 address"
			EXP-08 fail Deployment shop/pci-backend "beyond what needs declare"`},
		{"2-deny-all", `EXP-03 pass Service shop/other-frontend "policies certainly close"
			EGR-01 pass "2 of 2"`},
		{"4-public-http", `EXP-12 manual Deployment shop/pci-frontend "0.0.0.0/0 does not hold IPv6"
			no EXP-12 fail`},
		{"5-works", `EXP-01 pass "1 of 1 ways in"
			EXP-03 pass
			EXP-08 pass
			EXP-12 pass
			EGR-01 pass
			EGR-02 pass
			EGR-05 pass
			EGR-06 pass`},
	} {
		t.Run(c.step, func(t *testing.T) {
			for _, line := range judge(assess(t, example(t, "card-shop/"+c.step), options{}), nil, c.want) {
				t.Error(line)
			}
		})
	}
}
