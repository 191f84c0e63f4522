package netset_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"tcp/80,443,8000-8100 udp/53":     "tcp/80,443,8000-8100 udp/53",
		"TCP/80":                          "tcp/80",
		"tcp 80":                          "tcp/80",
		"udp 53":                          "udp/53",
		"udp 53,5353":                     "udp/53,5353",
		"80":                              "tcp/80",
		"80 443":                          "tcp/80,443",
		"80,443":                          "tcp/80,443",
		"443, 80 ,81":                     "tcp/80-81,443",
		"tcp/80, udp/53":                  "tcp/80 udp/53",
		"udp/53,54,tcp/80":                "tcp/80 udp/53-54",
		"udp/53, 54":                      "udp/53-54",
		"tcp/80 443":                      "tcp/80,443",
		"tcp":                             "tcp",
		"tcp,udp":                         "tcp udp",
		"tcp udp/53":                      "tcp udp/53",
		"tcp 80, udp 53":                  "tcp/80 udp/53",
		"tcp/80,udp 53":                   "tcp/80 udp/53",
		"icmp, other":                     "icmp other",
		"icmp udp 53":                     "",
		"tcp/80 tcp/80-90 tcp/85-100":     "tcp/80-100",
		"tcp/1-65535":                     "tcp",
		"tcp/1-100 tcp/101-65535":         "tcp",
		"tcp udp sctp icmp other":         "all",
		" All\n":                          "all",
		"NONE":                            "none",
		"\ttcp/080\r\n":                   "tcp/80",
		"":                                "",
		"  ":                              "",
		",":                               "",
		"80,,443":                         "",
		"80,":                             "",
		"tcp/":                            "",
		"/80":                             "",
		"80/tcp":                          "",
		"tcp/0":                           "",
		"tcp/0-80":                        "",
		"tcp/65536":                       "",
		"tcp/80-":                         "",
		"tcp/-80":                         "",
		"tcp/90-80":                       "",
		"tcp/80-90-100":                   "",
		"tcp/+80":                         "",
		"tcp/8_0":                         "",
		"tcp/http":                        "",
		"http":                            "",
		"icmp/8":                          "",
		"icmp 8":                          "",
		"other/1":                         "",
		"tcp,80":                          "", // all of TCP, or one port?
		"tcp udp 53":                      "", // all of TCP, or tcp/53?
		"tcp,udp 53":                      "",
		"udp/53 80":                       "", // udp/80 or tcp/80?
		"all tcp/80":                      "",
		"none,tcp/80":                     "",
		"tcp/80 \xff":                     "",
		strings.Repeat(" ", 1<<20) + "80": "",
		strings.Repeat("x", 200):          "",
	} {
		got, err := netset.Parse(text)
		if want == "" {
			if err == nil {
				t.Errorf("Parse(%.50q): got %v, want an error", text, got)
			} else if len(err.Error()) > 400 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("Parse(%.50q): error is long or not ASCII: %q", text, err)
			}
			if !got.IsEmpty() {
				t.Errorf("Parse(%.50q): %v beside an error", text, got)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("Parse(%.50q): got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"tcp/0":      `ports "tcp/0": "0" is not a port: want a number from 1 to 65535`,
		"udp/53 80":  `ports "udp/53 80": unclear which protocol "80" belongs to: write udp/80 or tcp/80`,
		"tcp/90-80":  `ports "tcp/90-80": port range "90-80" runs backwards: write 80-90`,
		"http/80":    `ports "http/80": unknown protocol "http": want tcp, udp, sctp, icmp or other`,
		"icmp/8":     `ports "icmp/8": icmp has no ports`,
		"80/tcp":     `ports "80/tcp": "80/tcp": write the protocol first, like tcp/80`,
		"tcp udp 53": `ports "tcp udp 53": unclear which protocol "53" belongs to: write it like udp/53`,
	} {
		_, err := netset.Parse(text)
		if err == nil {
			t.Errorf("Parse(%q): want an error", text)
		} else if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// The longest text a set can have must be read back.
func TestParseLongest(t *testing.T) {
	var b strings.Builder
	for _, p := range []string{" tcp/", " udp/", " sctp/"} {
		b.WriteString(p + "1")
		for i := 3; i <= 65535; i += 2 {
			b.WriteString(",")
			b.WriteString(netset.PortRange{Lo: uint16(i), Hi: uint16(i)}.String())
		}
	}
	c := parse(t, b.String())
	if got, want := c.Count(), 3*32768; got != want {
		t.Errorf("got %d ports, want %d", got, want)
	}
	if got, want := c.String(), strings.TrimSpace(b.String()); got != want {
		t.Errorf("text of %d bytes came back as %d bytes", len(want), len(got))
	}
	if rest := netset.Transport().Subtract(c); !parse(t, rest.String()).Equal(rest) {
		t.Error("the other half does not come back")
	}
}

func TestConnsJSON(t *testing.T) {
	type record struct{ Ports netset.Conns }
	data, err := json.Marshal(record{parse(t, "udp/53 tcp/80")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(data), `{"Ports":"tcp/80 udp/53"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back record
	if err := json.Unmarshal(data, &back); err != nil || back.Ports.String() != "tcp/80 udp/53" {
		t.Errorf("got %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"Ports":"tcp/x"}`), &back); err == nil || back.Ports.String() != "tcp/80 udp/53" {
		t.Errorf("got %v, %v, want an error and the old value", back, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"tcp/80,443,8000-8100 udp/53", "all", "none", "", "tcp 80", "tcp,udp 53", "icmp,other", "80-1", "sctp/1-65535,,", "\u00e9/1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := netset.Parse(text)
		if err != nil {
			if !c.IsEmpty() {
				t.Fatalf("%v beside error %v", c, err)
			}
			return
		}
		back, err := netset.Parse(c.String())
		if err != nil || !back.Equal(c) || back.Key() != c.Key() || back.String() != c.String() {
			t.Fatalf("Parse(%q) = %v, read back as %v, %v", text, c, back, err)
		}
		if rest := netset.All().Subtract(c); rest.Overlaps(c) || !rest.Union(c).IsAll() {
			t.Fatalf("Parse(%q) = %v is not canonical", text, c)
		}
	})
}
