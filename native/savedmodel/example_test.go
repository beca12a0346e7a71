package savedmodel_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// A SavedModel is read without TensorFlow: its signatures, the values of its
// variables, and the graph of a signature.
func Example() {
	tmp, err := os.MkdirTemp("", "lockstep")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "my_model") // that model.export wrote
	if err := fixture.Unpack(fixture.Path("seed_units1_keras3", "saved_model.zip"), dir); err != nil {
		log.Fatal(err)
	}

	saved, err := savedmodel.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	meta, err := saved.MetaGraph("serve")
	if err != nil {
		log.Fatal(err)
	}
	sig, err := meta.Signature("") // serving_default
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signature", sig.Name, "returns", sig.Outputs[0])
	graph, err := meta.Flatten(sig.Name)
	if err != nil {
		log.Fatal(err)
	}
	loops := 0
	for _, n := range graph.Nodes {
		if n.Op == "While" || n.Op == "StatelessWhile" {
			loops++
		}
	}
	fmt.Println(loops, "loops")
	variables, err := meta.Variables()
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for _, v := range variables {
		value, err := meta.Value(v)
		if err != nil {
			log.Fatal(err)
		}
		n += value.Len()
	}
	fmt.Println(n, "values in", len(variables), "variables")
	// Output:
	// signature serving_default returns output_0 float32 (?, ?, 1)
	// 2 loops
	// 56 values in 18 variables
}
