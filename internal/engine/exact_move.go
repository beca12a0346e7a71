package engine

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
)

// Operations that only move elements move the bounds the same way.

// moving are those operations and which inputs hold the elements, -1 for every
// input but the last; the others say where to. nil is all of them.
var moving = map[string][]int{
	"Identity": nil, "IdentityN": nil, "StopGradient": nil, "PreventGradient": nil, "Snapshot": nil, "CheckNumerics": nil,
	"ReadVariableOp": {0}, "EnsureShape": {0},
	"Reshape": {0}, "Transpose": {0}, "ExpandDims": {0}, "Squeeze": {0}, "BroadcastTo": {0}, "Tile": {0},
	"Concat": {1}, "ConcatV2": {-1}, "Pack": nil, "Unpack": {0}, "Split": {1}, "SplitV": {0},
	"Slice": {0}, "StridedSlice": {0}, "ReverseV2": {0}, "ReverseSequence": {0}, "Roll": {0},
	"Pad": {0}, "PadV2": {0, 2}, "MirrorPad": {0}, "SpaceToBatchND": {0}, "BatchToSpaceND": {0},
	"Gather": {0}, "GatherV2": {0}, "GatherNd": {0}, "ResourceGather": {0}, "ResourceGatherNd": {0},
	"Fill": {1}, "OneHot": {2, 3}, "TensorScatterUpdate": {0, 2},
	"MatrixDiagV3": {0, 4}, "MatrixDiagPartV3": {0, 2}, "MatrixSetDiagV3": {0, 1}, "MatrixBandPart": {0},
	"TensorListReserve": {}, "EmptyTensorList": {}, "TensorListFromTensor": {0}, "TensorListGetItem": {0},
	"TensorListSetItem": {0, 2}, "TensorListStack": {0}, "TensorListGather": {0}, "TensorListPushBack": {0, 1},
	"TensorListPopBack": {0}, "TensorListResize": {0}, "TensorListScatter": {0}, "TensorListScatterV2": {0},
	"TensorListScatterIntoExistingList": {0, 1}, "TensorListConcatV2": {0}, "TensorListSplit": {0},
}

// movedInputs are the inputs of an operation whose elements it moves.
func movedInputs(op string, inputs int) (data []int, ok bool) {
	data, ok = moving[op]
	switch {
	case !ok:
		return nil, false
	case data == nil:
		for i := range inputs {
			data = append(data, i)
		}
	case op == "Concat": // its first input is the axis
		data = nil
		for i := range inputs - 1 {
			data = append(data, i+1)
		}
	case slices.Equal(data, []int{-1}):
		data = nil
		for i := range inputs - 1 {
			data = append(data, i)
		}
	}
	return data, true
}

// move moves the bounds.
func (x *exactOp) move(data []int) error {
	exact := true
	in := make([]Value, len(x.in))
	for i, v := range x.in {
		in[i] = v.Value
		if !slices.Contains(data, i) {
			if !v.exact() {
				return v.reason()
			}
			continue
		}
		exact = exact && v.exact()
	}
	lists := slices.ContainsFunc(x.out, func(v tracked) bool { return v.List != nil && v.isFloat() })
	if exact && !lists {
		return nil
	}
	for _, i := range data {
		if v := x.in[i]; v.isFloat() || !v.exact() {
			var err error
			if in[i], err = v.errors(); err != nil {
				return err
			}
		}
	}
	out, err := x.again(in...)
	if err != nil {
		return fmt.Errorf("its bounds: %w", err)
	}
	for i, bound := range out {
		switch v := &x.out[i]; {
		case bound.List != nil && bound.List.DType == lockstep.Float64:
			v.bound = bound
		case bound.Tensor != nil && bound.Tensor.DType() == lockstep.Float64 && !allZero(floatsOf(bound.Tensor)):
			v.bound = bound
		}
	}
	return nil
}
