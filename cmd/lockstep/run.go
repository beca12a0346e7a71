package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

func newRun() *cobra.Command {
	var model modelFlags
	var engine, inputs, outputs string
	var states bool
	cmd := &cobra.Command{
		Use:     "run MODEL --inputs in.npz --outputs out.npz",
		Short:   "run one engine on inputs from a file",
		Example: `  lockstep run my_model --engine native --inputs in.npz --outputs out.npz --states`,
		Args:    wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if engine != "native" && engine != "tensorflow" {
				return usagef("--engine %q: want native or tensorflow", engine)
			}
			if inputs == "" || outputs == "" {
				return usagef("run needs --inputs and --outputs, the names of two .npz files")
			}
			if err := model.check(); err != nil {
				return err
			}
			e, closeEngine, err := open(cmd, engine, args[0], model)
			if err != nil {
				return err
			}
			defer closeEngine()
			if m, ok := e.(*native.Model); ok && !states {
				if done, err := runByRows(cmd.Context(), m, inputs, outputs); done || err != nil {
					return err
				}
			}
			in, err := readInputs(inputs, e.Signature())
			if err != nil {
				return err
			}
			detail := lockstep.Outputs
			if states {
				detail = lockstep.States
			}
			trace, err := e.Trace(cmd.Context(), in, detail)
			if err != nil {
				return err
			}
			var all []lockstep.NamedTensor
			for _, tensors := range []map[string]*lockstep.Tensor{trace.Outputs, trace.States} {
				for _, name := range slices.Sorted(maps.Keys(tensors)) {
					all = append(all, lockstep.NamedTensor{Name: name, Tensor: tensors[name]})
				}
			}
			return npz.WriteFile(outputs, all)
		}),
	}
	model.add(cmd)
	model.addThreads(cmd)
	cmd.Flags().StringVar(&engine, "engine", "native", "native or tensorflow")
	cmd.Flags().StringVar(&inputs, "inputs", "", "an .npz with the signature's inputs by name")
	cmd.Flags().StringVar(&outputs, "outputs", "", "the .npz to write the outputs to")
	cmd.Flags().BoolVar(&states, "states", false, "write every recurrent layer's final states as well")
	return cmd
}

// open opens a model in the engine of that name.
func open(cmd *cobra.Command, engine, dir string, model modelFlags) (e lockstep.Tracer, closeEngine func(), err error) {
	if engine == "native" {
		m, err := native.Load(dir, model.native()...)
		return m, func() {}, err
	}
	process, err := startTensorFlow()
	if err != nil {
		return nil, nil, err
	}
	m, err := process.Open(cmd.Context(), dir, model.tensorflow())
	if err != nil {
		process.Close()
		return nil, nil, err
	}
	return m, func() { process.Close() }, nil
}

// rowBytes are what the inputs take that are read at once. Tests set it.
var rowBytes = 4 << 20

// runByRows runs a large file's rows some at a time, where the model treats them alone, so
// that neither inputs nor outputs are in memory as a whole. It is not done where that does
// not hold, or the file has to be read as a whole: that also says what is wrong with it.
func runByRows(ctx context.Context, m *native.Model, inputs, outputs string) (done bool, err error) {
	if filepath.Ext(outputs) == ".npy" {
		return false, nil
	}
	r, err := npz.OpenRows(inputs)
	if err != nil {
		return false, nil
	}
	defer r.Close()
	together := max(2, rowBytes/max(r.RowBytes(), 1))
	if r.Rows <= together {
		return false, nil
	}
	in, err := nextRows(r, together)
	if err != nil || m.Signature().CheckInputs(in) != nil || m.RowsAlone(ctx, in) != nil {
		return false, ctx.Err()
	}
	from := 0
	return true, npz.WriteRows(outputs, func(put func([]lockstep.NamedTensor) error) error {
		for len(in) > 0 {
			out, err := m.Run(ctx, in)
			if err != nil {
				return fmt.Errorf("from row %d of %d: %w", from, r.Rows, err)
			}
			var part []lockstep.NamedTensor
			for _, name := range slices.Sorted(maps.Keys(out)) {
				part = append(part, lockstep.NamedTensor{Name: name, Tensor: out[name]})
			}
			if err := put(part); err != nil {
				return err
			}
			from += together
			if in, err = nextRows(r, together); err != nil {
				return err
			}
		}
		return nil
	})
}

func nextRows(r *npz.RowReader, n int) (map[string]*lockstep.Tensor, error) {
	part, err := r.Next(n)
	in := map[string]*lockstep.Tensor{}
	for _, nt := range part {
		in[nt.Name] = nt.Tensor
	}
	return in, err
}
