package worker

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/tfbridge"
)

type op int

const (
	opOpen op = iota
	opTrace
	opWeights
	opPrepare
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
	// Of opPrepare, opInner and opLoop: what is given, whose values are Values, and what
	// is wanted.
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
	case opPrepare, opInner:
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

// wireTensor is a named tensor as a message has it. Its elements follow the message,
// as they lie in memory: gob would copy them several times.
type wireTensor struct {
	Name  string
	DType lockstep.DType
	Shape []int
	Text  []string // of the type String
	of    *lockstep.Tensor
}

func wire(name string, t *lockstep.Tensor) (w wireTensor, err error) {
	w = wireTensor{Name: name, DType: t.DType(), Shape: t.Shape(), of: t}
	if w.DType == lockstep.String {
		w.Text, err = lockstep.Data[string](t)
	} else if w.DType.Size() == 0 {
		err = fmt.Errorf("a tensor of the type %s", w.DType)
	}
	if err != nil {
		return w, fmt.Errorf("worker: %q: %w", name, err)
	}
	return w, nil
}

func (w wireTensor) tensor() (*lockstep.Tensor, error) {
	if w.of == nil {
		return nil, fmt.Errorf("worker: %q: its elements were not received", w.Name)
	}
	return w.of, nil
}

// receive completes a tensor by its elements.
func (w *wireTensor) receive(r io.Reader) error {
	n, err := lockstep.NumElements(w.Shape)
	if err == nil {
		err = memory.Fits(n, max(w.DType.Size(), 1))
	}
	if err == nil && w.DType == lockstep.String {
		w.of, err = lockstep.New(w.Text, w.Shape...)
	} else if err == nil {
		w.of, err = raw.Read(r, w.DType, w.Shape)
	}
	if err != nil {
		return fmt.Errorf("worker: %q: %w", w.Name, err)
	}
	w.Text = nil
	return nil
}

// message is a request or a response: lists of tensors among other things.
type message interface{ lists() [][]wireTensor }

func (r *request) lists() [][]wireTensor { return [][]wireTensor{r.Inputs, r.Values} }

func (r *response) lists() [][]wireTensor {
	all := [][]wireTensor{r.Outputs, r.States, r.Steps, r.Traced, r.Weights, r.Inner}
	for _, it := range r.Iterations {
		all = append(all, it.Condition, it.Body)
	}
	return all
}

// pipeBytes are what Linux holds of a pipe.
const pipeBytes = 64 << 10

// sender sends messages.
type sender struct {
	w   *bufio.Writer
	gob *gob.Encoder
}

func newSender(w io.Writer) *sender {
	to := bufio.NewWriterSize(w, pipeBytes)
	return &sender{to, gob.NewEncoder(to)}
}

func (s *sender) send(m message) error {
	if err := s.gob.Encode(m); err != nil {
		return err
	}
	for _, list := range m.lists() {
		for _, t := range list {
			if t.DType == lockstep.String {
				continue
			}
			if err := raw.Write(s.w, t.of); err != nil {
				return err
			}
		}
	}
	return s.w.Flush()
}

// receiver receives messages.
type receiver struct {
	r   *bufio.Reader // which gob reads no further than to a message's end
	gob *gob.Decoder
}

func newReceiver(r io.Reader) *receiver {
	from := bufio.NewReaderSize(r, pipeBytes)
	return &receiver{from, gob.NewDecoder(from)}
}

func (r *receiver) receive(m message) error {
	if err := r.gob.Decode(m); err != nil {
		return err
	}
	for _, list := range m.lists() {
		for i := range list {
			if err := list[i].receive(r.r); err != nil {
				return err
			}
		}
	}
	return nil
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
