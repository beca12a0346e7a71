package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// diagnoseFlags choose what is done after a failure, and which names belong
// together.
type diagnoseFlags struct {
	diagnose bool
	maps     []string
}

func (f *diagnoseFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.diagnose, "diagnose", true, "after a divergence, suppose known faults and name those that explain it")
	cmd.Flags().StringSliceVar(&f.maps, "map", nil, "theirs=ours: an input, output or layer of --candidate-model that MODEL calls ours; may be repeated")
}

func (f *diagnoseFlags) check(candidate string) error {
	if len(f.maps) > 0 && candidate == "" {
		return usagef("--map pairs names of --candidate-model with those of MODEL, and there is no --candidate-model")
	}
	seen := map[string]bool{}
	for _, m := range f.maps {
		theirs, ours, ok := strings.Cut(m, "=")
		if !ok || theirs == "" || ours == "" {
			return usagef("--map %q: want theirs=ours", m)
		}
		if seen["a"+theirs] || seen["b"+ours] {
			return usagef("--map %q: a name is paired twice", m)
		}
		seen["a"+theirs], seen["b"+ours] = true, true
	}
	return nil
}

// names are the candidate's by those of the model.
func (f *diagnoseFlags) names() map[string]string {
	out := map[string]string{}
	for _, m := range f.maps {
		theirs, ours, _ := strings.Cut(m, "=")
		out[ours] = theirs
	}
	return out
}
