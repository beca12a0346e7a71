package native

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

var update = flag.Bool("update", false, "write models/COMPATIBILITY.md again")

// topics gather the zoo's entries for the table in short; an entry, whose name is the
// recipe's without the producer, belongs to the first that matches.
var topics = []struct{ title, entries string }{
	{"Text: `StringLookup`, `IntegerLookup`", `^text_(lookup|integers)_`},
	{"Text: `TextVectorization`", `^text_vectorization_`},
	{"Text: `Hashing`, `HashedCrossing`, `CategoryEncoding`, `Discretization`", `^text_(hashing|crossing|encoding|bins)_`},
	{"Text: whole models, tables of a module", `^text_`},
	{"Sessions of TensorFlow 1", `^tf1_`},
	{"`LSTM`: bias, sequences, states, direction, dropout, initial states", `^lstm_` + options},
	{"`GRU`: the same", `^gru_` + options},
	{"`GRU(reset_after=False)`: the same", `^gru_before_` + options},
	{"`SimpleRNN`: the same", `^simplernn_` + options},
	{"Unrolled layers, masked ones too", `unrolled$`},
	{"Stateful layers", `_stateful$`},
	{"Masks: `LSTM`", `^lstm_mask|^masking_value|^masked_pooling`},
	{"Masks: `GRU`, both `reset_after`", `^gru_mask|^gru_before_mask`},
	{"Masks: `SimpleRNN`", `^simplernn_mask`},
	{"Masks from `Embedding(mask_zero=True)`", `^embedding_mask`},
	{"Activations of `LSTM`", `^lstm_`},
	{"Activations of `GRU`, both `reset_after`", `^gru_`},
	{"Activations of `SimpleRNN`", `^simplernn_`},
	{"float64, and casts", `^float64_|^cast_`},
	{"`Bidirectional`: every `merge_mode`, states, masks, two kinds", `^bidirectional_`},
	{"`RNN` of cells, and of stacked cells", `^cells_`},
	{"Layers in a row, one layer called twice", `^stacked_|^shared_`},
	{"`TimeDistributed` over `Dense`, `Conv1D`, `LSTM`", `^time_distributed_`},
	{"Dropout and noise layers", `^dropouts`},
	{"`Embedding`", `^embedding_`},
	{"Normalization layers", `_norm|^normalization`},
	{"Merging layers", `^merge_`},
	{"`Reshape`, `Permute`, `RepeatVector`, `Flatten`, cropping, padding", `^shape_`},
	{"`Conv1D`: padding, strides, dilation, groups; separable, transposed", `^conv_`},
	{"Pooling", `^pool_`},
	{"Images: `UpSampling2D`, `Resizing`, `keras.ops.image`", `^upsampling_|^resizing_|^image_`},
	{"Volumes: `Conv3D`, `Conv3DTranspose`, pooling, `UpSampling3D`", `^conv3d|^pool3d|^upsampling3d`},
	{"Spectrograms, Fourier transforms of `keras.ops`", `^mel_|^stft_|^fourier_`},
	{"Decompositions of matrices of `keras.ops`", `^matrix_`},
	{"Whole models: images and clips", `^net_`},
	{"`Attention`, `AdditiveAttention`", `^attention_|^additive_`},
	{"`MultiHeadAttention`, `GroupQueryAttention`", `^mha_|^grouped_`},
	{"Activations of `Dense`, activation layers, `Softmax`", `^dense_|^activation_|^softmax_`},
	{"Keras 3's `quantize`: int8, int4, float8", `^quantized_`},
	{"Fake quantization", `^fake_quant_`},
	{"Images as bytes, integers of 8 and 16 bits", `^inputs_`},
	{"Several inputs and outputs, their types and names", `inputs|outputs?$|^operators|^signature_names`},
	{"Whole models: sequence to sequence", `^guide_(seq2seq|addition|autoencoder)`},
	{"Whole models: text and pictures", `^guide_(text_(bid|mask|cnn)|tagger|digits)`},
	{"Whole models: series", `^guide_(weather|series)`},
	{"Whole models: attention", `^guide_(attention|transformer)`},
	{"Nested, `Sequential` and subclassed models", `^guide_(text_generation|nested|sequential|feedback)`},
	{"Cells that the user wrote", `^guide_own_cell`},
	{"Layers inside loops and branches", `^nested_`},
	{"Exported on a GPU: cuDNN's layers by Keras 3 and by tf_keras's `CuDNNLSTM`, `CuDNNGRU`", `^cudnn_`},
	{"`tf.raw_ops.CudnnRNN`, `CudnnRNNV2`, `CudnnRNNV3`", `^module_cudnn_|^session_cudnn_`},
	{"Loops and branches by hand in a `tf.Module`", `^module_`},
	{"Signatures of one's own", `^signature_`},
	{"Parts exported again, endpoints, adapters, modules of modules", `^producer_`},
}

const options = `(last|no_bias|states|backwards|dropout|initial_state|time_major)$`

// The columns of the tables, which are the ways to make a SavedModel.
var producers = []string{"Keras 3", "Keras 2", "`tf.Module`", "TensorFlow 1"}

// producerOf returns the column that a recipe belongs in.
func producerOf(r fixture.Recipe) string {
	switch {
	case strings.HasSuffix(r.Producer, ".Session"):
		return producers[3]
	case strings.Contains(r.Producer, "tf.Module"):
		return producers[2]
	case strings.Contains(r.Producer, "tf_keras"):
		return producers[1]
	}
	return producers[0]
}

// entryOf returns the name of the entry that a recipe was made from.
func entryOf(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "_keras3"), "_tfkeras")
}

// checkTables compares models/COMPATIBILITY.md with what was found, or writes
// it. The digits of a margin vary between processors.
func checkTables(t *testing.T, all []*outcome) {
	path := fixture.Path("..", "models", "COMPATIBILITY.md")
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if leftOut := fixture.LeftOut(t); len(leftOut) > 0 {
		if *update {
			t.Fatal("some recipes were left out: make compatibility has all made")
		}
		checkRows(t, string(old), all, leftOut)
		return
	}
	text := "# Compatibility\n\n" + tablesNote + "\n## By topic\n\n" + topicTable(t, all) + "\n" + notRunByTensorFlow +
		"\n## Every model\n\n" + entryTable(all) + "\n" + remarks()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	margins := regexp.MustCompile(`(?m)\| [0-9.e+-]+ \|$`)
	a, b := margins.ReplaceAllString(string(old), ""), margins.ReplaceAllString(text, "")
	if a != b {
		t.Errorf("models/COMPATIBILITY.md is out of date: run make compatibility, and look at what it changes\n%s", firstDifference(a, b))
	}
}

const tablesNote = "Written by `make compatibility`; every run of `make test` compares it with the models that it makes. One small model for every option that\n" +
	"a Keras user may set is made with Keras 3 and with Keras 2 (`tf_keras`), in the versions that `requirements.txt` pins,\n" +
	"and computes what Keras predicted, at |a−b| ≤ 1e-5 + 1e-5·|b|, in the native engine and in TensorFlow, with weights\n" +
	"that agree bit for bit. Recurrent layers that the native engine knows run as native layers; a loop of another kind is\n" +
	"interpreted operation by operation. The margin is the largest |a−b| as a part of what the rule allows.\n"

const notRunByTensorFlow = "TensorFlow itself cannot run two of the models: `tf.saved_model.save` of a Keras 3 model leaves its variables out of\n" +
	"those that TensorFlow restores (`model.export` does not), and `LayerNormalization` over two axes from Keras 2 meets a\n" +
	"oneDNN kernel that takes one (`TF_ENABLE_ONEDNN_OPTS=0` helps). A third, `TimeDistributed` over an unknown length, is\n" +
	"exported wrong by Keras 3.14 and later: both engines agree, and differ from Keras.\n"

// firstDifference shows the first line in which two texts differ.
func firstDifference(old, now string) string {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n\t%s\nwant\n\t%s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("it has %d lines, want %d", len(a), len(b))
}

// entryTable is the table with a row for every entry.
func entryTable(all []*outcome) string {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b *outcome) int { return strings.Compare(entryOf(a.name), entryOf(b.name)) })
	var b strings.Builder
	writeRow(&b, append(append([]string{"model", "what it is"}, producers...), "margin")...)
	writeRow(&b, slices.Repeat([]string{"---"}, 3+len(producers))...)
	for i := 0; i < len(all); {
		entry := entryOf(all[i].name)
		row, margin := append([]string{"`" + entry + "`", all[i].recipe.About}, slices.Repeat([]string{"–"}, len(producers))...), 0.0
		for ; i < len(all) && entryOf(all[i].name) == entry; i++ {
			row[2+slices.Index(producers, producerOf(all[i].recipe))] = all[i].how()
			margin = max(margin, all[i].margin)
		}
		writeRow(&b, append(row, fmt.Sprintf("%.2g", margin))...)
	}
	return b.String()
}

// checkRows compares the rows of the entries whose models were made with those of
// models/COMPATIBILITY.md, in the columns of those that were not left out.
func checkRows(t *testing.T, text string, all []*outcome, leftOut []string) {
	left := map[string]bool{}
	for _, name := range leftOut {
		left[name] = true
	}
	_, text, _ = strings.Cut(text, "\n## Every model\n")
	rows, old := entryRows(entryTable(all)), entryRows(text)
	for entry, row := range rows {
		for i, cell := range row[:2+len(producers)] {
			if i >= 2 && left[entry+suffixes[i-2]] {
				continue
			}
			if was := old[entry]; len(was) <= i || was[i] != cell {
				t.Errorf("models/COMPATIBILITY.md is out of date: run make compatibility, and look at what it changes\n%q\n%q", row, was)
				break
			}
		}
	}
	for entry := range old {
		if rows[entry] == nil && !left[entry+suffixes[0]] && !left[entry+suffixes[1]] {
			t.Errorf("models/COMPATIBILITY.md has %s, which no recipe makes: run make compatibility", entry)
		}
	}
}

// suffixes of recipes by the columns of their producers.
var suffixes = []string{"_keras3", "_tfkeras", "", ""}

// entryRows reads a table by the names in its first column.
func entryRows(text string) map[string][]string {
	rows := map[string][]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if name := cells[0]; strings.HasPrefix(name, "`") && len(cells) > 2 {
			rows[strings.Trim(name, "`")] = cells
		}
	}
	return rows
}

// remarks say of the recipes that are unlike the others why.
func remarks() string {
	all := map[string]string{}
	for name, d := range differs {
		all[name] = d.why
	}
	for name, why := range rightHere {
		all[name] = "TensorFlow fails: " + why
	}
	for name, words := range refused {
		all[name] = "refused, and TensorFlow fails too: " + words
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "- `%s`: %s.\n", name, all[name])
	}
	return b.String()
}

// how says how a recipe's model runs.
func (o *outcome) how() string {
	if refused[o.name] != "" {
		return "refused, by TensorFlow too"
	}
	var parts []string
	if len(o.kinds) > 0 {
		parts = append(parts, countKinds(o.kinds))
	}
	if n := o.recipe.Settings.Unrolled; n > 0 {
		parts = append(parts, fmt.Sprintf("%d unrolled", n))
	}
	if n := len(o.loops); n > 0 {
		parts = append(parts, fmt.Sprintf("%d interpreted", n))
	}
	if len(parts) == 0 {
		parts = append(parts, "no loop")
	}
	if o.recipe.ExportsWrong && rightHere[o.name] == "" {
		parts = append(parts, "**exported wrong**")
	}
	return strings.Join(parts, ", ")
}

// topicTable is the table in short, with a row for every topic.
func topicTable(t *testing.T, all []*outcome) string {
	of := make([][]*outcome, len(topics))
	for _, o := range all {
		at := slices.IndexFunc(topics, func(topic struct{ title, entries string }) bool {
			return regexp.MustCompile(topic.entries).MatchString(entryOf(o.name))
		})
		if at < 0 {
			t.Errorf("the recipe %s belongs to no topic", o.name)
			continue
		}
		of[at] = append(of[at], o)
	}
	var b strings.Builder
	writeRow(&b, append(append([]string{"models"}, producers...), "native layers", "interpreted loops", "margin")...)
	writeRow(&b, slices.Repeat([]string{"---"}, 4+len(producers))...)
	for i, topic := range topics {
		if len(of[i]) == 0 {
			t.Errorf("the topic %q has no model", topic.title)
		}
		writeTopic(&b, topic.title, of[i])
	}
	writeTopic(&b, "all", all)
	return b.String()
}

func writeTopic(b *strings.Builder, title string, of []*outcome) {
	counts, layers, loops, margin := map[string]int{}, 0, 0, 0.0
	for _, o := range of {
		counts[producerOf(o.recipe)]++
		for _, n := range o.kinds {
			layers += n
		}
		loops += len(o.loops)
		margin = max(margin, o.margin)
	}
	row := []string{title}
	for _, p := range producers {
		row = append(row, count(counts[p]))
	}
	writeRow(b, append(row, count(layers), count(loops), fmt.Sprintf("%.2g", margin))...)
}

func count(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}

func writeRow(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}
