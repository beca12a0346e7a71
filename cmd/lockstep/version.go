package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/native"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// A release is linked with -ldflags "-X main.version=1.2.3 -X main.commit=…";
// otherwise go build's record counts.
var version, commit string

// programInfo is what a bug report needs about this program.
type programInfo struct {
	Schema     int      `json:"schema"`
	Version    string   `json:"version"`            // "(devel)" of a build that is no release
	Commit     string   `json:"commit,omitempty"`   // empty if go build recorded none
	Modified   *bool    `json:"modified,omitempty"` // whether files differed from the commit; nil if not recorded
	Go         string   `json:"go"`
	OS         string   `json:"os"`
	Arch       string   `json:"arch"`
	Kernels    string   `json:"kernels"` // in use
	Available  []string `json:"kernels_available"`
	TensorFlow bool     `json:"tensorflow"` // linked; doctor says whether it also works
}

// describeProgram combines the linker's flags and go build's record.
func describeProgram(version, commit string, build *debug.BuildInfo) programInfo {
	p := programInfo{Schema: 1, Version: version, Commit: commit, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, TensorFlow: tfbridge.Built()}
	p.Kernels, p.Available = native.Kernels()
	if build == nil {
		build = &debug.BuildInfo{}
	}
	if p.Version == "" {
		p.Version = build.Main.Version
	}
	if p.Version == "" {
		p.Version = "(unknown version)"
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			if p.Commit == "" {
				p.Commit = s.Value
			}
		case "vcs.modified":
			modified := s.Value == "true"
			p.Modified = &modified
		}
	}
	return p
}

func thisProgram() programInfo {
	build, _ := debug.ReadBuildInfo()
	return describeProgram(version, commit, build)
}

func newVersion() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "version, commit, Go, kernels, and whether TensorFlow is linked: for a bug report",
		Long: `version prints what this program was made from and what it uses on this machine.
It always exits with 0; doctor tests whether what is linked also works.`,
		Args: wantArgs("no arguments", 0, 0),
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			switch format {
			case "text":
				return thisProgram().text(cmd.OutOrStdout())
			case "json":
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(thisProgram())
			}
			return usagef("--format %q: want text or json", format)
		}),
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func (p programInfo) text(w io.Writer) error {
	commit := p.Commit
	switch {
	case commit == "":
		commit = "not noted"
	case p.Modified != nil && *p.Modified:
		commit += ", modified"
	}
	linked := "not linked"
	if p.TensorFlow {
		linked = "linked"
	}
	others := slices.DeleteFunc(slices.Clone(p.Available), func(name string) bool { return name == p.Kernels })
	kernels := p.Kernels
	if len(others) > 0 {
		kernels += " (also available: " + strings.Join(others, ", ") + ")"
	}
	_, err := fmt.Fprintf(w, "lockstep %s\ncommit      %s\ngo          %s %s/%s\nkernels     %s\ntensorflow  %s\n", p.Version, commit, p.Go, p.OS, p.Arch, kernels, linked)
	return err
}
