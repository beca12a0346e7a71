package compare

// InGroupsOf returns the check with another bound for what is compared together.
func (c Check) InGroupsOf(bytes int64) Check {
	c.groupBytes = bytes
	return c
}
