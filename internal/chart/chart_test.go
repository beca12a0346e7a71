package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

func charts(lines ...[]float64) Page {
	c := Chart{Title: "a <b> & c", XLabel: "step", YLabel: "y"}
	for i := range lines[0] {
		c.X = append(c.X, float64(i))
	}
	for i, l := range lines {
		c.Lines = append(c.Lines, Line{Label: string(rune('a' + i)), Values: l, Dashed: i == 1})
	}
	return Page{Title: "</title>", Words: []string{"<script>"}, Charts: []Chart{c}}
}

var nan, inf = math.NaN(), math.Inf(1)

// A PNG has the colour of each line, and an SVG is well formed.
func TestPictures(t *testing.T) {
	for name, p := range map[string]Page{
		"two lines": charts([]float64{1, 2, 3, 4}, []float64{4, 3, 2, 2}), "gaps": charts([]float64{1, nan, 3, inf}, []float64{nan, 2, 2, 2}),
		"constant": charts([]float64{2, 2}, []float64{2, 2}), "one point": charts([]float64{7}, []float64{8}),
	} {
		for _, log := range []bool{false, true} {
			p.Charts[0].Log = log
			var b bytes.Buffer
			if err := Write(&b, "png", p); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			img, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Charts[0].Lines {
				n, c := 0, palette[i]
				for y := range img.Bounds().Dy() {
					for x := range img.Bounds().Dx() {
						if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) == c.R && uint8(g>>8) == c.G && uint8(b>>8) == c.B {
							n++
						}
					}
				}
				if n < 5 {
					t.Errorf("%s, log %v: %d points of the colour of line %d", name, log, n, i)
				}
			}
			b.Reset()
			if err := Write(&b, "svg", p); err != nil {
				t.Error(err)
			}
			for d := xml.NewDecoder(&b); ; {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	}
}

// Nothing at all to draw is an empty chart and no failure.
func TestNothingToDraw(t *testing.T) {
	p := charts([]float64{nan, 0, -1})
	p.Charts[0].Log = true
	for _, format := range Formats {
		if err := Write(io.Discard, format, p); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestPageIsEscaped(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "html", charts([]float64{1, nan})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<title>&lt;/title&gt;</title>", "&lt;script&gt;</p>", `"title":"a \u003cb\u003e`, `"values":[1,null]`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// Sections stand above the charts, with their tables.
func TestSections(t *testing.T) {
	p := charts([]float64{1, 2})
	p.Sections = []Section{{Title: "first <i>", Words: []string{"a & b"}}, {Title: "second", Head: []string{"x", "y"}, Rows: [][]string{{"1", "<2>"}}}}
	var b bytes.Buffer
	if err := Write(&b, "html", p); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"<h2>first &lt;i&gt;</h2>\n<p>a &amp; b</p>\n</section>", "<thead><tr><th>x</th><th>y</th></tr></thead>", "<td>1</td><td>&lt;2&gt;</td>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// A chart of a section has its place there, above the words.
	p.Sections[1].Charts, p.Sections[1].Words = p.Charts, []string{"below"}
	b.Reset()
	if err := Write(&b, "html", p); err != nil {
		t.Fatal(err)
	}
	if want := "<h2>second</h2>\n<div class=\"grid charts\" data-charts=\"1\"></div>\n<p class=\"soft\">below</p>"; !strings.Contains(b.String(), want) {
		t.Errorf("the page lacks %q", want)
	}
	if n := len(p.all()); n != 2 || strings.Count(b.String(), `"title":`) != n {
		t.Errorf("the page has not %d charts", n)
	}
	if strings.Count(page, "<table>") != 1 {
		t.Error("a section without a heading has a table")
	}
}

// A long line keeps its peaks.
func TestThinned(t *testing.T) {
	long := make([]float64, 100000)
	long[12345], long[70001] = 1, -1
	p := charts(long).thinned()
	c := p.Charts[0]
	if len(c.X) > MaxPoints+2 || !strings.Contains(c.Note, "100000 steps") {
		t.Errorf("%d points, and the note %q", len(c.X), c.Note)
	}
	found := 0
	for i, x := range c.X {
		if x == 12345 && c.Lines[0].Values[i] == 1 || x == 70001 && c.Lines[0].Values[i] == -1 {
			found++
		}
	}
	if found != 2 {
		t.Error("a peak is lost")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestErrors(t *testing.T) {
	good := charts([]float64{1, 2})
	uneven := charts([]float64{1, 2}, []float64{1})
	for _, format := range Formats {
		if err := Write(broken{}, format, good); err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("%s: error %v", format, err)
		}
		for _, bad := range []Page{{}, uneven, charts(make([][]float64, MaxLines+1)...)} {
			if err := Write(io.Discard, format, bad); err == nil {
				t.Errorf("%s: no error of a page that cannot be drawn", format)
			}
		}
	}
	if err := Write(io.Discard, "gif", good); err == nil || !strings.Contains(err.Error(), `"gif"`) {
		t.Errorf("error %v", err)
	}
}
