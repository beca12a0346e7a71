package recurrent

import (
	"fmt"
	"path"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// nameLayers gives each layer its Keras name, if its kernel's variable shows
// it: "decoder_lstm/lstm_cell/kernel_1" is of "decoder_lstm". The cells of a
// stack keep their own names. Layers that would share a name are numbered, and
// none has a name like that of a run.
func nameLayers(m *savedmodel.MetaGraph, f *Findings) error {
	taken := map[string]bool{}
	for _, r := range f.Recurrences {
		for _, l := range r.Cells {
			name := strings.ToLower(l.Kind.String())
			kernel := l.Kernel
			if joined := f.Joined[kernel.Node]; joined != nil {
				kernel = joined.Blocks[0].Of
			}
			v, err := variableOf(m, kernel)
			if err != nil {
				return err
			}
			variable := ""
			if v != nil {
				variable = strings.Replace(v.Name, "/gates/", "/", 1) // as TensorFlow 1's GRUCell has it
			}
			if v != nil && len(r.Cells) > 1 {
				name = path.Dir(variable)
			} else if v != nil {
				name = layerOf(variable)
			}
			if _, _, isRun := lockstep.CutRun(name); isRun {
				name += "_layer"
			}
			l.Name = unique(name, taken)
		}
	}
	return nil
}

// unique returns a name that is not taken yet, and takes it.
func unique(name string, taken map[string]bool) string {
	out := name
	for i := 1; taken[out]; i++ {
		out = fmt.Sprintf("%s_%d", name, i)
	}
	taken[out] = true
	return out
}

// layerOf strips the variable's own name and the cell's off a path.
func layerOf(variable string) string {
	parts := strings.Split(variable, "/")
	if len(parts) == 1 {
		return variable
	}
	parts = parts[:len(parts)-1]
	if last := parts[len(parts)-1]; len(parts) > 1 && strings.Contains(last, "cell") {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "/")
}
