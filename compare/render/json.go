package render

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/compare"
)

// schema is the number that JSON writes as "schema". While it stays the same,
// the document's shape changes only by added fields.
const schema = 1

// JSON writes the outcomes of one or more models as one document. A model that has
// no report is in "not_run" with its error, and the verdict is then at best
// "no_verdict".
//
// Every field is always present, null where it has no meaning. Verdicts are
// "in_step", "diverged" and, of a report of which an engine did not run,
// "no_verdict". Numbers are exact: a float64 is written with the
// fewest digits that read back to it, an integer in full, even beyond 2^53, and
// NaN, +Inf and -Inf, which JSON cannot write as numbers, are the strings
// "NaN", "Infinity" and "-Infinity". Elements of the tensors are written alike,
// floats with the fewest digits for their own type; the tensor's "dtype"
// distinguishes the string "NaN" from the number.
func JSON(w io.Writer, outcomes []compare.Outcome) error {
	doc := jsonDocument{Schema: schema, Reports: []jsonReport{}, Verdict: verdictWord(compare.Overall(outcomes))}
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil || o.Report == nil {
			doc.NotRun = append(doc.NotRun, jsonFailed{o.Model, reason(o)})
			continue
		}
		doc.Reports = append(doc.Reports, encodeReport(o.Report))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("render: writing the report as JSON: %w", err)
	}
	return nil
}

// jsonValue is an element: a number, true, false or a string, and a float that is
// not finite as a string. Bytes of a string that are not UTF-8 become U+FFFD.
type jsonValue struct{ compare.Value }

// MarshalJSON writes the element.
func (v jsonValue) MarshalJSON() ([]byte, error) {
	switch d := v.DType(); {
	case d == lockstep.String:
		return json.Marshal(textOf(v.Value))
	case d == lockstep.Invalid:
		return []byte("null"), nil
	case d.IsFloat() && !isFinite(v.Float64()):
		return json.Marshal(v.String())
	}
	return []byte(v.String()), nil
}

// verdictWord is a verdict as JSON has it: "in_step", "diverged" or "no_verdict".
func verdictWord(v compare.Verdict) string { return strings.ReplaceAll(v.String(), " ", "_") }

func isFinite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }
