// Command asm writes the assembly of package kernel. It is a separate module,
// so that lockstep does not depend on avo.
//
//go:generate go run . -out ../kernel_amd64.s -stubs ../stubs_amd64.go -pkg kernel
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("amd64")
	productPanel()
	productRow()
	lstmRow()
	lstmPanel()
	lstmOne()
	wide(lstmWide)
	wide(lstmRowWide)
	wide(productPanelWide)
	wide(productRowWide)
	wide(gruGatesWide)
	wide(func() { elementwiseWide("sigmoidsWide", "sigmoids", sigmoid) })
	wide(func() { elementwiseWide("tanhsWide", "tanhs", tanh) })
	gruGates()
	elementwise("sigmoids", "sets y to the sigmoid of each of the n elements of x, which may be y itself.", sigmoid)
	elementwise("tanhs", "sets y to the tanh of each of the n elements of x, which may be y itself.", tanh)
	for _, f := range functions {
		elementwise(f.name, "sets y to "+f.doc+", of n elements; y may be x.", f.of)
	}
	pairs("addPairs", "+", VADDPS)
	pairs("subtractPairs", "-", VSUBPS)
	pairs("multiplyPairs", "·", VMULPS)
	pairs("dividePairs", "/", VDIVPS)
	pairs("largerPairs", "if larger, else", VMAXPS)
	dots()
	addRows()
	fuseRows()
	tapRows()
	addTaps()
	Generate()
}
