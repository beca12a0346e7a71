package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// printTensors writes the values that --print asks for, engine by engine.
func (f *checkFlags) printTensors(w io.Writer, c *compare.Checked) error {
	for _, name := range f.print {
		for _, t := range []*lockstep.Trace{c.Reference, c.Candidate} {
			if t == nil {
				continue
			}
			x := t.Outputs[name]
			if x == nil {
				x = t.States[name]
			}
			if x == nil {
				all := append(slices.Sorted(maps.Keys(t.Outputs)), slices.Sorted(maps.Keys(t.States))...)
				return usagef("--print %q: %s computes no such tensor; it has %q", name, t.Engine, all)
			}
			fmt.Fprintf(w, "%s %s from %s:\n", name, lockstep.FormatShape(x.Shape()), t.Engine)
			writeValues(w, x)
		}
	}
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
