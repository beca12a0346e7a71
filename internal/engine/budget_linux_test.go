package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
		h := &hostile{drawing: draw(t), r: rand.New(rand.NewPCG(seed, 5))}
		outputs := h.draw()
		x := map[string]*lockstep.Tensor{"x": newTensor(t, make([]float32, 12), 3, 4)}
		_, g := h.flatten(outputs)
		p, err := Compile(g, Options{})
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
		exact, err := NewExact(g, Options{})
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
	*drawing
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
	h.input("x", lockstep.Float32)
	made := []string{"x"}
	one := h.floats(nil, 1)
	any := func() string { return made[h.r.IntN(len(made))] }
	for range 1 + h.r.IntN(10) {
		made = append(made, h.one(one, any))
	}
	outputs := map[string]string{}
	for i, name := range made {
		outputs[fmt.Sprintf("y%d", i)] = h.op("Identity", nil, name)
	}
	return outputs
}

// one draws an operation that makes a tensor of float32.
func (h *hostile) one(one string, any func() string) string {
	n := h.size()
	column := func() string { return h.op("Fill", attrs{"index_type": lockstep.Int32}, h.ints(n, 1), one) }
	row := func() string { return h.op("Fill", attrs{"index_type": lockstep.Int32}, h.ints(1, n), one) }
	switch h.r.IntN(14) {
	case 0:
		return h.op("Fill", attrs{"index_type": lockstep.Int32}, h.ints(n), one)
	case 1:
		return h.op("BroadcastTo", nil, one, h.ints(n, 1+h.r.Int32N(9)))
	case 2:
		return h.op("Tile", attrs{"Tmultiples": lockstep.Int32}, "x", h.ints(n, 1+h.r.Int32N(9)))
	case 3:
		return h.op("OneHot", attrs{"TI": lockstep.Int32}, h.ints(0, 1, 2, 3), h.int(n), one, h.floats(nil, 0))
	case 4:
		return h.float(h.op("Range", attrs{"Tidx": lockstep.Int32}, h.int(0), h.int(n), h.int(1)))
	case 5:
		return h.op("MatMul", nil, column(), row())
	case 6:
		return h.op("AddV2", nil, column(), row())
	case 7:
		return h.op("PadV2", attrs{"Tpaddings": lockstep.Int32}, "x", h.constant(newTensor(h.t, []int32{n, 1, 0, n % 7}, 2, 2)), one)
	case 8:
		return h.loop(h.r.Int32N(40), func(body *drawing, x string) string { return body.op("ConcatV2", nil, x, x, body.int(0)) })
	case 9:
		return h.loop(h.r.Int32N(1000), func(body *drawing, x string) string {
			return body.op("Tile", attrs{"Tmultiples": lockstep.Int32}, body.op("Sum", attrs{"keep_dims": true}, x, body.ints(0, 1)), body.ints(1, n))
		})
	case 10:
		return h.growingList(n)
	case 11:
		list := h.op("TensorListReserve", attrs{"element_dtype": lockstep.Float32, "shape_type": lockstep.Int32}, h.ints(4), h.int(n))
		return h.op("TensorListStack", attrs{"element_dtype": lockstep.Float32, "num_elements": -1}, list, h.ints(4))
	case 12:
		return h.op("Tanh", nil, any())
	default:
		y := any()
		return h.op("AddV2", nil, y, y)
	}
}

// loop draws a loop of some rounds that changes one tensor.
func (h *hostile) loop(rounds int32, change func(body *drawing, x string) string) string {
	types := []lockstep.DType{lockstep.Int32, lockstep.Float32}
	cond, body := draw(h.t), draw(h.t)
	i, _ := cond.arg(types[0]), cond.arg(types[1])
	j, x := body.arg(types[0]), body.arg(types[1])
	name := fmt.Sprint(len(h.nodes))
	while := h.function("more"+name, cond, cond.integer("Less", i, cond.int(rounds)))
	do := h.function("round"+name, body, body.integer("AddV2", j, body.int(1)), change(body, x))
	return h.op("StatelessWhile", attrs{"T": types, "cond": while, "body": do}, h.int(0), "x") + ":1"
}

// growingList draws a loop that makes a list longer, by tensors of their own.
func (h *hostile) growingList(rounds int32) string {
	list := attrs{"element_dtype": lockstep.Float32, "shape_type": lockstep.Int32}
	cond, body := draw(h.t), draw(h.t)
	i, _ := cond.arg(lockstep.Int32), cond.listArg()
	j, l := body.arg(lockstep.Int32), body.listArg()
	name := fmt.Sprint(len(h.nodes))
	// Every list has all elements of the one before it: few rounds are long.
	while := h.function("more"+name, cond, cond.integer("Less", i, cond.int(min(rounds, 3000))))
	long := body.op("Fill", attrs{"index_type": lockstep.Int32}, body.ints(h.r.Int32N(100_000)), body.floats(nil, 1))
	do := h.function("round"+name, body, body.integer("AddV2", j, body.int(1)), body.op("TensorListPushBack", list, l, long))
	types := &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{
		Type: []types_go_proto.DataType{types_go_proto.DataType_DT_INT32, types_go_proto.DataType_DT_VARIANT},
	}}}
	empty := h.op("EmptyTensorList", list, h.ints(-1), h.int(-1))
	w := h.op("StatelessWhile", attrs{"T": types, "cond": while, "body": do}, h.int(0), empty)
	return h.float(h.op("TensorListLength", nil, w+":1"))
}
