package ctc

import (
	"fmt"
	"math"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/memory"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// decodeBy runs a decoder of some attributes.
func decodeBy(t *testing.T, name, attrs string, x *lockstep.Tensor, lengths []int32) ([]value.Value, error) {
	t.Helper()
	n, err := lockstep.New(lengths, len(lengths))
	if err != nil {
		t.Fatal(err)
	}
	node, err := graphtest.Node(t, name, attrs, []*lockstep.Tensor{x, n})
	if err != nil {
		return nil, err
	}
	run, err := Ops[name].Build(node)
	if err != nil {
		return nil, err
	}
	var keep any
	return run(&op.Call{Keep: &keep}, []value.Value{{Tensor: x}, {Tensor: n}})
}

// FuzzDecoders decodes any numbers by any attributes: nothing may panic, labels are
// classes, and they stand in order.
func FuzzDecoders(f *testing.F) {
	value.MaxElements = 1 << 20
	f.Add([]byte("numbers of some classes"), uint8(3), int32(5), int64(4), int64(2), int64(-1), true)
	f.Add([]byte{0, 0, 0, 0, 0x80, 0x7f, 0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0xff, 0, 0}, uint8(2), int32(-1), int64(1<<40), int64(1), int64(1<<62), false)
	f.Add([]byte("0"), uint8('Z'), int32(-1), int64(95), int64(-17), int64(1<<62), true)
	f.Add(make([]byte, 400), uint8(4), int32(25), int64(40), int64(40), int64(0), true)
	f.Fuzz(func(t *testing.T, data []byte, classes uint8, length int32, width, paths, blank int64, merge bool) {
		x := make([]float32, min(len(data)/4, 200))
		for i := range x {
			x[i] = math.Float32frombits(uint32(data[4*i]) | uint32(data[4*i+1])<<8 | uint32(data[4*i+2])<<16 | uint32(data[4*i+3])<<24)
		}
		n := len(x)
		if classes > 0 {
			n /= int(classes)
		}
		numbers, err := lockstep.New(x[:n*int(classes)], n, 1, int(classes))
		if err != nil {
			t.Fatal(err)
		}
		for name, attrs := range map[string]string{
			"CTCGreedyDecoder":     fmt.Sprintf(`"merge_repeated":["bool",%v],"blank_index":["int",%d]`, merge, blank),
			"CTCBeamSearchDecoder": fmt.Sprintf(`"merge_repeated":["bool",%v],"beam_width":["int",%d],"top_paths":["int",%d]`, merge, width%200, paths),
		} {
			out, err := decodeBy(t, name, attrs, numbers, []int32{length})
			if err != nil {
				continue
			}
			for p := range len(out) / 3 {
				at, _ := lockstep.Data[int64](out[p].Tensor)
				labels, _ := lockstep.Data[int64](out[len(out)/3+p].Tensor)
				if len(at) != 2*len(labels) {
					t.Fatalf("%s: %d indices of %d labels", name, len(at), len(labels))
				}
				for i, v := range labels {
					if v < 0 || v >= int64(classes) || at[2*i+1] != int64(i) {
						t.Errorf("%s: label %d at %d of %d classes", name, v, at[2*i+1], classes)
					}
				}
			}
		}
	})
}

// A search that would keep more sequences of labels than the budget allows is refused.
func TestBeamsWithinBudget(t *testing.T) {
	x := make([]float32, 20*50)
	for i := range x {
		x[i] = float32(i%50) / 10
	}
	numbers, err := lockstep.New(x, 20, 1, 50)
	if err != nil {
		t.Fatal(err)
	}
	before := memory.Budget()
	t.Cleanup(func() { memory.Set(before) })
	memory.Set(1 << 20)
	const attrs = `"beam_width":["int",5000],"top_paths":["int",1]`
	if _, err := decodeBy(t, "CTCBeamSearchDecoder", attrs, numbers, []int32{20}); err == nil {
		t.Error("no error")
	}
}
