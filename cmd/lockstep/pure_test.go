//go:build !tensorflow

package main

import "testing"

func TestScriptsWithoutTensorFlow(t *testing.T) { scripts(t, "pure") }
