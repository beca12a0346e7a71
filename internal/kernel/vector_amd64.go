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

// inPlace tells whether addRows, addTaps and fuseRows exist.
const inPlace = true

// usual are the default kernels: those with the widest vectors, if the
// processor is found to run them right.
func usual() string {
	all := vectorised()
	switch {
	case len(all) == 0:
		return plain
	case all[len(all)-1] == avx512 && wideAgrees(newPackedLSTM):
		return avx512
	}
	return avx2
}
