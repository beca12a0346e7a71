package compare

import (
	"fmt"
	"path"

	"github.com/lockstep-go/lockstep/internal/format"
)

// amplification notes by how much the engines differ running freely, compared
// with what single steps add: the rest is the model's own dynamics.
func (s *stepTolerances) amplification() {
	single := map[string]float64{}
	for i := range s.isolated.Results {
		single[s.isolated.Results[i].Name] = s.isolated.Results[i].MaxAbs
	}
	for i := range s.free.Results {
		r := &s.free.Results[i]
		if path.Base(r.Name) != "h" || r.Kind != Measured || r.Worst == nil || r.MaxAbs == 0 {
			continue
		}
		note := fmt.Sprintf("%s: running freely, the largest difference is %s, at step %d of %d", r.Name, format.RoundUp(r.MaxAbs, 2), r.Worst.Step, len(r.Steps))
		if one := single[r.Name]; one > 0 {
			note += fmt.Sprintf("; the largest of a single step is %s: amplified %s times", format.RoundUp(one, 2), format.RoundDown(r.MaxAbs/one, 2))
		}
		s.free.Remarks = append(s.free.Remarks, note)
	}
}
