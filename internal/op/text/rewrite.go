package text

import (
	"fmt"

	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
)

// rewrite is what a match is replaced by: texts, and groups of the match between
// them.
type rewrite struct {
	texts  []string // one more than groups
	groups []int
	most   int // the largest of groups
}

// newRewrite reads RE2's form: \1 to \9 are groups, \0 is the whole match, and \\ is a
// backslash.
func newRewrite(s string) (*rewrite, error) {
	r, text := &rewrite{}, []byte{}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			text = append(text, s[i])
			continue
		}
		i++
		switch {
		case i < len(s) && s[i] >= '0' && s[i] <= '9':
			r.texts, r.groups = append(r.texts, string(text)), append(r.groups, int(s[i]-'0'))
			r.most = max(r.most, int(s[i]-'0'))
			text = text[:0]
		case i < len(s) && s[i] == '\\':
			text = append(text, '\\')
		default:
			return nil, fmt.Errorf("the rewrite %.100q, which RE2 does not accept: a backslash is followed by a digit or a backslash", s)
		}
	}
	r.texts = append(r.texts, string(text))
	return r, nil
}

// replace replaces the matches in each string, or the first alone.
func replace(w *op.Call, in []value.Value, e *expression, to *rewrite, all bool) ([]value.Value, error) {
	t, d, err := op.Operands[string](in, 1)
	if err != nil {
		return nil, err
	}
	out, err := newList(len(d[0]))
	if err != nil {
		return nil, err
	}
	if to.most > e.plain.NumSubexp() { // RE2 leaves the strings as they are
		return w.One(t[0], nil)
	}
	most := -1
	if !all {
		most = 1
	}
	for _, s := range d[0] {
		matches, err := e.find(s, most)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 {
			out.add(s)
			continue
		}
		size := to.size(s, matches)
		if err := out.allow(size); err != nil {
			return nil, err
		}
		out.add(to.apply(s, matches, size))
	}
	return w.One(out.tensor(t[0].Shape()...))
}

// group is the text of a group of a match, empty if it is not part of the match.
func group(s string, match []int, g int) string {
	if match[2*g] < 0 {
		return ""
	}
	return s[match[2*g]:match[2*g+1]]
}

// size is the number of bytes of a string after it is rewritten.
func (r *rewrite) size(s string, matches [][]int) int {
	n := len(s)
	for _, m := range matches {
		n -= m[1] - m[0]
		for _, text := range r.texts {
			n += len(text)
		}
		for _, g := range r.groups {
			n += len(group(s, m, g))
		}
	}
	return n
}

func (r *rewrite) apply(s string, matches [][]int, size int) string {
	out, done := make([]byte, 0, size), 0
	for _, m := range matches {
		out = append(out, s[done:m[0]]...)
		for i, text := range r.texts {
			out = append(out, text...)
			if i < len(r.groups) {
				out = append(out, group(s, m, r.groups[i])...)
			}
		}
		done = m[1]
	}
	return string(append(out, s[done:]...))
}
