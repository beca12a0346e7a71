package inputs

import (
	"slices"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// Constants are read through what changes them element by element, and what is made
// of several, or of any size, is not one.
func TestConstants(t *testing.T) {
	for name, c := range map[string]struct {
		draw func(d *graphtest.Drawing) string
		want []float64
	}{
		"itself": {func(d *graphtest.Drawing) string { return d.Floats([]int{2}, 4, 9) }, []float64{4, 9}},
		"a root": {func(d *graphtest.Drawing) string { return d.Op("Sqrt", nil, d.Floats([]int{2}, 4, 9)) }, []float64{2, 3}},
		"a reshape": {func(d *graphtest.Drawing) string {
			return d.Op("Reshape", nil, d.Floats([]int{2}, 4, 9), d.Op("Shape", nil, "x"))
		}, []float64{4, 9}},
		"a filled":    {func(d *graphtest.Drawing) string { return d.Op("Fill", nil, d.Ints(1<<14, 1<<13), d.Floats(nil, 1)) }, nil},
		"of an input": {func(d *graphtest.Drawing) string { return d.Op("Neg", nil, "x") }, nil},
	} {
		d := graphtest.Draw(t)
		d.Input("x", lockstep.Float32)
		_, g := d.Flatten(map[string]string{"y": c.draw(d)})
		got, ok := constants{}.Numbers(g.Outputs["y"])
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, ok, c.want)
		}
	}
}

// What an operation that the native engine does not run reads as an index is known
// all the same: another engine runs the model.
func TestNeedsOfAnUnsupportedOperation(t *testing.T) {
	d := graphtest.Draw(t)
	x := d.Input("x", lockstep.Int32)
	size := d.Constant(fixture.NewTensor(t, []int32{7}))
	_, g := d.Flatten(map[string]string{"y": d.Op("Bincount", nil, x, size, d.Floats([]int{0}))})
	all := demandsOf(g).indices["x"]
	if len(all) != 1 || all[0].low != 0 || all[0].high != 6 {
		t.Errorf("wanted of x: %+v, want integers from 0 to 6", all)
	}
}
