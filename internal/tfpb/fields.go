package tfpb

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of fields by which a file is taken to pieces before it is read
// (tensorflow/core/protobuf/saved_model.proto and the files that it imports).
const (
	FieldMetaGraphs  = 2 // of SavedModel
	FieldGraphDef    = 2 // of MetaGraphDef
	FieldCollections = 4 // of MetaGraphDef
	FieldObjectGraph = 7 // of MetaGraphDef
	FieldNode        = 1 // of GraphDef
	FieldLibrary     = 2 // of GraphDef
	FieldFunction    = 1 // of FunctionDefLibrary
	FieldGradient    = 2 // of FunctionDefLibrary
	fieldSignature   = 1 // of FunctionDef
	fieldOpName      = 1 // of OpDef
)

// Rewrite copies a message with new content in each message field of a number;
// it leaves the field out where that is nil, and the fields in without.
func Rewrite(b []byte, number protowire.Number, content func([]byte) ([]byte, error), without ...protowire.Number) ([]byte, error) {
	out := make([]byte, 0, 64)
	err := Fields(b, func(n protowire.Number, t protowire.Type, field, value []byte) error {
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

// Fields calls visit for each field of a message: with all its bytes, and for
// one of the type bytes with what it holds.
func Fields(b []byte, visit func(n protowire.Number, t protowire.Type, field, value []byte) error) error {
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

// Each calls visit for the messages in the fields of a number.
func Each(b []byte, number protowire.Number, visit func([]byte) error) error {
	return Fields(b, func(n protowire.Number, t protowire.Type, _, value []byte) error {
		if n != number || t != protowire.BytesType {
			return nil
		}
		return visit(value)
	})
}

// FunctionName reads the name of a function: of several, the last, as protobuf
// merges messages.
func FunctionName(f []byte) (name string, err error) {
	err = Each(f, fieldSignature, func(signature []byte) error {
		return Each(signature, fieldOpName, func(value []byte) error {
			name = string(value)
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("a function: %w", err)
	}
	return name, nil
}
