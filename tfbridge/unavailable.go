//go:build !tensorflow

package tfbridge

const built = false

func open(string, settings) (session, error) { return nil, ErrUnavailable }

func available() error { return ErrUnavailable }

func version() string { return "" }
