package html

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// The page of a planted fault opens in a browser without an error of its
// scripts, and every chart is drawn, in light and in dark, in short and in long
// sequences. LOCKSTEP_SCREENSHOTS names a folder to look at them.
func TestPageInChromium(t *testing.T) {
	browser := fixture.Chromium(t)
	for _, c := range []struct {
		name  string
		steps int
		flags []string
	}{{"light", 30, nil}, {"dark", 30, []string{"--blink-settings=preferredColorScheme=0"}}, {"long", 3000, nil}} {
		var b bytes.Buffer
		if err := Write(&b, planted(t, c.steps)); err != nil {
			t.Fatal(err)
		}
		page, file := fixture.Open(t, browser, b.Bytes(), c.flags...)
		if page.Root["errors"] != "0" || page.Root["drawn"] != "1" {
			t.Errorf("%s: %s errors of scripts (%s), %s reports drawn", c.name, page.Root["errors"], page.Root["error"], page.Root["drawn"])
		}
		coloured := 0
		for i, ink := range page.Ink {
			if ink == 0 {
				t.Errorf("%s: canvas %d of %d is empty", c.name, i+1, len(page.Ink))
			}
			if page.Colour[i] > 200 {
				coloured++
			}
		}
		// three overviews, two errors, a heat map, and the values of c, h, i, f, g, o, Σf
		if len(page.Ink) < 13 || coloured < 12 {
			t.Errorf("%s: %d charts, %d of them with something drawn: want 13 and 12; coloured pixels %d", c.name, len(page.Ink), coloured, page.Colour)
		}
		if want := fmt.Sprintf("first divergence: step %d", faultStep); strings.Contains(page.DOM, want) {
			t.Errorf("%s: the text of a canvas is in the document", c.name) // it would hide that the facts are missing
		}
		if dir := os.Getenv("LOCKSTEP_SCREENSHOTS"); dir != "" {
			fixture.Browse(t, browser, file, append(c.flags, "--screenshot="+filepath.Join(dir, c.name+".png"))...)
		}
	}
}

// What is not a divergence, or hostile, or has nothing finite to draw, opens
// without errors too. Pages that have no data start a browser for nothing.
func TestOtherPagesInChromium(t *testing.T) {
	browser := fixture.Chromium(t)
	opened := 0
	for name, reports := range otherReports(t) {
		var b bytes.Buffer
		if err := Write(&b, reports...); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b.Bytes(), []byte(`{"groups"`)) {
			continue
		}
		opened++
		if page, _ := fixture.Open(t, browser, b.Bytes()); page.Root["errors"] != "0" {
			t.Errorf("%s: %s errors of scripts: %s", name, page.Root["errors"], page.Root["error"])
		}
	}
	if opened < 5 {
		t.Errorf("%d pages have something to draw, want 5 at least", opened)
	}
}
