package kernel

import "golang.org/x/sys/cpu"

// vectorised are the kernels beside the plain ones that this processor runs.
func vectorised() []string {
	if !cpu.ARM64.HasASIMD {
		return nil
	}
	return []string{neon}
}

// usual are the default kernels, in Go: no arm64 machine has run those of NEON
// yet, only an emulator.
func usual() string { return plain }
