package main

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
)

// oneEngine are the flags of a command that shows what one engine computes.
type oneEngine struct {
	modelFlags
	inputFlags
	engine  string
	formats []string
}

func (f *oneEngine) add(cmd *cobra.Command, engines, formats string) {
	f.modelFlags.add(cmd)
	f.addThreads(cmd)
	f.inputFlags.add(cmd)
	cmd.Flags().StringVar(&f.engine, "engine", "native", engines)
	cmd.Flags().StringArrayVar(&f.formats, "format", nil, formats)
}

// begin checks the flags and opens the engine. formats are those that the command
// writes, of which the first is the default.
func (f *oneEngine) begin(cmd *cobra.Command, dir string, formats ...string) (e lockstep.Tracer, sinks []sink, closeEngine func(), err error) {
	if f.engine != "native" && f.engine != "tensorflow" {
		return nil, nil, nil, usagef("--engine %q: want native or tensorflow", f.engine)
	}
	if sinks, err = sinksOf(f.formats, formats...); err != nil {
		return nil, nil, nil, err
	}
	if err := refuseTerminal(cmd, sinks); err != nil {
		return nil, nil, nil, err
	}
	if err := f.modelFlags.check(); err != nil {
		return nil, nil, nil, err
	}
	if err := f.inputFlags.check(cmd); err != nil {
		return nil, nil, nil, err
	}
	e, closeEngine, err = open(cmd, f.engine, dir, f.modelFlags)
	return e, sinks, closeEngine, err
}

// refuseTerminal refuses to write bytes that are not text to a terminal.
func refuseTerminal(cmd *cobra.Command, sinks []sink) error {
	for _, s := range sinks {
		if s.path == "" && (s.format == "npz" || s.format == "png") && isTerminal(cmd.OutOrStdout()) {
			return usagef("--format %s is not for a terminal: give it a file, as in %s=FILE", s.format, s.format)
		}
	}
	return nil
}
