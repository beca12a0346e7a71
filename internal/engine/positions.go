package engine

// product is the number of elements of a part of a tensor's shape.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// strides are the distances between the elements along each axis.
func strides(shape []int) []int {
	out := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = step
		step *= shape[i]
	}
	return out
}

// positions are n numbers from first on, by steps.
func positions(first, n, step int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i*step
	}
	return out
}

// whole are the positions of all of a tensor's elements, axis by axis.
func whole(shape []int) ([][]int, error) {
	if _, err := bounded(shape); err != nil {
		return nil, err
	}
	out := make([][]int, len(shape))
	for i, step := range strides(shape) {
		out[i] = positions(0, shape[i], step)
	}
	return out, nil
}
