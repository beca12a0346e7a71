//go:build !tensorflow

package main

import "testing"

// What is the same with and without TensorFlow is shown once.
func TestScripts(t *testing.T) { scripts(t, "always") }

func TestScriptsWithoutTensorFlow(t *testing.T) { scripts(t, "pure") }
