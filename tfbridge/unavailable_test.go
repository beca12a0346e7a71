//go:build !tensorflow

package tfbridge

import (
	"errors"
	"strings"
	"testing"
)

func TestWithoutTensorFlow(t *testing.T) {
	if Built() {
		t.Error("Built() is true in a build without TensorFlow")
	}
	if v := Version(); v != "" {
		t.Errorf("Version() = %q, want none", v)
	}
	m, err := Open(t.TempDir(), WithTags("serve"), WithSignature("serving_default"), WithThreads(1))
	if m != nil || !errors.Is(err, ErrUnavailable) {
		t.Errorf("Open = %v, %v, want ErrUnavailable", m, err)
	}
	if err := Available(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Available() = %v, want ErrUnavailable", err)
	}
	for _, words := range []string{"built without TensorFlow", "`make build`"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("the error %q does not say %q", err, words)
		}
	}
}
