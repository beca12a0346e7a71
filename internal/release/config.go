package main

import (
	"fmt"
	"os"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v4"
)

const configFile = ".goreleaser.yaml"

// config is the part of GoReleaser's configuration that is used. Any other key
// is an error: it would affect GoReleaser's build and not be checked here.
type config struct {
	Version     int       `yaml:"version"`
	ProjectName string    `yaml:"project_name"`
	Builds      []build   `yaml:"builds"`
	Archives    []archive `yaml:"archives"`
	Checksum    struct {
		NameTemplate string `yaml:"name_template"`
	} `yaml:"checksum"`
	Changelog struct {
		Disable bool `yaml:"disable"`
	} `yaml:"changelog"`
}

type build struct {
	ID           string   `yaml:"id"`
	Main         string   `yaml:"main"`
	Binary       string   `yaml:"binary"`
	Env          []string `yaml:"env"`
	OS           []string `yaml:"goos"`
	Arch         []string `yaml:"goarch"`
	Flags        []string `yaml:"flags"`
	Ldflags      []string `yaml:"ldflags"`
	ModTimestamp string   `yaml:"mod_timestamp"`
}

type archive struct {
	Formats   []string `yaml:"formats"`
	Overrides []struct {
		OS      string   `yaml:"goos"`
		Formats []string `yaml:"formats"`
	} `yaml:"format_overrides"`
	Files []string `yaml:"files"`
}

func readConfig(name string) (config, error) {
	var c config
	b, err := os.ReadFile(name)
	if err != nil {
		return c, err
	}
	if err := yaml.Load(b, &c, yaml.WithKnownFields()); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	if c.Version != 2 || len(c.Builds) == 0 {
		return c, fmt.Errorf("%s: version %d with %d builds, want version 2 and one or more", name, c.Version, len(c.Builds))
	}
	return c, nil
}

type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// platforms are those that a build is for: each system with each processor.
func (b build) platforms() []platform {
	var all []platform
	for _, os := range b.OS {
		for _, arch := range b.Arch {
			all = append(all, platform{os, arch})
		}
	}
	return all
}

// release has the names that GoReleaser's templates may use here.
type release struct{ Version, FullCommit string }

// expand fills in a template; an unknown name is an error.
func (r release) expand(text string) (string, error) {
	t, err := template.New(configFile).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := t.Execute(&out, r); err != nil {
		return "", err
	}
	return out.String(), nil
}
