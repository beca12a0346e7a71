package engine

import (
	"fmt"
	"math/bits"
)

// maxProducts bounds the products that one operation may add up: a graph of a
// few bytes must not keep a machine busy for days.
const maxProducts = 1 << 40

// affordable checks the number of products that an operation is to add up,
// which is the product of some factors.
func affordable(factors ...int) error {
	n := uint64(1)
	for _, f := range factors {
		high, low := bits.Mul64(n, uint64(max(f, 0)))
		if high != 0 || low > maxProducts {
			return fmt.Errorf("more than %d products to add up , want no more", int64(maxProducts))
		}
		if n = low; n == 0 {
			return nil
		}
	}
	return nil
}
