package selftest

import (
	"fmt"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fault"
)

// Of many faults of a kind around the layers some are left out, evenly, and none of
// a kind in the layers.
func TestThinned(t *testing.T) {
	var all []fault.Fault
	for i := range 100 {
		all = append(all, fault.Fault{Kind: fault.Epsilon, Node: fmt.Sprint(i)}, fault.Fault{Kind: fault.GateOrder, Layer: fmt.Sprint(i)})
		if i < mostOfAKind {
			all = append(all, fault.Fault{Kind: fault.Padding, Node: fmt.Sprint(i)})
		}
	}
	kinds, last := map[fault.Kind]int{}, -1
	kept, _ := thinned(all)
	for _, f := range kept {
		kinds[f.Kind]++
		if f.Kind != fault.Epsilon {
			continue
		}
		var at int
		if _, err := fmt.Sscan(f.Node, &at); err != nil {
			t.Fatal(err)
		}
		if last >= 0 && (at-last < 8 || at-last > 9) || last < 0 && at != 0 {
			t.Errorf("%d follows %d", at, last)
		}
		last = at
	}
	if kinds[fault.Epsilon] != mostOfAKind || kinds[fault.GateOrder] != 100 || kinds[fault.Padding] != mostOfAKind {
		t.Errorf("%v", kinds)
	}
}
