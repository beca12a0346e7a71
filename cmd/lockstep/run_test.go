package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// A file whose rows are run some at a time gives the file of all at once, and takes no more
// memory than the budget where all at once would; where the model combines rows nothing
// changes.
func TestRunByRows(t *testing.T) {
	was := rowBytes
	defer func() { rowBytes = was }()
	dir := t.TempDir()
	run := func(bytes int, model, in string, more ...string) (file []byte, stderr string) {
		t.Helper()
		rowBytes = bytes
		out := filepath.Join(dir, "out.npz")
		os.Remove(out)
		_, _, errs := call(append([]string{"run", model, "--inputs", in, "--outputs", out}, more...)...)
		file, _ = os.ReadFile(out)
		return file, errs
	}
	for name, rows := range map[string]int{"seed_units1_keras3": 1000, "misleading_keras3": 333, "gru_masked_keras3": 100, "nested_branch_keras3": 50} {
		model, in := fixture.Dir(t, name), filepath.Join(dir, name+".npz")
		var all []lockstep.NamedTensor
		for _, nt := range fixture.Ordered(t, name, "inputs.npz") {
			all = append(all, lockstep.NamedTensor{Name: nt.Name, Tensor: manyRows(t, nt.Tensor, rows)})
		}
		if err := npz.WriteFile(in, all); err != nil {
			t.Fatal(err)
		}
		want, errs := run(1<<30, model, in)
		if len(want) == 0 {
			t.Fatalf("%s: %s", name, errs)
		}
		for _, n := range []int{1, 5000, 20_000} {
			if got, errs := run(n, model, in); !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes at a time: another file: %s", name, n, errs)
			}
		}
	}
	keepBudget(t)
	model, in := fixture.Dir(t, "seed_units1_keras3"), filepath.Join(dir, "large.npz")
	var all []lockstep.NamedTensor
	for _, nt := range fixture.Ordered(t, "seed_units1_keras3", "inputs.npz") {
		all = append(all, lockstep.NamedTensor{Name: nt.Name, Tensor: manyRows(t, nt.Tensor, 300_000)})
	}
	if err := npz.WriteFile(in, all); err != nil {
		t.Fatal(err)
	}
	if _, errs := run(1<<30, model, in, "--memory", "20MiB"); !strings.Contains(errs, "budget") {
		t.Errorf("all at once in 20 MiB: %s", errs)
	}
	if got, errs := run(1<<20, model, in, "--memory", "20MiB"); len(got) < 300_000*40 {
		t.Errorf("some rows at a time in 20 MiB: %d bytes, %s", len(got), errs)
	}
}

// manyRows repeats a tensor's rows.
func manyRows(t *testing.T, x *lockstep.Tensor, rows int) *lockstep.Tensor {
	t.Helper()
	shape := append([]int{rows}, x.Shape()[1:]...)
	out, err := lockstep.Zeros(x.DType(), shape...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		n := out.Len() / rows
		copyPart[float32](out, x, i*n, i*n%x.Len(), n)
		copyPart[int32](out, x, i*n, i*n%x.Len(), n)
		copyPart[int64](out, x, i*n, i*n%x.Len(), n)
	}
	return out
}

func copyPart[E lockstep.Element](to, from *lockstep.Tensor, at, of, n int) {
	src, err := lockstep.Data[E](from)
	if err != nil {
		return
	}
	dst, _ := lockstep.Data[E](to)
	copy(dst[at:at+n], src[of:of+n])
}
