package main

import (
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

const like = "../../stubs_amd64.go"

var word = regexp.MustCompile(`WORD \$0x([0-9a-f]{8}) // (.*)`)

// Every word is, to a decoder made of Arm's own tables, the instruction that
// stands beside it.
func TestWords(t *testing.T) {
	assembly, _, err := generate(like)
	if err != nil {
		t.Fatal(err)
	}
	words := word.FindAllStringSubmatch(string(assembly), -1)
	if len(words) < 100 || strings.Count(string(assembly), "WORD") != len(words) {
		t.Fatalf("%d words were found", len(words))
	}
	for _, w := range words {
		checkWord(t, w[1], w[2])
	}
}

// Every instruction of encode.go with every register in every place.
func TestEncodings(t *testing.T) {
	for v := range vector(32) {
		a := newAssembler(nil)
		w := 31 - v
		u := (v + 7) % 32
		for _, three := range []func(x, y, to vector){a.add, a.subtract, a.multiply, a.divide, a.maximum, a.minimum, a.maximumOf} {
			three(v, w, u)
		}
		for _, two := range []func(x, to vector){a.signs, a.belowZero, a.halved} {
			two(v, w)
		}
		words := word.FindAllStringSubmatch(a.text.String(), -1)
		if len(words) != 10 {
			t.Fatalf("%d words", len(words))
		}
		for _, w := range words {
			checkWord(t, w[1], w[2])
		}
	}
}

func checkWord(t *testing.T, hex, want string) {
	t.Helper()
	bits, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, uint32(bits)))
	if err != nil {
		t.Errorf("%s, meant as %q: %v", hex, want, err)
		return
	}
	got := arm64asm.GNUSyntax(inst)
	if normal(got) != normal(want) {
		t.Errorf("%s is %q, meant as %q", hex, got, want)
	}
}

func normal(s string) string {
	return strings.NewReplacer(" ", "", "#0x1f", "#31", "#0x1", "#1").Replace(strings.ToLower(s))
}
