package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func bits(x float64) uint32 { return math.Float32bits(float32(x)) }

// constant is eight of the same for AVX2. AVX-512 broadcasts the first: the linker
// aligns by 32 at most, and sixteen would lie in two lines of the cache.
func constant(b uint32) Mem {
	if m, ok := constants[b]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("c%08x", b), RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(b))
	}
	constants[b] = m
	return m
}

var constants = map[uint32]Mem{}

func number(x float64) Mem { return constant(bits(x)) }

// load brings a constant into a register.
func load(c Mem, v VecVirtual) {
	if v.Size() == 64 {
		VBROADCASTSS(c, v)
		return
	}
	VMOVUPS(c, v)
}

// loaded is a register with a constant in it.
func loaded(c Mem) VecVirtual {
	v := vector()
	load(c, v)
	return v
}

// The instructions of which a constant is the first operand.
var (
	or          = withConstant(VORPS, VORPS_BCST)
	xor         = withConstant(VXORPS, VXORPS_BCST)
	and         = withConstant(VANDPS, VANDPS_BCST)
	add         = withConstant(VADDPS, VADDPS_BCST)
	subtract    = withConstant(VSUBPS, VSUBPS_BCST)
	fma         = withConstant(VFMADD213PS, VFMADD213PS_BCST)
	addNegative = withConstant(VFNMADD231PS, VFNMADD231PS_BCST)
)

func withConstant(narrow, wide func(ops ...Op)) func(c Mem, x, y VecVirtual) {
	return func(c Mem, x, y VecVirtual) {
		if y.Size() == 64 {
			wide(c, x, y)
			return
		}
		narrow(c, x, y)
	}
}

// vector makes a register of the width that is being generated.
var vector = YMM

// wide generates body in registers of 16 elements, those of AVX-512.
func wide(body func()) {
	vector = ZMM
	body()
	vector = YMM
}
