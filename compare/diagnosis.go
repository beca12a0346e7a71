package compare

// Diagnosis is what was found of why two engines part.
type Diagnosis struct {
	// First is where they first part, nil where no layer shows it.
	First *FirstApart `json:"first"`
	// Suspects are the layers whose single steps diverge.
	Suspects []string `json:"suspects"`
	// Causes are known faults under which the divergence vanishes, the best
	// first; if there is none, the one that comes nearest.
	Causes []Explanation `json:"causes"`
	// Tried counts the faults that were supposed.
	Tried int `json:"tried"`
}

// FirstApart is the first place where two engines part, in what a layer reads or
// in a single step of it.
type FirstApart struct {
	Layer    string `json:"layer"`
	Quantity string `json:"quantity"` // as in lockstep.Trace.Steps
	Gate     string `json:"gate"`     // "" where the quantity is none's
	Step     int    `json:"step"`     // -1 before the first
	Row      int    `json:"row"`
	Unit     int    `json:"unit"`
}

// Explanation is a fault that was supposed.
type Explanation struct {
	// Text says it in words.
	Text string `json:"text"`
	Kind string `json:"kind"`
	// Layers have the fault; none where it is in the whole model.
	Layers []string `json:"layers"`
	// In is "candidate" or "reference".
	In string `json:"in"`
	// Margin is what remains of Before, the largest |difference|/bound; Over
	// says of what.
	Before   Number `json:"before"`
	Margin   Number `json:"margin"`
	Over     string `json:"over"`
	Vanishes bool   `json:"vanishes"`
	// Weight is the weight, of a fault in one.
	Weight *WeightApart `json:"weight"`
}

// WeightApart is a weight that is another on the two sides.
type WeightApart struct {
	Layer  string  `json:"layer"`
	Tensor string  `json:"tensor"`
	Row    int     `json:"row"`
	Column int     `json:"column"`
	Gate   string  `json:"gate"`
	Unit   int     `json:"unit"`
	Was    float64 `json:"was"`
	Is     float64 `json:"is"`
}

// Number is a float64 that JSON writes as JSON says of numbers.
type Number float64

// MarshalJSON writes a number that is not finite as a string.
func (x Number) MarshalJSON() ([]byte, error) { return number(x).MarshalJSON() }
