package chart

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// A page of charts opens without an error of its scripts, and each chart is
// drawn; one of nothing but gaps says so in words.
func TestPageInChromium(t *testing.T) {
	p := charts([]float64{1, 2, 4}, []float64{3, nan, 1})
	log := p.Charts[0]
	log.Log = true
	p.Charts = append(p.Charts, log, charts([]float64{nan, inf, nan}).Charts[0])
	p.Sections = []Section{{Title: "s", Words: []string{"w"}, Head: []string{"x"}, Rows: [][]string{{"1"}}, Charts: charts([]float64{2, 1}).Charts}}
	var b bytes.Buffer
	if err := Write(&b, "html", p); err != nil {
		t.Fatal(err)
	}
	browser := fixture.Chromium(t)
	page, file := fixture.Open(t, browser, b.Bytes())
	if page.Root["errors"] != "0" || page.Root["drawn"] != "4" || len(page.Ink) != 3 {
		t.Errorf("%s errors of scripts (%s), %s charts drawn on %d canvases", page.Root["errors"], page.Root["error"], page.Root["drawn"], len(page.Ink))
	}
	for i, n := range page.Colour {
		if n < 200 {
			t.Errorf("chart %d has %d coloured pixels", i, n)
		}
	}
	if dir := os.Getenv("LOCKSTEP_SCREENSHOTS"); dir != "" {
		fixture.Browse(t, browser, file, "--screenshot="+filepath.Join(dir, "charts.png"))
	}
}
