//go:build race

package native

// The race detector makes a sync.Pool forget at random.
func init() { poolsForget = true }
