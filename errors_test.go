package lockstep_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/lockstep-go/lockstep"
)

// Callers can distinguish errors, and a kind does not change the text and the
// cause.
func TestKindsOfErrors(t *testing.T) {
	cause := &fs.PathError{Op: "read", Path: "variables.index", Err: fs.ErrInvalid}
	for _, c := range []struct{ err, is, not error }{
		{lockstep.Damaged(cause), lockstep.ErrDamaged, lockstep.ErrNoTensorFlow},
		{lockstep.NoTensorFlow(cause), lockstep.ErrNoTensorFlow, lockstep.ErrDamaged},
	} {
		if !errors.Is(c.err, c.is) || errors.Is(c.err, c.not) || !errors.Is(c.err, fs.ErrInvalid) || c.err.Error() != cause.Error() {
			t.Errorf("%v: is it %v? %v", c.err, c.is, errors.Is(c.err, c.is))
		}
	}
}

func TestUnsupportedErrorListsOperations(t *testing.T) {
	err := error(&lockstep.UnsupportedError{Signature: "serve", Operations: []lockstep.UnsupportedOperation{
		{Op: "Betainc", Node: "model/head/Betainc", Layer: "model/head", Reason: errors.ErrUnsupported},
		{Op: "Cholesky", Node: "while/Cholesky", Caller: "model/while", Reason: fs.ErrInvalid},
	}})
	want := "signature \"serve\": layer \"model/head\": node \"model/head/Betainc\" (Betainc): unsupported operation\n" +
		"node \"while/Cholesky\" (Cholesky) of \"model/while\": invalid argument"
	if err.Error() != want {
		t.Errorf("it says\n%s\nwant\n%s", err, want)
	}
	if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, fs.ErrInvalid) {
		t.Error("the reasons are lost")
	}
}
