package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
)

// An operation that uses its memory again gives in every call what it gives in a
// first one: every case of every operation, with its own inputs and with inputs
// of the same shapes and other elements, in turns.
func TestMemoryIsUsedAgain(t *testing.T) {
	ran := 0
	for _, file := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, file)
		for _, c := range cases {
			if c.Error {
				continue
			}
			ran++
			if err := inTurns(t, &c, values); err != nil {
				t.Errorf("%s: %s (%s): %v", file, c.Name, c.Op, err)
			}
		}
	}
	t.Logf("%d cases", ran)
}

func inTurns(t *testing.T, c *graphtest.Case, values map[string]*lockstep.Tensor) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	var inputs []*lockstep.Tensor
	feed := map[string]*lockstep.Tensor{}
	for i, key := range c.Inputs {
		inputs = append(inputs, values[key])
		feed[fmt.Sprintf("x%d", i)] = values[key]
	}
	compile := func() (*Program, error) {
		return compileWithTables(c, inputs, len(c.Outputs), func(i int) lockstep.DType { return values[c.Outputs[i]].DType() }, values)
	}
	p, err := compile()
	if err != nil {
		return err
	}
	r := p.NewRunner()
	shuffled := [][]map[string]*lockstep.Tensor{{feed}}
	var all []map[string]*lockstep.Tensor
	for seed := range 2 {
		// All inputs, and each alone: an index that is shuffled is refused by
		// many an operation.
		turned := map[string]*lockstep.Tensor{}
		for name, x := range feed {
			turned[name] = shuffle(t, x, uint64(seed))
		}
		all = append(all, turned)
		for name := range feed {
			one := map[string]*lockstep.Tensor{}
			for other, x := range feed {
				one[other] = x
			}
			one[name] = turned[name]
			all = append(all, one)
		}
	}
	for _, other := range all {
		shuffled = append(shuffled, []map[string]*lockstep.Tensor{other, feed})
	}
	for i, calls := range shuffled {
		for j, in := range calls {
			fresh, err := compile()
			if err != nil {
				return err
			}
			want, _, errWant := fresh.Run(t.Context(), in, false)
			for round := range 2 {
				got, _, err := r.Run(t.Context(), in)
				if (err == nil) != (errWant == nil) {
					return fmt.Errorf("call %d.%d.%d: error %v, and in a first call %v", i, j, round, err, errWant)
				}
				for name, w := range want {
					if !got[name].BitEqual(w) {
						return fmt.Errorf("call %d.%d.%d: output %q: %s", i, j, round, name, graphtest.Show(got[name], w))
					}
				}
			}
		}
	}
	return nil
}

// shuffle puts a tensor's elements in another order.
func shuffle(t *testing.T, x *lockstep.Tensor, seed uint64) *lockstep.Tensor {
	t.Helper()
	out := cloneOf(t, x)
	shuffleOf[float32](out, seed)
	shuffleOf[float64](out, seed)
	shuffleOf[lockstep.Float16Bits](out, seed)
	shuffleOf[lockstep.BFloat16Bits](out, seed)
	shuffleOf[int32](out, seed)
	shuffleOf[int64](out, seed)
	shuffleOf[bool](out, seed)
	shuffleOf[string](out, seed)
	return out
}

func shuffleOf[E lockstep.Element](x *lockstep.Tensor, seed uint64) {
	d, err := lockstep.Data[E](x)
	if err != nil {
		return
	}
	r := rand.New(rand.NewPCG(seed, uint64(len(d))))
	before := slices.Clone(d)
	for i, from := range r.Perm(len(d)) {
		d[i] = before[from]
	}
}

// An operation that only moves elements is done without it from the second call
// on: every case of every such operation, with the places in constants.
func TestMovements(t *testing.T) {
	moved := map[string]int{}
	for _, name := range graphtest.Files {
		cases, values := graphtest.ReadCases(t, name)
		for _, c := range cases {
			spec, known := ops.Specs[c.Op]
			if !known {
				continue
			}
			if c.Error || spec.Moves == nil || spec.Bound != nil || len(c.Nodes) > 0 || len(c.Variables) > 0 {
				continue
			}
			t.Run(c.Name, func(t *testing.T) {
				feed := map[string]*lockstep.Tensor{}
				compile := func() *Program {
					d := graphtest.Draw(t)
					var inputs []string
					for i, key := range c.Inputs {
						if slices.Contains(spec.Moves(len(c.Inputs)), i) {
							inputs = append(inputs, d.Input(fmt.Sprintf("x%d", i), values[key].DType()))
							feed[inputs[i]] = values[key]
						} else {
							inputs = append(inputs, d.Constant(values[key]))
						}
					}
					a := graphtest.Attrs{}
					for k, v := range c.Attrs {
						value, err := v.Proto()
						if err != nil {
							t.Fatal(err)
						}
						a[k] = value
					}
					d.Add("op", c.Op, a, inputs)
					outputs := map[string]string{}
					for i := range c.Outputs {
						outputs[fmt.Sprintf("y%d", i)] = fmt.Sprintf("op:%d", i)
					}
					return compileDrawing(d, outputs)
				}
				p := compile()
				r := p.NewRunner()
				for call := range 6 {
					in, want := feed, map[string]*lockstep.Tensor{}
					if call%2 == 1 { // other elements
						in = map[string]*lockstep.Tensor{}
						for name, x := range feed {
							in[name] = shuffle(t, x, uint64(call))
						}
						var err error
						if want, _, err = compile().Run(t.Context(), in, false); err != nil {
							t.Fatal(err)
						}
					} else {
						for i, key := range c.Outputs {
							want[fmt.Sprintf("y%d", i)] = values[key]
						}
					}
					got, _, err := r.Run(t.Context(), in)
					if err != nil {
						t.Fatal(err)
					}
					for name, w := range want {
						if err := graphtest.Agree(got[name], w, 0); err != nil {
							t.Errorf("call %d: %s: %v", call, name, err)
						}
					}
				}
				for _, pl := range *p.plans.Load() {
					for _, s := range pl.Steps {
						if s.moves != nil {
							moved[c.Op]++
						}
					}
				}
			})
		}
	}
	t.Log(moved)
	for name, spec := range ops.Specs {
		// A view is no movement, lists and variables are not moved, and inputs of several
		// types are not moved at once.
		elsewhere := spec.View || strings.Contains(name, "TensorList") || strings.Contains(name, "Resource") || spec.Control == op.Read || name == "IdentityN"
		if spec.Moves != nil && spec.Bound == nil && moved[name] == 0 && !elsewhere {
			t.Errorf("no case of %s was recognised as a movement", name)
		}
	}
}
