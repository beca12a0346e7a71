package infer

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/forecast"
	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/parity"
)

// Predictor runs a model on rows, several in a call where that gives the same
// bits as one by one. It is safe for any number of goroutines.
type Predictor struct {
	model  *native.Model
	config Config
	rows   int // in a call
	roles  forecast.Roles
}

// Prediction is the outputs of some of the rows that were given.
type Prediction struct {
	Rows    []int                  // which of them, counted from 0, ascending
	Outputs []lockstep.NamedTensor // of these rows, with the batch axis in front; in order of name
}

// RowError says why a row, counted from 0, has no prediction.
type RowError struct {
	Row int
	Err error
}

// NewPredictor makes a Predictor. It fails for a model whose rows have no results
// of their own: one that carries states from call to call, or whose batch is fixed.
func NewPredictor(ctx context.Context, m *native.Model, c Config) (*Predictor, error) {
	p := &Predictor{model: m, config: c, rows: c.Rows}
	if p.rows == 0 {
		p.rows = defaultRows
	}
	if p.rows < 0 {
		return nil, fmt.Errorf("infer: %d rows in a call, want 1 or more", p.rows)
	}
	if err := p.checkModel(); err != nil {
		return nil, err
	}
	made, err := p.madeInputs(ctx)
	if err == nil && c.Forecast != nil {
		err = p.findRoles(ctx, made)
	}
	if err != nil && c.Forecast != nil {
		return nil, err
	}
	if err != nil || !p.independent(ctx, made) {
		p.rows = 1
	}
	return p, nil
}

// checkModel refuses models whose rows depend on more than themselves.
func (p *Predictor) checkModel() error {
	program, err := p.model.Source().Compile(false)
	if err != nil {
		return err
	}
	if program.Stateful() {
		return fmt.Errorf("infer: the model carries states from call to call (stateful=True), so that a row's result would depend on those before it: export it with stateful=False, or run its series with lockstep run")
	}
	sig := p.model.Signature()
	if len(sig.Inputs) == 0 {
		return fmt.Errorf("infer: signature %q has no inputs that rows could be", sig.Name)
	}
	for _, spec := range sig.Inputs {
		switch {
		case spec.UnknownRank:
		case len(spec.Shape) == 0:
			return fmt.Errorf("infer: the input %s has no batch axis, and so no rows", spec)
		case spec.Shape[0] > 1:
			return fmt.Errorf("infer: the input %s has a batch of %d, no more and no fewer: export the model with an open batch", spec, spec.Shape[0])
		case spec.Shape[0] == 1:
			p.rows = 1
		}
	}
	if f := p.config.Forecast; f != nil && (f.Horizon < 1 || f.Given < 0) {
		return fmt.Errorf("infer: a forecast of %d steps after %d that are given, want 1 or more", f.Horizon, f.Given)
	}
	if p.config.Forecast != nil && p.config.States {
		return fmt.Errorf("infer: a forecast has no final states: leave out one of the two")
	}
	return nil
}

// madeInputs are some that the graph accepts, of three rows where the batch is open.
func (p *Predictor) madeInputs(ctx context.Context) (map[string]*lockstep.Tensor, error) {
	batch := 3
	if p.rows == 1 {
		batch = 1
	}
	return parity.Inputs(ctx, p.model, parity.Options{Seed: 1, Batch: batch})
}

func (p *Predictor) findRoles(ctx context.Context, made map[string]*lockstep.Tensor) (err error) {
	f := p.config.Forecast
	if (f.Input == "") != (f.Output == "") {
		return fmt.Errorf("infer: a forecast's input %q and output %q belong together: give both or neither", f.Input, f.Output)
	}
	if f.Input != "" {
		p.roles = forecast.Roles{Input: f.Input, Output: f.Output}
		return nil
	}
	p.roles, err = forecast.Find(ctx, p.model, made)
	return err
}

// independent tells whether rows of made inputs have the same bits together and alone.
func (p *Predictor) independent(ctx context.Context, made map[string]*lockstep.Tensor) bool {
	n := 0
	for _, t := range made {
		if t.Rank() < 1 || n > 0 && t.Shape()[0] != n {
			return false
		}
		n = t.Shape()[0]
	}
	together, err := p.run(ctx, made, n)
	if err != nil {
		return false
	}
	for i := range n {
		row, err := takeAll(made, []int{i})
		if err != nil {
			return false
		}
		alone, err := p.run(ctx, row, 1)
		if err != nil {
			return false
		}
		for j, out := range together {
			one, err := take(out.Tensor, []int{i})
			if err != nil || alone[j].Name != out.Name || !one.BitEqual(alone[j].Tensor) {
				return false
			}
		}
	}
	return true
}

// Signature returns the signature that is run.
func (p *Predictor) Signature() lockstep.Signature { return p.model.Signature() }

// Rows returns how many rows a call has at most: 1 for a model in which they affect each other.
func (p *Predictor) Rows() int { return p.rows }

// Roles returns the input that is fed by steps, and the output that is fed back; empty without a Forecast.
func (p *Predictor) Roles() (input, output string) { return p.roles.Input, p.roles.Output }

// Predict runs n rows, which the inputs have along their first axis. Every row is
// in one of the predictions or has an error. Only the context's end is an error of all.
func (p *Predictor) Predict(ctx context.Context, n int, inputs map[string]*lockstep.Tensor) ([]Prediction, []RowError, error) {
	if err := p.check(n, inputs); err != nil {
		return nil, failAll(n, err), ctx.Err()
	}
	var done []Prediction
	var failed []RowError
	var good []int
	for i, err := range p.nonFinite(n, inputs, p.model.Signature().Inputs) {
		if err != nil {
			failed = append(failed, RowError{i, err})
		} else {
			good = append(good, i)
		}
	}
	for rows := range slices.Chunk(good, p.rows) {
		d, f := p.call(ctx, rows, n, inputs)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		done, failed = append(done, d...), append(failed, f...)
	}
	slices.SortFunc(failed, func(a, b RowError) int { return a.Row - b.Row })
	return done, failed, nil
}

func failAll(n int, err error) []RowError {
	var out []RowError
	for i := range n {
		out = append(out, RowError{i, err})
	}
	return out
}

// check tells whether inputs are the signature's, of n rows.
func (p *Predictor) check(n int, inputs map[string]*lockstep.Tensor) error {
	for name, t := range inputs {
		if t == nil || t.Rank() < 1 || t.Shape()[0] != n {
			return &lockstep.TensorError{Err: fmt.Errorf("infer: input %q is %s, want %d rows", name, t, n)}
		}
	}
	for _, spec := range p.model.Signature().Inputs { // a batch of 1 is what each call has then
		if !spec.UnknownRank && spec.Shape[0] == 1 && n > 1 {
			row, err := takeAll(inputs, []int{0})
			if err != nil {
				return err
			}
			return p.model.Signature().CheckInputs(row)
		}
	}
	return p.model.Signature().CheckInputs(inputs)
}

// call runs some of n rows; if it fails, each by itself.
func (p *Predictor) call(ctx context.Context, rows []int, n int, inputs map[string]*lockstep.Tensor) ([]Prediction, []RowError) {
	part := inputs
	var err error
	if len(rows) < n {
		if part, err = takeAll(inputs, rows); err != nil {
			return nil, failEach(rows, err)
		}
	}
	out, err := p.run(ctx, part, len(rows))
	switch {
	case err != nil && len(rows) == 1 || ctx.Err() != nil:
		return nil, failEach(rows, err)
	case err != nil:
		var done []Prediction
		var failed []RowError
		for _, row := range rows {
			d, f := p.call(ctx, []int{row}, n, inputs)
			done, failed = append(done, d...), append(failed, f...)
		}
		return done, failed
	}
	return p.finite(rows, out)
}

func failEach(rows []int, err error) []RowError {
	out := make([]RowError, len(rows))
	for i, row := range rows {
		out[i] = RowError{row, err}
	}
	return out
}

// run computes the outputs of n rows in one call, in order of name.
func (p *Predictor) run(ctx context.Context, inputs map[string]*lockstep.Tensor, n int) ([]lockstep.NamedTensor, error) {
	var out map[string]*lockstep.Tensor
	switch {
	case p.config.Forecast != nil:
		own, err := p.forecast(ctx, inputs)
		if err != nil {
			return nil, err
		}
		out = map[string]*lockstep.Tensor{p.roles.Output: own}
	case p.config.States:
		trace, err := p.model.Trace(ctx, inputs, lockstep.States)
		if err != nil {
			return nil, err
		}
		out = trace.Outputs
		for name, t := range trace.States {
			out[name] = t
		}
	default:
		var err error
		if out, err = p.model.Run(ctx, inputs); err != nil {
			return nil, err
		}
	}
	var all []lockstep.NamedTensor
	for name, t := range out {
		if t.Rank() < 1 || t.Shape()[0] != n {
			return nil, fmt.Errorf("infer: output %q of %d rows is %s: it has no result for each row", name, n, t)
		}
		all = append(all, lockstep.NamedTensor{Name: name, Tensor: t})
	}
	slices.SortFunc(all, func(a, b lockstep.NamedTensor) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all, nil
}

func (p *Predictor) forecast(ctx context.Context, inputs map[string]*lockstep.Tensor) (*lockstep.Tensor, error) {
	f := p.config.Forecast
	given := f.Given
	if given == 0 {
		given = 1
		if t := inputs[p.roles.Input]; len(inputs) == 1 && t != nil && t.Rank() > 1 {
			given = t.Shape()[1]
		}
	}
	r, err := forecast.Problem{Engine: p.model, Roles: p.roles, Inputs: inputs, Given: given, Horizon: f.Horizon}.Run(ctx)
	if err != nil {
		return nil, err
	}
	return r.Own, nil
}
