// Command neon writes the assembly of package kernel for arm64: the functions
// that AVX2 has, of the same bits. Go's assembler lacks most of NEON's floating
// point, and avo is for amd64; so this writes text, and encodes what the assembler
// does not know.
//
//go:generate go run . -like ../../stubs_amd64.go -out ../../kernel_arm64.s -stubs ../../stubs_arm64.go
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("neon: ")
	like := flag.String("like", "", "the declarations for amd64, which are those for arm64 too")
	out := flag.String("out", "", "where the assembly goes")
	stubs := flag.String("stubs", "", "where the declarations go")
	flag.Parse()
	assembly, declarations, err := generate(*like)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, assembly, 0o644); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*stubs, declarations, 0o644); err != nil {
		log.Fatal(err)
	}
}

// generate returns the assembly and its declarations.
func generate(like string) (assembly, declarations []byte, err error) {
	all, err := readDeclarations(like)
	if err != nil {
		return nil, nil, err
	}
	a := newAssembler(all)
	productPanel(a)
	productRow(a)
	lstmRow(a)
	lstmPanel(a)
	lstmOne(a)
	gruGates(a)
	elementwise(a, "sigmoids", (*assembler).sigmoid)
	elementwise(a, "tanhs", (*assembler).tanh)
	for _, f := range functions {
		elementwise(a, f.name, f.of)
	}
	pairs(a, "addPairs", a.add)
	pairs(a, "subtractPairs", a.subtract)
	pairs(a, "multiplyPairs", a.multiply)
	pairs(a, "dividePairs", a.divide)
	pairs(a, "largerPairs", a.larger)
	dots(a)
	tapRows(a)
	return a.assembly(), a.stubs(), a.err
}
