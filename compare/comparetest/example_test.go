package comparetest_test

import (
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/comparetest"
	"github.com/lockstep-go/lockstep/native"
)

// A test compares the model in the repository with what TensorFlow answered
// when the golden was recorded. go test -update writes it again from this
// engine.
func ExampleGolden() {
	_ = func(t *testing.T) { // func TestModel(t *testing.T)
		m, err := native.Load("testdata/model")
		if err != nil {
			t.Fatal(err)
		}
		comparetest.Golden(t, m, "testdata/model.golden")
	}
	// Output:
}

// A test holds one engine against another, as a build with libtensorflow holds
// the native one against a model of package tfbridge.
func ExampleParity() {
	_ = func(t *testing.T, reference, candidate lockstep.Tracer) {
		comparetest.Parity(t, reference, candidate, nil) // inputs are made from a seed
	}
	// Output:
}
