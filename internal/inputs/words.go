package inputs

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/ops"
	"github.com/lockstep-go/lockstep/internal/random"
)

// vocabulary is what a graph knows of texts: the keys of its lookup tables.
type vocabulary struct {
	words   []string
	numbers []int64
	// apart says that the graph takes strings apart, so that a text of several words
	// is more than one.
	apart bool
}

// maxWords bounds the words that are drawn from.
const maxWords = 10_000

// vocabularyOf collects the keys of the tables of a graph.
func vocabularyOf(t *Trial) *vocabulary {
	v := &vocabulary{}
	nodes := slices.Clone(t.graph.Nodes)
	for _, n := range t.graph.Nodes {
		spec, _ := ops.SpecOf(n)
		names, _ := functionsOf(spec.Control, n)
		for _, name := range names {
			if f, err := t.graph.Function(name); err == nil {
				nodes = append(nodes, f.Nodes...)
			}
		}
	}
	for _, n := range nodes {
		spec, _ := ops.SpecOf(n)
		v.apart = v.apart || spec.TakesApart
		if spec.Control != op.LookupTable {
			continue
		}
		table, err := t.table(n)
		if err != nil {
			continue // compiling the model says so
		}
		switch keys := table.Keys().(type) {
		case []string:
			v.words = append(v.words, keys...)
		case []int64:
			v.numbers = append(v.numbers, keys...)
		case []int32:
			for _, k := range keys {
				v.numbers = append(v.numbers, int64(k))
			}
		}
	}
	v.words, v.numbers = v.words[:min(len(v.words), maxWords)], v.numbers[:min(len(v.numbers), maxWords)]
	return v
}

// fill replaces the elements of an input of strings by texts, and those of one of
// integers by keys of the tables and others. known says that all of them are keys.
func (v *vocabulary) fill(t *lockstep.Tensor, rng *rand.Rand, known bool) {
	if v == nil {
		return
	}
	if d, err := lockstep.Data[string](t); err == nil {
		for i := range d {
			d[i] = v.text(rng, known)
		}
		return
	}
	if len(v.numbers) == 0 {
		return
	}
	if d, err := lockstep.Data[int64](t); err == nil {
		for i := range d {
			d[i] = v.number(rng, known)
		}
	}
	if d, err := lockstep.Data[int32](t); err == nil {
		for i := range d {
			d[i] = int32(v.number(rng, known))
		}
	}
}

// most of the words are in the vocabulary.
const most = 0.75

func (v *vocabulary) word(rng *rand.Rand, known bool) string {
	if len(v.words) > 0 && (known || rng.Float64() < most) {
		return v.words[rng.IntN(len(v.words))]
	}
	return random.Word(rng)
}

// text is a word, or a few where the graph takes texts apart, written as people write.
func (v *vocabulary) text(rng *rand.Rand, known bool) string {
	if !v.apart {
		return v.word(rng, known)
	}
	words := make([]string, 1+rng.IntN(8))
	for i := range words {
		words[i] = v.word(rng, known)
	}
	s := strings.Join(words, " ")
	switch {
	case known:
	case rng.IntN(3) == 0:
		s += "!"
	case rng.IntN(3) == 0:
		s = strings.ToUpper(s)
	case rng.IntN(12) == 0:
		s = ""
	}
	return s
}

func (v *vocabulary) number(rng *rand.Rand, known bool) int64 {
	n := v.numbers[rng.IntN(len(v.numbers))]
	if known || rng.Float64() < most {
		return n
	}
	return n + 1 + rng.Int64N(100)
}
