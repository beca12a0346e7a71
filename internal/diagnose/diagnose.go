// Package diagnose says why two engines diverge: it tries each fault that
// engines, exporters and converters of recurrent models are known to have
// (fault.Fault), and names those with which the divergence vanishes.
//
// A fault is looked for on two sides: in the candidate, which would then
// compute the reference's model with the fault in it, and in the reference,
// which would compute the candidate's model with it. Where single steps
// diverge, only they are computed again, in float64 and for some of the rows:
// that takes milliseconds a fault. Whole runs are for what a layer reads over a
// sequence, such as its initial states, its mask and its direction.
//
// This package has the search and its words; package fault plants the faults,
// and package compare has the reports.
package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

// Problem is a check that found a divergence.
type Problem struct {
	// Inputs are those of the reference's signature.
	Inputs map[string]*lockstep.Tensor
	// Reference and Candidate are traces of lockstep.Steps, both by the names
	// that the reference has for layers and outputs.
	Reference, Candidate *lockstep.Trace
	// ReferenceModel is the reference's model, and Engine the candidate's, both in the
	// native engine: both of the same model, unless the candidate runs another
	// one.
	ReferenceModel, CandidateModel *native.Model
	// Stepper takes the candidate's single steps; Engine does if it is nil. By
	// the reference's names.
	Stepper lockstep.Stepper
	// Names are the candidate's names of inputs, outputs and layers by the
	// reference's, where they differ.
	Names rename.Names
}

// Side is the side that has a fault.
type Side string

// The two sides.
const (
	InCandidate Side = "candidate"
	InReference Side = "reference"
)

// Cause is a fault that was tried, the same one in one layer or several.
type Cause struct {
	Faults []fault.Fault
	Side   Side
	// Before and Margin are the largest |difference|/bound without the fault
	// and with it: of single steps, or WholeRun, of what the layers read and the
	// model returns, or ByOutputs, of the outputs alone by their typical bounds.
	Before, Margin      float64
	WholeRun, ByOutputs bool
	// Weight says which weight it is, of a fault of the kind OneWeight.
	Weight *WeightFault
}

// Vanishes tells whether the divergence is gone with the fault.
func (c Cause) Vanishes() bool { return c.Margin <= 1 }

// Found is the result of a diagnosis.
type Result struct {
	// First is where the engines first diverge, in what a layer reads or in a
	// single step; nil if they do in neither.
	First *Divergence
	// Suspects are the layers whose single steps diverge.
	Suspects []string
	// Causes are faults that make the divergence vanish, the best first, or, if
	// none does, the one that comes nearest and leaves a tenth of it at most.
	Causes []Cause
	// Weights are the weights that the two models' files hold differently.
	Weights []ChangedWeight
	// Agree says that single steps, what the layers read and the outputs all
	// agree, so that there is nothing to explain, and Left is the largest
	// margin of what the layers read and the outputs by the default tolerance.
	Agree bool
	Left  float64
	// Tried counts the faults that were tried, and of Answers, Pairs the pairs of
	// faults among AllPairs.
	Tried, Pairs, AllPairs int
	// Untried counts the faults that were left out since the model takes long.
	Untried int
}

// patience is how long whole runs of a model are tried. Those of most models take
// seconds in all; of a deep network's hundreds of faults the first are tried.
const patience = 30 * time.Second

// Run looks for causes.
func (c Problem) Run(ctx context.Context) (*Result, error) {
	s := &search{Problem: c, found: &Result{}}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	s.first()
	s.fewer()
	var err error
	if s.found.Weights, err = s.files(); err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	for _, l := range s.layers {
		if name := lockstep.LayerOf(l.name); l.before() > 1 && !slices.Contains(s.found.Suspects, name) {
			s.found.Suspects = append(s.found.Suspects, name)
		}
	}
	var causes []Cause
	if len(s.found.Suspects) > 0 {
		causes, err = s.cells(ctx)
	} else {
		causes, err = s.wholeRuns(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	s.rank(causes)
	return s.found, nil
}

// nearby is the factor by which a fault must reduce a divergence to be named as
// the nearest: among many, one always reduces it a little.
const nearby = 10

// search is a running diagnosis.
type search struct {
	Problem
	layers []*layer
	found  *Result
}

// rank keeps the causes that explain, or else the nearest. A fault in the
// candidate comes first, since the candidate is what is checked.
func (s *search) rank(causes []Cause) {
	slices.SortStableFunc(causes, func(a, b Cause) int {
		if a.Vanishes() != b.Vanishes() || !a.Vanishes() {
			return cmp.Compare(a.Margin, b.Margin)
		}
		if a.Side != b.Side {
			return cmp.Compare(a.Side, b.Side) // candidate, reference
		}
		if a.Margin != b.Margin {
			return cmp.Compare(a.Margin, b.Margin)
		}
		return s.narrow(a) - s.narrow(b)
	})
	// The same fault mirrored in the reference adds nothing to one in the
	// candidate.
	kinds := map[fault.Kind]bool{}
	causes = slices.DeleteFunc(causes, func(c Cause) bool {
		if c.Side == InCandidate {
			kinds[c.Faults[0].Kind] = kinds[c.Faults[0].Kind] || c.Vanishes()
		}
		return c.Side == InReference && kinds[c.Faults[0].Kind]
	})
	n := 0
	for n < len(causes) && causes[n].Vanishes() {
		n++
	}
	if n == 0 && len(causes) > 0 && causes[0].Margin*nearby <= causes[0].Before {
		n = 1
	}
	s.found.Causes = causes[:n]
}

// narrow is 1 of a cause that leaves something unexplained which another one of the
// same margin does not: a layer that already reads something different needs a
// fault of the whole model, which single steps do not distinguish from its own.
func (s *search) narrow(c Cause) int {
	if s.found.First != nil && s.found.First.Quantity == "x" && c.Faults[0].Kind == fault.HalfWeights && c.Faults[0].Layer != "" {
		return 1
	}
	return 0
}

// models returns the model in which faults are tried, by the side.
func (s *search) model(side Side) *native.Model {
	if side == InCandidate {
		return s.ReferenceModel
	}
	return s.CandidateModel
}
