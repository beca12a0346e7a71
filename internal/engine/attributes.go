package engine

import (
	"fmt"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// unsupported is the error of an attribute's value.
func unsupported(attr string, value any) error {
	return fmt.Errorf("attribute %q is %v, which is not supported", attr, value)
}

// A SavedModel leaves out the attributes that have their default: boolOr and
// its kin read those.
func boolOr(n *savedmodel.Node, name string, absent bool) bool {
	if n.Attr(name) == nil {
		return absent
	}
	return n.AttrBool(name)
}

func floatOr(n *savedmodel.Node, name string, absent float32) float32 {
	if n.Attr(name) == nil {
		return absent
	}
	return n.AttrFloat(name)
}

func stringOr(n *savedmodel.Node, name, absent string) string {
	if n.Attr(name) == nil {
		return absent
	}
	return n.AttrString(name)
}

func typeOr(n *savedmodel.Node, name string, absent lockstep.DType) (lockstep.DType, error) {
	if n.Attr(name) == nil {
		return absent, nil
	}
	return n.AttrType(name)
}

func intOr(n *savedmodel.Node, name string, absent int) int {
	if n.Attr(name) == nil {
		return absent
	}
	return int(n.AttrInt(name))
}

// indexType reads an attribute that chooses between int32 and int64.
func indexType(n *savedmodel.Node, name string) (lockstep.DType, error) {
	d, err := typeOr(n, name, lockstep.Int32)
	if err == nil && d != lockstep.Int32 && d != lockstep.Int64 {
		err = fmt.Errorf("attribute %q is %s, want int32 or int64", name, d)
	}
	return d, err
}

// inputError is what is wrong with input i, inputsError with their number.
func inputError(i int, err error) error { return fmt.Errorf("input %d: %w", i, err) }

func inputsError(n int) error { return fmt.Errorf("%d inputs", n) }
