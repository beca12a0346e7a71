package golden

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/lockstep-go/lockstep"
)

// Verifier returns a function that runs an engine on the inputs of the golden in
// a file, and fails with an *Error if the engine answers differently, or if its
// weights, layout or signature differ. A service gives it to native.WithVerify:
//
//	m, err := native.Load("model", native.WithVerify(golden.Verifier("model.golden")))
func Verifier(file string) func(lockstep.Engine) error {
	return verifier(file, func() (*Golden, error) { return ReadFile(file) })
}

// VerifierFS is Verifier for a golden in a file system, which may be embedded.
func VerifierFS(fsys fs.FS, name string) func(lockstep.Engine) error {
	return verifier(name, func() (*Golden, error) { return ReadFS(fsys, name) })
}

func verifier(file string, read func() (*Golden, error)) func(lockstep.Engine) error {
	return func(e lockstep.Engine) error {
		g, err := read()
		if err != nil {
			return err
		}
		result, err := g.Verify(context.Background(), e, Options{})
		if err != nil {
			return fmt.Errorf("golden: %s: %w", file, err)
		}
		if result.Change.Failed() {
			return &Error{File: file, Result: result}
		}
		return nil
	}
}

// Error is why a Verifier refuses an engine.
type Error struct {
	File   string
	Result *Result
}

// Error says what changed, and where the answers first diverge.
func (e *Error) Error() string {
	return fmt.Sprintf("golden: the model does not reproduce %s: %s", e.File, e.Result.Summary())
}
