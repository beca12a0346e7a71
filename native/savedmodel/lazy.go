package savedmodel

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Most of a saved_model.pb is its functions, and most of these are for training
// or for calls that nobody makes: Keras 2 writes some hundred and fifty, of
// which a signature reaches eight. So they are cut out of the message before it
// is read, and each is read when it is first called. The objects that Python
// makes again out of a file are not read at all, nor are TensorFlow 1's
// collections; they would be kept for nothing.

// The field numbers of what is cut out, and those on the way to a function and
// to its name (tensorflow/core/protobuf/saved_model.proto and the files that it
// imports).
const (
	fieldMetaGraphs  = 2 // of SavedModel
	fieldGraphDef    = 2 // of MetaGraphDef
	fieldCollections = 4 // of MetaGraphDef
	fieldObjectGraph = 7 // of MetaGraphDef
	fieldLibrary     = 2 // of GraphDef
	fieldFunction    = 1 // of FunctionDefLibrary
	fieldSignature   = 1 // of FunctionDef
	fieldOpName      = 1 // of OpDef
)

// rawFunction is a function of the library that has not been read.
type rawFunction struct {
	name string
	raw  []byte // a FunctionDef
}

// cutFunctions returns a saved_model.pb without its functions and without what
// nothing here reads, and the functions, by meta graph.
func cutFunctions(b []byte) (rest []byte, functions [][]rawFunction, err error) {
	rest, err = rewrite(b, fieldMetaGraphs, func(graph []byte) ([]byte, error) {
		var found []rawFunction
		out, err := rewrite(graph, fieldGraphDef, func(def []byte) ([]byte, error) {
			return rewrite(def, fieldLibrary, func(library []byte) ([]byte, error) {
				return rewrite(library, fieldFunction, func(f []byte) ([]byte, error) {
					name, err := functionName(f)
					found = append(found, rawFunction{name, f})
					return nil, err
				})
			})
		}, fieldCollections, fieldObjectGraph)
		functions = append(functions, found)
		return out, err
	})
	return rest, functions, err
}

// rewrite copies a message with another content in each field of a number that
// holds a message; it leaves the field out where that is nil, and those of the
// numbers in without.
func rewrite(b []byte, number protowire.Number, content func([]byte) ([]byte, error), without ...protowire.Number) ([]byte, error) {
	out := make([]byte, 0, 64)
	err := fields(b, func(n protowire.Number, t protowire.Type, field, value []byte) error {
		if slices.Contains(without, n) {
			return nil
		}
		if n != number || t != protowire.BytesType {
			out = append(out, field...)
			return nil
		}
		inner, err := content(value)
		if err != nil || inner == nil {
			return err
		}
		out = protowire.AppendTag(out, number, protowire.BytesType)
		out = protowire.AppendBytes(out, inner)
		return nil
	})
	return out, err
}

// fields calls visit for each field of a message: with all its bytes, and for
// one of the type bytes with what it holds.
func fields(b []byte, visit func(n protowire.Number, t protowire.Type, field, value []byte) error) error {
	for len(b) > 0 {
		n, t, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		size := protowire.ConsumeFieldValue(n, t, b[tag:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		var value []byte
		if t == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b[tag:])
		}
		if err := visit(n, t, b[:tag+size], value); err != nil {
			return err
		}
		b = b[tag+size:]
	}
	return nil
}

// functionName reads the name of a function: of several, the last, as protobuf
// merges messages.
func functionName(f []byte) (name string, err error) {
	err = fields(f, func(n protowire.Number, t protowire.Type, _, signature []byte) error {
		if n != fieldSignature || t != protowire.BytesType {
			return nil
		}
		return fields(signature, func(n protowire.Number, t protowire.Type, _, value []byte) error {
			if n == fieldOpName && t == protowire.BytesType {
				name = string(value)
			}
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("a function: %w", err)
	}
	return name, nil
}
