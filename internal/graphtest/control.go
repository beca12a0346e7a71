package graphtest

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/lockstep-go/lockstep"
)

// Case is a choice, by a number, between functions of one float32 tensor with one
// result.
func (d *Drawing) Case(by, x string, branches ...Func) string {
	list := &attr_value_go_proto.AttrValue_ListValue{}
	for _, b := range branches {
		list.Func = append(list.Func, &attr_value_go_proto.NameAttrList{Name: string(b)})
	}
	one := []lockstep.DType{lockstep.Float32}
	return d.Op("Case", Attrs{"Tin": one, "Tout": one, "branches": &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}}, by, x)
}

// If is a choice between functions of one float32 tensor with one result.
func (d *Drawing) If(cond, x string, yes, no Func) string {
	one := []lockstep.DType{lockstep.Float32}
	return d.Op("StatelessIf", Attrs{"Tcond": lockstep.Bool, "Tin": one, "Tout": one, "then_branch": yes, "else_branch": no}, cond, x)
}

// While is a loop over float32 tensors.
func (d *Drawing) While(cond, body Func, state ...string) string {
	types := make([]lockstep.DType, len(state))
	for i := range types {
		types[i] = lockstep.Float32
	}
	return d.Op("StatelessWhile", Attrs{"T": types, "cond": cond, "body": body}, state...)
}

// Times is a function that multiplies its argument by a number.
func (d *Drawing) Times(name string, factor float32) Func {
	body := Draw(d.T)
	x := body.Arg(lockstep.Float32)
	return d.Function(name, body, body.Op("Mul", nil, x, body.Floats(nil, factor)))
}

// Compares is a function that compares its argument, one number, with another.
func (d *Drawing) Compares(name, op string, with float32) Func {
	cond := Draw(d.T)
	x := cond.Arg(lockstep.Float32)
	return d.Function(name, cond, cond.Op(op, nil, x, cond.Floats(nil, with)))
}
