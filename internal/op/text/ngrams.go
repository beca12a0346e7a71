package text

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// ngrams joins neighbours in the rows of a ragged tensor of strings
// (string_ngrams_op.cc in tensorflow/core/kernels).
type ngrams struct {
	separator, left, right string
	widths                 []int64
	pad                    int
	short                  bool // a row that is shorter than all widths gives one that is all of it
}

func buildNGrams(n *savedmodel.Node) (op.Exec, error) {
	g := ngrams{
		separator: n.AttrString("separator"), left: n.AttrString("left_pad"), right: n.AttrString("right_pad"),
		widths: n.AttrInts("ngram_widths"), pad: int(n.AttrInt("pad_width")), short: n.AttrBool("preserve_short_sequences"),
	}
	for _, w := range g.widths {
		if w < 1 || w > maxWidth {
			return nil, op.NotSupported("ngram_widths", g.widths)
		}
	}
	if g.pad > maxWidth {
		return nil, op.NotSupported("pad_width", g.pad)
	}
	splits, err := op.TypeOr(n, "Tsplits", lockstep.Int64)
	if err != nil {
		return nil, err
	}
	if splits != lockstep.Int32 && splits != lockstep.Int64 {
		return nil, op.NotSupported("Tsplits", splits)
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 2)
		if err != nil {
			return nil, err
		}
		_, data, err := op.Operand[string](in, 0)
		if err != nil {
			return nil, err
		}
		ends, err := value.Ints(t[1])
		if err != nil {
			return nil, fmt.Errorf("the splits: %w", err)
		}
		if err := checkSplits(ends, len(data)); err != nil {
			return nil, err
		}
		return g.run(t[0], data, ends, splits, t[1].Shape())
	}, nil
}

// maxWidth bounds how many strings are joined.
const maxWidth = 1 << 10

// checkSplits makes sure that the splits of n elements begin with 0, end with n,
// and do not fall.
func checkSplits(ends []int, n int) error {
	for i, end := range ends {
		switch {
		case i == 0 && end != 0:
			return fmt.Errorf("the first split is %d, want 0", end)
		case i > 0 && (end < ends[i-1] || end > n):
			return fmt.Errorf("split %d is %d after %d, of %d elements", i, end, ends[i-1], n)
		case i == len(ends)-1 && end != n:
			return fmt.Errorf("the last split is %d, want %d", end, n)
		}
	}
	return nil
}

func (g *ngrams) run(t *lockstep.Tensor, data []string, ends []int, splits lockstep.DType, shape []int) ([]value.Value, error) {
	counts := make([]int, len(ends))
	if len(data) == 0 || len(ends) == 0 {
		made, err := value.IntTensor(counts, splits, shape...)
		if err != nil {
			return nil, err
		}
		empty, err := value.Zeros(lockstep.String, t.Shape())
		return []value.Value{{Tensor: empty}, {Tensor: made}}, err
	}
	out := &list{}
	for i := 1; i < len(ends); i++ {
		row := data[ends[i-1]:ends[i]]
		before := len(out.all)
		for _, width := range g.widths {
			if err := g.join(out, row, int(width), g.count(len(row), int(width))); err != nil {
				return nil, err
			}
		}
		if g.short && len(row) > 0 && len(out.all) == before {
			if g.pad < 0 {
				return nil, fmt.Errorf("a row of %d that no width fits, and a padding of %d", len(row), g.pad)
			}
			if err := g.join(out, row, len(row)+2*g.pad, 1); err != nil {
				return nil, err
			}
		}
		counts[i] = len(out.all)
	}
	joined, err := out.tensor(len(out.all))
	if err != nil {
		return nil, err
	}
	made, err := value.IntTensor(counts, splits, shape...)
	return []value.Value{{Tensor: joined}, {Tensor: made}}, err
}

// padding is what is added on each side for a width: never all of an ngram.
func (g *ngrams) padding(width int) int {
	if g.pad < 0 {
		return width - 1
	}
	return min(g.pad, width-1)
}

// count is the number of ngrams of a row.
func (g *ngrams) count(length, width int) int {
	return max(0, length+2*g.padding(width)-width+1)
}

// join adds n ngrams of a row.
func (g *ngrams) join(out *list, row []string, width, n int) error {
	pad := g.padding(width)
	for i := range n {
		left, right := max(0, pad-i), max(0, pad-(n-i-1))
		tokens := width - left - right
		first := 0
		if left == 0 {
			first = i - pad
		}
		if tokens < 0 || first+tokens > len(row) {
			return fmt.Errorf("an ngram of %d of the %d elements from %d on", tokens, len(row), first)
		}
		parts := slices.Concat(slices.Repeat([]string{g.left}, left), row[first:first+tokens], slices.Repeat([]string{g.right}, right))
		size := 2 * value.WordBytes
		for _, s := range parts {
			size += len(s) + len(g.separator)
		}
		if err := out.allow(size); err != nil {
			return err
		}
		out.add(strings.Join(parts, g.separator))
	}
	return nil
}
