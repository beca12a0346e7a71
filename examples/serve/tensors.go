package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/lockstep-go/lockstep"
)

// decode reads nested JSON arrays as a tensor.
func decode(raw json.RawMessage, dtype lockstep.DType) (*lockstep.Tensor, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // an int64 is more than a float64 holds
	var nested any
	if err := d.Decode(&nested); err != nil {
		return nil, err
	}
	var shape []int
	for at := nested; ; {
		list, ok := at.([]any)
		if !ok {
			break
		}
		shape = append(shape, len(list))
		if len(list) == 0 {
			break
		}
		at = list[0]
	}
	var leaves []any
	if err := flatten(&leaves, nested, shape); err != nil {
		return nil, err
	}
	switch dtype {
	case lockstep.Float32:
		return made(leaves, shape, func(n json.Number) (float32, error) {
			f, err := strconv.ParseFloat(n.String(), 32)
			return float32(f), err
		})
	case lockstep.Float64:
		return made(leaves, shape, json.Number.Float64)
	case lockstep.Int32:
		return made(leaves, shape, func(n json.Number) (int32, error) {
			i, err := strconv.ParseInt(n.String(), 10, 32)
			return int32(i), err
		})
	case lockstep.Int64:
		return made(leaves, shape, json.Number.Int64)
	case lockstep.Bool:
		return made(leaves, shape, func(b bool) (bool, error) { return b, nil })
	case lockstep.String:
		return made(leaves, shape, func(s string) (string, error) { return s, nil })
	}
	return nil, fmt.Errorf("this service does not read %s", dtype)
}

// flatten appends what is in nested lists of a shape.
func flatten(leaves *[]any, nested any, shape []int) error {
	list, ok := nested.([]any)
	if ok != (len(shape) > 0) || ok && len(list) != shape[0] {
		return errors.New("the lists are not all of the same length")
	}
	if !ok {
		*leaves = append(*leaves, nested)
		return nil
	}
	for _, inner := range list {
		if err := flatten(leaves, inner, shape[1:]); err != nil {
			return err
		}
	}
	return nil
}

func made[J any, E lockstep.Element](leaves []any, shape []int, read func(J) (E, error)) (*lockstep.Tensor, error) {
	out := make([]E, len(leaves))
	for i, leaf := range leaves {
		j, ok := leaf.(J)
		if !ok {
			return nil, fmt.Errorf("element %d is %v, want %T", i, leaf, out[i])
		}
		var err error
		if out[i], err = read(j); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return lockstep.New(out, shape...)
}

// encode writes a tensor as nested lists.
func encode(t *lockstep.Tensor) (any, error) {
	switch t.DType() {
	case lockstep.Float32:
		return nested[float32](t)
	case lockstep.Float64:
		return nested[float64](t)
	case lockstep.Int32:
		return nested[int32](t)
	case lockstep.Int64:
		return nested[int64](t)
	case lockstep.Bool:
		return nested[bool](t)
	case lockstep.String:
		return nested[string](t)
	}
	return nil, fmt.Errorf("this service does not write %s", t.DType())
}

func nested[E lockstep.Element](t *lockstep.Tensor) (any, error) {
	d, err := lockstep.Data[E](t)
	if err != nil {
		return nil, err
	}
	return nest(d, t.Shape()), nil
}

func nest[E any](d []E, shape []int) any {
	if len(shape) == 0 {
		return d[0]
	}
	if len(shape) == 1 {
		return d
	}
	out := make([]any, shape[0])
	for i := range out {
		n := len(d) / shape[0]
		out[i] = nest(d[i*n:(i+1)*n], shape[1:])
	}
	return out
}
