package explain

import (
	"context"
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep/internal/inside"
)

// Attention is what one attention looks at over the series.
type Attention struct {
	Name  string
	Heads []Head
}

// Head is one head of an attention: how the weights of its keys, which add up to one
// for each query, are spread over them.
type Head struct {
	Rows, Queries, Keys int
	// Weights are (rows, queries, keys).
	Weights []float64
	// Largest is the mean over rows and queries of the largest weight, and
	// Effective that of the perplexity exp(-Σ w ln w): how many keys of equal weight
	// would be as spread. Own is the mean weight of the key at the query's own step,
	// NaN where there are not as many keys as queries.
	Largest, Effective, Own float64
}

// attend measures the attentions, and says which loops and attentions are left out.
func (p Problem) attend(ctx context.Context, e *Explanation) error {
	if p.Watch == nil {
		return nil
	}
	seen, err := p.Watch(ctx, p.Inputs)
	if err != nil {
		return err
	}
	for _, part := range seen.Parts {
		if part.Kind != inside.Attention {
			e.notApplicable("loop %s: it is no known layer and has no gates; lockstep trace shows its variables", part.Name)
			continue
		}
		a := &Attention{Name: part.Name}
		for _, q := range part.Quantities {
			values, err := q.Values.Float64s()
			if err != nil {
				return fmt.Errorf("attention %s: %w", part.Name, err)
			}
			shape := q.Values.Shape()
			a.Heads = append(a.Heads, newHead(values, shape[0], shape[1], shape[2]))
		}
		e.Attentions = append(e.Attentions, a)
	}
	for _, s := range seen.LeftOut {
		e.notApplicable("%s", s)
	}
	return nil
}

func newHead(weights []float64, rows, queries, keys int) Head {
	h := Head{Rows: rows, Queries: queries, Keys: keys, Weights: weights}
	n := float64(rows * queries)
	for i := range rows * queries {
		largest, entropy := 0.0, 0.0
		for k, w := range weights[i*keys:][:keys] {
			largest = math.Max(largest, w)
			if w > 0 {
				entropy -= w * math.Log(w)
			}
			if queries == keys && k == i%queries {
				h.Own += w / n
			}
		}
		h.Largest += largest / n
		h.Effective += math.Exp(entropy) / n
	}
	if queries != keys {
		h.Own = math.NaN()
	}
	return h
}

// attention describes the attentions in words and figures.
func (e *Explanation) attention() Section {
	s := Section{About: Attending, Title: "What attention looks at", Table: &Table{Head: []string{"attention", "head", "queries", "keys", "largest weight", "effective keys", "own step"}}}
	s.Words = append(s.Words, "The weights of a query's keys add up to one. Largest weight is the mean of each query's largest, effective keys how many of equal weight would be as spread (the perplexity), own step the mean weight of the key at the query's own step; over all rows and queries.")
	for _, a := range e.Attentions {
		for i, h := range a.Heads {
			s.Table.Rows = append(s.Table.Rows, []string{
				a.Name, fmt.Sprint(i), fmt.Sprint(h.Queries), fmt.Sprint(h.Keys), percent(h.Largest), fmt.Sprintf("%.3g", h.Effective), percent(h.Own),
			})
		}
	}
	return s
}
