package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// decimal is a number that every reader reads the same. 010 is 8 to some and 10
// to others, and 1_000 is no number to most.
var decimal = regexp.MustCompile(`^[-+]?([1-9][0-9]*|0)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$`)

const wantDecimal = "want a plain decimal number, such as 0, 12, 0.5 or 1e-5: no leading zeros, no _, no 0x"

// parseDecimal reads such a number; one too small for a float64 is an error,
// not 0.
func parseDecimal(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	digits, _, _ := strings.Cut(strings.ToLower(s), "e")
	switch {
	case !decimal.MatchString(s) || !strings.ContainsAny(digits, "0123456789"):
		return 0, fmt.Errorf("%q: %s", s, wantDecimal)
	case err != nil:
		return 0, fmt.Errorf("%q: it is too large for float64", s)
	case v == 0 && strings.ContainsAny(digits, "123456789"):
		return 0, fmt.Errorf("%q: it is too small for float64, which rounds it to 0", s)
	}
	return v, nil
}

// parseCount reads a whole number of 0 or more.
func parseCount(s string) (uint64, error) {
	if v, err := parseDecimal(s); err == nil && v < 0 {
		return 0, fmt.Errorf("%s, want a whole number of 0 or more", s)
	} else if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: want a whole number from 0 to 2^64-1", s)
	}
	return n, nil
}

// plainNumber is a flag's value that is refused where it is not decimal.
type plainNumber struct{ pflag.Value }

func (p plainNumber) Set(s string) error {
	switch _, err := parseDecimal(s); {
	case err == nil:
	case p.Type() == "float64" && isNoNumber(s): // the command says what it wants
	default:
		return err
	}
	return p.Value.Set(s)
}

// isNoNumber tells whether s is one of Go's spellings of NaN or an infinity.
func isNoNumber(s string) bool {
	s = strings.TrimLeft(strings.ToLower(s), "+-")
	return s == "nan" || s == "inf" || s == "infinity"
}

// plainNumbers makes all flags of a command and of its subcommands read decimal
// numbers only: pflag reads octal, hexadecimal and binary ones too.
func plainNumbers(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch f.Value.Type() {
		case "int", "uint64", "float64":
			f.Value = plainNumber{f.Value}
		}
	})
	for _, c := range cmd.Commands() {
		plainNumbers(c)
	}
}
