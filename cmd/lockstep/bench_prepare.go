package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/atomicfile"
	"github.com/lockstep-go/lockstep/internal/bench"
	"github.com/lockstep-go/lockstep/internal/contender"
	"github.com/lockstep-go/lockstep/internal/inputs"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// race is one work, ready to begin.
type race struct {
	bench.Workload
	contenders []bench.Contender
	// What every answer must agree with; if there is no reference, it is the
	// first answer.
	reference, expected []float64
}

func (r *race) check(name string, answer []float64) (float64, error) {
	if r.reference == nil {
		r.reference = answer
	}
	if r.expected != nil {
		if _, err := bench.Agree(answer, r.expected); err != nil {
			return 0, fmt.Errorf("%s against --expected: %w", name, err)
		}
	}
	largest, err := bench.Agree(answer, r.reference)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return largest, nil
}

// prepare makes the contenders of a work, and the reference that they are
// checked with.
func (f *benchFlags) prepare(ctx context.Context, w benchWork, cases string) (*race, error) {
	m, err := native.Load(w.dir, f.model.native()...)
	if err != nil {
		return nil, err
	}
	made, err := w.fit(ctx, m, cases)
	if err != nil {
		return nil, err
	}
	r := &race{Workload: bench.Workload{Model: filepath.Base(filepath.Clean(w.dir)), Batch: w.in.sizes.Batch, Steps: w.in.sizes.Steps, Inputs: made}}
	var file string
	_, no := m.Seq2Seq()
	if n := len(m.Signature().Outputs); no == nil && n > 1 {
		no = fmt.Errorf("its signature has %d outputs", n)
	}
	switch {
	case no == nil:
		if file, err = r.seq2seq(m, w.in, cases); err != nil {
			return nil, err
		}
	case len(f.peers) > 0:
		return nil, fmt.Errorf("a peer computes the sequence-to-sequence model with its one output: %w", no)
	}
	if f.expected != "" {
		if r.expected, err = f.predicted(ctx, m, w.in); err != nil {
			return nil, err
		}
	}
	r.contenders, err = f.chosen(f.contenders(w, no == nil, file))
	return r, err
}

// chosen are the contenders that --engines names.
func (f *benchFlags) chosen(all []bench.Contender) ([]bench.Contender, error) {
	if len(f.engines) == 0 {
		return all, nil
	}
	var out []bench.Contender
	for _, name := range f.engines {
		i := slices.IndexFunc(all, func(c bench.Contender) bool { return c.Name == name })
		if i < 0 {
			var names []string
			for _, c := range all {
				names = append(names, c.Name)
			}
			return nil, usagef("--engines has %q; here there are %s", name, strings.Join(names, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// predicted reads the expected value of every output.
func (f *benchFlags) predicted(ctx context.Context, m *native.Model, in inputFlags) ([]float64, error) {
	byName, err := readTensors(f.expected)
	if err != nil {
		return nil, err
	}
	inputs, err := in.plain(m.Signature())
	if err != nil {
		return nil, err
	}
	trace, err := m.Trace(ctx, inputs, lockstep.States)
	if err != nil {
		return nil, err
	}
	if err := compare.CheckExpected(inputs, byName, trace.Outputs, trace.States); err != nil {
		return nil, fmt.Errorf("%s: %w", f.expected, err)
	}
	outputs := map[string]*lockstep.Tensor{}
	for name := range trace.Outputs {
		if outputs[name] = byName[name]; outputs[name] == nil {
			return nil, usagef("%s lacks the output %q: all outputs are compared", f.expected, name)
		}
	}
	return contender.Flat(outputs)
}

// fit makes w's inputs acceptable to the model's graph, and returns a sentence
// that describes them. The contenders make them from the seed again, and read
// those that do not follow from the signature alone.
func (w *benchWork) fit(ctx context.Context, m *native.Model, cases string) (made string, err error) {
	if w.in.inputs != "" {
		_, made, err = w.in.inputsFor(ctx, model{signature: m.Signature()})
		return made, err
	}
	fit := model{signature: m.Signature(), trial: inputs.NewTrial(m)}
	fitted, err := w.in.make(ctx, fit)
	if err != nil {
		return "", err
	}
	made = w.in.request(fit).Sentence(fitted)
	w.in.sizes = fitted.Sizes
	if len(fitted.Fitted) > 0 {
		w.in.inputs = filepath.Join(cases, fmt.Sprintf("%s-batch%d-steps%d.npz", filepath.Base(filepath.Clean(w.dir)), w.in.sizes.Batch, w.in.sizes.Steps))
		err = writeInputs(w.in.inputs, fitted.Inputs)
	}
	return made, err
}

// seq2seq computes the reference in float64, sets the sizes of the work to
// those of its inputs, and writes the file that peers are given.
func (r *race) seq2seq(m *native.Model, in inputFlags, cases string) (file string, err error) {
	encoder, decoder, err := contender.Seq2SeqInputs(m, in.plain)
	if err != nil {
		return "", err
	}
	weights, err := m.Weights()
	if err != nil {
		return "", err
	}
	q, err := native.NewSeq2Seq64(weights)
	if err != nil {
		return "", err
	}
	x, err := encoder.Float64s()
	if err != nil {
		return "", err
	}
	y, err := decoder.Float64s()
	if err != nil {
		return "", err
	}
	r.Batch, r.Steps = encoder.Shape()[0], decoder.Shape()[1]
	call, out := contender.EncodeDecode(q, x, y, r.Batch)
	if err := call(); err != nil {
		return "", err
	}
	r.reference = out
	file = filepath.Join(cases, fmt.Sprintf("%s-batch%d-steps%d.f32", r.Model, r.Batch, r.Steps))
	return file, atomicfile.WriteFile(file, bench.Case{Weights: weights, Encoder: encoder, Decoder: decoder}.Write)
}

// contenders are those of a work; ratios are to the first. With kernels that
// are not in use, it alone is timed.
func (f *benchFlags) contenders(w benchWork, seq2seq bool, file string) []bench.Contender {
	inUse, kernels := native.Kernels()
	name, engine := "native", "runner"
	var out []bench.Contender
	if seq2seq {
		name, engine = "native-seq2seq", "seq2seq"
		out = append(out, f.contender(name, engine, w, inUse))
	}
	out = append(out, f.contender("native", "runner", w, inUse), f.contender("native-run", "run", w, inUse))
	for _, k := range kernels {
		if k != inUse {
			out = append(out, f.contender(name+"-"+k, engine, w, k))
		}
	}
	if tfbridge.Built() {
		out = append(out, f.contender("tensorflow", "tensorflow", w, ""))
	}
	for _, p := range f.peers {
		name, command, _ := strings.Cut(p, "=")
		out = append(out, bench.Contender{Name: name, Command: func(ctx context.Context) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", "exec "+command+` "$1"`, "sh", file)
		}})
	}
	return out
}

// contender is this program, or the other build of it, with one of its engines;
// TensorFlow uses no kernel of ours.
func (f *benchFlags) contender(name, engine string, w benchWork, kernel string) bench.Contender {
	args := []string{contenderCommand, w.dir, "--engine", engine, "--signature", f.model.signature, "--tags", strings.Join(f.model.tags, ",")}
	if w.in.inputs != "" {
		args = append(args, "--inputs", w.in.inputs)
	} else {
		args = append(args, "--seed", strconv.FormatUint(w.in.seed, 10), "--batch", strconv.Itoa(w.in.sizes.Batch), "--steps", strconv.Itoa(w.in.sizes.Steps))
	}
	if f.model.threads > 0 {
		args = append(args, "--threads", strconv.Itoa(f.model.threads))
	}
	return bench.Contender{Name: name, Command: func(ctx context.Context) *exec.Cmd {
		program := f.program
		if self, err := os.Executable(); program == "" || kernel == "" {
			if program = self; err != nil {
				program = os.Args[0]
			}
		}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = os.Environ()
		if _, set := os.LookupEnv("TF_CPP_MIN_LOG_LEVEL"); !set {
			cmd.Env = append(cmd.Env, "TF_CPP_MIN_LOG_LEVEL=2") // errors and worse
		}
		if kernel != "" {
			cmd.Env = append(cmd.Env, contender.Kernel+"="+kernel)
		}
		return cmd
	}}
}

// casesFolder makes the folder for the files that peers are given. remove
// deletes it unless the user named it.
func casesFolder(named string) (dir string, remove func() error, err error) {
	if named != "" {
		return named, func() error { return nil }, os.MkdirAll(named, 0o755)
	}
	dir, err = os.MkdirTemp("", "lockstep-bench-*")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
