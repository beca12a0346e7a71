package main

import (
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// edit writes an .npz that differs from another in one thing: edit IN OUT WHAT NAME
// [NEW]. WHAT is drop, only, rename (to NEW), copy (to NEW too), shift (its numbers by
// 0.5), float64, int64, bool (of another type), half (of the rows), or all to drop
// every tensor.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: edit IN OUT WHAT NAME [NEW]")
	}
	tensors, err := npz.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at := slices.IndexFunc(tensors, func(t lockstep.NamedTensor) bool { return t.Name == args[3] })
	if at < 0 {
		ts.Fatalf("%s has no %q: %q", args[0], args[3], lockstep.Names(tensors))
	}
	t := &tensors[at]
	switch args[2] {
	case "all":
		tensors = nil
	case "only":
		tensors = tensors[at : at+1]
	case "drop":
		tensors = slices.Delete(tensors, at, at+1)
	case "rename":
		t.Name = args[4]
	case "copy":
		tensors = append(tensors, lockstep.NamedTensor{Name: args[4], Tensor: t.Tensor})
	default:
		t.Tensor = retyped(ts, t.Tensor, args[2])
	}
	ts.Check(npz.WriteFile(ts.MkAbs(args[1]), tensors))
}

func retyped(ts *testscript.TestScript, t *lockstep.Tensor, what string) *lockstep.Tensor {
	v, err := t.Float64s()
	ts.Check(err)
	shape := slices.Clone(t.Shape())
	var out *lockstep.Tensor
	switch what {
	case "shift":
		single := make([]float32, len(v))
		for i := range v {
			single[i] = float32(v[i] + 0.5)
		}
		out, err = lockstep.New(single, shape...)
	case "half":
		shape[0] /= 2
		n, _ := lockstep.NumElements(shape)
		single := make([]float32, n)
		for i := range single {
			single[i] = float32(v[i])
		}
		out, err = lockstep.New(single, shape...)
	case "float64":
		out, err = lockstep.New(v, shape...)
	case "int64":
		whole := make([]int64, len(v))
		out, err = lockstep.New(whole, shape...)
	case "bool":
		out, err = lockstep.Zeros(lockstep.Bool, shape...)
	default:
		ts.Fatalf("edit %s is not known", what)
	}
	ts.Check(err)
	return out
}
