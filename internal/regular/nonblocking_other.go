//go:build !unix

package regular

// nonblocking is 0 where opening does not wait for a named pipe's other end.
const nonblocking = 0
