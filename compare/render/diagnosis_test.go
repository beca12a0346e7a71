package render

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/lockstep-go/lockstep/compare"
)

// A diagnosis is in the document as its fields say, infinite numbers as strings.
func TestJSONOfADiagnosis(t *testing.T) {
	r := &compare.Report{Model: "m", Diagnosis: &compare.Diagnosis{
		First:    &compare.FirstDivergence{Layer: "lstm", Quantity: "sum_i", Gate: "i", Step: 3, Row: 1, Unit: 7},
		Suspects: []string{"lstm"},
		Causes: []compare.Cause{{Text: "bias missing in layer lstm", Kind: "bias missing", Layers: []string{"lstm"}, In: "candidate",
			Before: math.Inf(1), Margin: 0.25, Over: "single steps", Vanishes: true,
			Weight: &compare.WeightDifference{Layer: "lstm", Tensor: "bias", Column: 2, Original: 1, Changed: 2}}},
		Tried: 40,
	}}
	var b bytes.Buffer
	if err := JSON(&b, outcomesOf(r)); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema  int
		Reports []struct {
			Diagnosis struct {
				First    map[string]any
				Suspects []string
				Causes   []map[string]any
				Tried    int
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	d := doc.Reports[0].Diagnosis
	if doc.Schema != 1 || d.Tried != 40 || len(d.Suspects) != 1 || d.First["step"] != 3.0 || d.First["gate"] != "i" || d.First["unit"] != 7.0 {
		t.Errorf("%s", b.String())
	}
	c := d.Causes[0]
	if c["before"] != "Infinity" || c["margin"] != 0.25 || c["vanishes"] != true || c["in"] != "candidate" || c["weight"].(map[string]any)["is"] != 2.0 {
		t.Errorf("%v", c)
	}
}
