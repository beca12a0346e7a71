package op

import (
	"errors"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// How operations relate to time steps. A program can be fed one step at a time
// if what it computes for a step depends on that step and, through the states
// of recurrent cells alone, on those before it. Package streaming follows where
// the time axis is, from the inputs that are fed by steps to the outputs; a
// TimeRule says where one operation puts it in the results.

// Timing says how a value depends on the inputs that are fed by steps.
type Timing struct {
	Kind TimingKind
	// Where the time axis is in a tensor's elements, in whatever axes they
	// stand: Before blocks of T times After elements.
	Before, After int
}

// TimingKind is the kind of a Timing.
type TimingKind int

const (
	Timeless TimingKind = iota // it does not depend on them
	BySteps                    // a part for each step, from that step and those before it
	SoFar                      // one value, from all steps so far
)

// Axis returns the axis of a shape that time lies within; whole says that the
// axis is nothing else. In tensors that were checked there is one at most.
func (l Timing) Axis(shape []int, steps int) (axis int, whole, ok bool) {
	for i, d := range shape {
		before, after := value.Product(shape[:i]), value.Product(shape[i+1:])
		if d%steps == 0 && l.Before%before == 0 && l.After%after == 0 && l.Before/before*steps*(l.After/after) == d {
			return i, d == steps, true
		}
	}
	return 0, false, false
}

// TimeAt is the Timing of a tensor with time at one of its axes.
func TimeAt(shape []int, axis int) Timing {
	return Timing{BySteps, value.Product(shape[:axis]), value.Product(shape[axis+1:])}
}

// Timed is an operation in a run whose steps are followed.
type Timed interface {
	Node() *savedmodel.Node
	Steps() int  // of the run
	Inputs() int // how many there are
	// Timing, Shape and Tensor are those of input i in the run; of a list the shape
	// is that of the tensor whose rows it is, and there is no tensor.
	Timing(i int) Timing
	Shape(i int) []int
	Tensor(i int) *lockstep.Tensor
	Result() []int // the shape of the first result
	// Same fails unless input i is the same for any fed inputs and any number
	// of steps.
	Same(i int) error
	// FitsSteps fails unless the shape that input i holds fits elements of any
	// number of steps.
	FitsSteps(i int) error
}

// TimeRule finds the Timing of an operation's results, of which not all inputs
// are timeless. It fails where the operation may mix time steps.
type TimeRule func(t Timed) (Timing, error)

var (
	ErrMixes   = errors.New("it mixes time steps")
	ErrDepends = errors.New("what is done depends on the values of steps")
	ErrCounts  = errors.New("it reads a value that depends on the number of steps")
	// ErrPicks is ErrMixes for an operation that takes any one step: the shape
	// of its result does not depend on how many there are.
	ErrPicks = errors.New("it mixes time steps: it takes one of them")
)

// sameBut makes sure that all inputs but one are the same whatever the number
// of steps.
func sameBut(t Timed, but int) error {
	for i := range t.Inputs() {
		if i == but {
			continue
		}
		if err := t.Same(i); err != nil {
			return InputError(i, err)
		}
	}
	return nil
}

// onlyTimed returns the Timing and shape of input i, which is the one that
// depends on the fed inputs, and no list.
func onlyTimed(t Timed, i int) (Timing, []int, error) {
	if i >= t.Inputs() {
		return Timing{}, nil, InputsError(t.Inputs())
	}
	if err := sameBut(t, i); err != nil {
		return Timing{}, nil, err
	}
	if t.Tensor(i) == nil {
		return Timing{}, nil, errors.New("it reads no tensor")
	}
	return t.Timing(i), t.Shape(i), nil
}

// TimeOfFirst is for an operation whose result has an element for each of its
// first input, in order.
func TimeOfFirst(t Timed) (Timing, error) {
	l := t.Timing(0)
	if l.Kind == Timeless {
		return l, ErrMixes
	}
	return l, sameBut(t, 0)
}

// timeOfFirstAlone is for an operation whose result is its first input, whatever the
// others are.
func timeOfFirstAlone(t Timed) (Timing, error) {
	if t.Inputs() == 0 {
		return Timing{}, InputsError(0)
	}
	return t.Timing(0), nil
}

// TimeBesideLast is for an operation along the last axis.
func TimeBesideLast(t Timed) (Timing, error) {
	l, shape, err := onlyTimed(t, 0)
	if err != nil || l.Kind != BySteps {
		return l, err
	}
	if axis, _, ok := l.Axis(shape, t.Steps()); !ok || axis == len(shape)-1 {
		return l, ErrMixes
	}
	return l, nil
}

// TimeOfRows is for an operation on the rows of its first input, each of which makes
// one of the result.
func TimeOfRows(t Timed) (Timing, error) {
	if t.Inputs() == 0 {
		return Timing{}, InputsError(0)
	}
	return TimeBeside(len(t.Shape(0)) - 1)(t)
}

// TimeBeside is for an operation on the last n axes of its first input, which makes
// as many of the result; the axes before them are the same.
func TimeBeside(n int) TimeRule {
	return func(t Timed) (Timing, error) {
		l, shape, err := onlyTimed(t, 0)
		if err != nil || l.Kind != BySteps {
			return l, err
		}
		out, before := t.Result(), len(shape)-n
		if before < 1 || len(out) < before || !slices.Equal(shape[:before], out[:before]) {
			return l, ErrMixes
		}
		if axis, _, ok := l.Axis(shape, t.Steps()); !ok || axis >= before {
			return l, ErrMixes
		}
		l.After = l.After / value.Product(shape[before:]) * value.Product(out[before:])
		return l, nil
	}
}

// TimeElementwise is for an operation on corresponding elements of broadcast
// tensors.
func TimeElementwise(t Timed) (Timing, error) {
	kind, err := kindOfAll(t)
	if err != nil {
		return Timing{}, err
	}
	if kind == SoFar {
		for i := range t.Inputs() {
			if t.Timing(i).Kind == Timeless {
				if err := t.Same(i); err != nil {
					return Timing{}, err
				}
			}
		}
		return Timing{Kind: SoFar}, nil
	}
	out := t.Result()
	var found Timing
	for i := range t.Inputs() {
		l := t.Timing(i)
		if l.Kind == Timeless {
			continue
		}
		spread, err := spreadTime(l, t.Shape(i), out, t.Steps())
		if err != nil {
			return l, err
		}
		if found.Kind == BySteps && found != spread {
			return l, ErrMixes
		}
		found = spread
	}
	axis, _, ok := found.Axis(out, t.Steps())
	if !ok {
		return found, ErrMixes
	}
	for i := range t.Inputs() {
		if t.Timing(i).Kind != Timeless {
			continue
		}
		if err := t.Same(i); err != nil {
			return found, err
		}
		shape := t.Shape(i)
		if at := axis - (len(out) - len(shape)); at >= 0 && shape[at] != 1 {
			return found, errors.New("it reads other values for each step")
		}
	}
	return found, nil
}

// kindOfAll is the one kind of all inputs that depend on the fed ones.
func kindOfAll(t Timed) (TimingKind, error) {
	kind := Timeless
	for i := range t.Inputs() {
		switch l := t.Timing(i); {
		case l.Kind == Timeless:
		case kind == Timeless:
			kind = l.Kind
		case kind != l.Kind:
			return kind, errors.New("it combines values of single steps with one of all steps so far")
		}
	}
	return kind, nil
}

// spreadTime is the Timing of a tensor after it is broadcast to a shape.
func spreadTime(l Timing, shape, out []int, steps int) (Timing, error) {
	if value.Product(shape) == value.Product(out) {
		return l, nil
	}
	axis, whole, ok := l.Axis(shape, steps)
	if !ok || !whole {
		return l, ErrMixes
	}
	return TimeAt(out, axis+len(out)-len(shape)), nil
}

// timeAlong returns the time axis of input i, which is nothing else, where the
// operation leaves that axis as it is; done is true where no axis is time.
func timeAlong(t Timed, i int) (l Timing, axis int, done bool, err error) {
	l, shape, err := onlyTimed(t, i)
	if err != nil || l.Kind == SoFar {
		return l, 0, true, err
	}
	axis, whole, ok := l.Axis(shape, t.Steps())
	if !ok || !whole {
		return l, 0, true, ErrMixes
	}
	return l, axis, false, nil
}

// The rules below are for the rows of a batch: see Spec.Rows.

// rowsAt returns the axis of input i that is the rows, and nothing else.
func rowsAt(t Timed, i int) (axis int, err error) {
	if i >= t.Inputs() {
		return 0, InputsError(t.Inputs())
	}
	axis, whole, ok := t.Timing(i).Axis(t.Shape(i), t.Steps())
	if t.Timing(i).Kind != BySteps || !ok || !whole {
		return 0, ErrMixes
	}
	return axis, nil
}

// rowsBesideAxes is for an operation along the axes that input at names, or with none the
// attribute: the others are the same.
func rowsBesideAxes(at int, attribute string) TimeRule {
	return func(t Timed) (Timing, error) {
		l, axis, done, err := timeAlong(t, 0)
		if done {
			return l, errors.Join(err, ErrMixes)
		}
		along := []int{int(t.Node().AttrInt(attribute))}
		if at > 0 && at < t.Inputs() {
			if along, err = value.Ints(t.Tensor(at)); err != nil {
				return l, err
			}
		}
		shape, out, gone := t.Shape(0), t.Result(), 0
		for _, a := range along {
			if a < 0 {
				a += len(shape)
			}
			if a == axis {
				return l, ErrMixes
			}
			if a < axis && len(out) < len(shape) {
				gone++
			}
		}
		return TimeAt(out, axis-gone), nil
	}
}

// rowsOfMatrices is for products of as many matrices as there are rows, or else as
// timeOfProduct.
func rowsOfMatrices(t Timed) (Timing, error) {
	out, rows := t.Result(), -1
	for i := range t.Inputs() {
		if t.Timing(i).Kind == Timeless {
			continue
		}
		axis, err := rowsAt(t, i)
		if err != nil || axis >= len(t.Shape(i))-2 {
			return timeOfProduct(t)
		}
		if axis += len(out) - len(t.Shape(i)); rows >= 0 && rows != axis {
			return Timing{}, ErrMixes
		}
		rows = axis
	}
	for i := range t.Inputs() {
		if t.Timing(i).Kind != Timeless {
			continue
		}
		if err := t.Same(i); err != nil {
			return Timing{}, err
		}
		if at := rows - (len(out) - len(t.Shape(i))); at >= 0 && t.Shape(i)[at] != 1 {
			return Timing{}, ErrMixes
		}
	}
	return TimeAt(out, rows), nil
}

// rowsOfEinsum is for rows that have a letter of their own, in the result too.
func rowsOfEinsum(t Timed) (Timing, error) {
	e, err := parseEquation(t.Node().AttrString("equation"))
	if err != nil || len(e.in) != t.Inputs() {
		return Timing{}, errors.Join(err, ErrMixes)
	}
	letter := rune(0)
	for i := range t.Inputs() {
		if t.Timing(i).Kind == Timeless {
			continue
		}
		axis, err := rowsAt(t, i)
		if err != nil || slices.Contains(e.in[i], 0) || axis >= len(e.in[i]) || letter != 0 && e.in[i][axis] != letter {
			return Timing{}, ErrMixes
		}
		letter = e.in[i][axis]
	}
	once := func(letters []rune) bool {
		return slices.Index(letters, letter) >= 0 && slices.Index(letters[slices.Index(letters, letter)+1:], letter) < 0
	}
	for i := range t.Inputs() {
		if t.Timing(i).Kind != Timeless {
			if !once(e.in[i]) {
				return Timing{}, ErrMixes
			}
			continue
		}
		if err := t.Same(i); err != nil || slices.Contains(e.in[i], letter) || slices.Contains(e.in[i], 0) {
			return Timing{}, errors.Join(err, ErrMixes)
		}
	}
	if !once(e.out) || slices.Contains(e.out, 0) {
		return Timing{}, ErrMixes
	}
	return TimeAt(t.Result(), slices.Index(e.out, letter)), nil
}

// rowsOfTransposedConvolution is for images in input 2 that input 0 shapes.
func rowsOfTransposedConvolution(t Timed) (Timing, error) {
	axis, err := rowsAt(t, 2)
	if err == nil && axis != 0 {
		err = ErrMixes
	}
	if err == nil {
		err = errors.Join(t.Same(1), t.FitsSteps(0))
	}
	return TimeAt(t.Result(), 0), err
}

// rowsOfNorm is for a normalization by numbers that are not computed of the batch.
func rowsOfNorm(t Timed) (Timing, error) {
	if !t.Node().HasAttr("is_training") || t.Node().AttrBool("is_training") {
		return Timing{}, ErrMixes
	}
	return TimeOfRows(t)
}
