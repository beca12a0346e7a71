// Package render writes the reports of package compare: as text for a reader
// ([Text], and [Summary] for several models), as JSON for a program ([JSON]), and
// as annotations of GitHub's workflows ([GitHub]). Packages render/junit and
// render/html, which bring libraries of their own, write two more forms.
//
// A form renders an outcome for each model: a report, or the error for which there
// is none. Nothing is measured or judged here. What several forms say, they say in
// the same words: [Answer], [Why], [Judged], [Cases].
package render
