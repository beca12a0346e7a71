package main

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v4"
)

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
