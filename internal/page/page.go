// Package page holds the common parts of lockstep's HTML pages: the charting
// library, colours for light and dark, and the drawing of charts. A page
// contains all of it, and opens from disk without a network.
//
// The library is uPlot 1.6.32 (MIT): 51 kB, no dependencies, one maintainer
// since 2016. Plotly's smallest bundle has 1.1 MB and ECharts' 1 MB, for kinds
// of charts that are not needed here.
package page

import (
	_ "embed"
	"html/template"
)

var (
	//go:embed uplot/uPlot.iife.min.js
	uplotScript string
	//go:embed uplot/uPlot.min.css
	uplotStyle string
	//go:embed page.js
	script string
	//go:embed page.css
	style string
)

// Style returns the styles of a page, for its <style>.
func Style() template.CSS { return template.CSS(uplotStyle + style) }

// Script returns uPlot and the object lockstep, whose functions draw with it,
// for a <script>. Errors of scripts are counted in the root element's attribute
// data-errors.
func Script() template.JS { return template.JS(uplotScript + "\n" + script) }
