package op

import (
	"slices"
	"sync/atomic"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/kernel"
)

// packing keeps what is made of a tensor that is the same in every call, for all
// runners.
type packing[F float] struct {
	last atomic.Pointer[packedTensor[F]]
}

// packedTensor are matrices of a tensor: one, or one for each group of channels.
type packedTensor[F float] struct {
	of       *lockstep.Tensor
	matrices []kernel.Matrix[F]
}

// of packs a tensor, once if it is fixed, else in own memory.
func (p *packing[F]) of(t *lockstep.Tensor, fixed bool, own *packedTensor[F], pack func(*packedTensor[F])) *packedTensor[F] {
	if !fixed {
		pack(own)
		return own
	}
	if last := p.last.Load(); last != nil && last.of == t {
		return last
	}
	now := &packedTensor[F]{of: t}
	pack(now)
	p.last.Store(now)
	return now
}

// one is the only matrix.
func (a *packedTensor[F]) one() *kernel.Matrix[F] {
	if len(a.matrices) != 1 {
		a.matrices = make([]kernel.Matrix[F], 1)
	}
	return &a.matrices[0]
}

// filter packs a filter (planes, height, width, channels, results) by groups.
func (a *packedTensor[F]) filter(f []F, c convolution, groups int) {
	if len(a.matrices) != groups {
		a.matrices = make([]kernel.Matrix[F], groups)
	}
	n, each := c.size()*c.depth, c.each/groups
	for g := range a.matrices {
		part := f
		if groups > 1 {
			part = make([]F, 0, n*each)
			for k := range n {
				part = append(part, f[k*c.each+g*each:][:each]...)
			}
		}
		a.matrices[g].PackPanels(part, n, each, false)
	}
}

// convMemory is the memory of a convolution.
type convMemory[E float] struct {
	ResultMemory[E]
	packed       packedTensor[E]
	tile, copies []E
	taps         []kernel.Tap
	shape        []int
}

// result is the memory for images of some channels.
func (m *convMemory[E]) result(c convolution, channels int) (*lockstep.Tensor, []E, error) {
	m.shape = c.shapeOf(m.shape[:0], c.results(c.in, channels))
	t, out, err := m.Get(m.shape...)
	if err != nil || len(out) == 0 {
		return t, out, err
	}
	return t, out, c.affordable(len(out), c.depth)
}

// cachedBytes are those of the pixels that are multiplied together: they stay in
// the processor's own caches.
const cachedBytes = 256 << 10

// deep is from how many channels on it is faster to multiply by each place of the
// window for itself.
const deep = 32

// products computes a convolution as products of matrices, of the images' own
// memory: pixels of a row, times the filter's rows for a place of the window, or
// for a row of it, are a part of the results' sums. Each sum takes the window's
// planes, its rows, its columns and the channels in order, what is outside the image
// left out.
func (m *convMemory[E]) products(c convolution, done Finisher, out, x []E, filter *packedTensor[E]) {
	groups := len(filter.matrices)
	if groups == 1 && c.pointwise() {
		m.pixels(c, done, out, x, filter.one())
		return
	}
	row := c.cols.out * c.each
	some := max(1, cachedBytes/4/max(1, c.rows.stride*c.in.width*c.in.channels, row))
	for n := range c.in.batch * c.planes.out {
		for y := 0; y < c.rows.out; y += some {
			rows, at := min(some, c.rows.out-y), (n*c.rows.out+y)*row
			part := out[at:][:rows*row]
			clear(part)
			for g := range filter.matrices {
				p := productOf[E]{convolution: c, out: out, x: x, filter: &filter.matrices[g], group: g, each: c.each / groups}
				m.tile = p.block(n, y, rows, m.tile)
			}
			finish(done, part, at)
		}
	}
}

// pixels multiplies pixels with a filter, some at a time.
func (m *convMemory[E]) pixels(c convolution, done Finisher, out, x []E, filter *kernel.Matrix[E]) {
	all := c.in.batch * c.in.planes * c.in.height * c.in.width
	some := all
	if done != nil {
		some = max(1, cachedBytes/16/max(1, c.each, c.in.channels)/pixelsTogether) * pixelsTogether
	}
	for at := 0; at < all; at += some {
		n := min(some, all-at)
		part := out[at*c.each:][:n*c.each]
		filter.Multiply(part, x[at*c.in.channels:], n)
		finish(done, part, at*c.each)
	}
}

// pixelsTogether is a number of pixels that the products take well.
const pixelsTogether = 24

// finish does the rest of what is to be done to a part of a result.
func finish[E float](done Finisher, part []E, at int) {
	if done != nil {
		done.Finish(any(part).([]float32), at)
	}
}

// pointwise tells whether each pixel of the result is made of the same one of the
// images.
func (c *convolution) pointwise() bool {
	for _, s := range []span{c.planes, c.rows, c.cols} {
		if s.window != 1 || s.stride != 1 || s.in != s.out {
			return false
		}
	}
	return true
}

// productOf is the product for a group of channels, with so many results.
type productOf[E float] struct {
	convolution
	out, x      []E
	filter      *kernel.Matrix[E]
	group, each int
}

// block computes some rows of a plane of the results. A panel that is wider than what
// is left of the results is computed in tile.
func (p *productOf[E]) block(plane, first, rows int, tile []E) []E {
	pixels := rows * p.cols.out
	at := (plane*p.rows.out+first)*p.cols.out*p.c() + p.group*p.each
	front, near, far := p.planes.at(plane % p.planes.out)
	front += plane / p.planes.out * p.in.planes
	for panel := range p.filter.Panels() {
		from, end, written := p.filter.Columns(panel)
		z := kernel.Rows[E]{Data: p.out[at+from:], Stride: p.c()}
		if end-from < written {
			tile = slices.Grow(tile[:0], pixels*written)[:pixels*written]
			clear(tile)
			z = kernel.Rows[E]{Data: tile, Stride: written}
		}
		for k := near * p.rows.window; k < far*p.rows.window; k++ {
			from, i := front+k/p.rows.window*p.planes.dilation, k%p.rows.window
			for y := range rows {
				top, lo, hi := p.rows.at(first + y)
				if i >= lo && i < hi {
					row := kernel.Rows[E]{Data: z.Data[y*p.cols.out*z.Stride:], Stride: z.Stride}
					p.row(panel, row, from, top+i*p.rows.dilation, k)
				}
			}
		}
		if end-from < written {
			for k := range pixels {
				copy(p.out[at+k*p.c()+from:][:end-from], tile[k*written:])
			}
		}
	}
	return tile
}

// c is the number of the results' channels.
func (p *productOf[E]) c() int { return p.convolution.each }

// row adds to a row of pixels what row i of the window, of those of all its planes,
// makes of row y of a plane.
func (p *productOf[E]) row(panel int, z kernel.Rows[E], plane, y, i int) {
	if p.depth < deep && p.depth == p.in.channels && p.cols.dilation == 1 {
		from, to := p.cols.within(0, p.cols.window)
		for o := 0; o < from; o++ {
			_, lo, hi := p.cols.at(o)
			p.add(panel, z, plane, y, i, lo, hi, o, o+1)
		}
		p.add(panel, z, plane, y, i, 0, p.cols.window, from, to)
		for o := to; o < p.cols.out; o++ {
			_, lo, hi := p.cols.at(o)
			p.add(panel, z, plane, y, i, lo, hi, o, o+1)
		}
		return
	}
	for j := range p.cols.window {
		from, to := p.cols.within(j, j+1)
		p.add(panel, z, plane, y, i, j, j+1, from, to)
	}
}

// add adds columns lo to hi of row i of the window to pixels from to before to.
func (p *productOf[E]) add(panel int, z kernel.Rows[E], plane, y, i, lo, hi, from, to int) {
	if lo >= hi || from >= to {
		return
	}
	left, _, _ := p.cols.at(from)
	x := p.x[p.in.pixel(plane, y, left+lo*p.cols.dilation)+p.group*p.depth:]
	p.filter.Add(panel, kernel.Rows[E]{Data: z.Data[from*z.Stride:], Stride: z.Stride},
		kernel.Rows[E]{Data: x, Stride: p.cols.stride * p.in.channels},
		(i*p.cols.window+lo)*p.depth, (hi-lo)*p.depth, to-from)
}

// within are the steps of a window at which its elements lo to before hi are on the
// axis.
func (sp span) within(lo, hi int) (from, to int) {
	from = max(0, sp.before-lo*sp.dilation+sp.stride-1) / sp.stride
	if room := sp.in - 1 + sp.before - (hi-1)*sp.dilation; room >= 0 {
		to = min(sp.out, room/sp.stride+1)
	}
	return min(from, sp.out), max(to, min(from, sp.out))
}

// channels computes a convolution of each channel of images with its own filter.
func (m *convMemory[E]) channels(c convolution, done Finisher, out, x, filter []E) {
	n := c.in.channels
	to := c.results(c.in, n)
	from, end := c.cols.within(0, c.cols.window)
	for image := range c.in.batch {
		for y := range c.rows.out {
			part := out[to.pixel(image, y, 0):][:to.width*n]
			clear(part)
			add := func(o, last int) { // pixels with the same taps
				top, loY, hiY := c.rows.at(y)
				left, loX, hiX := c.cols.at(o)
				m.taps = m.taps[:0]
				for i := loY; i < hiY; i++ {
					for j := loX; j < hiX; j++ {
						at := (i-loY)*c.rows.dilation*c.in.width + (j-loX)*c.cols.dilation
						m.taps = append(m.taps, kernel.Tap{X: at * n, W: (i*c.cols.window + j) * n})
					}
				}
				if len(m.taps) == 0 || o >= last {
					return
				}
				kernel.AddTaps(kernel.Rows[E]{Data: out[to.pixel(image, y, o):], Stride: n},
					kernel.Rows[E]{Data: x[c.in.pixel(image, top+loY*c.rows.dilation, left+loX*c.cols.dilation):], Stride: c.cols.stride * n},
					filter, m.taps, n, last-o)
			}
			for o := range from {
				add(o, o+1)
			}
			add(from, end)
			for o := end; o < c.cols.out; o++ {
				add(o, o+1)
			}
			finish(done, part, to.pixel(image, y, 0))
		}
	}
}

// repeat makes of each channel as many as it has filters.
func (m *convMemory[E]) repeat(x []E, times int) []E {
	m.copies = slices.Grow(m.copies[:0], len(x)*times)[:0]
	for _, v := range x {
		for range times {
			m.copies = append(m.copies, v)
		}
	}
	return m.copies
}
