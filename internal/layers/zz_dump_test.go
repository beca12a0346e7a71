package layers

import (
	"fmt"
	"os"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

func dump(nodes []*savedmodel.Node, w *os.File) {
	for _, n := range nodes {
		fmt.Fprintf(w, "  %s = %s(", n.Name, n.Op)
		for i, in := range n.Inputs {
			if i > 0 {
				fmt.Fprint(w, ", ")
			}
			fmt.Fprint(w, in)
		}
		fmt.Fprint(w, ")")
		if n.Op == "Const" {
			t, err := n.Const()
			if err == nil && t.Len() < 10 {
				f, _ := t.Float64s()
				fmt.Fprint(w, t, f)
			} else {
				fmt.Fprint(w, t, err)
			}
		}
		for _, a := range []string{"num_split", "transpose_a", "transpose_b", "begin_mask", "end_mask", "shrink_axis_mask", "T", "dtype", "DstT", "element_dtype", "element_shape"} {
			if v := n.Attr(a); v != nil {
				fmt.Fprintf(w, " %s=%v", a, v)
			}
		}
		for _, c := range n.Control {
			fmt.Fprintf(w, " ^%s", c.Name)
		}
		fmt.Fprintln(w)
	}
}

func TestDump(t *testing.T) {
	for _, name := range fixture.Names(t) {
		w, _ := os.Create("/tmp/dump/" + name + ".txt")
		s, err := savedmodel.OpenFS(fixture.FS(t, name))
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.MetaGraph()
		if err != nil {
			t.Fatal(err)
		}
		sigs, err := m.Signatures()
		fmt.Fprintln(w, sigs, err)
		g, err := m.Flatten("")
		if err != nil {
			fmt.Fprintln(w, err)
			continue
		}
		dump(g.Nodes, w)
		for k, v := range g.Outputs {
			fmt.Fprintln(w, "out", k, v, v.Through())
		}
		for _, n := range g.Nodes {
			if n.Op == "While" || n.Op == "StatelessWhile" {
				for _, fn := range []string{"cond", "body"} {
					f, err := g.Function(n.AttrFunc(fn))
					fmt.Fprintln(w, "FUNC", fn, n.Name, err)
					for i, a := range f.Args {
						fmt.Fprintln(w, "  arg", i, a.Name)
					}
					dump(f.Nodes, w)
					for i, a := range f.Rets {
						fmt.Fprintln(w, "  ret", i, a, a.Through())
					}
				}
			}
		}
		f, err := Find(m, g)
		if err != nil {
			fmt.Fprintln(w, err)
			continue
		}
		for _, l := range f.Layers {
			fmt.Fprintf(w, "%+v\n", *l)
		}
		for _, l := range f.Rest {
			fmt.Fprintf(w, "rest %s %s\n", l.Loop.Name, l.Reason)
		}
		fmt.Fprintf(w, "%+v %v\n", f.Seq2Seq, f.Not)
		fmt.Fprintln(os.Stderr, name, len(g.Nodes), f.Not)
		vs, err := m.Variables()
		for _, v := range vs {
			fmt.Fprintf(w, "%+v\n", *v)
		}
		fmt.Fprintln(w, err)
	}
}
