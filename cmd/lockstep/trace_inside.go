package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/inside"
	"github.com/lockstep-go/lockstep/internal/source"
	"github.com/lockstep-go/lockstep/native"
)

// watch shows attentions and loops of a model that runs in an engine.
func watch(ctx context.Context, e lockstep.Engine, dir string, f modelFlags, in map[string]*lockstep.Tensor) (*inside.Result, error) {
	if m, ok := e.(*native.Model); ok {
		return inside.Watch(ctx, m.Source(), e, in)
	}
	src, err := source.Open(dir, source.Options{Tags: f.tags, Signature: f.signature})
	if err != nil {
		return nil, err
	}
	return inside.Watch(ctx, src, e, in)
}

// unshown says which recurrent layers a trace does not show, and why.
func unshown(t *lockstep.Trace) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Unshown)) {
		out = append(out, fmt.Sprintf("layer %s: %s", name, t.Unshown[name]))
	}
	for _, name := range t.Layers {
		if t.Layer(name).Step("h") == nil && t.Unshown[name] == "" {
			out = append(out, fmt.Sprintf("layer %s: with these inputs its loop is run operation by operation", name))
		}
	}
	return out
}

// part selects what is to be shown of an attention or a loop: a row of --row, and
// all units, since --unit means those of recurrent layers.
func (c choice) part(p inside.Part) ([]shownLayer, error) {
	of := map[inside.Kind]string{inside.Attention: "key", inside.Loop: "element"}[p.Kind]
	var out []shownLayer
	for _, q := range p.Quantities {
		shape := q.Values.Shape()
		rows := upTo(shape[0])
		if c.row >= 0 && shape[0] > 1 {
			if c.row >= shape[0] {
				return nil, usagef("--row %d: %s of %s has %d rows, counted from 0", c.row, q.Name, p.Name, shape[0])
			}
			rows = []int{c.row}
		}
		taken, err := take(q.Values, rows, upTo(shape[2]))
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", p.Name, q.Name, err)
		}
		shown := shownQuantity{name: q.Name, own: true, tensor: taken, title: q.Title, of: of}
		out = append(out, shownLayer{name: p.Name, rows: rows, units: upTo(shape[2]), quantities: []shownQuantity{shown}})
	}
	return out, nil
}
