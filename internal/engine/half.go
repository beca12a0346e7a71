package engine

import (
	"github.com/lockstep-go/lockstep"
)

// half is a type of 16 bits.
type half interface {
	lockstep.Float16Bits | lockstep.BFloat16Bits
	Float32() float32
}

// to16 rounds to the nearest number of 16 bits.
func to16[H half](x float32) H {
	var h H
	switch p := any(&h).(type) {
	case *lockstep.Float16Bits:
		*p = lockstep.RoundFloat16(x)
	case *lockstep.BFloat16Bits:
		*p = lockstep.RoundBFloat16(x)
	}
	return h
}

// via16 computes a function of 16 bits in float32, and rounds once.
func via16[H half](f func(x, y float32) float32) func(x, y H) H {
	return func(x, y H) H { return to16[H](f(x.Float32(), y.Float32())) }
}
