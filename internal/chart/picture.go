package chart

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of one chart of a picture; two are side by side.
const (
	chartWidth  = 5 * vg.Inch
	chartHeight = 2.4 * vg.Inch
)

// palette holds the colours of the page's lines, in light.
var palette = [MaxLines]color.RGBA{
	{0x2a, 0x6f, 0xc9, 255}, {0xd9, 0x58, 0x1c, 255}, {0x1c, 0x8f, 0x78, 255}, {0xa0, 0x5f, 0xb4, 255},
	{0xb0, 0x84, 0x00, 255}, {0xc0, 0x40, 0x7f, 255}, {0x4f, 0x7d, 0x1e, 255}, {0x6b, 0x6e, 0x77, 255},
}

// picture writes the charts as one picture.
func (p Page) picture(w io.Writer, format string) error {
	charts := p.all()
	columns := min(2, len(charts))
	rows := (len(charts) + columns - 1) / columns
	width, height := vg.Length(columns)*chartWidth, vg.Length(rows)*chartHeight
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	if format == "svg" {
		canvas = vgsvg.New(width, height)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(110))}
	}
	dc := draw.New(canvas)
	tiles := draw.Tiles{Cols: columns, Rows: rows, PadX: 8, PadY: 8, PadLeft: 8, PadRight: 12, PadTop: 8, PadBottom: 8}
	for i, c := range charts {
		drawn, legend, err := c.plot()
		if err != nil {
			return fmt.Errorf("chart: %q: %w", c.Title, err)
		}
		tile := tiles.At(dc, i%columns, i/columns)
		beside := tile
		if len(c.Lines) > 1 { // the legend is beside the lines, not on them
			r := legend.Rectangle(tile)
			legend.YOffs = -drawn.Title.TextStyle.FontExtents().Height - 4
			legend.Draw(tile)
			beside = draw.Crop(tile, 0, -(r.Max.X-r.Min.X)-2*vg.Millimeter, 0, 0)
		}
		drawn.Draw(beside)
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("chart: writing the picture: %w", err)
	}
	return nil
}

func (c Chart) plot() (*plot.Plot, *plot.Legend, error) {
	p := plot.New()
	legend := plot.NewLegend()
	legend.Top = true
	legend.Padding = vg.Points(2)
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.XLabel, c.YLabel
	for _, f := range []*font.Font{
		&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &legend.TextStyle.Font,
	} {
		f.Variant, f.Size = "Sans", 9
	}
	p.Title.TextStyle.Font.Size = 11
	p.Title.Padding = 4
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xe6}, color.Gray{0xe6}
	p.Add(grid)
	drawn := 0
	for i, l := range c.Lines {
		var shown []*plotter.Line
		for _, run := range c.runs(l) {
			line, err := plotter.NewLine(run)
			if err != nil {
				return nil, nil, err
			}
			line.Color, line.Width = palette[i], vg.Points(1.4)
			if l.Dashed {
				line.Dashes = []vg.Length{4, 3}
			}
			p.Add(line)
			shown = append(shown, line)
			if len(run) == 1 { // which a line does not show
				point, err := plotter.NewScatter(run)
				if err != nil {
					return nil, nil, err
				}
				point.Color, point.Shape, point.Radius = palette[i], draw.CircleGlyph{}, 2
				p.Add(point)
			}
		}
		if len(shown) > 0 && len(c.Lines) > 1 {
			legend.Add(l.Label, shown[0])
		}
		drawn += len(shown)
	}
	if drawn == 0 { // an axis needs a range
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		p.Title.Text += " (nothing to draw)"
		return p, &legend, nil
	}
	if c.Log {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: 1}
		if p.Y.Min == p.Y.Max {
			p.Y.Min, p.Y.Max = p.Y.Min/10, p.Y.Max*10
		}
	} else if p.Y.Min == p.Y.Max {
		p.Y.Min, p.Y.Max = p.Y.Min-1, p.Y.Max+1
	}
	if p.X.Min == p.X.Max {
		p.X.Min, p.X.Max = p.X.Min-1, p.X.Max+1
	}
	return p, &legend, nil
}

// runs returns the stretches of a line between its gaps.
func (c Chart) runs(l Line) []plotter.XYs {
	var out []plotter.XYs
	var run plotter.XYs
	for i, y := range l.Values {
		if math.IsNaN(y) || math.IsInf(y, 0) || c.Log && y <= 0 {
			if len(run) > 0 {
				out, run = append(out, run), nil
			}
			continue
		}
		run = append(run, plotter.XY{X: c.X[i], Y: y})
	}
	if len(run) > 0 {
		out = append(out, run)
	}
	return out
}
