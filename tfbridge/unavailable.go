//go:build !tensorflow

package tfbridge

const built = false

func open(string, settings) (session, error) { return nil, errNotLinked }

func available() error { return errNotLinked }

func version() string { return "" }

func freeMemory() {}
