package text

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

// Regular expressions. TensorFlow's are those of RE2, with its default options;
// Go's have the same syntax and find the same matches, the leftmost one and of
// those at one place the one that Perl would find. They differ where a text is no
// UTF-8: Go reads a byte that belongs to no character as U+FFFD, which an expression
// may match, and RE2 matches no such byte; and RE2 finds \B within characters too.
// What only RE2 has, as \C, is refused.

var regexOps = op.Table{
	"StaticRegexReplace":   elementwise(buildStaticReplace),
	"RegexReplace":         elementwise(buildReplace),
	"StaticRegexFullMatch": elementwise(buildStaticMatch),
	"RegexFullMatch":       elementwise(buildMatch),
}

// maxInstructions bounds a compiled expression. RE2 refuses one of more, too, by
// its default budget of 8 MiB.
const maxInstructions = 100_000

// maxPattern bounds the bytes of an expression, which its parser may take 200 of
// memory for each.
const maxPattern = 1 << 20

// expression is a compiled regular expression.
type expression struct {
	plain *regexp.Regexp
	// careful is for texts in which stranger stands for each byte that belongs to no
	// character, which it does not match; it is compiled when it is first needed.
	careful func() (*regexp.Regexp, error)
	// inside says that it has a \B.
	inside bool
}

// stranger is a character that no text is expected to have: one with a meaning in
// no text, by Unicode's own rule (a noncharacter).
const stranger = '\U0010fffe'

// compile compiles an expression; whole says that it must match a text from its
// first byte to its last.
func compile(pattern string, whole bool) (*expression, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a regular expression of %d bytes, want at most %d", len(pattern), maxPattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the regular expression %.100q, which is not supported: %w", pattern, err)
	}
	if n := instructions(tree); n > maxInstructions {
		return nil, fmt.Errorf("the regular expression %.100q: more than %d instructions", pattern, maxInstructions)
	}
	if whole {
		tree = &syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{{Op: syntax.OpBeginText}, tree, {Op: syntax.OpEndText}}}
	}
	plain, err := regexp.Compile(tree.String())
	if err != nil {
		return nil, fmt.Errorf("the regular expression %.100q: %w", pattern, err)
	}
	return &expression{
		plain:   plain,
		careful: sync.OnceValues(func() (*regexp.Regexp, error) { return regexp.Compile(careful(tree).String()) }),
		inside:  hasInside(tree),
	}, nil
}

// instructions is about how many a compiled expression has.
func instructions(r *syntax.Regexp) int {
	n := 1 + len(r.Rune)
	for _, s := range r.Sub {
		if n += instructions(s); n > maxInstructions {
			return n
		}
	}
	if r.Op == syntax.OpRepeat {
		n *= max(r.Min, r.Max, 1)
	}
	return n
}

// hasInside tells whether an expression has a \B.
func hasInside(r *syntax.Regexp) bool {
	return r.Op == syntax.OpNoWordBoundary || slices.ContainsFunc(r.Sub, hasInside)
}

// allows fails for a text in which RE2 may find other matches.
func (e *expression) allows(s string) error {
	if e.inside && strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return errInside
	}
	return nil
}

var errInside = errors.New("\\B in a text that is not ASCII, where RE2 finds it within characters: that is not supported")

// find lists the matches of a text and of its groups, as the regexp package does.
func (e *expression) find(s string, most int) ([][]int, error) {
	if err := e.allows(s); err != nil {
		return nil, err
	}
	if utf8.ValidString(s) {
		return e.plain.FindAllStringSubmatchIndex(s, most), nil
	}
	replaced, from, err := withStrangers(s)
	if err != nil {
		return nil, err
	}
	careful, err := e.careful()
	if err != nil {
		return nil, err
	}
	all := careful.FindAllStringSubmatchIndex(replaced, most)
	for _, match := range all {
		for i, at := range match {
			if at >= 0 {
				match[i] = from[at]
			}
		}
	}
	return all, nil
}

// matches tells whether a text has a match.
func (e *expression) matches(s string) (bool, error) {
	if utf8.ValidString(s) {
		return e.plain.MatchString(s), e.allows(s)
	}
	all, err := e.find(s, 1)
	return len(all) > 0, err
}

var errStrange = errors.New("a text that is no UTF-8, of a kind that RE2 and Go read differently: it is not supported in a regular expression")

// withStrangers returns a text with the stranger in the place of each byte that
// belongs to no character, and for each of its bytes the place in s.
func withStrangers(s string) (text string, from []int, err error) {
	if err := fits(5 * value.WordBytes * len(s)); err != nil {
		return "", nil, err
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == stranger || n == 1 && r == utf8.RuneError && readByRE2(s[i:]):
			return "", nil, errStrange
		case n == 1 && r == utf8.RuneError:
			r = stranger
		}
		before := out.Len()
		out.WriteRune(r)
		for k := range out.Len() - before {
			from = append(from, i+min(k, n-1))
		}
		i += n
	}
	return out.String(), append(from, len(s)), nil
}

// readByRE2 tells whether RE2 may take what is no UTF-8 for a character: one that is
// longer than it must be, half of a pair of UTF-16, or above the last.
func readByRE2(s string) bool {
	long := 0
	switch {
	case s[0] == 0xE0, s[0] == 0xED:
		long = 3
	case s[0] == 0xF0, s[0] == 0xF4:
		long = 4
	default:
		return false
	}
	if len(s) < long {
		return false
	}
	for _, b := range []byte(s[1:long]) {
		if !follows(b) {
			return false
		}
	}
	return true
}

// careful returns an expression whose sets of characters lack the stranger.
func careful(r *syntax.Regexp) *syntax.Regexp {
	out := *r
	out.Sub = make([]*syntax.Regexp, len(r.Sub))
	for i, s := range r.Sub {
		out.Sub[i] = careful(s)
	}
	switch r.Op {
	case syntax.OpAnyChar:
		out.Op, out.Rune = syntax.OpCharClass, without([]rune{0, utf8.MaxRune})
	case syntax.OpAnyCharNotNL:
		out.Op, out.Rune = syntax.OpCharClass, without([]rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune})
	case syntax.OpCharClass:
		out.Rune = without(r.Rune)
	}
	return &out
}

// without removes the stranger from ranges of characters.
func without(ranges []rune) (out []rune) {
	for i := 0; i+1 < len(ranges); i += 2 {
		low, high := ranges[i], ranges[i+1]
		if stranger < low || stranger > high {
			out = append(out, low, high)
			continue
		}
		if low < stranger {
			out = append(out, low, stranger-1)
		}
		if high > stranger {
			out = append(out, stranger+1, high)
		}
	}
	return out
}

func buildStaticReplace(n *savedmodel.Node) (op.Exec, error) {
	e, err := compile(n.AttrString("pattern"), false)
	if err != nil {
		return nil, err
	}
	to, err := newRewrite(n.AttrString("rewrite"))
	if err != nil {
		return nil, err
	}
	all := op.BoolOr(n, "replace_global", true)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) { return replace(w, in, e, to, all) }, nil
}

// buildReplace replaces by a pattern that is an input.
func buildReplace(n *savedmodel.Node) (op.Exec, error) {
	all := op.BoolOr(n, "replace_global", true)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 3 {
			return nil, op.InputsError(len(in))
		}
		e, err := inputExpression(w, in, false)
		if err != nil {
			return nil, err
		}
		text, err := scalarText(in, 2, "the rewrite")
		if err != nil {
			return nil, err
		}
		to, err := newRewrite(text)
		if err != nil {
			return nil, err
		}
		return replace(w, in[:1], e, to, all)
	}, nil
}

// compiled is the expression of the last call.
type compiled struct {
	pattern string
	*expression
}

// inputExpression compiles the expression that the second input is.
func inputExpression(w *op.Call, in []value.Value, whole bool) (*expression, error) {
	pattern, err := scalarText(in, 1, "the pattern")
	if err != nil {
		return nil, err
	}
	m := op.Room[compiled](w)
	if m.expression == nil || m.pattern != pattern {
		e, err := compile(pattern, whole)
		if err != nil {
			return nil, err
		}
		m.pattern, m.expression = pattern, e
	}
	return m.expression, nil
}

func buildStaticMatch(n *savedmodel.Node) (op.Exec, error) {
	e, err := compile(n.AttrString("pattern"), true)
	if err != nil {
		return nil, err
	}
	return func(w *op.Call, in []value.Value) ([]value.Value, error) { return match(w, in, e) }, nil
}

func buildMatch(*savedmodel.Node) (op.Exec, error) {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		if len(in) != 2 {
			return nil, op.InputsError(len(in))
		}
		e, err := inputExpression(w, in, true)
		if err != nil {
			return nil, err
		}
		return match(w, in[:1], e)
	}, nil
}

// match tells of each string whether all of it is a match.
func match(w *op.Call, in []value.Value, e *expression) ([]value.Value, error) {
	t, d, err := op.Operands[string](in, 1)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(d[0]))
	for i, s := range d[0] {
		if out[i], err = e.matches(s); err != nil {
			return nil, err
		}
	}
	return w.One(lockstep.New(out, t[0].Shape()...))
}
