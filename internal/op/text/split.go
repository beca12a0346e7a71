package text

import (
	"fmt"
	"strings"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/value"
	"github.com/lockstep-go/lockstep/native/savedmodel"
)

var splitOps = op.Table{
	"StringSplitV2": {Build: buildSplitV2, TakesApart: true},
	"StringSplit":   {Build: buildSplit, TakesApart: true},
	"StringNGrams":  {Build: buildNGrams},
}

// buildSplitV2 splits strings at a separator as Python's str.split does: at runs of
// spaces of ASCII if it is empty.
func buildSplitV2(n *savedmodel.Node) (op.Exec, error) {
	most := op.IntOr(n, "maxsplit", -1)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		sep, err := separator(in)
		if err != nil {
			return nil, err
		}
		return splits(in, func(s string, part func(string) error) error { return splitV2(s, sep, most, part) })
	}, nil
}

// separator reads the second input of two.
func separator(in []value.Value) (string, error) {
	if len(in) != 2 {
		return "", op.InputsError(len(in))
	}
	return scalarText(in, 1, "the separator")
}

func splitV2(s, sep string, most int, part func(string) error) error {
	if most == 0 {
		return part(s)
	}
	n := 0
	if sep == "" {
		s = leading(s)
		for s != "" {
			end := 0
			for end < len(s) && !isSpace(s[end]) {
				end++
			}
			if err := part(s[:end]); err != nil {
				return err
			}
			s = leading(s[end:])
			if n++; most > 0 && n == most {
				return part(s)
			}
		}
		return nil
	}
	for {
		token, rest, found := strings.Cut(s, sep)
		if !found {
			return part(s)
		}
		if err := part(token); err != nil {
			return err
		}
		s = rest
		if n++; most > 0 && n == most {
			return part(s)
		}
	}
}

func leading(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// buildSplit splits strings at each byte of a set, or into bytes if that is empty.
func buildSplit(n *savedmodel.Node) (op.Exec, error) {
	skip := op.BoolOr(n, "skip_empty", true)
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		set, err := separator(in)
		if err != nil {
			return nil, err
		}
		return splits(in, func(s string, part func(string) error) error {
			if set == "" {
				for i := range len(s) {
					if err := part(s[i : i+1]); err != nil {
						return err
					}
				}
				return nil
			}
			if s == "" {
				return nil
			}
			from := 0
			for i := 0; i <= len(s); i++ {
				if i < len(s) && strings.IndexByte(set, s[i]) < 0 {
					continue
				}
				if token := s[from:i]; token != "" || !skip {
					if err := part(token); err != nil {
						return err
					}
				}
				from = i + 1
			}
			return nil
		})
	}, nil
}

// splits splits a list of strings, and returns the parts as a sparse matrix: a row
// for each string.
func splits(in []value.Value, split func(s string, part func(string) error) error) ([]value.Value, error) {
	t, d, err := op.Operand[string](in, 0)
	if err != nil {
		return nil, err
	}
	if t.Rank() != 1 {
		return nil, fmt.Errorf("%s, want a list of strings", t)
	}
	var places []int64
	parts := &list{}
	widest := 0
	for i, s := range d {
		n := 0
		err := split(s, func(token string) error {
			places = append(places, int64(i), int64(n))
			n++
			parts.add(token)
			return parts.allow(4 * value.WordBytes) // of the place, and of the string's header
		})
		if err != nil {
			return nil, err
		}
		widest = max(widest, n)
	}
	return sparse(parts, places, len(d), widest)
}

// sparse is a sparse matrix of strings: places, elements and shape.
func sparse(parts *list, places []int64, rows, columns int) ([]value.Value, error) {
	indices, err := lockstep.New(places, len(parts.all), 2)
	if err != nil {
		return nil, err
	}
	elements, err := parts.tensor(len(parts.all))
	if err != nil {
		return nil, err
	}
	shape, err := lockstep.New([]int64{int64(rows), int64(columns)}, 2)
	return []value.Value{{Tensor: indices}, {Tensor: elements}, {Tensor: shape}}, err
}
