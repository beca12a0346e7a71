package kernel

import "golang.org/x/sys/cpu"

// vectorised are the kernels beside the plain ones that this processor runs.
func vectorised() []string {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		return []string{"avx2"}
	}
	return nil
}
