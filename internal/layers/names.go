package layers

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// nameLayers gives each layer its Keras name, as far as the name of its
// kernel's variable tells it: "decoder_lstm/lstm_cell/kernel_1" is of
// "decoder_lstm". Layers that would share a name are numbered.
func nameLayers(m *savedmodel.MetaGraph, all []*Layer) error {
	taken := map[string]bool{}
	for _, l := range all {
		name := strings.ToLower(l.Kind.String())
		v, ok, err := m.Variable(l.Kernel)
		if err != nil {
			return err
		}
		if ok {
			name = layerOf(v.Name)
		}
		l.Name = name
		for i := 1; taken[l.Name]; i++ {
			l.Name = fmt.Sprintf("%s_%d", name, i)
		}
		taken[l.Name] = true
	}
	return nil
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
