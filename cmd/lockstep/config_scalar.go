package main

import (
	"math"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// What YAML calls numbers that are none, for a message that names them.
var noNumbers = map[string]float64{".inf": math.Inf(1), "+.inf": math.Inf(1), "-.inf": math.Inf(-1), ".nan": math.NaN()}

// Booleans: yes and on are some in YAML 1.1, and words in YAML 1.2.
var booleans = map[string]bool{"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false}

// scalar reads a number, a boolean or a word, from its text as it stands there:
// what readers of YAML disagree about is refused.
func (d *yamlDecoder) scalar(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.ScalarNode {
		return d.errorf(n, key, "want one value, got a list or keys and values")
	}
	if v.Kind() == reflect.String {
		if n.Value == "" {
			return d.errorf(n, key, "it is empty: give it a value, or leave the key out")
		}
		v.SetString(n.Value)
		return nil
	}
	if n.Style != 0 { // quotes, or a tag
		return d.errorf(n, key, "%q is a text: want a value as it is, without quotes or a tag", n.Value)
	}
	switch v.Kind() {
	case reflect.Bool:
		b, ok := booleans[n.Value]
		if !ok {
			return d.errorf(n, key, "%q: want true or false", n.Value)
		}
		v.SetBool(b)
	case reflect.Uint64:
		count, err := parseCount(n.Value)
		if err != nil {
			return d.errorf(n, key, "%v", err)
		}
		v.SetUint(count)
	case reflect.Float64:
		number, none := noNumbers[strings.ToLower(n.Value)]
		if !none {
			var err error
			if number, err = parseDecimal(n.Value); err != nil {
				return d.errorf(n, key, "%v", err)
			}
		}
		v.SetFloat(number)
	}
	return nil
}
