package engine

import (
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
)

// families are the files of cases of a family of operations each.
var families = []string{"ops_volumes", "ops_signal", "ops_linalg", "ops_ctc", "ops_sparse", "ops_special"}

func TestFamilies(t *testing.T) {
	for _, file := range families {
		runCases(t, file)
	}
}

// Random numbers are refused by the reason, not as if nobody knew the operation.
func TestRandomNumbersAreRefused(t *testing.T) {
	for name, want := range map[string]string{"StatelessRandomUniformV2": "draws random numbers", "RandomStandardNormal": "draws random numbers", "FractionalMaxPool": "not supported"} {
		c := graphtest.Case{Op: name}
		if _, err := compileCase(&c, []*lockstep.Tensor{tensorOf(t, []int32{2}, 1)}, 0, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %q in it", name, err, want)
		}
	}
}

func TestFamiliesHostile(t *testing.T) {
	for _, file := range families {
		hostile(t, file, 1)
	}
}
