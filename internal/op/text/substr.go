package text

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var substrOps = op.Table{
	"StringLength": elementwise(buildLength),
	"Substr":       {Build: buildSubstr, Shape: op.NoInput},
}

func buildLength(n *savedmodel.Node) (op.Exec, error) {
	count, err := characters(n)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, d, err := op.Operands[string](in, 1)
		if err != nil {
			return nil, err
		}
		out := make([]int, len(d[0]))
		for i, s := range d[0] {
			if out[i] = len(s); count {
				out[i] = length(s)
			}
		}
		return w.One(value.IntTensor(out, lockstep.Int32, t[0].Shape()...))
	}, nil
}

// length counts the bytes that begin a character.
func length(s string) int {
	n := 0
	for i := range len(s) {
		if !follows(s[i]) {
			n++
		}
	}
	return n
}

func buildSubstr(n *savedmodel.Node) (op.Exec, error) {
	count, err := characters(n)
	if err != nil {
		return nil, err
	}
	cut := bytesOf
	if count {
		cut = charactersOf
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 3)
		if err != nil {
			return nil, err
		}
		_, d, err := op.Operand[string](in, 0)
		if err != nil {
			return nil, err
		}
		at, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the positions: %w", err)
		}
		lengths, err := value.Ints(t[2])
		if err != nil {
			return nil, fmt.Errorf("the lengths: %w", err)
		}
		if t[1].DType() != t[2].DType() || !slices.Equal(t[1].Shape(), t[2].Shape()) {
			return nil, fmt.Errorf("the positions %s and the lengths %s, want the same shape", t[1], t[2])
		}
		pairs, shape, err := paired(t[0].Shape(), t[1].Shape())
		if err != nil {
			return nil, err
		}
		out, err := newList(value.Product(shape))
		if err != nil {
			return nil, err
		}
		pairs(func(text, position int) {
			if err == nil {
				var s string
				s, err = cut(d[text], at[position], lengths[position])
				out.add(s)
			}
		})
		if err != nil {
			return nil, err
		}
		return w.One(out.tensor(shape...))
	}, nil
}

// paired visits the positions of pairs of elements of two tensors, of which one is
// repeated where it must be, as the kernel does: to one or two axes.
func paired(texts, positions []int) (each func(visit func(text, position int)), shape []int, err error) {
	same := slices.Equal(texts, positions)
	if len(positions) == 0 || same {
		n := value.Product(texts)
		return func(visit func(text, position int)) {
			for i := range n {
				if same {
					visit(i, i)
				} else {
					visit(i, 0)
				}
			}
		}, texts, nil
	}
	axes := max(len(texts), len(positions))
	if axes > 2 {
		return nil, nil, fmt.Errorf("strings of shape %s and positions of shape %s, want equal shapes, or two axes at most", lockstep.FormatShape(texts), lockstep.FormatShape(positions))
	}
	a, b := padded(texts), padded(positions)
	whole := make([]int, 2)
	for i := range whole {
		whole[i] = a[i]
		if a[i] == 1 {
			whole[i] = b[i]
		} else if b[i] != 1 && b[i] != a[i] {
			return nil, nil, fmt.Errorf("strings of shape %s and positions of shape %s do not fit each other", lockstep.FormatShape(texts), lockstep.FormatShape(positions))
		}
	}
	shape = whole[2-axes:]
	if _, err := value.Allow(shape); err != nil {
		return nil, nil, err
	}
	step := func(s []int, i, j int) int { return min(i, s[0]-1)*s[1] + min(j, s[1]-1) }
	return func(visit func(text, position int)) {
		for i := range whole[0] {
			for j := range whole[1] {
				visit(step(a, i, j), step(b, i, j))
			}
		}
	}, shape, nil
}

// padded is a shape of two axes.
func padded(shape []int) []int {
	return append(slices.Repeat([]int{1}, 2-len(shape)), shape...)
}

var errPosition = errors.New("a position that the string does not have")

// bytesOf is a part of a string; a negative position counts from the end, a
// negative length is the rest.
func bytesOf(s string, at, n int) (string, error) {
	from := at
	if from < 0 {
		from += len(s)
	}
	if from < 0 || from > len(s) {
		return "", fmt.Errorf("%w: %d of %d bytes", errPosition, at, len(s))
	}
	if n < 0 || n > len(s)-from {
		return s[from:], nil
	}
	return s[from : from+n], nil
}

// charactersOf is bytesOf by characters. What is no UTF-8 is cut where a byte
// begins a character.
func charactersOf(s string, at, n int) (string, error) {
	fail := fmt.Errorf("%w: %d of %d characters", errPosition, at, length(s))
	if at >= 0 {
		from, ok := forward(s, at, 0)
		if !ok {
			return "", fail
		}
		to, _ := forward(s, n, from)
		return s[from:to], nil
	}
	skipped := max(-at-n, 0)
	to, ok := back(s, skipped, len(s))
	if !ok {
		return "", fail
	}
	from, ok := back(s, -at-skipped, to)
	if !ok {
		return "", fail
	}
	return s[from:to], nil
}

// forward moves n characters on; ok is false if there are fewer.
func forward(s string, n, at int) (to int, ok bool) {
	i := 0
	for ; i < n && at < len(s); i++ {
		for at++; at < len(s) && follows(s[at]); at++ {
		}
	}
	return at, i == n
}

// back moves n characters back; ok is false if there are fewer, or n is negative.
func back(s string, n, at int) (to int, ok bool) {
	i := 0
	for ; i < n && at > 0; i++ {
		for at--; at > 0 && follows(s[at]); at-- {
		}
	}
	return at, i == n
}
