//go:build !unix

package regular

// nonblocking is nothing where opening does not wait for a named pipe's other
// end.
const nonblocking = 0
