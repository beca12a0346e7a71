package compare

// Diagnosis says why two engines diverge.
type Diagnosis struct {
	// First is where they first diverge, nil where no layer shows it.
	First *FirstDivergence
	// Suspects are the layers whose single steps diverge.
	Suspects []string
	// Causes are known faults under which the divergence vanishes, the best
	// first; if there is none, the one that comes nearest.
	Causes []Cause
	// Tried counts the faults that were tried, Untried those for which the model
	// takes too long.
	Tried, Untried int
}

// AnswersDiagnosis says why the answers of a party that shows nothing else are not
// the model's.
type AnswersDiagnosis struct {
	// Party is whose answers they are.
	Party string
	// Causes are the known faults, or pairs of them, with which the model gives
	// these answers, the best first. The answers cannot tell them apart.
	Causes []Cause
	// Tried counts the faults that were tried, Untried those for which the model
	// takes too long, and Pairs the pairs that were tried, of AllPairs.
	Tried, Untried, Pairs, AllPairs int
}

// FirstDivergence is the first place where two engines diverge, in what a layer
// reads or in a single step of it.
type FirstDivergence struct {
	Layer    string
	Quantity string // as in lockstep.Trace.Steps
	Gate     string // "" where the quantity is not a gate's
	Step     int    // -1 before the first
	Row      int
	Unit     int
}

// Cause is a fault that was tried.
type Cause struct {
	// Text describes it.
	Text string
	Kind string
	// Layers have the fault; none where it is in the whole model.
	Layers []string
	// In is "candidate", "reference" or, of an AnswersDiagnosis, "answers".
	In string
	// Before and Margin are the largest |difference|/bound without the fault
	// and with it; Over says of what.
	Before   float64
	Margin   float64
	Over     string
	Vanishes bool
	// Weight is the weight, of a fault in one.
	Weight *WeightDifference
}

// WeightDifference is a weight that differs between the two sides.
type WeightDifference struct {
	Layer    string
	Tensor   string
	Row      int
	Column   int
	Gate     string
	Unit     int
	Original float64
	Changed  float64
}
