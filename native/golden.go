package native

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare/golden"
)

// VerifyGolden makes Load run the model on the inputs of a golden, which
// lockstep golden record wrote, and refuse one that answers otherwise or whose
// weights, layout or signature are others: the error is a *GoldenError. Files
// that were written anew and say the same are no reason to refuse.
func VerifyGolden(file string) Option {
	return verifies(file, func() (*golden.Golden, error) { return golden.ReadFile(file) })
}

// VerifyGoldenFS does the same with a golden in a file system, which may be
// embedded.
func VerifyGoldenFS(fsys fs.FS, name string) Option {
	return verifies(name, func() (*golden.Golden, error) { return golden.ReadFS(fsys, name) })
}

func verifies(file string, read func() (*golden.Golden, error)) Option {
	return func(s *settings) {
		s.verify = append(s.verify, func(m *Model) error {
			g, err := read()
			if err != nil {
				return fmt.Errorf("native: %w", err)
			}
			result, err := g.Verify(context.Background(), m, golden.Options{})
			if err != nil {
				return fmt.Errorf("native: %s: %w", file, err)
			}
			if result.Change.Failed() {
				return &GoldenError{File: file, Result: result}
			}
			return nil
		})
	}
}

// GoldenError is why Load refuses a model that does not reproduce its golden.
type GoldenError struct {
	File   string
	Result *golden.Result
}

// Error says what changed, and where the answers first part.
func (e *GoldenError) Error() string {
	return fmt.Sprintf("native: the model does not reproduce its golden %s: %s", e.File, e.Result.Summary())
}

// StepOracle returns Oracle's answer for compare/golden, which judges by it the
// steps of a golden that was recorded with --trace.
func (m *Model) StepOracle() (lockstep.Oracle, error) {
	o, err := m.Oracle()
	if err != nil {
		return nil, err // and no nil *Oracle in an interface
	}
	return o, nil
}
