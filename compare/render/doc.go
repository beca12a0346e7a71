// Package render writes the reports of package compare: as text for a reader
// ([Text], and [Summary] for several models), as JSON for a program ([JSON]), and
// as annotations of GitHub's workflows ([GitHub]). Packages render/junit and
// render/html, which need further libraries, write two more formats.
//
// A format renders an outcome for each model: a report, or the error for which
// there is none. Nothing is measured or judged here. All formats use the same
// words: [Answer], [Why], [Judged], [Cases].
package render
