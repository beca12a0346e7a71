package infer

import (
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		slog.SetDefault(slog.New(slog.DiscardHandler)) // Beam prints what each job does
	}
	beam.Init()
	os.Exit(m.Run())
}

// Models of several kinds, row counts around the sizes of calls, blocks of any size in any
// order: the bits of Model.Run on each row alone, each row once.
func TestInferIsRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	models := []string{"seed_keras3", "gru_states_keras3", "embedding_mask_zero_keras3", "guide_attention_seq2seq_keras3", "states_out_tfkeras", "fixed_steps_keras3", "signature_two", "bidirectional_last_keras3"}
	for i, name := range models {
		dir := fixture.Dir(t, name)
		c := config(t, dir)
		c.Rows, c.States, c.Each = []int{4, 7, 64}[i%3], i%2 == 0, i%3 == 1
		m, err := native.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		made := fixture.Tensors(t, name, "inputs.npz")
		for _, n := range []int{1, c.Rows - 1, c.Rows, c.Rows + 1, 2*c.Rows + 1} {
			inputs := repeated(t, made, n, rng)
			blocks := rowsOf(t, inputs, n, func() int { return 1 + rng.IntN(2*c.Rows) })
			rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
			got, failed, counters, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
				return Infer(s, c, beam.CreateList(s, blocks))
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(failed) > 0 || counters["rows"] != int64(n) || counters["failures"] != 0 || counters["calls"] < 1 {
				t.Errorf("%s: %d rows: failures %v, counters %v", name, n, failed, counters)
			}
			checkBits(t, m, inputs, n, got, c.States)
		}
	}
}

// Rows that cannot be run go to the other collection, with a reason, and take no other row with them.
func TestFailures(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	c := config(t, dir)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	inputs := repeated(t, fixture.Tensors(t, "seed_keras3", "inputs.npz"), 20, rng)
	d, err := lockstep.Data[float32](inputs["encoder_input"])
	if err != nil {
		t.Fatal(err)
	}
	d[3*10+4], d[7*10] = float32(math.NaN()), float32(math.Inf(1))
	blocks := rowsOf(t, inputs, 20, func() int { return 20 })
	good := blocks[0]
	short := Block{Keys: []string{"short"}, Columns: slices.Clone(good.cut(0, 1).Columns)}
	short.Columns[1].Shape, short.Columns[1].Data = []int64{9, 1}, short.Columns[1].Data[:36]
	missing := Block{Keys: []string{"missing"}, Columns: good.cut(0, 1).Columns[:1]}
	other := Block{Keys: []string{"type"}, Columns: slices.Clone(good.cut(0, 1).Columns)}
	other.Columns[0].DType = "int32"
	damaged := Block{Keys: []string{"damaged", "damaged too"}, Columns: good.cut(0, 1).Columns}
	unknown := Block{Keys: []string{"unknown"}, Columns: []Column{{Name: "x", DType: "float33"}}}
	negative := Block{Keys: []string{"negative"}, Columns: []Column{{Name: "x", DType: "float32", Shape: []int64{-1}}}}
	huge := Block{Keys: []string{"huge"}, Columns: []Column{{Name: "x", DType: "float32", Shape: []int64{1 << 40, 1 << 40}}}}
	keyless := Block{Columns: good.Columns}
	blocks = append(blocks, short, missing, other, damaged, unknown, negative, huge, keyless)
	got, failed, counters, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
		return Infer(s, c, beam.CreateList(s, blocks))
	})
	if err != nil {
		t.Fatal(err)
	}
	checkBits(t, m, inputs, 18, got, false)
	want := map[string]string{
		"3": `"encoder_input" is NaN at element 4`, "7": `"encoder_input" is +Inf at element 0`, "short": "shape", "missing": "no input", "type": "int32",
		"damaged": "2 rows", "damaged too": "2 rows", "unknown": "float33", "negative": "-1", "huge": "elements", "": "without keys",
	}
	for _, f := range failed {
		if part, ok := want[f.Key]; !ok || !strings.Contains(f.Reason, part) {
			t.Errorf("%q failed with %q, want %q", f.Key, f.Reason, want[f.Key])
		}
		delete(want, f.Key)
	}
	if len(want) > 0 {
		t.Errorf("no failures of %v", want)
	}
	if counters["failures"] != int64(len(failed)) {
		t.Errorf("%d failures are counted, want %d", counters["failures"], len(failed))
	}
}

// One row that the graph rejects at run time fails alone, and the others of its call are run.
func TestOneRowOfACall(t *testing.T) {
	dir := fixture.Dir(t, "embedding_mask_zero_keras3")
	p, err := Open(t.Context(), config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	inputs := repeated(t, fixture.Tensors(t, "embedding_mask_zero_keras3", "inputs.npz"), 5, rng)
	for _, in := range inputs {
		if d, err := lockstep.Data[int32](in); err == nil {
			d[len(d)/5*2] = 1 << 30
		}
		if d, err := lockstep.Data[float32](in); err == nil {
			d[len(d)/5*2] = 1 << 30
		}
	}
	done, failed, err := p.Predict(t.Context(), 5, inputs)
	if err != nil || p.Rows() == 1 {
		t.Fatal(err, p.Rows())
	}
	if len(failed) != 1 || failed[0].Row != 2 || !strings.Contains(failed[0].Err.Error(), "1073741824") {
		t.Errorf("failures %v, want that of row 2", failed)
	}
	var rows []int
	for _, d := range done {
		rows = append(rows, d.Rows...)
	}
	if !slices.Equal(rows, []int{0, 1, 3, 4}) {
		t.Errorf("rows %v are run", rows)
	}
}

// A model whose files are others than those of the job, or that does not load, ends the job.
func TestModelOfTheJob(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	c := config(t, dir)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	inputs := repeated(t, fixture.Tensors(t, "seed_keras3", "inputs.npz"), 3, rand.New(rand.NewPCG(1, 1)))
	blocks := rowsOf(t, inputs, 3, func() int { return 2 })
	do := func(c Config) ([]Block, error) {
		got, _, _, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
			return Infer(s, c, beam.CreateList(s, blocks))
		})
		return got, err
	}
	packed := c
	packed.Model = "/nowhere"
	if packed.Files, err = Pack(m.Files()); err != nil {
		t.Fatal(err)
	}
	got, err := do(packed)
	if err != nil {
		t.Fatal(err)
	}
	checkBits(t, m, inputs, 3, got, false)
	changed := packed
	changed.Files = slices.Clone(packed.Files)
	changed.Hash = strings.Repeat("0", 64)
	if _, err := do(changed); err == nil || !strings.Contains(err.Error(), "started with 000000000000") {
		t.Errorf("another hash: %v", err)
	}
	missing := c
	missing.Model = "/nowhere"
	if _, err := do(missing); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a missing model: %v", err)
	}
	changed.Files = changed.Files[:100]
	if _, err := do(changed); err == nil || !strings.Contains(err.Error(), "zip") {
		t.Errorf("a damaged model: %v", err)
	}
}

// sale is an element of somebody's pipeline.
type sale struct {
	Store   string
	Day     int
	Past    []float64
	Decoder []float32
}

func TestStructs(t *testing.T) {
	dir := fixture.Dir(t, "seed_keras3")
	c := config(t, dir)
	m, err := native.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	var sales []sale
	for i := range 9 {
		s := sale{Store: fmt.Sprint("s", i), Day: i}
		for range 10 {
			s.Past = append(s.Past, rng.NormFloat64())
		}
		for range 3 + i%2 {
			s.Decoder = append(s.Decoder, rng.Float32())
		}
		sales = append(sales, s)
	}
	sales[4].Past = sales[4].Past[:9]
	fields := Fields{Key: "Store", Time: "Day", Inputs: map[string]string{"encoder_input": "Past", "decoder_input": "Decoder"}}
	got, failed, _, err := runOnPrism(t, func(s beam.Scope) (beam.PCollection, beam.PCollection) {
		blocks, failures, err := Structs(s, m.Signature(), fields, beam.CreateList(s, sales))
		if err != nil {
			t.Fatal(err)
		}
		predictions, _ := Infer(s, c, blocks)
		return predictions, failures
	})
	if err != nil || len(failed) != 1 || failed[0].Key != "s4" || failed[0].Time != "4" || !strings.Contains(failed[0].Reason, "want 10") {
		t.Errorf("failures %v, %v, want that of s4", failed, err)
	}
	rows := 0
	for _, b := range got {
		for i, key := range b.Keys {
			var n int
			if _, err := fmt.Sscanf(key, "s%d", &n); err != nil || b.Times[i] != fmt.Sprint(n) {
				t.Fatalf("key %q and time %q", key, b.Times[i])
			}
			past := make([]float32, 10)
			for j, x := range sales[n].Past {
				past[j] = float32(x)
			}
			want := runOne(t, m, past, sales[n].Decoder)
			all, err := b.Columns[0].Tensor(len(b.Keys))
			if err != nil {
				t.Fatal(err)
			}
			if one, err := take(all, []int{i}); err != nil || !one.BitEqual(want) {
				t.Errorf("%s has other bits than Model.Run: %v", key, err)
			}
			rows++
		}
	}
	if rows != 8 {
		t.Errorf("%d rows, want 8", rows)
	}
	_, s := beam.NewPipelineWithRoot()
	if _, _, err := Structs(s, m.Signature(), Fields{Key: "Shop"}, beam.CreateList(s, sales)); err == nil || !strings.Contains(err.Error(), `"Shop"`) {
		t.Errorf("a missing field: %v", err)
	}
}

func runOne(t *testing.T, m *native.Model, encoder, decoder []float32) *lockstep.Tensor {
	t.Helper()
	x, err := lockstep.New(encoder, 1, len(encoder), 1)
	if err != nil {
		t.Fatal(err)
	}
	y, err := lockstep.New(decoder, 1, len(decoder), 1)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Run(t.Context(), map[string]*lockstep.Tensor{"encoder_input": x, "decoder_input": y})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range out {
		return one
	}
	return nil
}
