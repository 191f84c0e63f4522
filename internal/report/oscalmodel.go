package report

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// The part of OSCAL's assessment-results that is written, by the JSON names of the model. Lists may be left
// out and may not be empty.

type oscalDocument struct {
	Results oscalResults `json:"assessment-results"`
}

type oscalResults struct {
	UUID             string           `json:"uuid"`
	Metadata         oscalMetadata    `json:"metadata"`
	ImportAP         oscalImport      `json:"import-ap"`
	LocalDefinitions *oscalObjectives `json:"local-definitions,omitempty"`
	Results          []oscalResult    `json:"results"`
	BackMatter       oscalBack        `json:"back-matter"`
}

type oscalMetadata struct {
	Title        string      `json:"title"`
	LastModified string      `json:"last-modified"`
	Version      string      `json:"version"`
	OSCALVersion string      `json:"oscal-version"`
	Props        []oscalProp `json:"props,omitempty"`
	Remarks      string      `json:"remarks,omitempty"`
}

type oscalProp struct {
	Name      string `json:"name"`
	Namespace string `json:"ns"`
	Value     string `json:"value"`
}

type oscalImport struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks"`
}

type oscalObjectives struct {
	List []oscalLocalObjective `json:"objectives-and-methods"`
}

type oscalLocalObjective struct {
	Control string      `json:"control-id"`
	Parts   []oscalPart `json:"parts"`
}

type oscalPart struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Prose string `json:"prose"`
}

type oscalResult struct {
	UUID             string             `json:"uuid"`
	Title            string             `json:"title"`
	Description      string             `json:"description"`
	Start            string             `json:"start"`
	Props            []oscalProp        `json:"props,omitempty"`
	LocalDefinitions *oscalLocal        `json:"local-definitions,omitempty"`
	Reviewed         oscalReviewed      `json:"reviewed-controls"`
	Observations     []oscalObservation `json:"observations,omitempty"`
	Risks            []oscalRisk        `json:"risks,omitempty"`
	Findings         []oscalFinding     `json:"findings,omitempty"`
	Remarks          string             `json:"remarks,omitempty"`
}

type oscalLocal struct {
	Items []oscalItem `json:"inventory-items"`
}

type oscalItem struct {
	UUID        string      `json:"uuid"`
	Description string      `json:"description"`
	Props       []oscalProp `json:"props,omitempty"`
}

type oscalReviewed struct {
	Selections []oscalSelection `json:"control-selections"`
}

type oscalSelection struct {
	Description string         `json:"description"`
	All         *struct{}      `json:"include-all,omitempty"`
	Controls    []oscalControl `json:"include-controls,omitempty"`
}

type oscalControl struct {
	ID string `json:"control-id"`
}

type oscalObservation struct {
	UUID        string          `json:"uuid"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Props       []oscalProp     `json:"props,omitempty"`
	Methods     []string        `json:"methods"`
	Types       []string        `json:"types"`
	Subjects    []oscalSubject  `json:"subjects,omitempty"`
	Evidence    []oscalEvidence `json:"relevant-evidence,omitempty"`
	Collected   string          `json:"collected"`
	Remarks     string          `json:"remarks,omitempty"`
}

type oscalSubject struct {
	UUID  string `json:"subject-uuid"`
	Type  string `json:"type"`
	Title string `json:"title"`
}

type oscalEvidence struct {
	Href        string `json:"href,omitempty"`
	Description string `json:"description"`
}

type oscalRelated struct {
	UUID string `json:"observation-uuid"`
}

type oscalRisk struct {
	UUID         string         `json:"uuid"`
	Title        string         `json:"title"`
	Description  string         `json:"description"`
	Statement    string         `json:"statement"`
	Status       string         `json:"status"`
	Observations []oscalRelated `json:"related-observations"`
}

type oscalFinding struct {
	UUID         string         `json:"uuid"`
	Title        string         `json:"title"`
	Description  string         `json:"description"`
	Props        []oscalProp    `json:"props,omitempty"`
	Target       oscalTarget    `json:"target"`
	Observations []oscalRelated `json:"related-observations,omitempty"`
}

type oscalTarget struct {
	Type   string     `json:"type"`
	ID     string     `json:"target-id"`
	Status oscalState `json:"status"`
}

type oscalState struct {
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Remarks string `json:"remarks"`
}

type oscalBack struct {
	Resources []oscalResource `json:"resources"`
}

type oscalResource struct {
	UUID        string      `json:"uuid"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Links       []oscalLink `json:"rlinks"`
}

type oscalLink struct {
	Href string `json:"href"`
}

// oscalProps makes properties of names and values in turn; those without a value are left out.
func oscalProps(pairs ...string) (out []oscalProp) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := strings.TrimSpace(line(pairs[i+1])); v != "" {
			out = append(out, oscalProp{pairs[i], oscalSpace, v})
		}
	}
	return out
}

// oscalText is text where the model wants some: harmless, without blanks around it, and never empty.
func oscalText(s string) string {
	if s = strings.TrimSpace(line(s)); s != "" {
		return s
	}
	return "(none)"
}

// oscalToken makes an identifier of the model (TokenDatatype) out of text that begins with a letter.
func oscalToken(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, s)
}

func oscalHref(pos object.Pos) string {
	if pos.File == "" {
		return ""
	}
	if pos.Line == 0 {
		return uri(pos.File)
	}
	return uri(pos.File) + "#L" + strconv.Itoa(pos.Line)
}

// uuid5 names things in our space (RFC 9562, 5.5): the same name has the same identifier in every result.
func uuid5(name string) string {
	space, url := [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}, oscalSpace // the space of URLs
	sum := sha1.Sum(append(space[:], url+" "+name...))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
