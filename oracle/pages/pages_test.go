// Package pages is the pages that people get, opened in Chromium: axe-core looks for what keeps people out, on a
// screen and on a phone, in light and in dark, and nothing may be asked of a network or stand beside the page.
package pages

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// looks are the ways to look at a page. Paper is A4 at 96 pixels an inch, less the margins.
var looks = []struct {
	name, media, scheme string
	width, height       int64
}{
	{"light", "screen", "light", 1440, 900},
	{"dark", "screen", "dark", 1440, 900},
	{"light phone", "screen", "light", 390, 844},
	{"dark phone", "screen", "dark", 390, 844},
	{"paper", "print", "light", 718, 1046},
}

// violation is what axe-core says of one rule.
type violation struct {
	ID, Help string
	Nodes    []struct {
		Target  []any
		HTML    string
		Summary string `json:"failureSummary"`
	}
}

func TestPages(t *testing.T) {
	folder, library := os.Getenv("BULKHEAD_PAGES"), os.Getenv("BULKHEAD_AXE")
	if folder == "" || library == "" {
		t.Skip("no pages (BULKHEAD_PAGES) or no axe-core (BULKHEAD_AXE); scripts/pages makes and gets them")
	}
	axe, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.html"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in %s: %v", folder, err)
	}
	browser, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))...)
	defer stop()
	ctx, stop := chromedp.NewContext(browser)
	defer stop()
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		t.Fatal(err)
	}
	for _, file := range files {
		for _, look := range looks {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".html")+"/"+look.name, func(t *testing.T) {
				tab, stop := chromedp.NewContext(ctx)
				defer stop()
				tab, stop = context.WithTimeout(tab, 2*time.Minute)
				defer stop()
				said := listen(t, tab, file)
				_, err := chromedp.Call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: look.width, Height: look.height, DeviceScaleFactor: 1})
				if err != nil {
					t.Fatal(err)
				}
				_, err = chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Media: look.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := chromedp.Do(tab, chromedp.Navigate("file://"+file)); err != nil {
					t.Fatal(err)
				}
				wide(t, tab, look.width)
				if look.media == "screen" {
					judged(t, tab, string(axe))
				}
				if dir := os.Getenv("BULKHEAD_SHOTS"); dir != "" {
					shot(t, tab, filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+".png"))
				}
				for _, s := range said() {
					t.Error(s)
				}
			})
		}
	}
}

// listen collects what a page asks for, and what its program complains of.
func listen(t *testing.T, tab context.Context, file string) func() []string {
	t.Helper()
	var mu sync.Mutex
	var said []string
	add := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, s)
	}
	if err := chromedp.Do(tab); err != nil { // opens the tab
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(tab, func(ev any) {
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; u != "file://"+file && !strings.HasPrefix(u, "data:") {
				add("a request: " + u)
			}
		case *runtime.EventExceptionThrown:
			add("an exception: " + ev.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if ev.Type == "error" {
				add(fmt.Sprintf("an error on the console: %v", ev.Args))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return said
	}
}

// wide holds the page against the width of what it is looked at with: nobody should have to scroll sideways.
func wide(t *testing.T, tab context.Context, width int64) {
	t.Helper()
	got, err := chromedp.Run(tab, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	if err != nil {
		t.Fatal(err)
	}
	if got > width {
		t.Errorf("the page is %d pixels wide, there are %d", got, width)
	}
}

// judged runs axe-core, all of its rules. The page's policy does not hold for who looks at it through the browser.
func judged(t *testing.T, tab context.Context, axe string) {
	t.Helper()
	raw := evaluated(t, tab, axe, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify({violations: r.violations, passes: r.passes.length}))`)
	var result struct {
		Violations []violation
		Passes     int
	}
	if err := json.Unmarshal([]byte(raw), &result); err != nil {
		t.Fatal(err)
	}
	if result.Passes < 15 {
		t.Errorf("only %d rules applied: is the page empty?", result.Passes)
	}
	for _, v := range result.Violations {
		for i, n := range v.Nodes {
			if i == 3 {
				t.Errorf("%s: %d more", v.ID, len(v.Nodes)-i)
				break
			}
			t.Errorf("%s: %s\n  %v\n  %.300s\n  %s", v.ID, v.Help, n.Target, n.HTML, n.Summary)
		}
	}
}

// evaluated runs a library and then an expression that promises a text.
func evaluated(t *testing.T, tab context.Context, library, expression string) string {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[int](library+"; 1")); err != nil {
		t.Fatal(err)
	}
	out, err := chromedp.Run(tab, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func shot(t *testing.T, tab context.Context, file string) {
	t.Helper()
	data, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTeeth: a page that keeps people out is found out, so that the silence of TestPages means something.
func TestTeeth(t *testing.T) {
	library := os.Getenv("BULKHEAD_AXE")
	if library == "" {
		t.Skip("no axe-core (BULKHEAD_AXE)")
	}
	axe, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	browser, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))...)
	defer stop()
	ctx, stop := chromedp.NewContext(browser)
	defer stop()
	file := filepath.Join(t.TempDir(), "bad.html")
	if err := os.WriteFile(file, []byte(`<title>x</title><img src="x.png"><p style="color:#bbb;background:#fff">grey</p>`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
	ids := evaluated(t, ctx, string(axe), `axe.run().then(r => r.violations.map(v => v.id).join(" "))`)
	for _, want := range []string{"image-alt", "color-contrast", "html-has-lang"} {
		if !strings.Contains(ids, want) {
			t.Errorf("axe-core does not find %s: %s", want, ids)
		}
	}
}
