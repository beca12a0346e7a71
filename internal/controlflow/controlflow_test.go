package controlflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// outputsOf are how many tensors operations make, one where nothing is said.
var outputsOf = map[string]int{"Switch": 2, "Merge": 2, "TensorArrayV3": 2, "NoOp": 0}

// parse reads a graph of lines such as "name = Op(input, input:1, ^control) frame".
// The word after a node is its frame's name; an Enter's with a star is a constant.
func parse(t testing.TB, text string) *Graph {
	t.Helper()
	nodes := map[string]*tfpb.NodeDef{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, rest, ok := strings.Cut(line, " = ")
		op, rest, opens := strings.Cut(rest, "(")
		in, frame, closes := strings.Cut(rest, ")")
		if !ok || !opens || !closes {
			t.Fatalf("line %q", line)
		}
		n := &tfpb.NodeDef{Name: name, Op: op, Attr: attrs{"T": typeAttr(tfpb.DataType_DT_FLOAT), "dtype": typeAttr(tfpb.DataType_DT_FLOAT)}}
		for _, input := range strings.Split(in, ",") {
			if input = strings.TrimSpace(input); input != "" {
				n.Input = append(n.Input, input)
			}
		}
		if frame = strings.TrimSpace(frame); frame != "" {
			constant := strings.HasSuffix(frame, "*")
			n.Attr["frame_name"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_S{S: []byte(strings.TrimSuffix(frame, "*"))}}
			n.Attr["is_constant"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_B{B: constant}}
		}
		nodes[name] = n
	}
	return of(nodes)
}

func of(nodes map[string]*tfpb.NodeDef) *Graph {
	count := func(def *tfpb.NodeDef) (int, error) {
		if n, ok := outputsOf[def.GetOp()]; ok {
			return n, nil
		}
		for _, list := range []string{"Tout", "T"} {
			if types := def.GetAttr()[list].GetList().GetType(); types != nil {
				return len(types), nil
			}
		}
		return 1, nil
	}
	return &Graph{
		Nodes:   nodes,
		Fed:     func(name string) bool { return strings.HasPrefix(name, "fed") },
		Outputs: count,
		Result:  func(def *tfpb.NodeDef, i int) (string, int, error) { return "output", i, nil },
		Type: func(def *tfpb.NodeDef, i int) (tfpb.DataType, error) {
			if def.GetOp() == "Less" {
				return tfpb.DataType_DT_BOOL, nil
			}
			return tfpb.DataType_DT_FLOAT, nil
		},
		Taken: func(string) bool { return false },
	}
}

// text writes what a graph became, a node a line, in the order of names.
func (r *Rewritten) text() string {
	var out strings.Builder
	line := func(n *tfpb.NodeDef) {
		fmt.Fprintf(&out, "%s = %s(%s)", n.GetName(), n.GetOp(), strings.Join(n.GetInput(), ", "))
		for _, attr := range []string{"cond", "body", "then_branch", "else_branch"} {
			if f := n.GetAttr()[attr].GetFunc(); f != nil {
				fmt.Fprintf(&out, " %s:%s", attr, f.GetName())
			}
		}
		out.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Nodes)) {
		line(r.Nodes[name])
	}
	for _, f := range r.Functions {
		var args []string
		for _, a := range f.GetSignature().GetInputArg() {
			args = append(args, a.GetName())
		}
		fmt.Fprintf(&out, "%s(%s)\n", f.GetSignature().GetName(), strings.Join(args, ", "))
		for _, n := range slices.SortedFunc(slices.Values(f.GetNodeDef()), func(a, b *tfpb.NodeDef) int { return strings.Compare(a.GetName(), b.GetName()) }) {
			out.WriteString("  ")
			line(n)
		}
		for i := range f.GetSignature().GetOutputArg() {
			fmt.Fprintf(&out, "  return %s\n", f.GetRet()[fmt.Sprintf("result_%d", i)])
		}
	}
	return out.String()
}

// A loop of two variables and a constant, as tf.while_loop writes it.
const loopText = `
	x = Placeholder()
	w = Const()
	zero = Const()
	limit = Const()
	n_in = Enter(zero) f
	h_in = Enter(x) f
	w_in = Enter(w) f*
	n = Merge(n_in, n_next)
	h = Merge(h_in, h_next)
	less = Less(n, bound)
	bound = Const(^n)
	on = LoopCond(less)
	n_switch = Switch(n, on)
	h_switch = Switch(h, on)
	n_now = Identity(n_switch:1)
	h_now = Identity(h_switch:1)
	one = Const(^n_now)
	n_more = Add(n_now, one)
	h_more = MatMul(h_now, w_in)
	n_next = NextIteration(n_more)
	h_next = NextIteration(h_more)
	n_out = Exit(n_switch)
	h_out = Exit(h_switch)
	y = Relu(h_out)
`

func TestLoop(t *testing.T) {
	r, err := parse(t, loopText).Rewrite([]string{"y", "n_out:0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"h_out = Identity(f)\n", "n_out = Identity(f:1)\n", "f = While(x, zero, w) ",
		"  h_more = MatMul(h_now:output:0, given_2)\n", "  h_now = Identity(given_0)\n", "  one = Const(^n_now)\n",
		"  return h_more:output:0\n  return n_more:output:0\n  return given_2\n", "  less = Less(given_1, bound:output:0)\n  return less:output:0\n",
	} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("no %q in\n%s", want, r.text())
		}
	}
	if strings.Contains(r.text(), "y = ") {
		t.Errorf("y is changed, which reads what has its name as before:\n%s", r.text())
	}
}

// A graph without control flow stays as it is; so does one whose control flow no
// wanted tensor needs.
func TestNothingToRewrite(t *testing.T) {
	for text, want := range map[string]string{"x = Placeholder()\n y = Relu(x)": "y", loopText: "x", "fed = Merge(a, b)": "fed"} {
		if r, err := parse(t, text).Rewrite([]string{want}); err != nil || want != "fed" && r != nil || r != nil && len(r.Nodes) > 0 {
			t.Errorf("%s becomes %v: %v", want, r, err)
		}
	}
}

const branchText = `
	x = Placeholder()
	p = Less(x)
	q = Identity(p)
	pivot_switch = Switch(p, p)
	yes = Identity(pivot_switch:1)
	x_switch = Switch(x, q)
	a = Relu(x_switch:1)
	b = Tanh(x_switch)
	two = Const(^yes)
	a2 = Add(a, two)
	y = Merge(b, a2)
	z = Merge(a, x_switch)
	out = Mul(y, z)
`

// Both Merges of one branch are one If, and what stands in it is in its functions.
func TestBranch(t *testing.T) {
	r, err := parse(t, branchText).Rewrite([]string{"out"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"y = Identity(y/If)\n", "z = Identity(y/If:1)\n", "y/If = If(p, ", "  a = Relu(given_", "  b = Tanh(given_", "  a2 = Add(a:output:0, two:output:0)\n",
	} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("no %q in\n%s", want, r.text())
		}
	}
	if n := strings.Count(r.text(), " = If("); n != 1 {
		t.Errorf("%d branches, want one:\n%s", n, r.text())
	}
}

// What is no loop and no branch is refused, and the error names the node.
func TestMalformed(t *testing.T) {
	change := func(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
	for name, c := range map[string]struct{ text, want, words string }{
		"Exit alone":                   {"x = Placeholder()\n y = Exit(x)", "y", `node "y" (Exit): it stands in no loop`},
		"NextIteration alone":          {"x = Placeholder()\n y = NextIteration(x)", "y", `node "y" (NextIteration): it stands in no loop`},
		"LoopCond alone":               {"x = Placeholder()\n y = LoopCond(x)", "y", `node "y" (LoopCond): it stands in no loop`},
		"Merge of NextIterations":      {"x = Merge(a, a)\n a = NextIteration(x)", "x", `it stands in no loop`},
		"a cycle":                      {"x = Placeholder()\n m = Merge(x, r)\n r = Relu(m)", "m", "cycle"},
		"a cycle without Merge":        {change(branchText, "a = Relu(x_switch:1)", "a = Add(x_switch:1, a2)"), "out", "cycle"},
		"no input":                     {"y = Exit()", "y", `node "y" (Exit): it stands in no loop`},
		"no node":                      {"y = Exit(x)", "y", `the graph has no node "x"`},
		"no tensor":                    {"x = Placeholder()\n y = Merge(x:1)", "y", `"x:1": node "x" (Placeholder) has 1 outputs`},
		"two loops":                    {change(loopText, "MatMul(h_now, w_in)", "MatMul(h_now, w)"), "y", `node "h_more" (MatMul): it reads tensors of two loops`},
		"an Enter that no Merge takes": {change(loopText, "w_in = Enter(w) f*", "w_in = Enter(w) f"), "y", `node "w_in" (Enter): it is no constant`},
		"an Enter that is read twice":  {change(loopText, "MatMul(h_now, w_in)", "MatMul(h_now, h_in)"), "y", `node "h_in" (Enter): the loop reads it where its Merge does not`},
		"no LoopCond":                  {change(loopText, "on = LoopCond(less)", "on = Identity(less)"), "y", `the loop "f": it has 0 LoopConds`},
		"two LoopConds":                {change(loopText, "h_switch = Switch(h, on)", "on2 = LoopCond(less)\n h_switch = Switch(h, on2)"), "y", `it has 2 LoopConds`},
		"a loop without end":           {change(loopText, "h_now = Identity(h_switch:1)", "h_now = Identity(h)"), "y", `node "h_next" (NextIteration): what it brings to the next step does not depend on the loop's condition`},
		"the condition after itself":   {change(loopText, "less = Less(n, bound)", "less = Less(n_now, bound)"), "y", "cycle"},
		"leaving and going on":         {change(loopText, "MatMul(h_now, w_in)", "MatMul(h_now, h_switch)"), "y", `it reads in a step what leaves the loop`},
		"an Exit of a step":            {change(loopText, "h_out = Exit(h_switch)", "h_out = Exit(h_more)"), "y", `node "h_out" (Exit): what it returns is no loop variable at the end of the loop`},
		"a Switch of no variable":      {change(loopText, "h_switch = Switch(h, on)", "hh = Relu(h)\n h_switch = Switch(hh, on)"), "y", `decides on something that is no loop variable`},
		"which was first":              {change(loopText, "MatMul(h_now, w_in)", "MatMul(h_now, h:1)"), "y", `whether a value is the first is read`},
		"a Merge of three":             {change(loopText, "h = Merge(h_in, h_next)", "h = Merge(h_in, h_next, h_in)"), "y", "it joins 3 tensors"},
		"a Merge of one branch":        {change(branchText, "y = Merge(b, a2)", "y = Merge(a, a2)"), "out", `node "y" (Merge): a:0 and a2:0, which it joins, are not the branches of one condition`},
		"a Merge of a branch and all":  {change(branchText, "y = Merge(b, a2)", "y = Merge(b, x)"), "out", "are not the branches of one condition"},
		"both branches":                {change(branchText, "a2 = Add(a, two)", "a2 = Add(a, b)"), "out", `node "a2" (Add): it reads what both branches`},
		"one branch alone":             {change(branchText, "out = Mul(y, z)", "out = Mul(y, a)"), "out", `node "out" (Mul): what it computes is there in one branch alone`},
		"which arrived":                {change(branchText, "out = Mul(y, z)", "out = Mul(y, z:1)"), "out", `which input of "z" (Merge) arrived`},
		"an array that is read":        {"n = Const()\n a = TensorArrayV3(n)\n y = Relu(a:1)", "y", `node "y" (Relu): it reads an array`},
		"an array that is returned":    {"n = Const()\n a = TensorArrayV3(n)", "a:1", `its result is an array`},
		"an array of gradients":        {"n = Const()\n a = TensorArrayV3(n)\n y = TensorArrayGradV3(a, a:1)", "y", `node "y" (TensorArrayGradV3): the operation is not supported`},
		"a flow of another array":      {"n = Const()\n a = TensorArrayV3(n)\n b = TensorArrayV3(n)\n y = TensorArrayReadV3(a, n, b:1)", "y", "are not those of one TensorArrayV3"},
		"writing in no order":          {"n = Const()\n a = TensorArrayV3(n)\n b = TensorArrayWriteV3(a, n, n, a:1)\n c = TensorArrayWriteV3(a, n, n, a:1)\n d = TensorArrayReadV3(a, n, b)\n e = TensorArrayReadV3(a, n, c)\n y = Add(d, e)", "y", `in no known order`},
		"writing for nothing":          {"n = Const()\n a = TensorArrayV3(n)\n b = TensorArrayWriteV3(a, n, n, a:1)\n y = TensorArrayReadV3(a, n, a:1, ^b)", "y", `nothing reads the flow`},
	} {
		_, err := parse(t, c.text).Rewrite([]string{c.want})
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.words)
		}
	}
}

// An array is a list, and its flow is the list.
func TestArrays(t *testing.T) {
	r, err := parse(t, `
		n = Const()
		x = Placeholder()
		a = TensorArrayV3(n)
		b = TensorArrayScatterV3(a, n, x, a:1)
		c = TensorArrayWriteV3(a, n, x, b)
		d = TensorArrayReadV3(a, n, c)
		e = TensorArrayGatherV3(a, n, c)
		s = TensorArraySizeV3(a, c)
		close = TensorArrayCloseV3(a)
		y = Pack(d, e, s, ^close)
	`).Rewrite([]string{"y"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a/list = TensorListReserve(a/element_shape, n)\n", "b = TensorListScatterIntoExistingList(a/list, x, n)\n", "c = TensorListSetItem(b, n, x)\n",
		"d = TensorListGetItem(c, n, d/element_shape)\n", "e = TensorListGather(c, n, e/element_shape)\n", "s = TensorListLength(c)\n", "close = NoOp()\n",
	} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("no %q in\n%s", want, r.text())
		}
	}
}

// Work is bounded, whatever the graph is.
func TestLargeGraphs(t *testing.T) {
	var chain, nested, wide strings.Builder
	chain.WriteString("x = Placeholder()\np = Less(x)\nn0 = Switch(x, p)\n")
	for i := range 50_000 {
		fmt.Fprintf(&chain, "n%d = Identity(n%d)\n", i+1, i)
	}
	chain.WriteString("m = Merge(n50000, n0:1)\n")
	// Each branch is in both functions of the one around it.
	nested.WriteString("x = Placeholder()\ny0 = Relu(x)\n")
	for i := range 60 {
		fmt.Fprintf(&nested, "p%d = Less(y%d)\ns%d = Switch(y%d, p%d)\na%d = Relu(s%d)\nb%d = Tanh(s%d:1)\ny%d = Merge(a%d, b%d)\n", i, i, i, i, i, i, i, i, i, i+1, i, i)
	}
	wide.WriteString("x = Placeholder()\n")
	sum := "x"
	for i := range 5_000 {
		fmt.Fprintf(&wide, "p%d = Less(x)\ns%d = Switch(x, p%d)\nm%d = Merge(s%d, s%d:1)\nz%d = Add(%s, m%d)\n", i, i, i, i, i, i, i, sum, i)
		sum = fmt.Sprintf("z%d", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"a long branch":     {chain.String(), "m"},
		"branches in a row": {nested.String(), "y60"},
		"many conditions":   {wide.String(), sum},
	} {
		if _, err := parse(t, c.text).Rewrite([]string{c.want}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var deep strings.Builder
	deep.WriteString("e0 = Placeholder()\n")
	for i := range 100 {
		fmt.Fprintf(&deep, "e%d = Enter(e%d) f\n", i+1, i)
	}
	if _, err := parse(t, deep.String()).Rewrite([]string{"e100"}); err == nil || !strings.Contains(err.Error(), "nested more than") {
		t.Errorf("a hundred loops in each other: %v", err)
	}
}

// FuzzRewrite draws graphs of control flow: each is rewritten or refused, and what
// was rewritten has none left.
func FuzzRewrite(f *testing.F) {
	names := []string{"Placeholder", "Enter", "Exit", "NextIteration", "LoopCond", "Switch", "Merge", "Identity", "Less", "Add",
		"TensorArrayV3", "TensorArrayWriteV3", "TensorArrayReadV3", "Enter"} // fmt: skip
	f.Add([]byte{0, 0, 0, 1, 0, 0, 6, 1, 5, 8, 2, 2, 4, 3, 3, 5, 2, 4, 3, 5, 5, 2, 5, 5, 7, 7, 7})
	f.Add([]byte{0, 0, 0, 8, 0, 0, 5, 0, 1, 7, 2, 2, 7, 130, 2, 6, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes := map[string]*tfpb.NodeDef{}
		count := min(len(b)/3, 64)
		for i := range count {
			op := names[int(b[3*i])%len(names)]
			n := &tfpb.NodeDef{Name: fmt.Sprintf("n%d", i), Op: op, Attr: attrs{"T": typeAttr(tfpb.DataType_DT_FLOAT)}}
			n.Attr["frame_name"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_S{S: []byte{'f' + b[3*i]/100}}}
			n.Attr["is_constant"] = &tfpb.AttrValue{Value: &tfpb.AttrValue_B{B: b[3*i]%2 == 1}}
			arity := map[string]int{"Placeholder": 0, "Switch": 2, "Merge": 2, "Add": 2, "TensorArrayWriteV3": 4, "TensorArrayReadV3": 3}
			k, fixed := arity[op]
			if !fixed {
				k = 1
			}
			for j := range k {
				v := int(b[3*i+1+j%2]) + j/2
				input := fmt.Sprintf("n%d", v%count)
				switch {
				case v >= 224:
					input = "^" + input
				case v >= 128:
					input += ":1"
				}
				n.Input = append(n.Input, input)
			}
			nodes[n.Name] = n
		}
		if count == 0 {
			return
		}
		g := of(nodes)
		r, err := g.Rewrite([]string{fmt.Sprintf("n%d", count-1)})
		if err != nil || r == nil {
			return
		}
		all := slices.Collect(maps.Values(r.Nodes))
		for _, f := range r.Functions {
			all = append(all, f.GetNodeDef()...)
		}
		for _, n := range all {
			if Uses(n.GetOp()) {
				t.Errorf("%s (%s) is left in\n%s", n.GetName(), n.GetOp(), r.text())
			}
		}
	})
}
