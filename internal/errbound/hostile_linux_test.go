package errbound

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/lockstep-go/lockstep/internal/engine"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/graphtest"

	osexec "os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/memory"
)

const (
	hostileBudget = 24 << 20
	// hostileRoom is what a process may take beyond what it has when it begins: the
	// budget, as much again for operations and the collector, and Go's own.
	hostileRoom  = 320 << 20
	hostileGraph = 60
	hostileChild = "LOCKSTEP_TEST_HOSTILE_MEMORY"
)

// Graphs that ask for much memory, at once or little by little, end in a result or
// in an error, and never end the process: a child runs them that cannot have more.
func TestHostileGraphsDoNotTakeAllMemory(t *testing.T) {
	if os.Getenv(hostileChild) != "" {
		runHostileGraphs(t)
		return
	}
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileGraphsDoNotTakeAllMemory$", "-test.v")
	cmd.Env = append(os.Environ(), hostileChild+"=1", "GOMEMLIMIT=")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) && os.Getenv("CI") == "" {
		t.Skip("this processor is emulated, and what emulates it starts no child: the same Go code is tested where it is not")
	}
	if err != nil {
		if at := bytes.Index(out, []byte("fatal error")); at > 0 {
			out = out[max(at-2000, 0):min(at+4000, len(out))]
		}
		t.Fatalf("%v:\n%s", err, out)
	}
	at := bytes.Index(out, []byte("graphs:"))
	if at < 0 {
		t.Fatalf("the child says nothing:\n%s", out)
	}
	line, _, _ := strings.Cut(string(out[at:]), "\n")
	t.Log(line)
}

func runHostileGraphs(t *testing.T) {
	memory.Set(hostileBudget)
	limitAddressSpace(t)
	ran, refused, other := 0, 0, map[string]int{}
	for seed := range uint64(hostileGraph) {
		h := &hostile{Drawing: graphtest.Draw(t), r: rand.New(rand.NewPCG(seed, 5))}
		outputs := h.draw()
		x := map[string]*lockstep.Tensor{"x": fixture.NewTensor(t, make([]float32, 12), 3, 4)}
		_, g := h.Flatten(outputs)
		p, err := engine.Compile(g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		runner := p.NewRunner()
		for range 3 {
			if _, _, err = runner.Run(t.Context(), x); err != nil {
				break
			}
		}
		switch {
		case err == nil:
			ran++
		case errors.Is(err, lockstep.ErrMemory):
			refused++
			if !strings.Contains(err.Error(), "node ") || !strings.Contains(err.Error(), "the memory budget is 24 MiB") {
				t.Errorf("graph %d: %v", seed, err)
			}
		default:
			other[err.Error()]++
		}
		exact, err := New(g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exact.Run(t.Context(), x, nil); err != nil && !errors.Is(err, lockstep.ErrMemory) {
			other[err.Error()]++
		}
	}
	t.Logf("graphs: %d ran, %d were refused for their memory", ran, refused)
	if ran < hostileGraph/10 || refused < hostileGraph/4 {
		t.Errorf("%d graphs ran and %d were refused of %d, so that little was tried; others: %v", ran, refused, hostileGraph, other)
	}
}

// limitAddressSpace keeps the process from having much more memory than it has.
func limitAddressSpace(t *testing.T) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		t.Fatal(err)
	}
	limit := pages*uint64(os.Getpagesize()) + hostileRoom
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
}

// hostile draws a graph.
type hostile struct {
	*graphtest.Drawing
	r *rand.Rand
}

// size is a number of one digit to nine, small ones as often as large ones.
func (h *hostile) size() int32 {
	n := int32(1)
	for range h.r.IntN(8) {
		n *= 10
	}
	return n + h.r.Int32N(n)
}

func (h *hostile) draw() map[string]string {
	h.Input("x", lockstep.Float32)
	made := []string{"x"}
	one := h.Floats(nil, 1)
	any := func() string { return made[h.r.IntN(len(made))] }
	for range 1 + h.r.IntN(10) {
		made = append(made, h.one(one, any))
	}
	outputs := map[string]string{}
	for i, name := range made {
		outputs[fmt.Sprintf("y%d", i)] = h.Op("Identity", nil, name)
	}
	return outputs
}

// one draws an operation that makes a tensor of float32.
func (h *hostile) one(one string, any func() string) string {
	n := h.size()
	column := func() string { return h.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, h.Ints(n, 1), one) }
	row := func() string { return h.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, h.Ints(1, n), one) }
	switch h.r.IntN(14) {
	case 0:
		return h.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, h.Ints(n), one)
	case 1:
		return h.Op("BroadcastTo", nil, one, h.Ints(n, 1+h.r.Int32N(9)))
	case 2:
		return h.Op("Tile", graphtest.Attrs{"Tmultiples": lockstep.Int32}, "x", h.Ints(n, 1+h.r.Int32N(9)))
	case 3:
		return h.Op("OneHot", graphtest.Attrs{"TI": lockstep.Int32}, h.Ints(0, 1, 2, 3), h.Int(n), one, h.Floats(nil, 0))
	case 4:
		return h.Float(h.Op("Range", graphtest.Attrs{"Tidx": lockstep.Int32}, h.Int(0), h.Int(n), h.Int(1)))
	case 5:
		return h.Op("MatMul", nil, column(), row())
	case 6:
		return h.Op("AddV2", nil, column(), row())
	case 7:
		return h.Op("PadV2", graphtest.Attrs{"Tpaddings": lockstep.Int32}, "x", h.Constant(fixture.NewTensor(h.T, []int32{n, 1, 0, n % 7}, 2, 2)), one)
	case 8:
		return h.loop(h.r.Int32N(40), func(body *graphtest.Drawing, x string) string { return body.Op("ConcatV2", nil, x, x, body.Int(0)) })
	case 9:
		return h.loop(h.r.Int32N(1000), func(body *graphtest.Drawing, x string) string {
			return body.Op("Tile", graphtest.Attrs{"Tmultiples": lockstep.Int32}, body.Op("Sum", graphtest.Attrs{"keep_dims": true}, x, body.Ints(0, 1)), body.Ints(1, n))
		})
	case 10:
		return h.growingList(n)
	case 11:
		list := h.Op("TensorListReserve", graphtest.Attrs{"element_dtype": lockstep.Float32, "shape_type": lockstep.Int32}, h.Ints(4), h.Int(n))
		return h.Op("TensorListStack", graphtest.Attrs{"element_dtype": lockstep.Float32, "num_elements": -1}, list, h.Ints(4))
	case 12:
		return h.Op("Tanh", nil, any())
	default:
		y := any()
		return h.Op("AddV2", nil, y, y)
	}
}

// loop draws a loop of some rounds that changes one tensor.
func (h *hostile) loop(rounds int32, change func(body *graphtest.Drawing, x string) string) string {
	types := []lockstep.DType{lockstep.Int32, lockstep.Float32}
	cond, body := graphtest.Draw(h.T), graphtest.Draw(h.T)
	i, _ := cond.Arg(types[0]), cond.Arg(types[1])
	j, x := body.Arg(types[0]), body.Arg(types[1])
	name := fmt.Sprint(len(h.Nodes))
	while := h.Function("more"+name, cond, cond.Integer("Less", i, cond.Int(rounds)))
	do := h.Function("round"+name, body, body.Integer("AddV2", j, body.Int(1)), change(body, x))
	return h.Op("StatelessWhile", graphtest.Attrs{"T": types, "cond": while, "body": do}, h.Int(0), "x") + ":1"
}

// growingList draws a loop that makes a list longer, by separate tensors.
func (h *hostile) growingList(rounds int32) string {
	list := graphtest.Attrs{"element_dtype": lockstep.Float32, "shape_type": lockstep.Int32}
	cond, body := graphtest.Draw(h.T), graphtest.Draw(h.T)
	i, _ := cond.Arg(lockstep.Int32), cond.ListArg()
	j, l := body.Arg(lockstep.Int32), body.ListArg()
	name := fmt.Sprint(len(h.Nodes))
	// Every list has all elements of the one before it: few rounds are long.
	while := h.Function("more"+name, cond, cond.Integer("Less", i, cond.Int(min(rounds, 3000))))
	long := body.Op("Fill", graphtest.Attrs{"index_type": lockstep.Int32}, body.Ints(h.r.Int32N(100_000)), body.Floats(nil, 1))
	do := h.Function("round"+name, body, body.Integer("AddV2", j, body.Int(1)), body.Op("TensorListPushBack", list, l, long))
	types := &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{
		Type: []types_go_proto.DataType{types_go_proto.DataType_DT_INT32, types_go_proto.DataType_DT_VARIANT},
	}}}
	empty := h.Op("EmptyTensorList", list, h.Ints(-1), h.Int(-1))
	w := h.Op("StatelessWhile", graphtest.Attrs{"T": types, "cond": while, "body": do}, h.Int(0), empty)
	return h.Float(h.Op("TensorListLength", nil, w+":1"))
}
