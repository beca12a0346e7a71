//go:build !amd64 && !arm64

package kernel

// vectorised: there are none, and so nothing calls the functions below.
func vectorised() []string { return nil }

func usual() string { return plain }

func productPanel(z *float32, zStride int, x *float32, xStride int, w *float32, from *float32, fromStride int, n int, rows int) {
	panic(noVectors)
}

func productRow(z *float32, x *float32, w *float32, from *float32, n int, panels int) {
	panic(noVectors)
}

func lstmRow(h *float32, c *float32, z *float32, x *float32, from *float32, w *float32, n int, features int, take int, units int, back int) {
	panic(noVectors)
}

func lstmPanel(next *float32, nextStride int, h *float32, c *float32, x *float32, from *float32, fromStride int, w *float32, features int, take int, units int, rest int, rows int) {
	panic(noVectors)
}

func gruGates(h *float32, z *float32, s *float32, stride int, units int) { panic(noVectors) }

func sigmoids(y *float32, x *float32, n int) { panic(noVectors) }

func tanhs(y *float32, x *float32, n int) { panic(noVectors) }

func dots(y *float32, yStride int, x *float32, w *float32, n int, bias float32, rows int) {
	panic(noVectors)
}

func relus(y *float32, x *float32, n int) { panic(noVectors) }

func relu6s(y *float32, x *float32, n int) { panic(noVectors) }

func elus(y *float32, x *float32, n int) { panic(noVectors) }

func selus(y *float32, x *float32, n int) { panic(noVectors) }

func softpluses(y *float32, x *float32, n int) { panic(noVectors) }

func silus(y *float32, x *float32, n int) { panic(noVectors) }

func exponentials(y *float32, x *float32, n int) { panic(noVectors) }

func mishes(y *float32, x *float32, n int) { panic(noVectors) }

func logSigmoids(y *float32, x *float32, n int) { panic(noVectors) }

func erfs(y *float32, x *float32, n int) { panic(noVectors) }

func leakyRelus(y *float32, x *float32, n int) { panic(noVectors) }

func hardSigmoids2(y *float32, x *float32, n int) { panic(noVectors) }

func hardSigmoids3(y *float32, x *float32, n int) { panic(noVectors) }

func softsigns(y *float32, x *float32, n int) { panic(noVectors) }

func hardSilus(y *float32, x *float32, n int) { panic(noVectors) }

func hardTanhs(y *float32, x *float32, n int) { panic(noVectors) }

func addPairs(z *float32, x *float32, y *float32, n int, form int) { panic(noVectors) }

func subtractPairs(z *float32, x *float32, y *float32, n int, form int) { panic(noVectors) }

func multiplyPairs(z *float32, x *float32, y *float32, n int, form int) { panic(noVectors) }

func dividePairs(z *float32, x *float32, y *float32, n int, form int) { panic(noVectors) }

func tapRows(z *float32, zStride int, x *float32, xStride int, w *float32, at *int, count int, n int, rows int) {
	panic(noVectors)
}

func lstmOne(h *float32, c *float32, out *float32, outStride int, x *float32, from *float32, fromStride int, w *float32, features int, rows int, steps int, sigmoid *float32, tanh *float32) int {
	panic(noVectors)
}

func largerPairs(z *float32, x *float32, y *float32, n int, form int) { panic(noVectors) }
