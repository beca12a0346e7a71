package kernel

import "golang.org/x/sys/cpu"

// vectorised are the kernels beside the plain ones that this processor runs.
func vectorised() []string {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	if !cpu.X86.HasAVX512F || !cpu.X86.HasAVX512DQ {
		return []string{avx2}
	}
	return []string{avx2, avx512}
}

// usual are the kernels that are taken unless others are asked for.
func usual() string {
	if len(vectorised()) == 0 {
		return plain
	}
	return avx2
}
