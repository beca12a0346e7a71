//go:build !tensorflow

package tfbridge

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
)

func TestWithoutTensorFlow(t *testing.T) {
	if Built() {
		t.Error("Built() is true in a build without TensorFlow")
	}
	if v := Version(); v != "" {
		t.Errorf("Version() = %q, want none", v)
	}
	m, err := Open(t.TempDir(), WithTags("serve"), WithSignature("serving_default"), WithThreads(1))
	if m != nil || !errors.Is(err, lockstep.ErrNoTensorFlow) {
		t.Errorf("Open = %v, %v, want lockstep.ErrNoTensorFlow", m, err)
	}
	if err := Available(); !errors.Is(err, lockstep.ErrNoTensorFlow) {
		t.Errorf("Available() = %v, want lockstep.ErrNoTensorFlow", err)
	}
	for _, words := range []string{"built without TensorFlow", "`make build`"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("the error %q does not say %q", err, words)
		}
	}
}
