package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// GitHub writes outcomes as the workflow commands that GitHub Actions shows as
// annotations: an error for a model that diverged or has no verdict, a notice
// for one that is in step. The form is that of
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
func GitHub(w io.Writer, outcomes []compare.Outcome) error {
	var b strings.Builder
	for i := range outcomes {
		o := &outcomes[i]
		command, message := "error", format.Printable(reason(o))
		if message == "" {
			command, message = "notice", "in step, margin "+margin(o)
			if len(o.Report.Notes) > 0 {
				message += "\n" + cleaned(o.Report.Notes)
			}
		} else if o.Report != nil {
			if len(o.Report.Failures) > 1 {
				message += "\n" + cleaned(o.Report.Failures[1:])
			}
			for _, w := range o.Report.Why {
				message += "\nwhy: " + because(w)
			}
		}
		fmt.Fprintf(&b, "::%s title=%s::%s\n", command, property("lockstep: "+format.Printable(o.Model)+": "+word(o)), data(message))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("render: writing the annotations: %w", err)
	}
	return nil
}

// A command ends with its line, and a property with a comma or colons: all of
// them are escaped, the percent sign too, as
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts does.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }
