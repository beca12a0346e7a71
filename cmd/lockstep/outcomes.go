package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render"
	"github.com/lockstep-go/lockstep/compare/render/html"
	"github.com/lockstep-go/lockstep/compare/render/junit"
)

// outcomeFormats are those of a command that takes several models.
var outcomeFormats = []string{"text", "json", "html", "junit", "github"}

// writeOutcomes writes the outcomes of several models to every sink. If one
// cannot be written, the verdicts are still printed where they can be: the text
// on standard output, or else a line each on standard error.
func writeOutcomes(cmd *cobra.Command, sinks []sink, verbose bool, outcomes []compare.Outcome) error {
	write := renderOutcomes(outcomes, verbose)
	err := writeTo(cmd, sinks, write)
	if err == nil {
		return nil
	}
	if !slices.ContainsFunc(sinks, func(s sink) bool { return s.path == "" }) {
		err = errors.Join(err, sink{format: "text"}.write(cmd, write))
	}
	if lost(cmd) {
		for i := range outcomes {
			complain(cmd.ErrOrStderr(), errors.New(render.Line(&outcomes[i])))
		}
	}
	return err
}

func renderOutcomes(outcomes []compare.Outcome, verbose bool) writer {
	return func(w io.Writer, format string, terminal bool) error {
		switch format {
		case "json":
			return render.JSON(w, outcomes)
		case "html":
			return html.WriteOutcomes(w, outcomes)
		case "junit":
			return junit.Write(w, outcomes)
		case "github":
			return render.GitHub(w, outcomes)
		}
		return writeText(w, outcomes, render.TextOptions{Color: terminal && os.Getenv("NO_COLOR") == "", Verbose: verbose})
	}
}

func reportsOf(outcomes []compare.Outcome) []*compare.Report {
	var out []*compare.Report
	for i := range outcomes {
		if outcomes[i].Report != nil {
			out = append(out, outcomes[i].Report)
		}
	}
	return out
}

// writeText writes the reports, and a table if there is more than one model.
func writeText(w io.Writer, outcomes []compare.Outcome, o render.TextOptions) error {
	for i, r := range reportsOf(outcomes) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := render.Text(w, r, o); err != nil {
			return err
		}
	}
	if len(outcomes) < 2 {
		return nil
	}
	fmt.Fprintln(w)
	return render.Summary(w, outcomes)
}
