package golden

import (
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/cpu"
)

const module = "github.com/lockstep-go/lockstep"

// thisMachine describes the processor that this process runs on.
func thisMachine() *Machine {
	m := &Machine{Platform: runtime.GOOS + "/" + runtime.GOARCH, CPU: []string{}}
	var features any
	switch runtime.GOARCH {
	case "amd64", "386":
		features = cpu.X86
	case "arm64":
		features = cpu.ARM64
	default:
		return m
	}
	v := reflect.ValueOf(features)
	for i := range v.NumField() {
		if name, has := strings.CutPrefix(v.Type().Field(i).Name, "Has"); has && v.Field(i).Bool() {
			m.CPU = append(m.CPU, strings.ToLower(name))
		}
	}
	return m
}

// moduleVersion returns the version of lockstep in this program, "" where it
// was built without one.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version
		}
	}
	return ""
}
