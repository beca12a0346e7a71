package lockstep

import "fmt"

// TensorError says that given tensors do not fit the model by name, type or
// shape: wrong usage, for which no engine is to blame. errors.As finds it in
// the errors of engines and comparisons.
type TensorError struct{ Err error }

func (e *TensorError) Error() string { return e.Err.Error() }

// Unwrap returns the error, one or several joined.
func (e *TensorError) Unwrap() error { return e.Err }

// Nearest says which of the names is most like one that is not among them, as in
// `, the nearest is "x"`. It is empty where none is similar.
func Nearest(name string, names []string) string {
	best, least := "", 1+max(1, len([]rune(name))/3)
	for _, n := range names {
		if d := editDistance(name, n); d < min(least, len([]rune(name))) {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", the nearest is %q", best)
}

// editDistance counts the letters to insert, to delete and to change that make b of
// a (Levenshtein's distance). A dependency for it would burden every service.
func editDistance(a, b string) int {
	to := []rune(b)
	row := make([]int, len(to)+1) // the distances from what was read of a
	for j := range row {
		row[j] = j
	}
	for i, x := range []rune(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			change := diagonal
			if x != y {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
