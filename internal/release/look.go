package main

import (
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"os"
)

// look checks that a file is a program of a platform, in pure Go, and returns its
// size.
func look(path string, p platform) (int64, error) {
	machine, err := machineOf(path, p.os)
	if err != nil {
		return 0, fmt.Errorf("%s is no program of %s: %w", path, p, err)
	}
	if machine != p.arch {
		return 0, fmt.Errorf("%s is a program for %s, want %s", path, machine, p.arch)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOOS": p.os, "GOARCH": p.arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if settings[key] != want {
			return 0, fmt.Errorf("%s was built with %s=%q, want %q", path, key, settings[key], want)
		}
	}
	stat, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

// machineOf reads the processor, by Go's name, from a program's header in the
// format of a system.
func machineOf(path, system string) (string, error) {
	var machine any
	switch system {
	case "linux":
		f, err := elf.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		machine = f.Machine
	case "darwin":
		f, err := macho.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		machine = f.Cpu
	case "windows":
		f, err := pe.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		machine = f.Machine
	default:
		return "", fmt.Errorf("the format of programs of %s is not known", system)
	}
	switch machine {
	case elf.EM_X86_64, macho.CpuAmd64, uint16(pe.IMAGE_FILE_MACHINE_AMD64):
		return "amd64", nil
	case elf.EM_AARCH64, macho.CpuArm64, uint16(pe.IMAGE_FILE_MACHINE_ARM64):
		return "arm64", nil
	}
	return fmt.Sprint(machine), nil
}
