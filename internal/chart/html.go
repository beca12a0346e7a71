package chart

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"

	"github.com/lockstep-go/lockstep/internal/page"
)

var (
	//go:embed chart.tmpl
	pageText     string
	pageTemplate = template.Must(template.New("charts").Parse(pageText))
)

// html writes the page; it loads nothing from the network, and its text needs
// no JavaScript.
func (p Page) html(w io.Writer) error {
	type line struct {
		Label  string `json:"label"`
		Values values `json:"values"`
		Color  string `json:"color"`
		Dash   []int  `json:"dash,omitempty"`
	}
	type spec struct {
		X      values `json:"x"`
		Lines  []line `json:"lines"`
		Log    bool   `json:"log"`
		XLabel string `json:"xLabel"`
		YLabel string `json:"yLabel"`
		Title  string `json:"title"`
		Note   string `json:"note"`
	}
	var specs []spec
	for _, c := range p.all() {
		s := spec{X: c.X, Log: c.Log, XLabel: c.XLabel, YLabel: c.YLabel, Title: c.Title, Note: c.Note}
		for i, l := range c.Lines {
			out := line{Label: l.Label, Values: l.Values, Color: "series-" + strconv.Itoa(i+1)}
			if l.Dashed {
				out.Dash = []int{6, 4}
			}
			s.Lines = append(s.Lines, out)
		}
		specs = append(specs, s)
	}
	data, err := json.Marshal(specs) // which escapes <, > and &
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	err = pageTemplate.Execute(w, map[string]any{
		"Title": p.Title, "Words": p.Words, "Sections": p.Sections, "Charts": p.Charts, "Style": page.Style(), "Library": page.Script(), "Data": template.JS(data),
	})
	if err != nil {
		return fmt.Errorf("chart: writing the page: %w", err)
	}
	return nil
}

// values are numbers as JSON with seven digits, null where they are not finite.
type values []float64

// MarshalJSON writes the values.
func (v values) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, x := range v {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out = append(out, "null"...)
		} else {
			out = strconv.AppendFloat(out, x, 'g', 7, 64)
		}
	}
	return append(out, ']'), nil
}
