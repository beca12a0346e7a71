package op

import (
	"errors"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Operations that pass values on and compute nothing: control flow and
// variables, which the engine runs itself, and identities.
var passingOps = Table{
	"Placeholder": {Control: Input},
	"_Arg":        {Control: Input},
	"NoOp":        {Control: Nothing},

	"While":          {Control: Loop, AnyType: true},
	"StatelessWhile": {Control: Loop, AnyType: true},
	"If":             {Control: Choice, AnyType: true},
	"StatelessIf":    {Control: Choice, AnyType: true},
	"Case":           {Control: Numbered, AnyType: true},
	"StatelessCase":  {Control: Numbered, AnyType: true},

	"VarHandleOp":      {Control: Variable, AnyType: true},
	"ReadVariableOp":   {Control: Read, Build: Plain(readVariable), Moves: InputsAt(0), Shape: NoInput},
	"AssignVariableOp": {Control: Assign, AnyType: true},
	"Assert":           {Control: Assertion},

	"Const":           {Control: ConstantValue, Build: buildConst, AnyType: true},
	"Identity":        {Build: Plain(identity), Moves: AllInputs, View: true, Shape: NoInput, Time: TimeOfFirst},
	"IdentityN":       {Build: Plain(identity), Moves: AllInputs, Shape: NoInput},
	"StopGradient":    {Build: Plain(identity), Moves: AllInputs, View: true, Shape: NoInput, Time: TimeOfFirst},
	"PreventGradient": {Build: Plain(identity), Moves: AllInputs, View: true, Shape: NoInput, Time: TimeOfFirst},
	// Where a call does not feed it, it is its default.
	"PlaceholderWithDefault": {Build: Plain(identity), Moves: AllInputs, View: true, Shape: NoInput, Time: TimeOfFirst},
	"Snapshot":               {Build: Plain(identity), Moves: AllInputs, View: true, Shape: NoInput, Time: TimeOfFirst},
	// What a model prints to a terminal is no result: TensorFlow alone prints it.
	"Print":         {Build: Plain(firstInput), Moves: InputsAt(0), View: true, Shape: NoInput, Time: timeOfFirstAlone},
	"PrintV2":       {Control: Nothing},
	"CheckNumerics": {Build: buildCheckNumerics, Bound: boundOfFirst, Shape: NoInput, Back: sameOf(0)},
}

func identity(w *Call, in []value.Value) ([]value.Value, error) {
	return append([]value.Value(nil), in...), nil
}

func firstInput(w *Call, in []value.Value) ([]value.Value, error) {
	if len(in) == 0 {
		return nil, InputsError(0)
	}
	return []value.Value{in[0]}, nil
}

func buildConst(n *savedmodel.Node) (Exec, error) {
	t, err := n.Const()
	if err != nil {
		return nil, err
	}
	return func(*Call, []value.Value) ([]value.Value, error) { return []value.Value{{Tensor: t}}, nil }, nil
}

func readVariable(_ *Call, in []value.Value) ([]value.Value, error) {
	if len(in) != 1 || in[0].Variable == nil {
		return nil, errors.New("it reads something that is not a variable")
	}
	return []value.Value{{Tensor: in[0].Variable}}, nil
}

// buildCheckNumerics passes finite floats on, and fails on others with the
// model's message.
func buildCheckNumerics(n *savedmodel.Node) (Exec, error) {
	message := n.AttrString("message")
	return func(w *Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if !t[0].DType().IsFloat() {
			return nil, fmt.Errorf("%s, want floats", t[0])
		}
		d, err := t[0].Float64s()
		if err != nil {
			return nil, err
		}
		for i, v := range d {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("element %d of %s is %v, and the model requires finite numbers there: %s", i, t[0], v, message)
			}
		}
		return w.One(t[0], nil)
	}, nil
}

// boundOfFirst is the bound of a result that is the first input.
func boundOfFirst(x *BoundInput) error {
	x.Out[0].Bound = x.In[0].Bound
	return nil
}
