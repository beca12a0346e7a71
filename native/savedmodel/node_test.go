package savedmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

func typeOf(d tfpb.DataType) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_Type{Type: d}}
}

func listOf(l *tfpb.AttrValue_ListValue) *tfpb.AttrValue {
	return &tfpb.AttrValue{Value: &tfpb.AttrValue_List{List: l}}
}

// typed is a node with types in attributes of every form.
func typed() *Node {
	return &Node{Name: "n", Op: "While", def: &tfpb.NodeDef{Attr: map[string]*tfpb.AttrValue{
		"Tidx":     typeOf(tfpb.DataType_DT_INT32),
		"T":        listOf(&tfpb.AttrValue_ListValue{Type: []tfpb.DataType{tfpb.DataType_DT_FLOAT, tfpb.DataType_DT_VARIANT, tfpb.DataType_DT_BOOL}}),
		"dtype":    typeOf(tfpb.DataType_DT_RESOURCE),
		"branches": listOf(&tfpb.AttrValue_ListValue{Func: []*tfpb.NameAttrList{{Name: "yes"}, {Name: "no"}}}),
		"N":        {Value: &tfpb.AttrValue_I{I: 1}},
	}}}
}

// The types of a node come in the order of their attributes' names, and no more of
// them than are asked for.
func TestTypesOfANode(t *testing.T) {
	all := []string{"T float32", "T invalid", "T bool", "Tidx int32", "dtype invalid"}
	for most := 1; most <= len(all); most++ {
		var got []string
		for name, d := range typed().Types() {
			if got = append(got, fmt.Sprint(name, " ", d)); len(got) == most {
				break
			}
		}
		if !slices.Equal(got, all[:most]) {
			t.Errorf("the first %d types are %q, want %q", most, got, all[:most])
		}
	}
	n := typed()
	for d, uses := range map[lockstep.DType]bool{lockstep.Float32: true, lockstep.Bool: true, lockstep.Int32: true, lockstep.Float64: false} {
		if n.Uses(d) != uses {
			t.Errorf("it uses %s: %v", d, !uses)
		}
	}
	for i, want := range []string{"float32", `(While): input 1: `, "bool", "says no type of its input 3", "says no type of its input -1"} {
		if i == 4 {
			i = -1
		}
		d, err := n.ElementType(i)
		if err == nil && d.String() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("input %d: %s, %v, want %s", i, d, err, want)
		}
	}
	for name, want := range map[string]string{"Tidx": "int32", "dtype": `attribute "dtype"`, "none": `has no attribute "none"`} {
		d, err := n.AttrType(name)
		if err == nil && d.String() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("attribute %s: %s, %v, want %s", name, d, err, want)
		}
	}
	if names := n.AttrFuncs("branches"); !slices.Equal(names, []string{"yes", "no"}) || n.AttrFuncs("T") != nil || n.AttrFuncs("none") != nil {
		t.Errorf("functions %q", names)
	}
}

// A retyped node has the other type where it had the one, and where its default
// is; the node itself stays as it is.
func TestRetyped(t *testing.T) {
	n := typed()
	n.def.Attr["S"] = typeOf(tfpb.DataType_DT_FLOAT)
	to := n.Retyped(lockstep.Float32, lockstep.Float64, "absent", "Tidx")
	for name, want := range map[string]lockstep.DType{"S": lockstep.Float64, "absent": lockstep.Float64, "Tidx": lockstep.Int32} {
		if d, err := to.AttrType(name); err != nil || d != want {
			t.Errorf("%s is %s, %v, want %s", name, d, err, want)
		}
	}
	if d, err := n.AttrType("S"); err != nil || d != lockstep.Float32 || n.HasAttr("absent") {
		t.Errorf("the node itself has %s, %v", d, err)
	}
	if n.Retyped(lockstep.Float32, lockstep.Invalid, "absent").HasAttr("absent") {
		t.Error("retyped to no type")
	}
	if bare := (&Node{def: &tfpb.NodeDef{}}).Retyped(lockstep.Float32, lockstep.Float64, "T"); !bare.Uses(lockstep.Float64) {
		t.Error("a node without attributes has none")
	}
}

// Through goes through what copies its input, and stops at what does not.
func TestThroughStopsAtOthers(t *testing.T) {
	x := &Node{Name: "x", Op: "Placeholder"}
	y := &Node{Name: "y", Op: "Split", Inputs: []Ref{{x, 0}}}
	same := &Node{Name: "same", Op: "Identity", Inputs: []Ref{{y, 1}}}
	both := &Node{Name: "both", Op: "IdentityN", Inputs: []Ref{{x, 0}, {same, 0}}}
	odd := &Node{Name: "odd", Op: "Identity", Inputs: []Ref{{x, 0}, {y, 0}}}
	for _, c := range []struct{ from, to Ref }{
		{Ref{both, 1}, Ref{y, 1}}, {Ref{both, 0}, Ref{x, 0}}, {Ref{both, 2}, Ref{both, 2}}, {Ref{same, 0}, Ref{y, 1}}, {Ref{odd, 0}, Ref{odd, 0}}, {Ref{}, Ref{}},
	} {
		if got := c.from.Through(); got != c.to {
			t.Errorf("%s is a copy of %s, want %s", c.from, got, c.to)
		}
	}
}
