package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/files"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
	"github.com/lockstep-go/lockstep/beam/internal/tables"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// Verification compares a sample of what was written with TensorFlow.
type Verification struct {
	N    int
	Seed uint64
	// Check runs the model on inputs in TensorFlow and in the native engine, compares both
	// and the outputs that were written, and tells whether all agree.
	Check func(ctx context.Context, inputs, written string) (agrees bool, err error)
}

// Verified is the outcome.
type Verified struct {
	Rows   int  `json:"rows"`
	Agrees bool `json:"agrees"`
}

// check refuses what cannot be verified, before the job begins.
func (v *Verification) check(j *Job, p *infer.Predictor) error {
	if v.N == 0 || j.Model.Forecast == nil {
		return nil
	}
	input, _ := p.Roles()
	spec, _ := p.Signature().Input(input)
	if len(p.Signature().Inputs) != 2 || spec.Shape[1] >= 0 && spec.Shape[1] != j.Model.Forecast.Horizon {
		return fmt.Errorf("a sample of forecasts is verified by feeding them to a decoder of any number of steps, which the model does not have: leave out --verify")
	}
	return nil
}

// run draws a sample of all predictions that were written, and checks it.
func (v *Verification) run(ctx context.Context, j *Job, p *infer.Predictor, records []*Record) (*Verified, error) {
	total := int64(0)
	for _, r := range records {
		total += r.Rows
	}
	if total == 0 {
		return nil, fmt.Errorf("no row was predicted, and so none can be verified")
	}
	out := &Verified{Agrees: true}
	s := sampler{job: j, predictor: p, each: rowsOfCall, written: map[place][]infer.Value{}}
	if p.Rows() == 1 {
		s.each = 1
	}
	positions := draw(total, int64(v.N), v.Seed)
	g, err := newGatherer(j, p.Signature().Inputs, s.each, func(c *call) error {
		out.Rows += len(c.labels.Rows)
		agrees, err := v.checkCall(ctx, &s, c)
		out.Agrees = out.Agrees && agrees
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		var here []int64
		for len(positions) > 0 && positions[0] < r.Rows {
			here, positions = append(here, positions[0]), positions[1:]
		}
		for i := range positions {
			positions[i] -= r.Rows
		}
		if len(here) == 0 {
			continue
		}
		if err := s.part(ctx, g, r, here); err != nil {
			return nil, err
		}
	}
	if err := g.flush(); err != nil {
		return nil, err
	}
	if out.Rows != min(v.N, int(total)) {
		return nil, fmt.Errorf("%d rows of the sample were found in the inputs, want %d: they have changed since the job ran", out.Rows, min(v.N, int(total)))
	}
	return out, nil
}

// draw returns n of total positions, ascending.
func draw(total, n int64, seed uint64) []int64 {
	n = min(n, total)
	rng := rand.New(rand.NewPCG(seed, 0))
	taken := map[int64]bool{}
	var out []int64
	for i := total - n; i < total; i++ { // Floyd's
		at := rng.Int64N(i + 1)
		if taken[at] {
			at = i
		}
		taken[at] = true
		out = append(out, at)
	}
	slices.Sort(out)
	return out
}

// place is a row of a part's input.
type place struct {
	part int
	row  int64
}

// sampler reads what was written, and the inputs again.
type sampler struct {
	job       *Job
	predictor *infer.Predictor
	each      int
	names     []string
	written   map[place][]infer.Value
	order     []place // of the rows in the gatherer's call
}

func (s *sampler) part(ctx context.Context, g *gatherer, r *Record, positions []int64) error {
	if s.names == nil {
		s.names = s.outputNames()
	}
	if err := s.readWritten(ctx, r, positions); err != nil {
		return err
	}
	g.want = func(row int64) bool {
		at := place{r.Part, row}
		_, ok := s.written[at]
		if ok {
			s.order = append(s.order, at)
		}
		return ok
	}
	in, err := rows.Open(ctx, *r.Input, s.job.columns(s.predictor.Signature()))
	if err != nil {
		return err
	}
	defer in.Close()
	return g.read(ctx, in, *r.Input)
}

// outputNames are those that a part's file has: of the signature, and of states, which are not verified.
func (s *sampler) outputNames() []string {
	if _, output := s.predictor.Roles(); output != "" {
		return []string{output}
	}
	var names []string
	for _, spec := range s.predictor.Signature().Outputs {
		names = append(names, spec.Name)
	}
	return names
}

func (s *sampler) specs() []lockstep.TensorSpec {
	specs := []lockstep.TensorSpec{{Name: tables.RowColumn, DType: lockstep.Int64, Shape: []int{-1}}}
	for _, name := range s.names {
		spec, _ := s.predictor.Signature().Output(name)
		specs = append(specs, spec)
	}
	return specs
}

func (s *sampler) readWritten(ctx context.Context, r *Record, positions []int64) error {
	path := files.Join(s.job.Output, r.Output.File)
	all := rows.Part{File: path, Size: r.Output.Size, From: 0, To: 1 << 62, Before: -1}
	specs := s.specs()
	for i := range specs { // flat, whatever the file's form
		specs[i].UnknownRank = true
	}
	in, err := rows.Open(ctx, all, rows.Columns{Values: append([]string{tables.RowColumn}, s.names...), Specs: specs})
	if err != nil {
		return err
	}
	defer in.Close()
	var row rows.Row
	for n := int64(0); len(positions) > 0; n++ {
		if err := in.Read(&row); errors.Is(err, io.EOF) {
			return fmt.Errorf("%s has fewer rows than its record says", path)
		} else if err != nil {
			return err
		}
		if n != positions[0] {
			continue
		}
		positions = positions[1:]
		if row.Bad != nil {
			return fmt.Errorf("%s: %w", path, row.Bad)
		}
		var values []infer.Value
		for _, v := range row.Values[1:] {
			values = append(values, infer.Value{Kind: v.Kind, Floats: slices.Clone(v.Floats), Ints: slices.Clone(v.Ints), Texts: slices.Clone(v.Texts)})
		}
		s.written[place{r.Part, row.Values[0].Ints[0]}] = values
	}
	return nil
}

// checkCall writes inputs and outputs of a call to files, and has them checked.
func (v *Verification) checkCall(ctx context.Context, s *sampler, c *call) (bool, error) {
	if len(c.failures) > 0 {
		return false, fmt.Errorf("row %d has a prediction, and now fails: %s", c.failures[0].row, c.failures[0].reason)
	}
	done, failed, err := s.predictor.Predict(ctx, len(c.labels.Rows), c.inputs)
	if err != nil {
		return false, err
	}
	if len(failed) > 0 || len(done) == 0 {
		return false, fmt.Errorf("row %d has a prediction, and now fails: %w", c.labels.Rows[failed[0].Row], failed[0].Err)
	}
	written, err := s.tensors(len(c.labels.Rows), done[0].Outputs)
	if err != nil {
		return false, err
	}
	inputs := c.inputs
	if s.job.Model.Forecast != nil {
		if inputs, err = s.fed(inputs, written[0].Tensor); err != nil {
			return false, err
		}
	}
	dir, err := os.MkdirTemp("", "lockstep-batch-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "inputs.npz"), filepath.Join(dir, "written.npz")
	var named []lockstep.NamedTensor
	for _, spec := range s.predictor.Signature().Inputs {
		named = append(named, lockstep.NamedTensor{Name: spec.Name, Tensor: inputs[spec.Name]})
	}
	if err := errors.Join(npz.WriteFile(in, named), npz.WriteFile(out, written)); err != nil {
		return false, err
	}
	return v.Check(ctx, in, out)
}

// tensors makes tensors of what was written for the next rows, in the shapes of like.
func (s *sampler) tensors(n int, like []lockstep.NamedTensor) ([]lockstep.NamedTensor, error) {
	places := s.order[:n]
	s.order = s.order[n:]
	var specs []lockstep.TensorSpec
	for _, name := range s.names {
		i := slices.IndexFunc(like, func(nt lockstep.NamedTensor) bool { return nt.Name == name })
		t := like[i].Tensor
		specs = append(specs, lockstep.TensorSpec{Name: name, DType: t.DType(), Shape: append([]int{-1}, t.Shape()[1:]...)})
	}
	b, err := infer.NewBuilder(specs)
	if err != nil {
		return nil, err
	}
	for _, at := range places {
		if err := b.Add(s.written[at]); err != nil {
			return nil, fmt.Errorf("what was written for row %d: %w", at.row, err)
		}
	}
	tensors, err := b.Tensors()
	var out []lockstep.NamedTensor
	for _, name := range s.names {
		out = append(out, lockstep.NamedTensor{Name: name, Tensor: tensors[name]})
	}
	return out, err
}

// fed are a forecast's inputs with the outputs that were fed back, so that one run of the model has all steps.
func (s *sampler) fed(inputs map[string]*lockstep.Tensor, own *lockstep.Tensor) (map[string]*lockstep.Tensor, error) {
	name, _ := s.predictor.Roles()
	first, err := inputs[name].Float64s()
	if err != nil {
		return nil, err
	}
	values, err := own.Float64s()
	if err != nil {
		return nil, err
	}
	shape := own.Shape()
	fed := make([]float64, 0, len(values))
	given := len(first) / shape[0]
	size := shape[1] * shape[2]
	for row := range shape[0] {
		fed = append(fed, first[row*given:row*given+shape[2]]...)
		fed = append(fed, values[row*size:(row+1)*size-shape[2]]...)
	}
	spec, _ := s.predictor.Signature().Input(name)
	b, err := infer.NewBuilder([]lockstep.TensorSpec{spec})
	if err != nil {
		return nil, err
	}
	for row := range shape[0] {
		if err := b.Add([]infer.Value{{Kind: infer.Floats, Floats: fed[row*size : (row+1)*size]}}); err != nil {
			return nil, err
		}
	}
	out, err := b.Tensors()
	for other, t := range inputs {
		if other != name {
			out[other] = t
		}
	}
	return out, err
}
