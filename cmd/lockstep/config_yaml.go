package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// lines are the lines of a file's keys, such as models[0].tolerance.atol.
type lines map[string]int

// of returns the line of a key, or of the nearest above it that is there.
func (l lines) of(key string) int {
	for key != "" {
		if line, ok := l[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 1
}

// decodeYAML reads one document into a struct whose fields have yaml tags. A key
// that is none of them is an error; every error has its line and its key.
func decodeYAML(name string, b []byte, into any) (lines, error) {
	d := yamlDecoder{name, lines{}}
	loader, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var root, next yaml.Node
	if err := loader.Load(&root); err == io.EOF {
		return d.lines, nil // nothing but comments
	} else if err != nil {
		return nil, misspelt(name, err)
	}
	switch err := loader.Load(&next); {
	case err == nil:
		return nil, d.errorf(&next, "", "a second document begins: want one")
	case err != io.EOF:
		return nil, misspelt(name, err)
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, d.errorf(&root, "", "want one document")
	}
	return d.lines, d.value(root.Content[0], "", reflect.ValueOf(into).Elem())
}

type yamlDecoder struct {
	name  string
	lines lines
}

// value reads a node into v.
func (d *yamlDecoder) value(n *yaml.Node, key string, v reflect.Value) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return d.errorf(n, key, "an alias, *%s: write out what it stands for", n.Value)
	case key != "" && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return d.errorf(n, key, "it has no value: give it one, or leave the key out")
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(n, key, v.Elem())
	case v.Kind() == reflect.Struct:
		return d.mapping(n, key, v)
	case v.Kind() == reflect.Slice:
		return d.list(n, key, v)
	case v.Kind() == reflect.Map:
		return d.words(n, key, v)
	}
	return d.scalar(n, key, v)
}

// list reads the entries of a list, each by its own key.
func (d *yamlDecoder) list(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return d.errorf(n, key, "want a list, each entry behind a dash")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, entry := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		d.lines[at] = entry.Line
		if err := d.value(entry, at, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// words reads a mapping whose keys are names of the user's.
func (d *yamlDecoder) words(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, key, "want names and what they are called now, as in dense: output_0")
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, word := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := d.value(n.Content[i], key+"."+n.Content[i].Value, name); err != nil {
			return err
		}
		if v.MapIndex(name).IsValid() {
			return d.errorf(n.Content[i], key+"."+n.Content[i].Value, "it stands there twice")
		}
		if err := d.value(n.Content[i+1], key+"."+n.Content[i].Value, word); err != nil {
			return err
		}
		v.SetMapIndex(name, word)
	}
	return nil
}

// mapping reads keys and values into the fields of their tags.
func (d *yamlDecoder) mapping(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, key, "want keys and values, such as %s", strings.Join(tagsOf(v.Type()), ", "))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, at := n.Content[i], n.Content[i].Value
		if key != "" {
			at = key + "." + at
		}
		field := fieldOf(v, k.Value)
		if !field.IsValid() {
			return d.errorf(k, at, "unknown field %q: want %s", k.Value, strings.Join(tagsOf(v.Type()), ", "))
		}
		if _, twice := d.lines[at]; twice {
			return d.errorf(k, at, "it stands there twice")
		}
		d.lines[at] = k.Line
		if err := d.value(n.Content[i+1], at, field); err != nil {
			return err
		}
	}
	return nil
}

func (d *yamlDecoder) errorf(n *yaml.Node, key, format string, args ...any) error {
	return &configError{d.name, max(n.Line, 1), key, fmt.Sprintf(format, args...)}
}

const inlined = ",inline"

// fieldOf returns the field of a tag, also of a struct that is inlined.
func fieldOf(v reflect.Value, tag string) reflect.Value {
	if tag == "" {
		return reflect.Value{}
	}
	for i := range v.NumField() {
		switch t := v.Type().Field(i).Tag.Get("yaml"); t {
		case tag:
			return v.Field(i)
		case inlined:
			if f := fieldOf(v.Field(i), tag); f.IsValid() {
				return f
			}
		}
	}
	return reflect.Value{}
}

// tagsOf lists the tags of a struct.
func tagsOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		switch tag := t.Field(i).Tag.Get("yaml"); tag {
		case inlined:
			out = append(out, tagsOf(t.Field(i).Type)...)
		case "": // no key
		default:
			out = append(out, tag)
		}
	}
	return out
}

// misspelt gives an error of the library our form.
func misspelt(name string, err error) error {
	line, what := 1, err.Error()
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	if errors.As(err, &several) && len(several.Errors) > 0 {
		one = several.Errors[0]
	} else {
		errors.As(err, &one)
	}
	if one != nil {
		line, what = max(line, one.Mark.Line), one.Message
	}
	return &configError{name, line, "", strings.Join(strings.Fields(what), " ")}
}
