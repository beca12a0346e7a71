package savedmodel

import "github.com/lockstep-go/lockstep/internal/tfpb"

// Most of a saved_model.pb is its functions, and most of these are for training
// or never called: Keras 2 writes some hundred and fifty, of which a signature
// reaches eight. So they are cut out of the message before it is parsed, and
// each is parsed when it is first called. The objects that Python restores from
// a file are not read at all, nor are TensorFlow 1's collections.

// rawFunction is a function of the library that has not been read.
type rawFunction struct {
	name string
	raw  []byte // a FunctionDef
}

// cutFunctions returns a saved_model.pb without its functions and unused
// fields, and the functions, by meta graph.
func cutFunctions(b []byte) (rest []byte, functions [][]rawFunction, err error) {
	rest, err = tfpb.Rewrite(b, tfpb.FieldMetaGraphs, func(graph []byte) ([]byte, error) {
		var found []rawFunction
		out, err := tfpb.Rewrite(graph, tfpb.FieldGraphDef, func(def []byte) ([]byte, error) {
			return tfpb.Rewrite(def, tfpb.FieldLibrary, func(library []byte) ([]byte, error) {
				return tfpb.Rewrite(library, tfpb.FieldFunction, func(f []byte) ([]byte, error) {
					name, err := tfpb.FunctionName(f)
					found = append(found, rawFunction{name, f})
					return nil, err
				})
			})
		}, tfpb.FieldCollections, tfpb.FieldObjectGraph)
		functions = append(functions, found)
		return out, err
	})
	return rest, functions, err
}
