package lockstep

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that callers distinguish with errors.Is and errors.As. A *TensorError
// is bad input: tensors that do not fit the model.
var (
	// ErrNotSavedModel: the path is not a SavedModel.
	ErrNotSavedModel = errors.New("not a SavedModel")
	// ErrDamaged: a file of the model, or a golden, is damaged or cut short.
	ErrDamaged = errors.New("the file is damaged")
	// ErrNotSeq2Seq: the model is not the LSTM encoder-decoder that was asked for.
	ErrNotSeq2Seq = errors.New("not an LSTM sequence-to-sequence model")
	// ErrWork: an evaluation would take more work than it may.
	ErrWork = errors.New("more work than allowed")
	// ErrNoTensorFlow: libtensorflow is not in this program, or not found.
	ErrNoTensorFlow = errors.New("TensorFlow is not available")
)

// Damaged returns err as one for which errors.Is finds ErrDamaged, NoTensorFlow
// as one with ErrNoTensorFlow. The text stays the same.
func Damaged(err error) error { return &kindError{err, ErrDamaged} }

// NoTensorFlow: see Damaged.
func NoTensorFlow(err error) error { return &kindError{err, ErrNoTensorFlow} }

type kindError struct{ err, kind error }

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.err, e.kind} }

// UnsupportedError says which operations of a model the native engine does not
// run.
type UnsupportedError struct {
	Signature  string
	Operations []UnsupportedOperation // at least one, in the order of the graph
}

// UnsupportedOperation is one of them.
type UnsupportedOperation struct {
	Op, Node string
	Layer    string // the path of the node's layer, if its name shows it, else ""
	Caller   string // the loop or branch whose function has it; "" in the graph itself
	Reason   error
}

// Error lists the operations, a line each.
func (e *UnsupportedError) Error() string {
	lines := make([]string, len(e.Operations))
	for i := range e.Operations {
		lines[i] = e.Operations[i].String()
	}
	return fmt.Sprintf("signature %q: %s", e.Signature, strings.Join(lines, "\n"))
}

// Unwrap returns the reasons.
func (e *UnsupportedError) Unwrap() []error {
	reasons := make([]error, len(e.Operations))
	for i, o := range e.Operations {
		reasons[i] = o.Reason
	}
	return reasons
}

// String says which operation, where, and why it is not supported.
func (o *UnsupportedOperation) String() string {
	var s strings.Builder
	if o.Layer != "" {
		fmt.Fprintf(&s, "layer %q: ", o.Layer)
	}
	fmt.Fprintf(&s, "node %q (%s)", o.Node, o.Op)
	if o.Caller != "" {
		fmt.Fprintf(&s, " of %q", o.Caller)
	}
	fmt.Fprintf(&s, ": %v", o.Reason)
	return s.String()
}
