package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/html"
	"github.com/lockstep-go/lockstep/compare/junit"
)

// outcomeFormats are those of a command that takes several models.
var outcomeFormats = []string{"text", "json", "html", "junit", "github"}

// writeOutcomes writes what came out of several models to every sink.
func writeOutcomes(cmd *cobra.Command, sinks []sink, outcomes []compare.Outcome) error {
	return writeTo(cmd, sinks, func(w io.Writer, format string, terminal bool) error {
		switch format {
		case "json":
			return compare.JSON(w, reportsOf(outcomes)...)
		case "html":
			return html.Write(w, reportsOf(outcomes)...)
		case "junit":
			return junit.Write(w, outcomes)
		case "github":
			return compare.GitHub(w, outcomes)
		}
		return writeText(w, outcomes, terminal)
	})
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
func writeText(w io.Writer, outcomes []compare.Outcome, terminal bool) error {
	for i, r := range reportsOf(outcomes) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := compare.Text(w, r, compare.TextOptions{Color: terminal && os.Getenv("NO_COLOR") == ""}); err != nil {
			return err
		}
	}
	if len(outcomes) < 2 {
		return nil
	}
	fmt.Fprintln(w)
	return compare.Summary(w, outcomes)
}
