package reduce_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/reduce"
)

// What fails is asked again and again with smaller inputs; here any input with a
// number above 100 does.
func Example() {
	sig := lockstep.Signature{Inputs: []lockstep.TensorSpec{{Name: "x", DType: lockstep.Float32, Shape: []int{-1, -1, 1}}}}
	x, err := lockstep.New([]float32{1, 2, 3, 4, 5, 123.456, 7, 8}, 2, 4, 1) // batch, steps, features
	if err != nil {
		log.Fatal(err)
	}
	fails := func(_ context.Context, in map[string]*lockstep.Tensor) bool {
		values, err := lockstep.Data[float32](in["x"])
		for _, v := range values {
			if v > 100 {
				return true
			}
		}
		return err != nil
	}
	least, err := reduce.Run(context.Background(), sig, map[string]*lockstep.Tensor{"x": x}, fails, reduce.Options{})
	if err != nil {
		log.Fatal(err)
	}
	values, err := lockstep.Data[float32](least.Inputs["x"])
	fmt.Println(least.Inputs["x"], values, err)
	// Output:
	// float32 (1, 1, 1) [120] <nil>
}
