package op

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var einsumOps = Table{
	"Einsum": {Build: buildEinsum, Shape: NoInput, Bound: einsumBound, Stepwise: true, Rows: rowsOfEinsum},
}

// equation is a parsed equation: the letters of each operand and of the result,
// with 0 for "...".
type equation struct {
	text string
	in   [][]rune
	out  []rune
}

func parseEquation(text string) (*equation, error) {
	before, after, ok := strings.Cut(text, "->")
	if !ok || strings.Contains(after, "->") {
		return nil, errors.New("want one ->")
	}
	e := &equation{text: text}
	for term := range strings.SplitSeq(before, ",") {
		letters, err := parseTerm(term)
		if err != nil {
			return nil, err
		}
		e.in = append(e.in, letters)
	}
	if len(e.in) > 2 {
		return nil, fmt.Errorf("%d operands, want 1 or 2", len(e.in))
	}
	var err error
	if e.out, err = parseTerm(after); err != nil {
		return nil, err
	}
	for i, l := range e.out {
		if slices.Contains(e.out[:i], l) {
			return nil, fmt.Errorf("the result has %q twice", l)
		}
		if l != 0 && !slices.ContainsFunc(e.in, func(in []rune) bool { return slices.Contains(in, l) }) {
			return nil, fmt.Errorf("the result has %q, and no operand has", l)
		}
	}
	return e, nil
}

func parseTerm(term string) ([]rune, error) {
	before, after, dots := strings.Cut(term, "...")
	letters := []rune(before)
	if dots {
		letters = append(append(letters, 0), []rune(after)...)
	}
	for _, l := range letters {
		if l != 0 && (l < 'a' || l > 'z') && (l < 'A' || l > 'Z') {
			return nil, fmt.Errorf("%q in it is not a letter", l)
		}
	}
	return letters, nil
}

func buildEinsum(n *savedmodel.Node) (Exec, error) {
	text := n.AttrString("equation")
	e, err := parseEquation(text)
	if err != nil {
		return nil, fmt.Errorf("attribute \"equation\" is %q, which is not supported: %w", text, err)
	}
	if len(n.Inputs) != len(e.in) {
		return nil, fmt.Errorf("attribute \"equation\" is %q, for %d inputs", text, len(n.Inputs))
	}
	return With16Bits(numbers(einsum(e, floatAxes[float32]()), einsum(e, floatAxes[float64]()), einsum[int32](e, nil), einsum[int64](e, nil))).choose(n, "T")
}

// axis is an axis of the result or of the sum, with each operand's stride along
// it.
type axis struct {
	length int
	steps  [2]int
}

// contraction is an equation for operands of given shapes.
type contraction struct {
	shape []int
	out   []axis
	sum   []axis
}

// broadcastLabel is the label of the axes of "...", numbered from the last.
func broadcastLabel(i int) rune { return -rune(i) - 1 }

// bind finds the axes of an equation in the shapes of its operands.
func (e *equation) bind(t []*lockstep.Tensor) (*contraction, error) {
	axes, order, dots := map[rune]*axis{}, []rune{}, 0
	for k, x := range t {
		labels, n, err := expand(e.in[k], x.Rank())
		if err != nil {
			return nil, fmt.Errorf("input %d is %s, want the axes of %q: %w", k, x, e.text, err)
		}
		dots = max(dots, n)
		stride := 1
		for i := len(labels) - 1; i >= 0; i-- {
			l, d := labels[i], x.Shape()[i]
			a := axes[l]
			if a == nil {
				a = &axis{length: d}
				axes[l], order = a, append(order, l)
			}
			switch {
			case a.length == d:
			case l < 0 && a.length == 1: // axes of "..." are broadcast
				a.length = d
			case l < 0 && d == 1:
			default:
				return nil, fmt.Errorf("input %d is %s: axis %d has the length %d in %q, want %d", k, x, i, d, e.text, a.length)
			}
			if d != 1 {
				a.steps[k] += stride
			}
			stride *= d
		}
	}
	if dots > 0 && !slices.Contains(e.out, 0) {
		return nil, fmt.Errorf("%q would sum the axes of its ellipsis", e.text)
	}
	c := &contraction{shape: []int{}}
	out, _, err := expand(e.out, dots+len(e.out)-count(e.out, 0))
	if err != nil {
		return nil, err
	}
	for _, l := range out {
		c.out, c.shape = append(c.out, *axes[l]), append(c.shape, axes[l].length)
	}
	for _, l := range order {
		if !slices.Contains(out, l) {
			c.sum = append(c.sum, *axes[l])
		}
	}
	return c, nil
}

func count(letters []rune, letter rune) int {
	n := 0
	for _, l := range letters {
		if l == letter {
			n++
		}
	}
	return n
}

// expand gives every axis of a tensor its label.
func expand(letters []rune, rank int) (labels []rune, dots int, err error) {
	has := count(letters, 0)
	dots = rank - (len(letters) - has)
	if dots < 0 || dots > 0 && has == 0 {
		return nil, 0, fmt.Errorf("%d axes, want %d", rank, len(letters)-has)
	}
	for _, l := range letters {
		if l != 0 {
			labels = append(labels, l)
			continue
		}
		for i := dots - 1; i >= 0; i-- {
			labels = append(labels, broadcastLabel(i))
		}
	}
	return labels, dots, nil
}

// walk goes over the elements of the result.
func (c *contraction) walk() (*walk, error) {
	n, err := value.Allow(c.shape)
	if err != nil {
		return nil, err
	}
	w := &walk{shape: c.shape, n: n}
	for i := len(c.out) - 1; i >= 0; i-- {
		if a := c.out[i]; a.length != 1 {
			w.add(a.length, a.steps[:])
		}
	}
	w.close(2)
	return w, nil
}

// maxPlaces bounds the list of places, which is much larger than the operands
// where these share no axis.
const maxPlaces = 1 << 24

// places lists, for every position along axes, where it is in each operand.
func places(axes []axis) ([][2]int, error) {
	shape := make([]int, len(axes))
	for i, a := range axes {
		shape[i] = a.length
	}
	n, err := value.Allow(shape)
	if err != nil || n == 0 {
		return nil, err
	}
	if n > maxPlaces {
		return nil, fmt.Errorf("sums over axes of shape %s, want at most %d terms", lockstep.FormatShape(shape), maxPlaces)
	}
	list := make([][2]int, 1, n)
	for _, a := range axes {
		next := make([][2]int, 0, len(list)*a.length)
		for _, p := range list {
			for i := range a.length {
				next = append(next, [2]int{p[0] + i*a.steps[0], p[1] + i*a.steps[1]})
			}
		}
		list = next
	}
	return list, nil
}

// einsum sums, for every element of the result, the products of the operands'
// elements; multiply is for those that are products of matrices, nil without.
func einsum[E number](e *equation, multiply func(w *Call, m *einsumMemory[E], out []E, d [2][]E)) Exec {
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		if len(in) != len(e.in) {
			return nil, fmt.Errorf("%d inputs, want %d", len(in), len(e.in))
		}
		m := Room[einsumMemory[E]](w)
		var d [2][]E
		for i := range in {
			var err error
			if m.tensors[i], d[i], err = Operand[E](in, i); err != nil {
				return nil, err
			}
		}
		if err := m.prepare(e, in, multiply != nil); err != nil {
			return nil, err
		}
		out, y, err := m.Get(m.shape...)
		if err != nil || len(y) == 0 {
			return w.One(out, err)
		}
		if m.product != nil {
			multiply(w, m, y, d)
			return w.One(out, nil)
		}
		step := m.walk.steps[len(m.walk.steps)-1]
		m.walk.each(func(o int, at []int) {
			for i := range m.walk.run() {
				x := at[0] + i*step[0]
				if len(in) == 1 {
					y[o+i] = total(d[0], x, m.sum)
				} else {
					y[o+i] = dot(d[0], d[1], x, at[1]+i*step[1], m.sum)
				}
			}
		})
		return w.One(out, nil)
	}
}

// floatAxes multiplies matrices of floats.
func floatAxes[F float]() func(w *Call, m *einsumMemory[F], out []F, d [2][]F) {
	packed := &packing[F]{}
	return func(w *Call, m *einsumMemory[F], out []F, d [2][]F) { multiplyAxes(w, m, packed, out, d) }
}

// einsumMemory is the memory of an einsum: all that follows from the shapes of
// its operands, and the result.
type einsumMemory[E number] struct {
	ResultMemory[E]
	of      [][]int // the operands' shapes
	shape   []int
	walk    *walk
	sum     [][2]int
	tensors [2]*lockstep.Tensor

	product           *asProduct // nil if it is none
	left, right, made []E
	packed            any // a packedTensor
}

func (m *einsumMemory[E]) prepare(e *equation, in []value.Value, products bool) error {
	same := len(m.of) == len(in)
	for i := range m.of {
		same = same && slices.Equal(m.of[i], in[i].Tensor.Shape())
	}
	if same {
		return nil
	}
	t, err := value.Tensors(in, len(e.in))
	if err != nil {
		return err
	}
	c, err := e.bind(t)
	if err != nil {
		return err
	}
	walk, err := c.walk()
	if err != nil {
		return err
	}
	if m.of, m.shape, m.walk, m.product, m.sum = nil, c.shape, walk, nil, nil; products && len(in) == 2 {
		m.product = c.asProduct()
	}
	if m.product == nil {
		if m.sum, err = places(c.sum); err != nil {
			return err
		}
	}
	if err := Affordable(walk.n, product(c.sum)); err != nil {
		return err
	}
	for _, x := range t {
		m.of = append(m.of, slices.Clone(x.Shape()))
	}
	return nil
}

// total is in float64 for floats, and so is dot: the sums of float32 are then
// rounded once.
func total[E number](x []E, at int, sum [][2]int) E {
	var integers E
	floats := 0.0
	isFloat := E(1)/2 != 0
	for _, q := range sum {
		if v := x[at+q[0]]; isFloat {
			floats += float64(v)
		} else {
			integers += v
		}
	}
	return integers + E(floats)
}

func dot[E number](x, y []E, atX, atY int, sum [][2]int) E {
	var integers E
	floats := 0.0
	isFloat := E(1)/2 != 0
	for _, q := range sum {
		if v, w := x[atX+q[0]], y[atY+q[1]]; isFloat {
			floats += float64(float64(v) * float64(w))
		} else {
			integers += v * w
		}
	}
	return integers + E(floats)
}
