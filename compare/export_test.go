package compare

// InGroupsOf returns the check with another bound for what is compared together.
func (c Check) InGroupsOf(bytes int64) Check {
	c.groupBytes = bytes
	return c
}

// WithLoopsOf returns the check with another bound for the operations of a loop's
// iterations.
func (c Check) WithLoopsOf(operations int) Check {
	c.loopOperations = operations
	return c
}
