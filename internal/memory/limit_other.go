//go:build !linux

package memory

import "math"

func addressSpace() int64 { return math.MaxInt64 }
