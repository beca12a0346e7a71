package main

import "fmt"

// What Go's assembler does not know, by its encoding (Arm Architecture
// Reference Manual, C7.2). The comment beside each word is the instruction in
// Arm's own syntax; a test has it decoded by somebody else and compares.

func (a *assembler) word(bits uint32, format string, args ...any) {
	a.ins("WORD $0x%08x // %s", bits, fmt.Sprintf(format, args...))
}

// three encodes an instruction of two operands and a result; x comes first in
// Arm's order, in which FSUB is x - y and FDIV x / y.
func (a *assembler) three(opcode uint32, name, lanes string, x, y, to vector) {
	a.word(opcode|uint32(y)<<16|uint32(x)<<5|uint32(to), "%s v%d.%s, v%d.%s, v%d.%s", name, to, lanes, x, lanes, y, lanes)
}

func (a *assembler) add(x, y, to vector)       { a.three(0x4e20d400, "fadd", "4s", x, y, to) }
func (a *assembler) subtract(x, y, to vector)  { a.three(0x4ea0d400, "fsub", "4s", x, y, to) }
func (a *assembler) multiply(x, y, to vector)  { a.three(0x6e20dc00, "fmul", "4s", x, y, to) }
func (a *assembler) divide(x, y, to vector)    { a.three(0x6e20fc00, "fdiv", "4s", x, y, to) }
func (a *assembler) maximum(x, y, to vector)   { a.three(0x4e20f400, "fmax", "4s", x, y, to) } // NaN where one is
func (a *assembler) minimum(x, y, to vector)   { a.three(0x4ea0f400, "fmin", "4s", x, y, to) }
func (a *assembler) maximumOf(x, y, to vector) { a.three(0x4ea06400, "smax", "4s", x, y, to) } // of integers

// exceeds sets every bit of a lane in which x is larger than y.
func (a *assembler) exceeds(x, y, to vector) { a.three(0x6ea0e400, "fcmgt", "4s", x, y, to) }

// belowZero sets every bit of a lane that is less than 0.
func (a *assembler) belowZero(x, to vector) {
	a.word(0x4ea0e800|uint32(x)<<5|uint32(to), "fcmlt v%d.4s, v%d.4s, #0", to, x)
}

// signs sets every bit of a lane to its sign.
func (a *assembler) signs(x, to vector) {
	a.word(0x4f210400|uint32(x)<<5|uint32(to), "sshr v%d.4s, v%d.4s, #31", to, x)
}

// halved shifts integers one place to the right.
func (a *assembler) halved(x, to vector) {
	a.word(0x4f3f0400|uint32(x)<<5|uint32(to), "sshr v%d.4s, v%d.4s, #1", to, x)
}
