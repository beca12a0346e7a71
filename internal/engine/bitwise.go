package engine

var bitwiseOps = Table{
	"BitwiseAnd": {Build: byType(integers(map2(and[int32]), map2(and[int64])))},
	"BitwiseOr":  {Build: byType(integers(map2(or[int32]), map2(or[int64])))},
	"BitwiseXor": {Build: byType(integers(map2(xor[int32]), map2(xor[int64])))},
	"Invert":     {Build: byType(integers(map1(not[int32]), map1(not[int64])))},
	"LeftShift":  {Build: byType(integers(map2(shiftLeft[int32](31)), map2(shiftLeft[int64](63))))},
	"RightShift": {Build: byType(integers(map2(shiftRight[int32](31)), map2(shiftRight[int64](63))))},
}

func and[E int32 | int64](x, y E) E { return x & y }
func or[E int32 | int64](x, y E) E  { return x | y }
func xor[E int32 | int64](x, y E) E { return x ^ y }
func not[E int32 | int64](x E) E    { return ^x }

// A shift by less than nothing is one by nothing, and by more than most by that.
func shiftLeft[E int32 | int64](most E) func(x, y E) E {
	return func(x, y E) E { return x << min(max(y, 0), most) }
}

func shiftRight[E int32 | int64](most E) func(x, y E) E {
	return func(x, y E) E { return x >> min(max(y, 0), most) }
}
