package image

import (
	"fmt"
	"math"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/op"
	"github.com/lockstep-go/lockstep/internal/rounding"
	"github.com/lockstep-go/lockstep/internal/value"
)

// colours changes each pixel, the last axis of a tensor, from one model of colours to
// another.
func colours[E float](change func(p [3]E) [3]E) op.Exec {
	return func(w *op.Call, in []value.Value) ([]value.Value, error) {
		t, err := value.Tensors(in, 1)
		if err != nil {
			return nil, err
		}
		if shape := t[0].Shape(); len(shape) == 0 || shape[len(shape)-1] != 3 {
			return nil, fmt.Errorf("%s, want three channels, in the last axis", t[0])
		}
		x, err := lockstep.Data[E](t[0])
		if err != nil {
			return nil, err
		}
		out := make([]E, len(x))
		for i := 0; i < len(x); i += 3 {
			p := change([3]E(x[i:]))
			copy(out[i:], p[:])
		}
		return w.One(lockstep.New(out, t[0].Shape()...))
	}
}

// toHSV finds the hue, the saturation and the value of red, green and blue.
func toHSV[E float](p [3]E) [3]E {
	red, green, blue := p[0], p[1], p[2]
	v := max(red, green, blue)
	width := v - min(red, green, blue)
	var hue, saturation E
	if v > 0 {
		saturation = width / v
	}
	if width > 0 {
		norm := 1 / width * (E(1) / 6)
		switch v {
		case red:
			hue = norm * (green - blue)
		case green:
			hue = norm*(blue-red) + E(2)/6
		default:
			hue = norm*(red-green) + E(4)/6
		}
		if hue < 0 {
			hue++
		}
	}
	return [3]E{hue, saturation, v}
}

// toRGB is the way back.
func toRGB[E float](p [3]E) [3]E {
	parts := shares(p[0])
	for i, share := range parts {
		parts[i] = ((1 - p[1]) + p[1]*share) * p[2]
	}
	return parts
}

// shares says how much red, green and blue a hue has, from 0 to 1.
func shares[E float](hue E) [3]E {
	h := hue * 6
	return [3]E{within(size(h-3) - 1), within(2 - size(h-2)), within(2 - size(h-4))}
}

func within[E float](x E) E { return min(max(x, 0), 1) }
func size[E float](x E) E   { return max(x, -x) }

// toHSVBound bounds a hue by how fast it changes with each channel, a sixth of the
// distance of the channels at most twice over, and takes it for any hue where the
// channels may be the same, or in the other order where the circle of hues begins.
func toHSVBound(x *op.BoundInput) error {
	v, e := x.V(0), x.E(0)
	out := make([]float64, len(v))
	for i := 0; i < len(v); i += 3 {
		p, off := [3]float64(v[i:]), 0.0
		for k := range p {
			if e != nil {
				off = max(off, e[i+k])
			}
		}
		most, width := max(p[0], p[1], p[2]), max(p[0], p[1], p[2])-min(p[0], p[1], p[2])
		hue := toHSV(p)
		wide := width * (1 - x.Gamma(1)) // what is subtracted is rounded
		moved := 0.0
		if off > 0 {
			wide -= 2 * off
			moved = 4 * off / (6 * wide)
			if near := moved + x.Gamma(8); !(wide > 0) || hue[0] < near || hue[0] > 1-near {
				moved = 1
			}
		}
		out[i] = moved + x.Gamma(8)*(1+hue[0])
		if out[i+1] = x.Gamma(2) * math.Abs(hue[1]); off > 0 {
			if least := most - off; least > 0 {
				out[i+1] += 2 * off / least * (1 + math.Abs(hue[1]))
			} else {
				out[i+1] = math.Inf(1)
			}
		}
		out[i+2] = off
	}
	for i, bound := range out {
		out[i] = bound*rounding.Slack + x.Unit.Tiny()
	}
	return x.Set(0, out)
}

// toRGBBound follows the errors through ((1-s)+s·share)·v, with a share that changes
// six times as fast as the hue.
func toRGBBound(x *op.BoundInput) error {
	v, e := x.V(0), x.E(0)
	out := make([]float64, len(v))
	for i := 0; i < len(v); i += 3 {
		var off [3]float64
		if e != nil {
			off = [3]float64(e[i:])
		}
		hue, s, bright := v[i], v[i+1], math.Abs(v[i+2])
		for k, share := range shares(hue) {
			moved := 6*off[0] + x.Gamma(3)*(6*(math.Abs(hue)+off[0])+4)
			part := math.Abs(1-s) + math.Abs(s*share)
			mix := off[1]*(1-share+moved) + math.Abs(s)*moved + x.Gamma(3)*(1+2*math.Abs(s)+2*off[1])
			out[i+k] = (mix*(bright+off[2])+part*off[2]+x.Gamma(1)*(part+mix)*(bright+off[2]))*rounding.Slack + x.Unit.Tiny()
		}
	}
	return x.Set(0, out)
}
