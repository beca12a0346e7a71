package kernel

import (
	"slices"
	"strings"
	"testing"
)

// each runs a test under each of the kernels that this processor has.
func each(t *testing.T, test func(t *testing.T)) {
	for _, name := range Kernels() {
		t.Run("kernel="+name, func(t *testing.T) {
			use(t, name)
			test(t)
		})
	}
}

// eachVectorised leaves out the plain ones.
func eachVectorised(t *testing.T, test func(t *testing.T)) {
	if len(vectorised()) == 0 {
		t.Skip("this processor has no vectorised kernels")
	}
	for _, name := range vectorised() {
		t.Run("kernel="+name, func(t *testing.T) {
			use(t, name)
			test(t)
		})
	}
}

func use(t testing.TB, name string) {
	t.Helper()
	undo, err := Use(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(undo)
}

func TestChoice(t *testing.T) {
	for _, name := range Kernels() {
		if got, err := choose(name); got != name || err != nil {
			t.Errorf("%s chooses %s, %v", name, got, err)
		}
	}
	want := plain
	for _, name := range []string{avx2, avx512} {
		if slices.Contains(vectorised(), name) {
			want = name
		}
	}
	if got, err := choose(""); err != nil || got != want {
		t.Errorf("nothing chooses %s, %v, want %s", got, err, want)
	}
	if got, err := choose("mmx"); got != plain || err == nil || !strings.Contains(err.Error(), `LOCKSTEP_KERNEL="mmx"`) {
		t.Errorf("what there is not chooses %s, %v", got, err)
	}
}

// Wide kernels that compute one other bit are not taken.
func TestWideAgrees(t *testing.T) {
	if !slices.Contains(vectorised(), avx512) {
		t.Skip("this processor has no AVX-512")
	}
	if !wideAgrees(newPackedLSTM) {
		t.Error("AVX-512 computes other bits than AVX2")
	}
	for _, unit := range []int{0, 17, 47} {
		wrong := func(kernel, recurrent, bias []float32, features, units int, act, rec Activation, wide bool) *packedLSTM {
			if wide {
				bias = slices.Clone(bias)
				bias[2*units+unit] *= 1 + 0x1p-20
			}
			return newPackedLSTM(kernel, recurrent, bias, features, units, act, rec, wide)
		}
		if wideAgrees(wrong) {
			t.Errorf("unit %d differs, and it was not noticed", unit)
		}
	}
}
