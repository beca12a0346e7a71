package fault

import (
	"fmt"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// matrices are a layer's weights, row-major: kernel (features, columns),
// recurrent kernel (units, columns), bias (columns), or of a GRU with
// reset_after (2, columns), nil for none.
type matrices struct {
	dtype                   lockstep.DType
	kernel, recurrent, bias []float64
	columns                 int
	twoRows                 bool
}

func readMatrices(src *source.Source, l *recurrent.Layer) (*matrices, error) {
	w, dtype, err := engine.WeightsOf(l, src.Weight)
	if err != nil {
		return nil, err
	}
	m := &matrices{dtype: dtype, kernel: w[0], recurrent: w[1], bias: w[2], columns: len(gateLetters[l.Kind]) * l.Units, twoRows: l.ResetAfter}
	if len(m.kernel) != l.Features*m.columns || len(m.recurrent) != l.Units*m.columns {
		return nil, fmt.Errorf("the weights have %d and %d numbers, want those of %d features and %d units", len(m.kernel), len(m.recurrent), l.Features, l.Units)
	}
	return m, nil
}

// put gives a layer these weights, in their original type.
func (m *matrices) put(src *source.Source, l *recurrent.Layer) error {
	bias := []int{m.columns}
	if m.twoRows {
		bias = []int{2, m.columns}
	}
	for _, w := range []struct {
		ref   *savedmodel.Ref
		data  []float64
		shape []int
	}{{&l.Kernel, m.kernel, []int{l.Features, m.columns}}, {&l.RecurrentKernel, m.recurrent, []int{l.Units, m.columns}}, {&l.Bias, m.bias, bias}} {
		if w.data == nil {
			*w.ref = savedmodel.Ref{}
			continue
		}
		t, err := inType(w.data, m.dtype, w.shape)
		if err != nil {
			return err
		}
		*w.ref = src.Constant(t)
	}
	return nil
}

func inType(d []float64, dtype lockstep.DType, shape []int) (*lockstep.Tensor, error) {
	switch dtype {
	case lockstep.Float64:
		return lockstep.New(d, shape...)
	case lockstep.Float32:
		out := make([]float32, len(d))
		for i, v := range d {
			out[i] = float32(v)
		}
		return lockstep.New(out, shape...)
	}
	return nil, fmt.Errorf("weights of %s cannot have a fault", dtype)
}

// change applies a fault to the weights.
func (m *matrices) change(f Fault, l *recurrent.Layer) error {
	own := gateLetters[l.Kind]
	switch f.Kind {
	case GateOrder:
		if err := checkOrder(l.Kind, f.Order); err != nil {
			return err
		}
		parts := map[string]*[]float64{"kernel": &m.kernel, "recurrent_kernel": &m.recurrent, "bias": &m.bias}
		if f.Tensor != "" && parts[f.Tensor] == nil {
			return fmt.Errorf("the layer has no %q", f.Tensor)
		}
		for name, w := range parts {
			if f.Tensor == "" || f.Tensor == name {
				*w = reorderGates(*w, m.columns, l.Units, own, f.Order)
			}
		}
	case KernelTransposed:
		m.kernel = misreadTransposed(m.kernel, l.Features, m.columns)
	case RecurrentTransposed:
		m.recurrent = misreadTransposed(m.recurrent, l.Units, m.columns)
	case KernelBlocksTransposed:
		m.kernel = misreadBlocks(m.kernel, l.Features, m.columns, l.Units)
	case RecurrentBlocksTransposed:
		m.recurrent = misreadBlocks(m.recurrent, l.Units, m.columns, l.Units)
	case KernelsExchanged:
		if l.Features != l.Units {
			return fmt.Errorf("%d features and %d units: the kernels have different shapes", l.Features, l.Units)
		}
		m.kernel, m.recurrent = m.recurrent, m.kernel
	case HalfWeights:
		for _, w := range []*[]float64{&m.kernel, &m.recurrent, &m.bias} {
			*w = rounded(*w, half)
		}
	case Int8Weights:
		m.kernel, m.recurrent = toInt8(m.kernel, m.columns, f.Role), toInt8(m.recurrent, m.columns, f.Role)
	case BiasTwice, BiasRowsSwapped, BiasRowsAdded, BiasRowMissing:
		return m.changeBias(f)
	case ForgetBias:
		if l.Kind != recurrent.LSTM {
			return fmt.Errorf("a %s has no forget gate", l.Kind)
		}
		m.bias = m.biasOrZeros()
		for i := range l.Units {
			m.bias[l.Units+i]++
		}
	case ResetAfter:
		return m.toggleResetAfter(l)
	case OneWeight:
		return m.changeOne(f)
	default:
		return fmt.Errorf("there is no fault of the kind %q", f.Kind)
	}
	return nil
}

// biasOrZeros returns a copy of the bias, zeros where there is none.
func (m *matrices) biasOrZeros() []float64 {
	if m.bias != nil {
		return slices.Clone(m.bias)
	}
	n := m.columns
	if m.twoRows {
		n *= 2
	}
	return make([]float64, n)
}

func (m *matrices) changeBias(f Fault) error {
	if m.bias == nil || f.Kind != BiasTwice && !m.twoRows || f.Index < 0 || f.Index > 1 {
		return fmt.Errorf("the layer has no such bias")
	}
	m.bias = slices.Clone(m.bias)
	n := m.columns
	switch f.Kind {
	case BiasRowMissing:
		clear(m.bias[f.Index*n:][:n])
	case BiasTwice:
		for i := range m.bias {
			m.bias[i] *= 2
		}
	case BiasRowsSwapped:
		m.bias = append(slices.Clone(m.bias[n:]), m.bias[:n]...)
	case BiasRowsAdded:
		for i := range n {
			m.bias[i] += m.bias[n+i]
			m.bias[n+i] = 0
		}
	}
	return nil
}

// toggleResetAfter gives a GRU the other reset_after: two bias rows become
// their sum, and a single one becomes that for x.
func (m *matrices) toggleResetAfter(l *recurrent.Layer) error {
	if l.Kind != recurrent.GRU {
		return fmt.Errorf("a %s has no reset_after", l.Kind)
	}
	l.ResetAfter = !l.ResetAfter
	m.twoRows = l.ResetAfter
	if m.bias == nil {
		return nil
	}
	n := m.columns
	if l.ResetAfter {
		m.bias = append(slices.Clone(m.bias), make([]float64, n)...)
		return nil
	}
	sum := slices.Clone(m.bias[:n])
	for i := range sum {
		sum[i] += m.bias[n+i]
	}
	m.bias = sum
	return nil
}

// changeOne changes one weight.
func (m *matrices) changeOne(f Fault) error {
	if f.Tensor == "bias" {
		m.bias = m.biasOrZeros() // one that is missing is zeros
	}
	at := map[string]*[]float64{"kernel": &m.kernel, "recurrent_kernel": &m.recurrent, "bias": &m.bias}[f.Tensor]
	if at == nil || f.Index < 0 || f.Index >= len(*at) {
		return fmt.Errorf("the layer has no element %d of %q", f.Index, f.Tensor)
	}
	*at = slices.Clone(*at)
	w := (*at)[f.Index]
	switch {
	case f.ULP != 0 && m.dtype == lockstep.Float64:
		w = addULPs64(w, f.ULP)
	case f.ULP != 0:
		w = addULPs32(w, f.ULP)
	case f.Factor != 0:
		w *= f.Factor
	default:
		w = f.Is
	}
	(*at)[f.Index] = w
	return nil
}
