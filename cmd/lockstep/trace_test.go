package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/npz"
)

// The states of the last step that trace writes are the final states that Keras
// computed, and the lines of csv are the values of npz.
func TestTraceIsKeras(t *testing.T) {
	const name = "seed_keras3"
	file := filepath.Join(t.TempDir(), "trace.npz")
	code, csvText, stderr := call("trace", fixture.Dir(t, name), "--inputs", fixture.Path(name, "inputs.npz"), "--format", "csv", "--format", "npz="+file)
	if code != exitInStep || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	all, err := npz.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	traced, want := lockstep.ByName(all), fixture.Tensors(t, name, "expected.npz")
	for _, s := range []string{"encoder/h", "encoder/c", "decoder/h", "decoder/c"} {
		have, final := floatsOf(t, traced[s]), floatsOf(t, want[strings.Replace(s, "/", "/state_", 1)])
		steps, units := traced[s].Shape()[1], traced[s].Shape()[2]
		for i, v := range final {
			if got := have[(i/units*steps+steps-1)*units+i%units]; math.Abs(got-v) > 1e-5+1e-5*math.Abs(v) {
				t.Fatalf("%s: element %d of the last step is %g, Keras has %g", s, i, got, v)
			}
		}
	}
	records, err := csv.NewReader(strings.NewReader(csvText)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	values := 0
	for _, nt := range all {
		values += nt.Tensor.Len()
	}
	if len(records) != values+1 {
		t.Errorf("%d lines for %d values", len(records), values)
	}
	for _, r := range records[1:] {
		x := traced[r[0]+"/"+r[1]]
		var at [3]int
		for i := range at {
			if at[i], err = strconv.Atoi(r[2+i]); err != nil {
				t.Fatal(err)
			}
		}
		d, err := lockstep.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		v, err := strconv.ParseFloat(r[5], 32)
		if want := d[(at[0]*x.Shape()[1]+at[1])*x.Shape()[2]+at[2]]; err != nil || float32(v) != want {
			t.Fatalf("%q: npz has %v", r, want)
		}
	}
}

func floatsOf(t *testing.T, x *lockstep.Tensor) []float64 {
	t.Helper()
	if x == nil {
		t.Fatal("no tensor")
	}
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", x, err))
	}
	return v
}
