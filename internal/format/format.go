// Package format writes figures and names as all of lockstep's reports have them:
// errors rounded up, bounds rounded down, names fit for a terminal, lines that keep
// within a width.
package format

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RoundUp writes a non-negative number with that many digits, rounded up: a
// tolerance that passes still passes as printed, and no error looks smaller
// than it is.
func RoundUp(x float64, digits int) string { return rounded(x, digits, true) }

// RoundDown is RoundUp towards zero, for bounds.
func RoundDown(x float64, digits int) string { return rounded(x, digits, false) }

func rounded(x float64, digits int, upward bool) string {
	if !isFinite(x) {
		return NonFinite(x)
	}
	s := strconv.FormatFloat(x, 'g', digits, 64)
	if within(s, x, upward) {
		return s
	}
	// s is the decimal of that length nearest to x, on the wrong side of it;
	// the next one on the other side is the right one.
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', digits-1, 64), "e")
	n, _ := strconv.ParseInt(strings.Replace(mantissa, ".", "", 1), 10, 64)
	e, _ := strconv.Atoi(exponent)
	switch power := strings.Trim(mantissa, ".0") == "1"; {
	case upward:
		n++
	case power: // 0.999, finer by one digit, comes before 1.00
		n, e = 10*n-1, e-1
	default:
		n--
	}
	s = strconv.FormatInt(n, 10) + "e" + strconv.Itoa(e-digits+1)
	if y, err := strconv.ParseFloat(s, 64); err == nil {
		if s = strconv.FormatFloat(y, 'g', digits, 64); within(s, x, upward) {
			return s
		}
	}
	return Exact(x) // beyond float64, or a subnormal of few digits
}

func within(s string, x float64, upward bool) bool {
	y, err := strconv.ParseFloat(s, 64)
	if upward {
		return err == nil && y >= x
	}
	return err == nil && y <= x
}

// Count writes a distance in full as long as it fits a column.
func Count(n uint64) string {
	if n < 1e9 {
		return strconv.FormatUint(n, 10)
	}
	return RoundUp(float64(n), 3)
}

// Plural writes "1 value", "2 values".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Printable makes a name fit for a terminal: one that holds control characters or
// invalid UTF-8 is written with escapes.
func Printable(s string) string {
	printable := utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	if printable {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// Elide removes runes from the middle of s until it is at most n long.
func Elide(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := (n - 1) / 3 // the end of a tensor's name tells more than its beginning
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}

// Wrap breaks s at spaces into lines of at most width runes. The first line
// starts with first, the others with as many spaces as hang. A word longer than
// a line is not split, so that a path can still be copied, and spaces within a
// line are kept: they may be part of a value.
func Wrap(first, s string, hang, width int) []string {
	var lines []string
	line, empty := first, true
	for _, word := range strings.Split(s, " ") {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, empty = strings.Repeat(" ", hang), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return append(lines, line)
}

// Exact writes a float64 with the fewest digits that read back to it.
func Exact(x float64) string {
	if !isFinite(x) {
		return NonFinite(x)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// NonFinite writes NaN and infinities as all reports do; JSON and Python's
// float both read these names.
func NonFinite(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case x > 0:
		return "Infinity"
	}
	return "-Infinity"
}

func isFinite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// Number is a float64 that JSON writes as Exact does, and as a string where it is
// not finite.
type Number float64

// MarshalJSON writes the number.
func (x Number) MarshalJSON() ([]byte, error) {
	s := Exact(float64(x))
	if !isFinite(float64(x)) {
		s = strconv.Quote(s)
	}
	return []byte(s), nil
}
