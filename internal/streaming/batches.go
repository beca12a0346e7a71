package streaming

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/rows"
	"github.com/lockstep-go/lockstep/internal/value"
)

// Batches runs a program on portions of a batch's rows, where it treats rows alone and
// that is faster: the tensors of a portion stay in the processor's cache and are reused by
// the next, and goroutines share the portions. The results are the same bits. Any
// number of goroutines may use it.
type Batches struct {
	program *engine.Program
	workers int
	open    bool // the first axis of every input is the batch

	mu    sync.Mutex // held while known grows
	known atomic.Pointer[[]*rowShapes]

	runners sync.Pool
}

// NewBatches makes the Batches of a program; open says that the first axis of every
// input may have any length.
func NewBatches(p *engine.Program, workers int, open bool) *Batches {
	return &Batches{program: p, workers: max(workers, 1), open: open && len(p.In) > 0 && !p.Stateful()}
}

// rowShapes are inputs of certain types and shapes, whatever the batch.
type rowShapes struct {
	types []lockstep.DType
	of    [][]int // without the first axis
	// rows says how the rows are treated, nil until that was asked, or nil inside if
	// they are not treated alone.
	rows  atomic.Pointer[rowsKnown]
	calls atomic.Int64 // how many were timed
	nanos atomic.Int64 // the least time of a row

	mu    sync.Mutex // held while plans grows
	plans atomic.Pointer[[]*portionPlan]
}

// rowsKnown is how rows are treated, or why they are not treated alone.
type rowsKnown struct {
	*independence
	why error
}

// portionPlan is the plan of a portion.
type portionPlan struct {
	rows   int
	plan   *engine.Plan
	types  []lockstep.DType // of the outputs, by Program.Out
	shapes [][]int
}

// PortionBytes are what the tensors of a portion may take, so that most of them are still
// in the cache when they are read again. Tests set it.
var PortionBytes int64 = 1 << 20

const (
	// tile is how many rows the kernels treat at once, or a multiple.
	tile = 12
	// asked is the batch from which on it pays to find out how rows are treated before
	// the first call.
	asked = 64
	// heavy is the time of a call from which on it pays for smaller batches.
	heavy = time.Millisecond
	// timedCalls is how many calls are timed before goroutines share the next.
	timedCalls = 2
	// maxKnown bounds the shapes that something is known of, maxPortions the plans of each.
	maxKnown, maxPortions = 32, 8
	// perNano is the work of rows.Work that a core does in a nanosecond.
	perNano = 42
)

// division is how a batch is shared out.
type division struct {
	portion *portionPlan
	count   int // of portions, the last of which begins so that it is complete
	workers int
	outputs *independence
}

// shapesOf returns what is known of the inputs' shapes, nil if they have no common batch.
func (b *Batches) shapesOf(inputs []*lockstep.Tensor) *rowShapes {
	if !b.open || inputs[0].Rank() == 0 || inputs[0].Shape()[0] < 2 {
		return nil
	}
	for _, t := range inputs[1:] {
		if t.Rank() == 0 || t.Shape()[0] != inputs[0].Shape()[0] {
			return nil
		}
	}
	if s := b.find(inputs); s != nil {
		return s
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.find(inputs); s != nil {
		return s
	}
	s := &rowShapes{}
	for _, t := range inputs {
		s.types, s.of = append(s.types, t.DType()), append(s.of, slices.Clone(t.Shape()[1:]))
	}
	var all []*rowShapes
	if old := b.known.Load(); old != nil {
		all = *old
	}
	if len(all) >= maxKnown {
		all = all[1:]
	}
	all = append(slices.Clip(all), s)
	b.known.Store(&all)
	return s
}

func (b *Batches) find(inputs []*lockstep.Tensor) *rowShapes {
	all := b.known.Load()
	if all == nil {
		return nil
	}
	for _, s := range *all {
		if s.fit(inputs) {
			return s
		}
	}
	return nil
}

func (s *rowShapes) fit(inputs []*lockstep.Tensor) bool {
	for i, t := range inputs {
		if t.DType() != s.types[i] || !slices.Equal(t.Shape()[1:], s.of[i]) {
			return false
		}
	}
	return true
}

// rowsOf finds how rows are treated.
func (b *Batches) rowsOf(ctx context.Context, s *rowShapes, inputs []*lockstep.Tensor) *rowsKnown {
	known := s.rows.Load()
	if known == nil {
		known = &rowsKnown{}
		known.independence, known.why = independent(ctx, b.program, inputs)
		if ctx.Err() == nil {
			s.rows.Store(known)
		}
	}
	return known
}

// Alone fails, and says why, unless row i of every output depends on row i of the inputs
// alone, and not on how many there are.
func (b *Batches) Alone(ctx context.Context, inputs map[string]*lockstep.Tensor) error {
	var given []*lockstep.Tensor
	for _, port := range b.program.In {
		t := inputs[port.Name]
		if t == nil {
			return fmt.Errorf("the input %q is missing", port.Name)
		}
		given = append(given, t)
	}
	s := b.shapesOf(given)
	if s == nil {
		return errors.New("its inputs have no batch of two rows or more in common, of any length")
	}
	known := b.rowsOf(ctx, s, given)
	if known.independence == nil {
		return known.why
	}
	for i, out := range b.program.Out[:b.program.Wanted] {
		if known.outputs[i].axis != 0 {
			return fmt.Errorf("the first axis of output %q is not the batch", out.Name)
		}
	}
	return nil
}

// divide finds how a call's rows are shared out; divided is false if the call is run as a
// whole.
func (b *Batches) divide(ctx context.Context, s *rowShapes, inputs []*lockstep.Tensor, d *division) (divided bool, err error) {
	if s == nil {
		return false, nil
	}
	batch := inputs[0].Shape()[0]
	workers, takes := 1, time.Duration(0) // as a whole, if that is known
	if s.calls.Load() >= timedCalls {
		takes = time.Duration(min(float64(batch)*float64(s.nanos.Load()), float64(time.Hour)))
		workers = rows.Shares(b.workers, batch, int(takes)*perNano)
	}
	if batch < asked && workers == 1 && takes < heavy {
		return false, nil
	}
	known := b.rowsOf(ctx, s, inputs)
	if known.independence == nil {
		return false, ctx.Err() // the call as a whole works, or says what does not
	}
	most := max(1, int(PortionBytes/max(known.bytes, 1)))
	if most > tile {
		most -= most % tile
	}
	if workers == 1 && batch < 2*most {
		return false, nil
	}
	*d = division{count: (batch + most - 1) / most, workers: workers, outputs: known.independence}
	if workers > 1 {
		d.count = (d.count + workers - 1) / workers * workers
	}
	size := most
	if d.count < 32*workers {
		size = (batch + d.count - 1) / d.count
	}
	d.count = (batch + size - 1) / size
	d.portion, err = b.plan(ctx, s, inputs, size)
	return err == nil, err
}

// plan returns the plan for a portion of some rows.
func (b *Batches) plan(ctx context.Context, s *rowShapes, inputs []*lockstep.Tensor, size int) (*portionPlan, error) {
	if p := s.planned(size); p != nil {
		return p, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.planned(size); p != nil {
		return p, nil
	}
	var first []*lockstep.Tensor
	for i, t := range inputs {
		part, err := lockstep.Zeros(t.DType(), append([]int{size}, s.of[i]...)...)
		if err != nil {
			return nil, err
		}
		mover, err := value.MoverOf(part)
		if err != nil {
			return nil, err
		}
		if err := mover.CopyPart(part, 0, t, 0, part.Len()); err != nil {
			return nil, err
		}
		first = append(first, part)
	}
	made, slots, err := b.program.Plan(&engine.Running{Ctx: ctx, Variables: slices.Clone(b.program.Initial), Alone: true}, first)
	if err != nil {
		return nil, err
	}
	p := &portionPlan{rows: size, plan: made}
	for _, out := range b.program.Out {
		t := slots[out.Slot].Tensor
		if t == nil {
			p.types, p.shapes = append(p.types, lockstep.Invalid), append(p.shapes, nil)
			continue
		}
		p.types, p.shapes = append(p.types, t.DType()), append(p.shapes, slices.Clone(t.Shape()))
	}
	var all []*portionPlan
	if old := s.plans.Load(); old != nil {
		all = *old
	}
	if len(all) >= maxPortions {
		all = all[1:]
	}
	all = append(slices.Clip(all), p)
	s.plans.Store(&all)
	return p, nil
}

func (s *rowShapes) planned(size int) *portionPlan {
	if all := s.plans.Load(); all != nil {
		for _, p := range *all {
			if p.rows == size {
				return p
			}
		}
	}
	return nil
}

// timed notes what the rows of a call took.
func (s *rowShapes) timed(batch int, took time.Duration) {
	row := max(took.Nanoseconds()/int64(batch), 1)
	if least := s.nanos.Load(); least == 0 || row < least {
		s.nanos.Store(row)
	}
	s.calls.Add(1)
}
