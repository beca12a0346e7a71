package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var caseOps = op.Table{
	"StringLower": elementwise(buildCase(lowerASCII, lower)),
	"StringUpper": elementwise(buildCase(upperASCII, upper)),
	"StringStrip": elementwise(op.Plain(mapped(0, strip))),
}

// buildCase makes a builder by the attribute encoding: "" changes the letters of
// ASCII alone, "utf-8" those of all of Unicode.
func buildCase(ascii, all func(string) string) op.Builder {
	return func(n *savedmodel.Node) (op.Exec, error) {
		switch encoding := op.StringOr(n, "encoding", ""); encoding {
		case "":
			return mapped(1, func(s string) (string, error) { return ascii(s), nil }), nil
		case "utf-8":
			// No letter becomes more than three, of as many bytes each.
			return mapped(3, func(s string) (string, error) { return all(whole(cString(s))), nil }), nil
		default:
			return nil, op.NotSupported("encoding", encoding)
		}
	}
}

// changed replaces the bytes from low to high by others at a distance.
func changed(s string, low, high, by byte) string {
	i := 0
	for i < len(s) && (s[i] < low || s[i] > high) {
		i++
	}
	if i == len(s) {
		return s
	}
	out := []byte(s)
	for ; i < len(out); i++ {
		if out[i] >= low && out[i] <= high {
			out[i] ^= by
		}
	}
	return string(out)
}

func lowerASCII(s string) string { return changed(s, 'A', 'Z', 0x20) }
func upperASCII(s string) string { return changed(s, 'a', 'z', 0x20) }

// strip removes spaces of ASCII at both ends.
func strip(s string) (string, error) {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s, nil
}

// cString is a string up to its first zero byte, where TensorFlow's kernels stop.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// whole replaces what is no UTF-8 as TensorFlow's decoder does.
func whole(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n, _ := next(s)
		out.WriteRune(r)
		s = s[n:]
	}
	return out.String()
}

// lower is ICU's full mapping to lower case, without a language: that of each
// letter, except that a Σ at the end of a word becomes ς.
func lower(s string) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == '\u03a3' && endsWord(s, i):
			out.WriteRune('\u03c2')
		case r == '\u0130':
			out.WriteString("i\u0307")
		default:
			out.WriteRune(known(r, unicode.ToLower(r)))
		}
	}
	return out.String()
}

// known returns the other case of a letter, or the letter itself if one of them is newer
// than Unicode 13, which TensorFlow's ICU has.
func known(r, other rune) rune {
	if unicode.Is(newer, r) || unicode.Is(newer, other) {
		return r
	}
	return other
}

// newer are the blocks and single letters with two cases that came with Unicode 14 to
// 17.
var newer = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x1c89, Hi: 0x1c8a, Stride: 1}, {Lo: 0x2c2f, Hi: 0x2c2f, Stride: 1}, {Lo: 0x2c5f, Hi: 0x2c5f, Stride: 1}, {Lo: 0xa7c0, Hi: 0xa7c1, Stride: 1}, {Lo: 0xa7cb, Hi: 0xa7dc, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10570, Hi: 0x105bc, Stride: 1}, {Lo: 0x10d50, Hi: 0x10d85, Stride: 1}, {Lo: 0x16ea0, Hi: 0x16ed3, Stride: 1}},
}

// endsWord tells whether the character at i comes after a letter and before none,
// characters left out that do not count (Final_Sigma in the Unicode Standard,
// section 3.13).
func endsWord(s string, i int) bool {
	before := s[:i]
	for {
		r, n := utf8.DecodeLastRuneInString(before)
		if n == 0 {
			return false
		}
		if !ignored(r) {
			if !cased(r) {
				return false
			}
			break
		}
		before = before[:len(before)-n]
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	for _, r := range s[i+size:] {
		if !ignored(r) {
			return !cased(r)
		}
	}
	return true
}

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) || unicode.In(r, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// ignored tells whether a character is Case_Ignorable: marks, and those that stand
// inside words.
func ignored(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r)
}

// upper is ICU's full mapping to upper case, without a language.
func upper(s string) string {
	var out strings.Builder
	for _, r := range s {
		if more, ok := longer[r]; ok {
			out.WriteString(more)
			continue
		}
		out.WriteRune(known(r, unicode.ToUpper(r)))
	}
	return out.String()
}

// longer are the letters whose upper case is several (SpecialCasing.txt of the
// Unicode Character Database).
var longer = map[rune]string{
	0x00df: "\u0053\u0053", 0x0149: "\u02bc\u004e", 0x01f0: "\u004a\u030c", 0x0390: "\u0399\u0308\u0301",
	0x03b0: "\u03a5\u0308\u0301", 0x0587: "\u0535\u0552", 0x1e96: "\u0048\u0331", 0x1e97: "\u0054\u0308",
	0x1e98: "\u0057\u030a", 0x1e99: "\u0059\u030a", 0x1e9a: "\u0041\u02be", 0x1f50: "\u03a5\u0313",
	0x1f52: "\u03a5\u0313\u0300", 0x1f54: "\u03a5\u0313\u0301", 0x1f56: "\u03a5\u0313\u0342", 0x1f80: "\u1f08\u0399",
	0x1f81: "\u1f09\u0399", 0x1f82: "\u1f0a\u0399", 0x1f83: "\u1f0b\u0399", 0x1f84: "\u1f0c\u0399",
	0x1f85: "\u1f0d\u0399", 0x1f86: "\u1f0e\u0399", 0x1f87: "\u1f0f\u0399", 0x1f88: "\u1f08\u0399",
	0x1f89: "\u1f09\u0399", 0x1f8a: "\u1f0a\u0399", 0x1f8b: "\u1f0b\u0399", 0x1f8c: "\u1f0c\u0399",
	0x1f8d: "\u1f0d\u0399", 0x1f8e: "\u1f0e\u0399", 0x1f8f: "\u1f0f\u0399", 0x1f90: "\u1f28\u0399",
	0x1f91: "\u1f29\u0399", 0x1f92: "\u1f2a\u0399", 0x1f93: "\u1f2b\u0399", 0x1f94: "\u1f2c\u0399",
	0x1f95: "\u1f2d\u0399", 0x1f96: "\u1f2e\u0399", 0x1f97: "\u1f2f\u0399", 0x1f98: "\u1f28\u0399",
	0x1f99: "\u1f29\u0399", 0x1f9a: "\u1f2a\u0399", 0x1f9b: "\u1f2b\u0399", 0x1f9c: "\u1f2c\u0399",
	0x1f9d: "\u1f2d\u0399", 0x1f9e: "\u1f2e\u0399", 0x1f9f: "\u1f2f\u0399", 0x1fa0: "\u1f68\u0399",
	0x1fa1: "\u1f69\u0399", 0x1fa2: "\u1f6a\u0399", 0x1fa3: "\u1f6b\u0399", 0x1fa4: "\u1f6c\u0399",
	0x1fa5: "\u1f6d\u0399", 0x1fa6: "\u1f6e\u0399", 0x1fa7: "\u1f6f\u0399", 0x1fa8: "\u1f68\u0399",
	0x1fa9: "\u1f69\u0399", 0x1faa: "\u1f6a\u0399", 0x1fab: "\u1f6b\u0399", 0x1fac: "\u1f6c\u0399",
	0x1fad: "\u1f6d\u0399", 0x1fae: "\u1f6e\u0399", 0x1faf: "\u1f6f\u0399", 0x1fb2: "\u1fba\u0399",
	0x1fb3: "\u0391\u0399", 0x1fb4: "\u0386\u0399", 0x1fb6: "\u0391\u0342", 0x1fb7: "\u0391\u0342\u0399",
	0x1fbc: "\u0391\u0399", 0x1fc2: "\u1fca\u0399", 0x1fc3: "\u0397\u0399", 0x1fc4: "\u0389\u0399",
	0x1fc6: "\u0397\u0342", 0x1fc7: "\u0397\u0342\u0399", 0x1fcc: "\u0397\u0399", 0x1fd2: "\u0399\u0308\u0300",
	0x1fd3: "\u0399\u0308\u0301", 0x1fd6: "\u0399\u0342", 0x1fd7: "\u0399\u0308\u0342", 0x1fe2: "\u03a5\u0308\u0300",
	0x1fe3: "\u03a5\u0308\u0301", 0x1fe4: "\u03a1\u0313", 0x1fe6: "\u03a5\u0342", 0x1fe7: "\u03a5\u0308\u0342",
	0x1ff2: "\u1ffa\u0399", 0x1ff3: "\u03a9\u0399", 0x1ff4: "\u038f\u0399", 0x1ff6: "\u03a9\u0342",
	0x1ff7: "\u03a9\u0342\u0399", 0x1ffc: "\u03a9\u0399", 0xfb00: "\u0046\u0046", 0xfb01: "\u0046\u0049",
	0xfb02: "\u0046\u004c", 0xfb03: "\u0046\u0046\u0049", 0xfb04: "\u0046\u0046\u004c", 0xfb05: "\u0053\u0054",
	0xfb06: "\u0053\u0054", 0xfb13: "\u0544\u0546", 0xfb14: "\u0544\u0535", 0xfb15: "\u0544\u053b",
	0xfb16: "\u054e\u0546", 0xfb17: "\u0544\u053d",
}
