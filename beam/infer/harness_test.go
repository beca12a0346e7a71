package infer

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

// collected are what pipelines of this process have, by the name of a test's collection.
var collected = struct {
	sync.Mutex
	blocks   map[string][]Block
	failures map[string][]Failure
}{blocks: map[string][]Block{}, failures: map[string][]Failure{}}

type collectBlocks struct{ Name string }

func (f *collectBlocks) ProcessElement(b Block) {
	collected.Lock()
	defer collected.Unlock()
	collected.blocks[f.Name] = append(collected.blocks[f.Name], b)
}

type collectFailures struct{ Name string }

func (f *collectFailures) ProcessElement(x Failure) {
	collected.Lock()
	defer collected.Unlock()
	collected.failures[f.Name] = append(collected.failures[f.Name], x)
}

func init() {
	register.DoFn1x0[Block](&collectBlocks{})
	register.DoFn1x0[Failure](&collectFailures{})
	beam.RegisterType(reflect.TypeFor[sale]())
}

// runOnPrism runs a pipeline and returns what the two collections had, and the counters.
func runOnPrism(t *testing.T, build func(s beam.Scope) (blocks, failures beam.PCollection)) ([]Block, []Failure, map[string]int64, error) {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	blocks, failures := build(s)
	name := fmt.Sprintf("%s %d", t.Name(), rand.Int64())
	beam.ParDo0(s, &collectBlocks{name}, blocks)
	beam.ParDo0(s, &collectFailures{name}, failures)
	result, err := prism.Execute(context.Background(), p)
	counters := map[string]int64{}
	if err == nil {
		for _, c := range result.Metrics().AllMetrics().Counters() {
			counters[c.Name()] += c.Result()
		}
	}
	collected.Lock()
	defer collected.Unlock()
	return collected.blocks[name], collected.failures[name], counters, err
}

// rowsOf makes blocks of a batch of inputs, of the given sizes, keyed by row.
func rowsOf(t *testing.T, inputs map[string]*lockstep.Tensor, n int, size func() int) []Block {
	t.Helper()
	var out []Block
	for from := 0; from < n; {
		to := min(n, from+size())
		b := Block{}
		for i := from; i < to; i++ {
			b.Keys, b.Times = append(b.Keys, fmt.Sprint(i)), append(b.Times, "t")
		}
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			rows := make([]int, to-from)
			for i := range rows {
				rows[i] = from + i
			}
			part, err := take(inputs[name], rows)
			if err != nil {
				t.Fatal(err)
			}
			c, err := NewColumn(name, part)
			if err != nil {
				t.Fatal(err)
			}
			b.Columns = append(b.Columns, c)
		}
		out, from = append(out, b), to
	}
	return out
}

// repeated makes n rows of a batch of inputs, floats each with their own values.
func repeated(t *testing.T, inputs map[string]*lockstep.Tensor, n int, rng *rand.Rand) map[string]*lockstep.Tensor {
	t.Helper()
	out := map[string]*lockstep.Tensor{}
	rows := make([]int, n)
	for name, in := range inputs {
		for i := range rows {
			rows[i] = i % in.Shape()[0]
		}
		got, err := take(in, rows)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := lockstep.Data[float32](got); err == nil {
			for i := range d {
				d[i] += float32(rng.NormFloat64())
			}
		}
		out[name] = got
	}
	return out
}

// checkBits compares predictions with Model.Run on every row alone.
func checkBits(t *testing.T, m *native.Model, inputs map[string]*lockstep.Tensor, n int, got []Block, states bool) {
	t.Helper()
	seen := map[string]bool{}
	for _, b := range got {
		for i, key := range b.Keys {
			if seen[key] {
				t.Fatalf("row %s is predicted twice", key)
			}
			seen[key] = true
			var row int
			if _, err := fmt.Sscan(key, &row); err != nil || b.Times[i] != "t" {
				t.Fatalf("key %q and time %q", key, b.Times[i])
			}
			one, err := takeAll(inputs, []int{row})
			if err != nil {
				t.Fatal(err)
			}
			detail := lockstep.Outputs
			if states {
				detail = lockstep.States
			}
			trace, err := m.Trace(t.Context(), one, detail)
			if err != nil {
				t.Fatal(err)
			}
			want := trace.Outputs
			maps.Copy(want, trace.States)
			if len(want) != len(b.Columns) {
				t.Fatalf("row %d has %d outputs, want %d", row, len(b.Columns), len(want))
			}
			for _, c := range b.Columns {
				all, err := c.Tensor(len(b.Keys))
				if err != nil {
					t.Fatal(err)
				}
				value, err := take(all, []int{i})
				if err != nil {
					t.Fatal(err)
				}
				if !value.BitEqual(want[c.Name]) {
					t.Fatalf("row %d: %q has other bits than Model.Run", row, c.Name)
				}
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d rows are predicted, want %d", len(seen), n)
	}
}

func config(t *testing.T, dir string) Config {
	t.Helper()
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := Hash(m.Files())
	if err != nil {
		t.Fatal(err)
	}
	return Config{Model: dir, Hash: hash}
}
