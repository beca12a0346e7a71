//go:build !amd64

package kernel

const noVectors = "kernel: this processor has no such vectors"

const inPlace = false

func addRows(z *float64, x *float64, w *float64, n int, m int) { panic(noVectors) }

func addTaps(z *float64, zStride int, x *float64, xStride int, w *float64, at *int, count int, n int, rows int) {
	panic(noVectors)
}

func fuseRows(z *float32, x *float32, w *float32, n int, m int) { panic(noVectors) }

// Nothing calls these, for which AVX-512 alone has registers.

func lstmRowWide(h *float32, c *float32, z *float32, x *float32, from *float32, w *float32, n int, features int, take int, units int, back int, out *float32, outStride int, steps int) {
	panic(noVectors)
}

func lstmWide(next *float32, nextStride int, h *float32, c *float32, x *float32, from *float32, fromStride int, w *float32, n int, features int, take int, units int, rows int) {
	panic(noVectors)
}

func productPanelWide(z *float32, zStride int, x *float32, xStride int, w *float32, from *float32, fromStride int, n int, rows int) {
	panic(noVectors)
}

func productRowWide(z *float32, x *float32, w *float32, from *float32, n int, panels int) {
	panic(noVectors)
}

func gruGatesWide(h *float32, z *float32, s *float32, stride int, units int) { panic(noVectors) }

func sigmoidsWide(y *float32, x *float32, n int) { panic(noVectors) }

func tanhsWide(y *float32, x *float32, n int) { panic(noVectors) }
