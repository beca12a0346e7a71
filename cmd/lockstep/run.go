package main

import (
	"maps"
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
