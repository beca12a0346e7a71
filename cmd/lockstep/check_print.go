package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/parity"
)

// printable refuses a report on standard output that values below it would spoil.
func (f *checkFlags) printable(sinks []sink) error {
	for _, s := range sinks {
		if len(f.print) > 0 && s.path == "" && s.format != "text" && s.format != "github" {
			return usagef("--print writes values to standard output, where --format %s goes too: give that a file, as in %s=FILE", s.format, s.format)
		}
	}
	return nil
}

// printTensors writes the values that --print asks for below the report, model by
// model and engine by engine.
func (f *checkFlags) printTensors(w io.Writer, all []*parity.Result) error {
	var missing []error
	for _, c := range all {
		for _, name := range f.print {
			for _, t := range []*lockstep.Trace{c.Reference, c.Candidate} {
				if t != nil {
					missing = append(missing, printTensor(w, t, name))
				}
			}
		}
	}
	return errors.Join(missing...)
}

func printTensor(w io.Writer, t *lockstep.Trace, name string) error {
	x := t.Outputs[name]
	if x == nil {
		x = t.States[name]
	}
	if x == nil {
		all := append(slices.Sorted(maps.Keys(t.Outputs)), slices.Sorted(maps.Keys(t.States))...)
		return usagef("--print %q: %s computes no such tensor; it has %q", name, t.Engine, all)
	}
	fmt.Fprintf(w, "\n%s %s from %s:\n", name, lockstep.FormatShape(x.Shape()), t.Engine)
	writeValues(w, x)
	return nil
}

// writeValues writes a tensor's elements in rows of eight: floats with eight
// digits, all others in full.
func writeValues(w io.Writer, t *lockstep.Tensor) {
	const columns = 8
	for i := range t.Len() {
		if v := compare.ValueAt(t, i); t.DType().IsFloat() {
			fmt.Fprintf(w, " %12.8g", v.Float64())
		} else {
			fmt.Fprintf(w, " %12s", v)
		}
		if i%columns == columns-1 || i == t.Len()-1 {
			fmt.Fprintln(w)
		}
	}
}

// progress shows what is going on, on a terminal alone; an empty text clears it.
func progress(cmd *cobra.Command, format string, args ...any) {
	w, ok := cmd.ErrOrStderr().(*os.File)
	if ok && isTerminal(w) {
		fmt.Fprintf(w, "\r\x1b[K"+format, args...)
	}
}
