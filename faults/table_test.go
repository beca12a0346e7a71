//go:build tensorflow

package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tally counts the faults of one kind.
type tally struct {
	planted, nothing, below, found int
	place, cause, same             int
}

func (a *tally) add(b tally) {
	a.planted, a.nothing, a.below, a.found = a.planted+b.planted, a.nothing+b.nothing, a.below+b.below, a.found+b.found
	a.place, a.cause, a.same = a.place+b.place, a.cause+b.cause, a.same+b.same
}

func (s *suite) all(mode int) tally {
	var all tally
	for _, k := range s.kinds[mode] {
		all.add(*k)
	}
	return all
}

// summary says it in a sentence or two.
func (s *suite) summary(mode int) string {
	all := s.all(mode)
	return fmt.Sprintf("Planted %s: %d faults in %d models, of which %d change nothing, %d stay inside the bound of rounding everywhere, and %d diverge. "+
		"Of these the first named cause is right in %d (%.1f %%; in %d it is another name for the same numbers), and the first divergent layer, step, quantity and unit in %d (%.1f %%).",
		modes[mode], all.planted, len(s.models), all.nothing, all.below, all.found, all.cause, percent(all.cause, all.found), all.same, all.place, percent(all.place, all.found))
}

// table shows the counts, and names what is excluded and what went wrong.
func (s *suite) table() string {
	var b strings.Builder
	for mode, kinds := range s.kinds {
		all := s.all(mode)
		b.WriteString(s.summary(mode) + "\n\n")
		b.WriteString("| fault | planted | changes nothing | inside the bound | diverges | first cause right | first place right |\n| --- | --- | --- | --- | --- | --- | --- |\n")
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			k := kinds[kind]
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", kind, k.planted, k.nothing, k.below, k.found, k.cause, k.place)
		}
		fmt.Fprintf(&b, "| all | %d | %d | %d | %d | %d | %d |\n\n", all.planted, all.nothing, all.below, all.found, all.cause, all.place)
	}
	for _, list := range []struct {
		title string
		lines []string
	}{{"Wrong", s.wrong}, {"Excluded", s.excluded}} {
		fmt.Fprintf(&b, "%s: %d\n\n", list.title, len(list.lines))
		if len(list.lines) == 0 {
			continue
		}
		for _, line := range list.lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
		b.WriteString("\n")
	}
	return b.String()
}
