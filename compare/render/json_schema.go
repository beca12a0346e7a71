package render

import (
	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/internal/format"
)

// The types of this file are schema 1, field by field. A pointer or an any is
// null where the field has no meaning.

type jsonDocument struct {
	Schema  int          `json:"schema"`
	Verdict string       `json:"verdict"`
	Reports []jsonReport `json:"reports"`
	NotRun  []jsonFailed `json:"not_run,omitempty"` // models without a report
}

type jsonFailed struct {
	Model string `json:"model"`
	Error string `json:"error"`
}

type jsonReport struct {
	Model           string           `json:"model"`
	Verdict         string           `json:"verdict"`
	FirstDivergence *jsonDivergence  `json:"first_divergence"`
	Comparisons     []jsonComparison `json:"comparisons"`
	Failures        []string         `json:"failures,omitempty"` // of more than comparisons
	NotRun          []jsonNotRun     `json:"not_run,omitempty"`
	Notes           []string         `json:"notes"`
	Diagnosis       *jsonDiagnosis   `json:"diagnosis"`
	Answers         *jsonAnswers     `json:"answers_diagnosis,omitempty"` // of a party that shows answers alone
}

type jsonNotRun struct {
	Engine string `json:"engine"`
	Reason string `json:"reason"`
}

type jsonDivergence struct {
	Title     string           `json:"title"`
	Reference string           `json:"reference"`
	Candidate string           `json:"candidate"`
	Name      *string          `json:"name"` // null where nothing was compared
	Iteration *jsonIteration   `json:"iteration,omitempty"`
	Causes    []compare.Reason `json:"causes"`
	First     *jsonFault       `json:"first"`
}

type jsonComparison struct {
	Title     string        `json:"title"`
	Reference string        `json:"reference"`
	Candidate string        `json:"candidate"`
	Verdict   string        `json:"verdict"`
	Tensors   int           `json:"tensors"`
	Diverged  int           `json:"diverged"` // of the tensors
	Elements  int           `json:"elements"`
	Outside   int           `json:"outside"` // of the elements
	Margin    format.Number `json:"margin"`
	Smallest  *jsonSmallest `json:"smallest"`
	Results   []jsonResult  `json:"results"`
	Notes     []string      `json:"notes"`
}

type jsonResult struct {
	Name          string           `json:"name"`
	Operation     string           `json:"operation,omitempty"`
	Iteration     *jsonIteration   `json:"iteration,omitempty"`
	Verdict       string           `json:"verdict"`
	Kind          compare.Kind     `json:"kind"`
	Causes        []compare.Reason `json:"causes"`
	Rule          jsonRule         `json:"rule"`
	Reference     *jsonTensor      `json:"reference"`
	Candidate     *jsonTensor      `json:"candidate"`
	Elements      int              `json:"elements"`
	Outside       int              `json:"outside"`
	StepsOutside  int              `json:"steps_outside"`
	First         *jsonFault       `json:"first"`
	Margin        format.Number    `json:"margin"`
	MarginAt      *jsonPlace       `json:"margin_at"`
	Smallest      *jsonSmallest    `json:"smallest"`
	Differ        int              `json:"differ"`
	BitsDiffer    int              `json:"bits_differ"`
	Finite        int              `json:"finite"`
	MaxAbs        any              `json:"max_abs"` // null, as the next two, without a number on both sides
	MeanAbs       *format.Number   `json:"mean_abs"`
	MaxRel        *format.Number   `json:"max_rel"`
	ZeroReference int              `json:"zero_reference"`
	MaxULP        *uint64          `json:"max_ulp"` // null for all but floats
	Worst         *jsonPlace       `json:"worst"`
	WorstRel      *jsonPlace       `json:"worst_rel"`
	WorstULP      *jsonPlace       `json:"worst_ulp"`
	NonFinite     *jsonNonFinite   `json:"non_finite"` // null for all but floats
	Steps         []jsonStep       `json:"steps"`
}

// jsonIteration says where in a loop a result is.
type jsonIteration struct {
	Loop      string `json:"loop"`
	Number    int    `json:"number"`
	Condition bool   `json:"condition"`
	Compared  int    `json:"compared"` // iterations, as the next
	Diverged  int    `json:"diverged"`
}

type jsonRule struct {
	Text           string         `json:"text"`
	Atol           *format.Number `json:"atol"`
	Rtol           *format.Number `json:"rtol"`
	ULP            uint64         `json:"ulp"`
	Bits           bool           `json:"bits"`
	AllowNonFinite bool           `json:"allow_non_finite"`
}

type jsonTensor struct {
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

type jsonPlace struct {
	Index     []int     `json:"index"`
	Flat      int       `json:"flat"`
	Batch     *int      `json:"batch"`
	Step      *int      `json:"step"`
	Unit      *int      `json:"unit"`
	Reference jsonValue `json:"reference"`
	Candidate jsonValue `json:"candidate"`
}

type jsonFault struct {
	jsonPlace
	Abs    any            `json:"abs"`
	Bound  *format.Number `json:"bound"`
	ULP    *uint64        `json:"ulp"`
	Margin format.Number  `json:"margin"`
}

type jsonSmallest struct {
	GivenAtol format.Number `json:"given_atol"`
	GivenRtol format.Number `json:"given_rtol"`
	Atol      format.Number `json:"atol"`
	Rtol      format.Number `json:"rtol"`
	AtolAlone format.Number `json:"atol_alone"`
	ULP       uint64        `json:"ulp"`
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
	MaxAbs    any     `json:"max_abs"`
	MaxULP    *uint64 `json:"max_ulp"`
	Differ    int     `json:"differ"`
	NonFinite int     `json:"apart"`
}

type jsonDiagnosis struct {
	First    *jsonFirst  `json:"first"`
	Suspects []string    `json:"suspects"`
	Causes   []jsonCause `json:"causes"`
	Tried    int         `json:"tried"`
	Untried  int         `json:"untried,omitempty"` // the model takes too long
}

type jsonAnswers struct {
	Party    string      `json:"party"`
	Causes   []jsonCause `json:"causes"` // the answers cannot tell them apart
	Tried    int         `json:"tried"`
	Untried  int         `json:"untried,omitempty"`
	Pairs    int         `json:"pairs"` // that were tried, of all_pairs
	AllPairs int         `json:"all_pairs"`
}

type jsonFirst struct {
	Layer    string `json:"layer"`
	Quantity string `json:"quantity"`
	Gate     string `json:"gate"`
	Step     int    `json:"step"`
	Row      int    `json:"row"`
	Unit     int    `json:"unit"`
}

type jsonCause struct {
	Text     string        `json:"text"`
	Kind     string        `json:"kind"`
	Layers   []string      `json:"layers"`
	In       string        `json:"in"`
	Before   format.Number `json:"before"`
	Margin   format.Number `json:"margin"`
	Over     string        `json:"over"`
	Vanishes bool          `json:"vanishes"`
	Weight   *jsonWeight   `json:"weight"`
}

type jsonWeight struct {
	Layer    string  `json:"layer"`
	Tensor   string  `json:"tensor"`
	Row      int     `json:"row"`
	Column   int     `json:"column"`
	Gate     string  `json:"gate"`
	Unit     int     `json:"unit"`
	Original float64 `json:"was"`
	Changed  float64 `json:"is"`
}

// list returns s itself, but an empty list instead of null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// numberIf returns x, null where it has no meaning.
func numberIf(ok bool, x float64) *format.Number {
	if !ok {
		return nil
	}
	n := format.Number(x)
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
