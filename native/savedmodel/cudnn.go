package savedmodel

import "github.com/lockstep-go/lockstep/internal/cudnn"

// CuDNNOperation is an operation of cuDNN's recurrent layers in saved_model.pb, as a
// model has them that was exported where TensorFlow saw a GPU. Graphs have a loop in
// its place.
type CuDNNOperation struct {
	Function string // that it stands in, "" for the main graph
	Node, Op string
	// Refused says why it has no loop in its place, nil if it has.
	Refused error
}

// refusedAttr is the attribute of an operation that is as in the file which says why
// it is not supported.
const refusedAttr = cudnn.RefusedAttr

// lower replaces cuDNN's operations.
func (m *SavedModel) lower(b []byte) ([]byte, error) {
	out, found, err := cudnn.Lower(b, false)
	if err != nil || len(found) == 0 {
		return b, err
	}
	for _, op := range found {
		m.cudnn = append(m.cudnn, CuDNNOperation(op))
	}
	m.lowered = out
	return out, nil
}

// CuDNN returns the operations of cuDNN that the model's graphs reach.
func (m *SavedModel) CuDNN() []CuDNNOperation { return m.cudnn }

// GraphFile returns the saved_model.pb that the graphs are read from where it is not
// the file itself, but one with loops in the place of cuDNN's operations; nil where
// it is.
func (m *SavedModel) GraphFile() []byte { return m.lowered }

// Refused returns why an operation that its file has is not supported, "" for one of
// which nothing is known.
func (n *Node) Refused() string { return n.AttrString(refusedAttr) }
