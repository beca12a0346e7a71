package native

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
)

// zooTolerance is both parts of numpy's rule: |a−b| ≤ tolerance + tolerance·|b|.
const zooTolerance = 1e-5

// differs are the recipes whose layers are not recognised as their settings
// count them.
var differs = map[string]struct {
	kinds map[string]int
	loops int
	why   string
}{
	"time_distributed_lstm_keras3":      {map[string]int{"LSTM": 5}, 0, "Keras 3 writes the inner layer once for each of the four steps"},
	"module_while_gru":                  {nil, 1, "the textbook's GRU: one matrix over the input and the state, joined"},
	"conv_lstm_3d_keras3":               {map[string]int{}, 1, "its loop convolves, and is run operation by operation"},
	"conv_lstm_3d_tfkeras":              {map[string]int{}, 1, "its loop convolves, and is run operation by operation"},
	"module_scan_gru":                   {map[string]int{"GRU": 1}, 0, "the textbook's GRU by hand, one matrix over the input and the state, joined, is proven to be one"},
	"module_autograph_lstm":             {nil, 1, "TensorFlow 1's LSTM: one matrix over the input and the state, joined, and gates in another order"},
	"module_until":                      {nil, 1, "no layer: a loop whose end depends on values"},
	"simplernn_rare_activations_keras3": {map[string]int{"SimpleRNN": 8}, 5, "no cell has leaky_relu, soft_shrink, hard_shrink, sparse_plus and sparse_sigmoid"},
	"module_cudnn_lstm_open":            {nil, 1, "the graph does not show how many units it has"},
	"module_cudnn_gru_open":             {nil, 1, "the graph does not show how many units it has"},
	"guide_own_cell_keras3":             {map[string]int{"SimpleRNN": 2}, 0, "the user's cell is a SimpleRNN's without bias and activation"},
	"guide_own_cell_tfkeras":            {map[string]int{"SimpleRNN": 2}, 0, "the user's cell is a SimpleRNN's without bias and activation"},
}

// around are the loops of the user's own around the layers of an entry.
var around = map[string]int{
	"nested_map_lstm": 1, "nested_map_gru": 1, "nested_map_simplernn": 1, "nested_map_masked": 1, "nested_map_map": 2,
	"nested_decoder": 1, "nested_decoder_gru": 1, "nested_embedding": 1,
	"tf1_while": 1, "tf1_while_nested": 4, "tf1_scan": 1, "tf1_arrays": 1,
	"tf1_basic_lstm_joined_state": 1, "tf1_lstm_peepholes": 1, "tf1_lstm_projection": 1,
	"tf1_basic_lstm_lengths": 1, "tf1_gru_lengths": 1, "tf1_rnn_lengths": 1, "tf1_stacked_lengths": 1, "tf1_bidirectional_lengths": 2, "tf1_lstm_block_cell": 1, "tf1_gru_block_cell": 1,
}

// rightHere are the recipes that TensorFlow gets wrong where the SavedModel is
// right, so that the native engine computes what Keras predicted.
var rightHere = map[string]string{
	"layer_norm_two_axes_tfkeras": "oneDNN's kernel in TensorFlow, on by default, normalises one axis only",
}

// refused are the recipes whose SavedModel no engine can run, and words of the
// native engine's reason; TestCheckZoo of the command has TensorFlow's.
var refused = map[string]string{
	// Saved so, a Keras 3 model's variables are not among those that
	// TensorFlow restores; Python finds them by another road.
	"signature_own_keras3": "no checkpoint entry is restored into the variable",
}

// outcome is what the native engine made of a recipe.
type outcome struct {
	name   string
	recipe fixture.Recipe
	kinds  map[string]int // the recognised layers
	loops  []Loop         // the loops that are interpreted
	margin float64        // the largest |a−b| as a part of what zooTolerance allows
	values int            // how many were compared
	ran    bool           // false if -run leaves the recipe out
	failed bool
}

// The models of the zoo that are in testdata compute what Keras predicted, by
// native layers: here for machines without Keras, and all in TestZoo.
func TestZooInTestdata(t *testing.T) {
	ran := 0
	for _, name := range fixture.Names(t) {
		if fixture.ReadRecipe(t, name).OfZoo() {
			ran++
			o := &outcome{name: name, recipe: fixture.ReadRecipe(t, name)}
			t.Run(name, o.run)
		}
	}
	if ran < 12 {
		t.Errorf("%d models of the zoo, want 12 or more", ran)
	}
}

// Every model of the zoo computes what Keras predicted, by as many native
// layers as it has, and the tables that say so are up to date.
func TestZoo(t *testing.T) {
	var all []*outcome
	kinds, cells, loops, values, ran, failed := map[string]int{}, 0, 0, 0, 0, 0
	for _, name := range fixture.MadeNames(t) {
		o := &outcome{name: name, recipe: fixture.ReadRecipe(t, name)}
		all = append(all, o)
		o.failed = !t.Run(name, o.run)
	}
	for _, o := range all {
		for kind, n := range o.kinds {
			kinds[kind] += n
			cells += n
		}
		loops += len(o.loops)
		values += o.values
		if o.ran {
			ran++
		}
		if o.failed {
			failed++
		}
	}
	t.Logf("%d recipes, %d failed; %d native layers (%s), %d loops interpreted; %d values compared", ran, failed, cells, countKinds(kinds), loops, values)
	if ran < len(all) {
		return // asked for some of them alone
	}
	for name := range differs {
		if !slices.ContainsFunc(all, func(o *outcome) bool { return o.name == name }) {
			t.Errorf("the recipe %s, of which the test knows a difference, is not made", name)
		}
	}
	if failed > 0 {
		t.Log("the tables are written and checked when no recipe fails")
		return
	}
	checkTables(t, all)
}

// run runs every case of the recipe, and each only as far as it goes, so that
// one failure does not hide the others.
func (o *outcome) run(t *testing.T) {
	o.ran = true
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	wrong := o.recipe.ExportsWrong && rightHere[o.name] == ""
	differences := 0
	models := map[string]*Model{}
	for _, c := range fixture.Cases(t, o.name) {
		signature := o.recipe.SignatureOf(c)
		m := models[signature]
		if m == nil {
			var err error
			m, err = LoadFS(fixture.FS(t, o.name), WithSignature(signature))
			if words := refused[o.name]; words != "" {
				if err == nil || !strings.Contains(err.Error(), words) {
					t.Errorf("error %v, want one that says %q", err, words)
				}
				return
			}
			if err != nil {
				t.Fatalf("signature %q: %v", signature, err)
			}
			models[signature] = m
			o.checkLayers(t, m)
		}
		err := o.runCase(t, m, c)
		switch {
		case err != nil && wrong:
			differences++
		case err != nil:
			t.Errorf("case %q: %v", c, err)
		}
	}
	if wrong && differences == 0 {
		t.Error("the export is wrong, and yet every case gives what Keras predicted")
	}
	if o.recipe.Settings.Again != "" {
		o.runAgain(t, models[""])
	}
}

// checkLayers compares the recognised layers with the recipe's.
func (o *outcome) checkLayers(t *testing.T, m *Model) {
	o.kinds, o.loops = map[string]int{}, m.Loops()
	for _, l := range m.Layers() {
		o.kinds[l.Kind]++
	}
	wantKinds, wantLoops := o.recipe.Settings.Layers, 0
	if d, ok := differs[o.name]; ok {
		wantKinds, wantLoops = d.kinds, d.loops
	}
	if n, ok := around[entryOf(o.name)]; ok {
		wantLoops = n
	}
	if !maps.Equal(o.kinds, wantKinds) {
		t.Errorf("layers: %s, want %s", countKinds(o.kinds), countKinds(wantKinds))
	}
	if len(o.loops) != wantLoops {
		t.Errorf("%d loops are interpreted, want %d: %v", len(o.loops), wantLoops, o.loops)
	}
}

// runCase sets a case against Keras's values.
func (o *outcome) runCase(t *testing.T, m *Model, c string) error {
	got, err := m.Run(context.Background(), fixture.Tensors(t, o.name, "inputs"+c+".npz"))
	if err != nil {
		return err
	}
	return o.compare(got, fixture.Tensors(t, o.name, "expected"+c+".npz"))
}

// runAgain calls a model that keeps its states twice. A Model begins again at
// every call, which the cases show; a Runner goes on.
func (o *outcome) runAgain(t *testing.T, m *Model) {
	r := m.NewRunner()
	inputs := fixture.Tensors(t, o.name, "inputs.npz")
	for _, file := range []string{"expected.npz", "expected_again.npz"} {
		got, err := r.Run(context.Background(), inputs)
		if err == nil {
			err = o.compare(got, fixture.Tensors(t, o.name, file))
		}
		if err != nil {
			t.Errorf("a Runner, %s: %v", file, err)
		}
	}
}

// compare sets outputs against the expected ones and keeps the margin.
func (o *outcome) compare(got, want map[string]*lockstep.Tensor) error {
	if len(got) != len(want) || len(want) == 0 {
		return fmt.Errorf("the outputs are %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		margin, err := marginOf(got[name], want[name])
		if err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		if !o.recipe.ExportsWrong || rightHere[o.name] != "" {
			o.margin = max(o.margin, margin)
			o.values += want[name].Len()
		}
	}
	return nil
}

// marginOf returns the largest |a−b| as a part of what zooTolerance allows, and
// an error if that is more than all of it.
func marginOf(got, want *lockstep.Tensor) (float64, error) {
	if got == nil || got.DType() != want.DType() || !slices.Equal(got.Shape(), want.Shape()) {
		return 0, fmt.Errorf("it is %s, want %s", got, want)
	}
	if want.DType() == lockstep.String {
		if !got.BitEqual(want) {
			return 0, fmt.Errorf("%s differs from what Keras predicted", got)
		}
		return 0, nil
	}
	a, err := got.Float64s()
	if err != nil {
		return 0, err
	}
	b, err := want.Float64s()
	if err != nil {
		return 0, err
	}
	worst, at := 0.0, 0
	for i := range a {
		d := math.Abs(a[i]-b[i]) / (zooTolerance + zooTolerance*math.Abs(b[i]))
		if d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
		if math.IsNaN(d) {
			break
		}
	}
	if !(worst <= 1) {
		return worst, fmt.Errorf("margin %.3g: element %d of %s is %v, want %v", worst, at, want, a[at], b[at])
	}
	return worst, nil
}

// countKinds writes counts of layers as "2 LSTM, GRU".
func countKinds(kinds map[string]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if n := kinds[kind]; n > 1 {
			kind = fmt.Sprintf("%d %s", n, kind)
		}
		parts = append(parts, kind)
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
