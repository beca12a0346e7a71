package worker

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/tfbridge"
)

type op int

const (
	opOpen op = iota
	opTrace
	opWeights
	opInner
	opLoop
	opIterate
	opLoopResults
	opEndLoop
	opClose
	opVersion
)

// request is what the parent asks, one at a time.
type request struct {
	Op      op
	Dir     string // of opOpen
	Options Options
	Model   int // of the others
	Inputs  []wireTensor
	Detail  lockstep.Detail
	// Of opInner and opLoop: what is given, whose values are Values, and what is wanted.
	Given      []lockstep.InnerTensor
	Values     []wireTensor
	Want       []lockstep.InnerTensor
	LoopWant   lockstep.LoopTensors
	Loop       int   // of opIterate, opLoopResults and opEndLoop
	BytesAbout int64 // of opIterate
}

// doing says what the child is doing, for the report of a crash.
func (r request) doing() string {
	switch r.Op {
	case opOpen:
		return "loading " + r.Dir
	case opTrace:
		return "running the model"
	case opWeights:
		return "reading the weights"
	case opInner:
		return "showing inner tensors"
	case opLoop, opIterate, opLoopResults, opEndLoop:
		return "running a loop's iterations"
	case opVersion:
		return "loading libtensorflow"
	}
	return "closing the model"
}

// response is the answer; Err and Kinds alone are set where the request failed.
type response struct {
	Err       string
	Kinds     []int // which of kinds the error is
	Model     int
	Version   string
	Signature lockstep.Signature
	Layers    []string
	Unshown   map[string]string
	Outputs   []wireTensor
	States    []wireTensor
	Steps     []wireTensor
	Traced    []wireTensor
	Weights   []wireTensor
	Inner     []wireTensor
	Loop      int
	// Iterations are those of opIterate, each the tensors of its condition and of its
	// body.
	Iterations []wireIteration
}

type wireIteration struct {
	Holds           bool
	Condition, Body []wireTensor
}

// kinds are the errors that a caller may distinguish with errors.Is.
var kinds = []error{
	lockstep.ErrMemory,
	lockstep.ErrNoTensorFlow,
	lockstep.ErrNotSavedModel,
	lockstep.ErrDamaged,
	tfbridge.ErrClosed,
	fs.ErrNotExist,
	fs.ErrPermission,
}

func failure(err error) response {
	res := response{Err: err.Error()}
	for i, kind := range kinds {
		if errors.Is(err, kind) {
			res.Kinds = append(res.Kinds, i)
		}
	}
	return res
}

// error returns the child's error: its text, and what it is.
func (r response) error() error {
	e := &childError{text: r.Err}
	for _, i := range r.Kinds {
		if i >= 0 && i < len(kinds) {
			e.is = append(e.is, kinds[i])
		}
	}
	return e
}

type childError struct {
	text string
	is   []error
}

func (e *childError) Error() string   { return e.text }
func (e *childError) Unwrap() []error { return e.is }

// wireTensor is a named tensor as gob carries it: its bits, since gob itself
// would send float32 by way of float64.
type wireTensor struct {
	Name  string
	DType lockstep.DType
	Shape []int
	Bytes []byte
	Text  []string // of the type String, instead of Bytes
}

func wire(name string, t *lockstep.Tensor) (wireTensor, error) {
	w := wireTensor{Name: name, DType: t.DType(), Shape: t.Shape()}
	var err error
	if t.DType() == lockstep.String {
		w.Text, err = lockstep.Data[string](t)
	} else {
		w.Bytes, err = raw.Encode(t)
	}
	if err != nil {
		return w, fmt.Errorf("worker: %q: %w", name, err)
	}
	return w, nil
}

func (w wireTensor) tensor() (*lockstep.Tensor, error) {
	var t *lockstep.Tensor
	var err error
	if w.DType == lockstep.String {
		t, err = lockstep.New(w.Text, w.Shape...)
	} else {
		t, err = raw.Decode(w.DType, w.Shape, w.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("worker: %q: %w", w.Name, err)
	}
	return t, nil
}

func toWire(tensors map[string]*lockstep.Tensor) ([]wireTensor, error) {
	var out []wireTensor
	for name, t := range tensors {
		if t == nil {
			return nil, fmt.Errorf("worker: %q: no tensor", name)
		}
		w, err := wire(name, t)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// listToWire is toWire of tensors without names.
func listToWire(tensors []*lockstep.Tensor) ([]wireTensor, error) {
	out := make([]wireTensor, len(tensors))
	for i, t := range tensors {
		var err error
		if out[i], err = wire("", t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listFromWire is the reverse; there must be n.
func listFromWire(tensors []wireTensor, n int) ([]*lockstep.Tensor, error) {
	if len(tensors) != n {
		return nil, fmt.Errorf("worker: %d inner tensors, want %d", len(tensors), n)
	}
	out := make([]*lockstep.Tensor, n)
	for i, w := range tensors {
		var err error
		if out[i], err = w.tensor(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func fromWire(tensors []wireTensor) (map[string]*lockstep.Tensor, error) {
	out := make(map[string]*lockstep.Tensor, len(tensors))
	for _, w := range tensors {
		t, err := w.tensor()
		if err != nil {
			return nil, err
		}
		out[w.Name] = t
	}
	return out, nil
}
