package lockstep_test

import (
	"fmt"
	"log"

	"github.com/lockstep-go/lockstep"
)

// A tensor is made of a slice, row-major, and a shape; it shares the slice.
func ExampleNew() {
	t, err := lockstep.New([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t)
	rows, err := lockstep.Data[float32](t)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("second row:", rows[3:])
	_, err = lockstep.New([]float32{1, 2, 3, 4, 5, 6}, 4, 2)
	fmt.Println(err)
	// Output:
	// float32 (2, 3)
	// second row: [4 5 6]
	// lockstep: shape (4, 2) wants 8 elements, got 6
}

// The elements of a tensor are asked for in its own type; Float64s takes any
// numbers.
func ExampleData() {
	t, err := lockstep.New([]int32{7, 8}, 2)
	if err != nil {
		log.Fatal(err)
	}
	_, err = lockstep.Data[float32](t)
	fmt.Println(err)
	numbers, err := t.Float64s()
	fmt.Println(numbers, err)
	// Output:
	// lockstep: tensor holds int32, wanted float32
	// [7 8] <nil>
}

// Before anything runs, inputs are compared with what the model takes.
func ExampleSignature_CheckInputs() {
	sig := lockstep.Signature{Name: "serving_default", Inputs: []lockstep.TensorSpec{
		{Name: "x", DType: lockstep.Float32, Shape: []int{-1, 10, 1}}, // -1 is an axis of any length
	}}
	x, err := lockstep.Zeros(lockstep.Float32, 3, 9, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sig.CheckInputs(map[string]*lockstep.Tensor{"x": x}))
	// Output:
	// lockstep: "x" has the shape (3, 9, 1), want (?, 10, 1): axis 1 is 9, want 10
}
