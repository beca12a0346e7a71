package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// JSONSchema is the number that JSON writes as "schema". The document's shape
// does not change while it stays the same, but for fields that are added.
const JSONSchema = 1

// JSON writes the reports of one or more models as one document.
//
// Every field is always present, null where it has no meaning. Verdicts are
// "in_step", "diverged" and, of a report of which an engine did not run,
// "no_verdict". Numbers are exact: a float64 is written with the
// fewest digits that read back to it, an integer in full, even beyond 2^53, and
// NaN, +Inf and -Inf, which JSON cannot write as numbers, are the strings
// "NaN", "Infinity" and "-Infinity". Elements of the tensors are written alike,
// floats with the fewest digits for their own type; the tensor's "dtype" tells
// the string "NaN" from the number.
func JSON(w io.Writer, reports ...*Report) error {
	outcomes := make([]Outcome, len(reports))
	for i, r := range reports {
		outcomes[i] = Outcome{Model: r.Model, Report: r}
	}
	return JSONOutcomes(w, outcomes)
}

// JSONOutcomes writes the same document. A model that has no report is in
// "not_run" with its error, and the verdict is at best "no_verdict".
func JSONOutcomes(w io.Writer, outcomes []Outcome) error {
	doc := jsonDocument{Schema: JSONSchema, Reports: []jsonReport{}, Verdict: Overall(outcomes)}
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil || o.Report == nil {
			doc.NotRun = append(doc.NotRun, jsonFailed{o.Model, o.reason()})
			continue
		}
		doc.Reports = append(doc.Reports, encodeReport(o.Report))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("compare: writing the report as JSON: %w", err)
	}
	return nil
}

// MarshalJSON writes a number, true, false or a string, and a float that is
// not finite as a string. Bytes of a string that are not UTF-8 become U+FFFD.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.dtype {
	case lockstep.String:
		return json.Marshal(v.text)
	case lockstep.Invalid:
		return []byte("null"), nil
	}
	s := v.String()
	if v.dtype.IsFloat() && !finite(v.Float64()) {
		s = strconv.Quote(s)
	}
	return []byte(s), nil
}

// MarshalJSON writes "in_step", "diverged" or "no_verdict".
func (v Verdict) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.ReplaceAll(v.String(), " ", "_"))
}

// number is a float64 that may be infinite.
type number float64

// MarshalJSON writes x as exact does, quoted where it is not finite.
func (x number) MarshalJSON() ([]byte, error) {
	if !finite(float64(x)) {
		return []byte(strconv.Quote(nonFiniteName(float64(x)))), nil
	}
	return []byte(exact(float64(x))), nil
}
