package compare

import "github.com/lockstep-go/lockstep"

// Kind says whether two tensors could be compared, and if not, why.
type Kind string

// A Difference has the first kind below that fits it.
const (
	Missing       Kind = "missing"        // the candidate lacks it
	Extra         Kind = "extra"          // the reference lacks it
	Absent        Kind = "absent"         // a name with a nil tensor on both sides
	Unreadable    Kind = "unreadable"     // a tensor that New did not make
	DTypeMismatch Kind = "dtype_mismatch" // even if every number is the same
	ShapeMismatch Kind = "shape_mismatch"
	Empty         Kind = "empty" // no elements on either side
	Measured      Kind = "measured"
)

// Difference is what Measure found about one name. All figures are zero
// unless Kind is Measured.
type Difference struct {
	Name string
	Kind Kind
	// Reference and Candidate are the tensors themselves, nil where a side
	// lacks one: Judge reads them again.
	Reference, Candidate *lockstep.Tensor
	// Layout names the axes; without a time axis there are no Steps.
	Layout Layout
	// released is what the tensors were, where they are not kept.
	released *lockstep.TensorSpec

	// Elements is the number of elements on each side.
	Elements int
	// Differ counts those that are not the same number, bool or string. NaN is
	// the same as NaN, and -0 as 0.
	Differ int
	// BitsDiffer counts those that are not the same bits: it distinguishes -0
	// from 0 and one NaN from another.
	BitsDiffer int

	// NonFinite counts the NaNs and infinities of floats.
	NonFinite NonFinite

	// Finite counts the places at which both sides are finite numbers; all
	// errors below are taken there. It is 0 for bools and strings.
	Finite int
	// MaxAbs is the largest |candidate-reference|, computed in float64: +Inf
	// if it lies beyond float64.
	MaxAbs float64
	// MaxAbsInt is MaxAbs of integers without any rounding; 0 for floats.
	MaxAbsInt uint64
	// MeanAbs is the mean of |candidate-reference| over the Finite places.
	MeanAbs float64
	// MaxRel is the largest |candidate-reference|/|reference| over the places
	// where the reference is not 0. A reference of 0 has no relative error:
	// ZeroReference counts where the candidate differs from one.
	MaxRel        float64
	ZeroReference int
	// MaxULP is the largest distance in units in the last place: the number of
	// floats of the tensor's own type from one side to the other. +0 and -0 are
	// the same, and numbers of opposite sign are counted through zero. It is 0
	// for other types.
	MaxULP uint64
	// Worst, WorstRel and WorstULP are the first places of the three maxima,
	// nil where the maximum is 0. Of bools and strings, Worst is the first
	// place that differs.
	Worst, WorstRel, WorstULP *Place

	// Steps are the figures of every time step, nil without a time axis.
	Steps []Step
}

// Step holds the figures of one time step, over all other axes.
type Step struct {
	MaxAbs    float64 // where both sides are finite numbers
	MaxAbsInt uint64  // the same of integers, without any rounding
	MaxULP    uint64  // of floats, where both sides are finite numbers
	Differ    int     // elements that are not the same
	NonFinite int     // those of them where a side is NaN or infinite
}

// NonFinite counts the places where a float is NaN or infinite, by kind.
type NonFinite struct {
	Reference Count // all NaNs and infinities of the reference
	Candidate Count // all of the candidate's

	// The places that agree.
	BothNaN Count
	SameInf Count

	// The places that do not, each counted once: NaN and an infinity count as
	// NaN.
	NaNInReference Count // and no NaN in the candidate
	NaNInCandidate Count // and no NaN in the reference
	InfInReference Count // against a finite number
	InfInCandidate Count // against a finite number
	OppositeInf    Count
}

// Count is a number of places and the first of them, nil for none.
type Count struct {
	N     int
	First *Place
}

// disagree counts the places where NaNs and infinities do not agree.
func (n *NonFinite) disagree() int {
	return n.NaNInReference.N + n.NaNInCandidate.N + n.InfInReference.N + n.InfInCandidate.N + n.OppositeInf.N
}

// agree counts the places where both sides have NaN or the same infinity.
func (n *NonFinite) agree() int { return n.BothNaN.N + n.SameInf.N }

// DType returns the type of the reference's elements, or the candidate's where
// there is no reference.
func (d *Difference) DType() lockstep.DType {
	if t := d.side(); t != nil {
		return t.DType()
	}
	if d.released != nil {
		return d.released.DType
	}
	return lockstep.Invalid
}

// Shape returns the reference's shape, or the candidate's where there is no
// reference.
func (d *Difference) Shape() []int {
	if t := d.side(); t != nil {
		return t.Shape()
	}
	if d.released != nil {
		return d.released.Shape
	}
	return nil
}

// Released tells whether the tensors were compared and are not kept.
func (d *Difference) Released() bool { return d.released != nil }

func (d *Difference) side() *lockstep.Tensor {
	if d.Reference != nil {
		return d.Reference
	}
	return d.Candidate
}
