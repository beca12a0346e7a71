package trim

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// The numbers of fields that are read here alone (function.proto).
const (
	fieldFunctionNode     = 3 // of FunctionDef
	fieldFunctionAttr     = 5 // of FunctionDef, a map
	fieldGradientFunction = 1 // of GradientDef
	fieldGradientGradient = 2 // of GradientDef
	fieldMapKey           = 1
	fieldMapValue         = 2
)

// The attributes of functions that implement one interface for several devices.
const (
	apiImplements      = "api_implements"
	apiPreferredDevice = "api_preferred_device"
)

// functionAttrs reads those attributes of a FunctionDef that are strings.
func functionAttrs(f []byte) (map[string]string, error) {
	attrs := map[string]string{}
	err := tfpb.Each(f, fieldFunctionAttr, func(entry []byte) error {
		key, value, err := pair(entry, fieldMapKey, fieldMapValue)
		if err != nil {
			return err
		}
		attr := &tfpb.AttrValue{}
		if err := proto.Unmarshal(value, attr); err != nil {
			return err
		}
		attrs[string(key)] = string(attr.GetS())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("a function's attributes: %w", err)
	}
	return attrs, nil
}

// gradientNames reads a GradientDef.
func gradientNames(g []byte) (function, gradient string, err error) {
	a, b, err := pair(g, fieldGradientFunction, fieldGradientGradient)
	if err != nil {
		return "", "", fmt.Errorf("a gradient: %w", err)
	}
	return string(a), string(b), nil
}

// pair reads two fields of a message; of one that comes twice, the last.
func pair(b []byte, first, second protowire.Number) (x, y []byte, err error) {
	err = tfpb.Fields(b, func(n protowire.Number, t protowire.Type, _, value []byte) error {
		switch {
		case t != protowire.BytesType:
		case n == first:
			x = value
		case n == second:
			y = value
		}
		return nil
	})
	return x, y, err
}
