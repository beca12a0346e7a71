package selftest

import (
	"slices"
	"strings"

	"github.com/lockstep-go/lockstep"
)

// Region is where a gate's sum is: what its activation is applied to.
type Region int

// The regions, by the sum s: low is s <= -2, linear -1 <= s <= 1, high s >= 2. A
// sigmoid is then below 0.12, near its straight part, and above 0.88; a tanh
// below -0.96 and above 0.96.
const (
	Low Region = iota
	Linear
	High
	regions
)

// String returns the region's name.
func (r Region) String() string { return [...]string{"low", "linear", "high"}[r] }

// Gate is one gate of a layer, and how many of its units were driven into each
// region.
type Gate struct {
	Layer, Gate string
	Units       int
	Driven      [regions]int
}

// Coverage is which gates of which units some inputs drove into which regions.
type Coverage struct {
	Gates []Gate
	// Driven of All are the pairs of a gate of a unit and a region.
	Driven, All int

	hit map[string][]bool // by layer/gate: (unit, region)
}

// Share is the share of pairs that was driven, 1 if there are none.
func (c *Coverage) Share() float64 {
	if c.All == 0 {
		return 1
	}
	return float64(c.Driven) / float64(c.All)
}

// Cover computes the coverage of a trace of lockstep.Steps.
func Cover(t *lockstep.Trace) *Coverage {
	c := &Coverage{hit: map[string][]bool{}}
	for _, row := range byRow(t) {
		c.add(row)
	}
	c.count(t)
	return c
}

// gateRegions are the regions that one row of a batch drives, by layer/gate:
// (unit, region).
type gateRegions map[string][]bool

// byRow finds the regions that each row of a batch drives.
func byRow(t *lockstep.Trace) []gateRegions {
	var out []gateRegions
	for name, s := range t.Steps {
		layer, gate, ok := cutGate(name)
		if !ok || s.Rank() != 3 {
			continue
		}
		d, err := s.Float64s()
		if err != nil {
			continue
		}
		var there []bool
		if mask := t.Layer(layer).Mask(); mask != nil {
			there, _ = lockstep.Data[bool](mask)
		}
		batch, steps, units := s.Shape()[0], s.Shape()[1], s.Shape()[2]
		for len(out) < batch {
			out = append(out, gateRegions{})
		}
		for row := range batch {
			key := lockstep.StepName(lockstep.LayerOf(layer), gate) // of all runs of one inside a loop
			hit := out[row][key]
			if hit == nil {
				hit = make([]bool, units*int(regions))
			}
			for step := range steps {
				if there != nil && !there[row*steps+step] {
					continue
				}
				for u, v := range d[(row*steps+step)*units:][:units] {
					if r, ok := regionOf(v); ok {
						hit[u*int(regions)+int(r)] = true
					}
				}
			}
			out[row][key] = hit
		}
	}
	return out
}

// cutGate reads layer/sum_i, whose layer may contain slashes.
func cutGate(name string) (layer, gate string, ok bool) {
	i := strings.LastIndex(name, "/sum_")
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+len("/sum_"):], true
}

func regionOf(s float64) (Region, bool) {
	switch {
	case s <= -2:
		return Low, true
	case s >= -1 && s <= 1:
		return Linear, true
	case s >= 2:
		return High, true
	}
	return 0, false
}

// add adds a row's regions and returns how many are new.
func (c *Coverage) add(d gateRegions) int {
	n := 0
	for name, hit := range d {
		if c.hit[name] == nil {
			c.hit[name] = make([]bool, len(hit))
		}
		for i, h := range hit {
			if h && !c.hit[name][i] {
				c.hit[name][i] = true
				n++
			}
		}
	}
	return n
}

// fresh is the number of regions that add would find new.
func (c *Coverage) fresh(d gateRegions) int {
	n := 0
	for name, hit := range d {
		for i, h := range hit {
			if h && (c.hit[name] == nil || !c.hit[name][i]) {
				n++
			}
		}
	}
	return n
}

// count fills in the figures, layer by layer as they run.
func (c *Coverage) count(t *lockstep.Trace) {
	c.Gates, c.Driven, c.All = nil, 0, 0
	seen := map[string]bool{}
	for _, run := range t.Layers {
		layer := lockstep.LayerOf(run)
		if seen[layer] {
			continue
		}
		seen[layer] = true
		for _, gate := range []string{"i", "f", "z", "r", "g", "o"} {
			hit := c.hit[lockstep.StepName(layer, gate)]
			if hit == nil {
				continue
			}
			g := Gate{Layer: layer, Gate: gate, Units: len(hit) / int(regions)}
			for i, h := range hit {
				if h {
					g.Driven[i%int(regions)]++
					c.Driven++
				}
			}
			c.All += len(hit)
			c.Gates = append(c.Gates, g)
		}
	}
	c.Gates = slices.Clip(c.Gates)
}
