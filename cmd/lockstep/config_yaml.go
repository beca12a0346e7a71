package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The library decodes the file and refuses fields that are unknown. Its errors
// have a line and a column, but neither the key nor what is expected there:
// places finds the key, and expectedKeys what is expected.

// places are the keys of a file, such as models[0].tolerance.atol, and their
// positions.
type places struct {
	lines map[string]int // of keys
	keys  map[spot]string
}

// spot is a position in the file.
type spot struct{ line, column int }

// of returns the line of a key, or of the nearest above it that is there.
func (p *places) of(key string) int {
	for key != "" {
		if line, ok := p.lines[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 1
}

// near returns the key at a spot, or the last one before it on its line.
func (p *places) near(at spot) string {
	var best spot
	for s := range p.keys {
		if s.line == at.line && s.column <= at.column && s.column > best.column {
			best = s
		}
	}
	return p.keys[best]
}

// decodeYAML reads one document into the config. Every error has its line, and its
// key where it has one.
func decodeYAML(name string, b []byte, into *config) (*places, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	p := &places{map[string]int{}, map[spot]string{}}
	var root, next yaml.Node
	if err := loader.Load(&root); err == io.EOF {
		return p, nil // nothing but comments
	} else if err != nil {
		return nil, p.explained(name, err)
	}
	switch err := loader.Load(&next); {
	case err == nil:
		return nil, &configError{name, max(next.Line, 1), "", "a second document begins: want one"}
	case err != io.EOF:
		return nil, p.explained(name, err)
	}
	for _, n := range root.Content {
		if err := p.find(name, n, ""); err != nil {
			return nil, err
		}
	}
	if err := root.Load(into, yaml.WithKnownFields()); err != nil {
		return nil, p.explained(name, err)
	}
	return p, nil
}

// find notes the positions of a node's keys. What the library accepts and a
// reader may misunderstand is an error: aliases, merged keys, and values that
// are null or empty.
func (p *places) find(name string, n *yaml.Node, key string) error {
	wrong := func(what string, args ...any) error {
		return &configError{name, max(n.Line, 1), key, fmt.Sprintf(what, args...)}
	}
	p.keys[spot{n.Line, n.Column}] = key
	switch {
	case n.Kind == yaml.AliasNode:
		return wrong("an alias, *%s: write out what it stands for", n.Value)
	case key == "":
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return wrong("it has no value: give it one, or leave the key out")
	case n.Kind == yaml.ScalarNode && n.Value == "":
		return wrong("it is empty: give it a value, or leave the key out")
	}
	for i, entry := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		if n.Kind == yaml.MappingNode {
			at = strings.TrimPrefix(key+"."+n.Content[i&^1].Value, ".")
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			p.keys[spot{entry.Line, entry.Column}] = at
			switch {
			case entry.Kind == yaml.AliasNode || entry.ShortTag() == "!!null":
				return p.find(name, entry, at)
			case entry.ShortTag() == "!!merge":
				return &configError{name, entry.Line, at, `"<<" merges keys: write them out`}
			}
		} else if err := p.find(name, entry, at); err != nil {
			return err
		}
		if _, known := p.lines[at]; !known {
			p.lines[at] = entry.Line
		}
	}
	return nil
}

// The library's messages about a field, and about a value.
var (
	unknownField = regexp.MustCompile(`^field (.*) not found in type (\S+)$`)
	misfit       = regexp.MustCompile(`^cannot construct .* into (\S+)$`)
	twice        = regexp.MustCompile(`already (set|defined)`)
)

// expectedKeys says what is expected where the config has a type.
var expectedKeys = func() map[string]string {
	out := map[string]string{
		reflect.TypeFor[string]().String():            "want one value, got a list or keys and values",
		reflect.TypeFor[map[string]string]().String(): "want names and what they are called now, as in dense: output_0",
	}
	for _, t := range []reflect.Type{reflect.TypeFor[[]string](), reflect.TypeFor[[]configModel](), reflect.TypeFor[[]configTensor]()} {
		out[t.String()] = "want a list, each entry behind a dash"
	}
	for _, t := range []reflect.Type{reflect.TypeFor[config](), reflect.TypeFor[configModel](), reflect.TypeFor[configTensor](), reflect.TypeFor[configTolerance]()} {
		out[t.String()] = "want keys and values, such as " + strings.Join(tagsOf(t), ", ")
	}
	return out
}()

// tagsOf lists the keys of a struct.
func tagsOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		switch tag := t.Field(i).Tag.Get("yaml"); tag {
		case ",inline":
			out = append(out, tagsOf(t.Field(i).Type)...)
		case "": // no key
		default:
			out = append(out, tag)
		}
	}
	return out
}

// explained puts the library's first error into our form.
func (p *places) explained(name string, err error) error {
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	if errors.As(err, &several) && len(several.Errors) > 0 {
		one = slices.MinFunc(several.Errors, func(a, b *yaml.LoadError) int { return cmp.Compare(a.Mark.Line, b.Mark.Line) })
	} else if !errors.As(err, &one) {
		return &configError{name, 1, "", strings.Join(strings.Fields(err.Error()), " ")}
	}
	what := strings.Join(strings.Fields(one.Message), " ")
	if m := unknownField.FindStringSubmatch(one.Message); m != nil {
		what = fmt.Sprintf("unknown field %q: %s", m[1], strings.Replace(expectedKeys[m[2]], "keys and values, such as ", "", 1))
	} else if m := misfit.FindStringSubmatch(one.Message); m != nil && expectedKeys[m[1]] != "" {
		what = expectedKeys[m[1]]
	} else if twice.MatchString(one.Message) {
		what = "it is given twice"
	}
	return &configError{name, max(one.Mark.Line, 1), p.near(spot{one.Mark.Line, one.Mark.Column}), what}
}

// Numbers and booleans are read from their text in the file: what readers of
// YAML disagree about, such as 010 and yes, is refused.
type (
	yamlNumber float64
	yamlCount  uint64
	yamlBool   bool
)

// What YAML calls its number types, for a message that names them.
var noNumbers = map[string]float64{".inf": math.Inf(1), "+.inf": math.Inf(1), "-.inf": math.Inf(-1), ".nan": math.NaN()}

// yes and on are booleans in YAML 1.1, and words in YAML 1.2.
var booleans = map[string]bool{"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false}

// plainText is the text of a value that has neither quotes nor a tag.
func plainText(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("want one value, got a list or keys and values")
	case n.Style != 0: // quotes, or a tag
		return "", fmt.Errorf("%q is a text: want a value as it is, without quotes or a tag", n.Value)
	}
	return n.Value, nil
}

func (v *yamlNumber) UnmarshalYAML(n *yaml.Node) error {
	text, err := plainText(n)
	if err != nil {
		return err
	}
	number, none := noNumbers[strings.ToLower(text)]
	if !none {
		number, err = parseDecimal(text)
	}
	*v = yamlNumber(number)
	return err
}

func (v *yamlCount) UnmarshalYAML(n *yaml.Node) error {
	text, err := plainText(n)
	if err != nil {
		return err
	}
	count, err := parseCount(text)
	*v = yamlCount(count)
	return err
}

func (v *yamlBool) UnmarshalYAML(n *yaml.Node) error {
	text, err := plainText(n)
	if err != nil {
		return err
	}
	b, ok := booleans[text]
	if !ok {
		return fmt.Errorf("%q: want true or false", text)
	}
	*v = yamlBool(b)
	return nil
}
