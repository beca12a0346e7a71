package compare

// The types of this file are schema 1, field by field. A pointer or an any is
// null where the field has no meaning.

type jsonDocument struct {
	Schema  int          `json:"schema"`
	Verdict Verdict      `json:"verdict"`
	Reports []jsonReport `json:"reports"`
	NotRun  []jsonFailed `json:"not_run,omitempty"` // models without a report
}

type jsonFailed struct {
	Model string `json:"model"`
	Error string `json:"error"`
}

type jsonReport struct {
	Model           string           `json:"model"`
	Verdict         Verdict          `json:"verdict"`
	FirstDivergence *jsonDivergence  `json:"first_divergence"`
	Comparisons     []jsonComparison `json:"comparisons"`
	Failures        []string         `json:"failures,omitempty"` // of more than comparisons
	NotRun          []jsonNotRun     `json:"not_run,omitempty"`
	Notes           []string         `json:"notes"`
	Diagnosis       *Diagnosis       `json:"diagnosis"`
}

type jsonNotRun struct {
	Engine string `json:"engine"`
	Reason string `json:"reason"`
}

type jsonDivergence struct {
	Title     string     `json:"title"`
	Reference string     `json:"reference"`
	Candidate string     `json:"candidate"`
	Name      *string    `json:"name"` // null where nothing was compared
	Causes    []Cause    `json:"causes"`
	First     *jsonFault `json:"first"`
}

type jsonComparison struct {
	Title     string        `json:"title"`
	Reference string        `json:"reference"`
	Candidate string        `json:"candidate"`
	Verdict   Verdict       `json:"verdict"`
	Tensors   int           `json:"tensors"`
	Diverged  int           `json:"diverged"` // of the tensors
	Elements  int           `json:"elements"`
	Outside   int           `json:"outside"` // of the elements
	Margin    number        `json:"margin"`
	Smallest  *jsonSmallest `json:"smallest"`
	Results   []jsonResult  `json:"results"`
	Notes     []string      `json:"notes"`
}

type jsonResult struct {
	Name          string         `json:"name"`
	Verdict       Verdict        `json:"verdict"`
	Kind          Kind           `json:"kind"`
	Causes        []Cause        `json:"causes"`
	Rule          jsonRule       `json:"rule"`
	Reference     *jsonTensor    `json:"reference"`
	Candidate     *jsonTensor    `json:"candidate"`
	Elements      int            `json:"elements"`
	Outside       int            `json:"outside"`
	StepsOutside  int            `json:"steps_outside"`
	First         *jsonFault     `json:"first"`
	Margin        number         `json:"margin"`
	MarginAt      *jsonPlace     `json:"margin_at"`
	Smallest      *jsonSmallest  `json:"smallest"`
	Differ        int            `json:"differ"`
	BitsDiffer    int            `json:"bits_differ"`
	Finite        int            `json:"finite"`
	MaxAbs        any            `json:"max_abs"` // null, as the next two, without a number on both sides
	MeanAbs       *number        `json:"mean_abs"`
	MaxRel        *number        `json:"max_rel"`
	ZeroReference int            `json:"zero_reference"`
	MaxULP        *uint64        `json:"max_ulp"` // null for all but floats
	Worst         *jsonPlace     `json:"worst"`
	WorstRel      *jsonPlace     `json:"worst_rel"`
	WorstULP      *jsonPlace     `json:"worst_ulp"`
	NonFinite     *jsonNonFinite `json:"non_finite"` // null for all but floats
	Steps         []jsonStep     `json:"steps"`
}

type jsonRule struct {
	Text           string  `json:"text"`
	Atol           *number `json:"atol"`
	Rtol           *number `json:"rtol"`
	ULP            uint64  `json:"ulp"`
	Bits           bool    `json:"bits"`
	AllowNonFinite bool    `json:"allow_non_finite"`
}

type jsonTensor struct {
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

type jsonPlace struct {
	Index     []int `json:"index"`
	Flat      int   `json:"flat"`
	Batch     *int  `json:"batch"`
	Step      *int  `json:"step"`
	Unit      *int  `json:"unit"`
	Reference Value `json:"reference"`
	Candidate Value `json:"candidate"`
}

type jsonFault struct {
	jsonPlace
	Abs    any     `json:"abs"`
	Bound  *number `json:"bound"`
	ULP    *uint64 `json:"ulp"`
	Margin number  `json:"margin"`
}

type jsonSmallest struct {
	GivenAtol number `json:"given_atol"`
	GivenRtol number `json:"given_rtol"`
	Atol      number `json:"atol"`
	Rtol      number `json:"rtol"`
	AtolAlone number `json:"atol_alone"`
	ULP       uint64 `json:"ulp"`
}

type jsonNonFinite struct {
	Reference      jsonCount `json:"reference"`
	Candidate      jsonCount `json:"candidate"`
	BothNaN        jsonCount `json:"both_nan"`
	SameInf        jsonCount `json:"same_inf"`
	NaNInReference jsonCount `json:"nan_in_reference"`
	NaNInCandidate jsonCount `json:"nan_in_candidate"`
	InfInReference jsonCount `json:"inf_in_reference"`
	InfInCandidate jsonCount `json:"inf_in_candidate"`
	OppositeInf    jsonCount `json:"opposite_inf"`
}

type jsonCount struct {
	Count int        `json:"count"`
	First *jsonPlace `json:"first"`
}

type jsonStep struct {
	MaxAbs any     `json:"max_abs"`
	MaxULP *uint64 `json:"max_ulp"`
	Differ int     `json:"differ"`
	Apart  int     `json:"apart"`
}

// list returns s itself, but an empty list instead of null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// numberIf returns x, null where it has no meaning.
func numberIf(ok bool, x float64) *number {
	if !ok {
		return nil
	}
	n := number(x)
	return &n
}

// ulpIf returns n, null where it has no meaning.
func ulpIf(ok bool, n uint64) *uint64 {
	if !ok {
		return nil
	}
	return &n
}

// axisIf returns an index along an axis, null for -1.
func axisIf(at int) *int {
	if at < 0 {
		return nil
	}
	return &at
}
