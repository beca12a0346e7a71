package recurrent

import (
	"maps"
	"testing"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// cellModels are models of every kind of cell: with masks that repeat outputs
// and that make zeros, in a stack, with one bias and with two.
var cellModels = []string{
	"gru_states_keras3", "gru_masked_tfkeras", "gru_before_masked_tfkeras", "simplernn_masked_zero_keras3", "cells_mixed_keras3",
	"lstm_hard_sigmoid_tfkeras", "lstm_masked_states_tfkeras", "tf1_stacked",
}

// looked finds what a loop is, as Find does.
func (tr *trial) looked() (*Recurrence, *Slices, error) {
	l, err := readLoop(tr.g, tr.node, nil)
	if err != nil {
		return nil, nil, err
	}
	if why, err := l.unfit(tr.ts.users); why != "" || err != nil {
		return nil, nil, err
	}
	if r, why := l.recurrence(tr.ts); why == "" {
		return r, nil, nil
	}
	s, _ := l.slices()
	return nil, s, nil
}

// holds tells whether a loop does what it was recognised as. One that reads
// something of another shape or type than there is TensorFlow refuses to run,
// and so must whoever runs a recurrence.
func (tr *trial) holds(t *testing.T, what string, r *Recurrence) {
	t.Helper()
	if k := r.Mask; k != nil && k.Zeros >= 0 { // proven around the loop, and random here
		was := tr.begin[k.Zeros]
		defer func() { tr.begin[k.Zeros] = was }()
		tr.begin[k.Zeros] = zip(binaries["Sub"], was, was)
	}
	want, failed := tr.run()
	if failed != nil {
		return
	}
	got, err := tr.says(r)
	if err != nil {
		t.Errorf("%s: recognised as a recurrence, which cannot run: %v", what, err)
	} else if d := differs(got, want); d != "" {
		t.Errorf("%s: recognised as a recurrence that it is not: %s", what, d)
	}
}

// What is said of a loop is what it does; and whatever wire or operation of it
// is changed, it is no recurrence any more, or one that still does what is said
// of it.
func TestChangedLoops(t *testing.T) {
	for _, name := range cellModels {
		m, g := load(t, name)
		f, err := Find(m, g)
		if err != nil || len(f.Recurrences) != 1 {
			t.Fatal(name, err, f)
		}
		tr := newTrial(t, m, g, f.Recurrences[0])
		maps.Copy(tr.ts.joined, f.Joined)
		if _, failed := tr.run(); failed != nil {
			t.Fatal(name, failed)
		}
		tr.holds(t, name, f.Recurrences[0])
		tried, taken := 0, 0
		try := func(what string) {
			tried++
			r, changed, err := tr.looked()
			if err == nil && r != nil {
				taken++
				tr.holds(t, name+": "+what, r)
			}
			if changed != nil {
				t.Errorf("%s: %s: recognised as a map", name, what)
			}
		}
		changes(t, g, try)
		t.Logf("%s: %d changes tried, %d still a recurrence", name, tried, taken)
		if tried < 2500 || taken > tried/2 {
			t.Errorf("%s: %d changes tried, %d still a recurrence", name, tried, taken)
		}
	}
}

// changes changes, one at a time, each wire and each operation of a graph's
// loops, and calls try with what was changed.
func changes(t *testing.T, g *savedmodel.Graph, try func(what string)) {
	t.Helper()
	for _, nodes := range bodies(t, g)[1:] {
		for i, n := range nodes {
			for at, was := range n.Inputs {
				for other := range outputs(nodes[:i]) {
					if !sameValue(other, was) {
						n.Inputs[at] = other
						try(short(n.Name) + " of " + short(other.String()) + ", not " + short(was.String()))
						n.Inputs[at] = was
					}
				}
			}
			for _, op := range operations {
				if was := n.Op; op != was && was != "_Arg" {
					n.Op = op
					try(short(n.Name) + " as " + op)
					n.Op = was
				}
			}
		}
	}
}
