package draw

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The inks. Those of KDL keep its colours: red is the cluster, green is compute, yellow is network, blue is storage.
const (
	inkPage      Ink = "page"
	inkText      Ink = "text"
	inkFaint     Ink = "faint"
	inkRule      Ink = "rule"
	inkCluster   Ink = "cluster"
	inkNamespace Ink = "namespace"
	inkCDE       Ink = "cde"
	inkConnected Ink = "connected"
	inkImpacting Ink = "impacting"
	inkOut       Ink = "out"
	inkNone      Ink = "none"
	inkPod       Ink = "pod"
	inkContainer Ink = "container"
	inkKind      Ink = "kind"
	inkNet       Ink = "net"
	inkData      Ink = "data"
	inkOnPaint   Ink = "on"    // texts on the colours of KDL
	inkLine      Ink = "line"  // borders
	inkWire      Ink = "wire"  // allowed
	inkOpen      Ink = "open"  // undecided
	inkBad       Ink = "bad"   // denied, or without a need
	inkGood      Ink = "good"  // added
	inkLoose     Ink = "loose" // structure
	inkBorder    Ink = "border"
	inkCloud     Ink = "cloud"
	inkBundle    Ink = "bundle"
)

// Theme is a set of colours, each "#RRGGBB".
type Theme struct {
	Name   string
	Colors map[Ink]string
}

// Themes is all of them; the first is the default. Print is for paper: white, and nothing that only colour tells.
func Themes() []Theme {
	light := map[Ink]string{
		inkPage: "#FFFFFF", inkText: "#1B1F24", inkFaint: "#57606A", inkRule: "#D0D7DE", inkCluster: "#FFBBB1", inkNamespace: "#FFE1DC",
		inkCDE: "#F7C9D4", inkConnected: "#FBE3C0", inkImpacting: "#E3DAF3", inkOut: "#E6E8EB", inkNone: "#EEF0F2",
		inkPod: "#C7E8AC", inkContainer: "#A3D977", inkKind: "#7AB648", inkNet: "#FFECA9", inkData: "#99D2F2", inkOnPaint: "#14181D",
		inkLine: "#1B1F24", inkWire: "#1B1F24", inkOpen: "#7A4A00", inkBad: "#A40E26", inkGood: "#0B5A2A", inkLoose: "#50575F", inkBorder: "#A40E26",
		inkCloud: "#F6F8FA", inkBundle: "#DDF1CC", inkIcon: "#2A5FCB", inkGlyph: "#FFFFFF",
	}
	dark := map[Ink]string{
		inkPage: "#0F1318", inkText: "#E6EAEF", inkFaint: "#A9B3BE", inkRule: "#333C46", inkCluster: "#4A2420", inkNamespace: "#33201E",
		inkCDE: "#4C1C2B", inkConnected: "#423015", inkImpacting: "#2E2645", inkOut: "#23282E", inkNone: "#1D2228",
		inkPod: "#C7E8AC", inkContainer: "#A3D977", inkKind: "#7AB648", inkNet: "#FFECA9", inkData: "#99D2F2", inkOnPaint: "#14181D",
		inkLine: "#77838F", inkWire: "#F0F3F6", inkOpen: "#FFC35A", inkBad: "#FF9AA2", inkGood: "#7EE2A0", inkLoose: "#B4BEC8", inkBorder: "#FF8F9B",
		inkCloud: "#232B34", inkBundle: "#DDF1CC", inkIcon: "#2A5FCB", inkGlyph: "#FFFFFF",
	}
	paper := maps.Clone(light)
	maps.Copy(paper, map[Ink]string{
		inkCluster: "#FFF4F2", inkNamespace: "#FFFFFF", inkCDE: "#FBE4EA", inkConnected: "#FDF2DF", inkImpacting: "#F1ECF9", inkOut: "#F3F4F5",
		inkNone: "#F8F9FA", inkText: "#000000", inkWire: "#000000", inkLine: "#000000", inkCloud: "#FFFFFF",
	})
	return []Theme{{"light", light}, {"dark", dark}, {"print", paper}}
}

// ThemeNamed finds a theme; "" is the default. The error names those there are.
func ThemeNamed(name string) (Theme, error) {
	var names []string
	for i, t := range Themes() {
		if t.Name == name || i == 0 && name == "" {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Theme{}, fmt.Errorf("no theme %q: want %s", name, strings.Join(names, ", "))
}

// Inks lists the inks of the theme in order.
func (t Theme) Inks() []Ink {
	out := make([]Ink, 0, len(t.Colors))
	for i := range t.Colors {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}
