package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/beam/infer"
	"github.com/lockstep-go/lockstep/beam/internal/rows"
	"github.com/lockstep-go/lockstep/beam/internal/tables"
)

// call is what is run at once, and the rows before it that cannot be run.
type call struct {
	labels   tables.Labels
	inputs   map[string]*lockstep.Tensor // nil if there are failures alone
	failures []failure

	size        int64 // what it holds
	done        chan struct{}
	predictions []infer.Prediction
	failed      []infer.RowError
	err         error
}

type failure struct {
	key, time string
	row       int64
	reason    string
}

const (
	rowsOfCall     = 256
	failuresOfCall = 4096
)

// gatherer makes calls of the rows of a part.
type gatherer struct {
	window  *infer.Windowing
	builder *infer.Builder
	each    int                  // rows of a call
	want    func(row int64) bool // nil: all
	emit    func(c *call) error  // takes a full call
	series  *series              // the current one
	seen    map[string]struct{}  // keys whose rows have ended
	keyed   bool                 // rows have keys
	timed   bool                 // rows have times
	next    call
}

func newGatherer(j *Job, specs []lockstep.TensorSpec, each int, emit func(*call) error) (*gatherer, error) {
	if j.Window != nil {
		specs = j.Window.Specs()
	}
	b, err := infer.NewBuilder(specs)
	if err != nil {
		return nil, err
	}
	return &gatherer{window: j.Window, builder: b, each: each, emit: emit, keyed: j.Columns.Key != "", timed: j.Columns.Time != ""}, nil
}

// read reads a part's rows: all that begin in it, or with windows, all of the series that do.
func (g *gatherer) read(ctx context.Context, r rows.Reader, p rows.Part) error {
	g.seen, g.series = map[string]struct{}{}, nil
	var row rows.Row
	skip, skipping := "", false // the key of a series that began before the part
	keyless := false            // the key of the row before could not be read
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := r.Read(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if n == 0 && p.Before >= 0 {
			skip, skipping, keyless = row.Key, row.HasKey, !row.HasKey
			continue
		}
		if g.window == nil || !g.keyed {
			if !row.InPart && (g.window == nil || g.series == nil) {
				break
			}
			if err := g.add(&row); err != nil {
				return err
			}
			continue
		}
		if skipping && (!row.HasKey || row.Key == skip) {
			if !row.InPart {
				break
			}
			continue
		}
		skipping = false
		// Where the part ends in a row without a key, both parts know that its series does too.
		if !row.InPart && (g.series == nil || keyless || row.HasKey && row.Key != g.series.key) {
			break
		}
		torn := keyless && n == 1 && p.Before >= 0
		if row.InPart {
			keyless = !row.HasKey
		}
		if err := g.add(&row); err != nil {
			return err
		}
		if torn && g.series != nil && g.series.broken == nil {
			g.series.broken = fmt.Errorf("row %d: the key of the row before cannot be read, and so not where the series begins", row.Number)
		}
	}
	return g.endSeries()
}

func (g *gatherer) add(row *rows.Row) error {
	if g.window == nil {
		return g.independent(row)
	}
	if g.series != nil && row.HasKey && row.Key != g.series.key {
		if err := g.endSeries(); err != nil {
			return err
		}
	}
	if g.series == nil {
		if !row.HasKey {
			return g.fail(failure{"", row.TimeText(), row.Number, row.Bad.Error()})
		}
		g.series = newSeries(g.window, row.Key)
		if _, twice := g.seen[row.Key]; twice {
			g.series.broken = fmt.Errorf("row %d: the key %q had rows before those of other keys: the rows of a key must be together, in order of time", row.Number, row.Key)
		}
		g.series.at = row.At
	}
	return g.series.add(g, row)
}

func (g *gatherer) endSeries() error {
	s := g.series
	if s == nil {
		return nil
	}
	g.series = nil
	if g.keyed {
		g.seen[strings.Clone(s.key)] = struct{}{}
	}
	return s.end(g)
}

// independent adds a row that has all inputs.
func (g *gatherer) independent(row *rows.Row) error {
	if g.want != nil && !g.want(row.Number) {
		return nil
	}
	if row.Bad != nil {
		return g.fail(failure{row.Key, row.TimeText(), row.Number, row.Bad.Error()})
	}
	return g.put(row.Values, row.Key, row.TimeText(), row.Number)
}

// put adds a row's or window's inputs to the call.
func (g *gatherer) put(values []infer.Value, key, time string, row int64) error {
	err := g.builder.Add(values)
	if errors.Is(err, infer.ErrOtherShape) {
		if err := g.flush(); err != nil {
			return err
		}
		err = g.builder.Add(values)
	}
	if err != nil {
		return g.fail(failure{key, time, row, fmt.Sprintf("row %d: %v", row, err)})
	}
	l := &g.next.labels
	l.Keys, l.Times, l.Rows = append(l.Keys, key), append(l.Times, time), append(l.Rows, row)
	if g.builder.Rows() >= g.each {
		return g.flush()
	}
	return nil
}

func (g *gatherer) fail(f failure) error {
	g.next.failures = append(g.next.failures, f)
	if len(g.next.failures) >= failuresOfCall {
		return g.flush()
	}
	return nil
}

// flush hands over what was gathered.
func (g *gatherer) flush() error {
	if g.builder.Rows() == 0 && len(g.next.failures) == 0 {
		return nil
	}
	c := g.next
	g.next = call{}
	c.done = make(chan struct{})
	if g.builder.Rows() > 0 {
		var err error
		if c.inputs, err = g.builder.Tensors(); err != nil {
			return err
		}
	}
	return g.emit(&c)
}
