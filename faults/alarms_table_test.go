//go:build tensorflow

package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// alarmTable shows what the checks of random models found, by setting.
type alarmTable struct {
	models, structures int
	found              [][]alarmed
}

// marginsOf are the margins of some models' comparisons, in order.
type marginsOf struct {
	margins     []float64
	alarms      int
	weak, blind int
}

func (m *marginsOf) add(a *alarmed, title string) {
	if margin, ok := a.Margins[title]; ok {
		m.margins = append(m.margins, margin)
	}
	if a.Diverged[title] != "" {
		m.alarms++
	}
	if a.Weak[title] != "" {
		m.weak++
	}
	if a.Blind[title] {
		m.blind++
	}
}

// words are the largest and the median margin.
func (m *marginsOf) words() (largest, median string) {
	if len(m.margins) == 0 {
		return "–", "–"
	}
	slices.Sort(m.margins)
	return fmt.Sprintf("%.3g", m.margins[len(m.margins)-1]), fmt.Sprintf("%.3g", m.margins[len(m.margins)/2])
}

// titles are those of the comparisons of steps and outputs, or of values alone.
func titles(all []alarmed, values bool) []string {
	set := map[string]bool{}
	for _, a := range all {
		for title := range a.Margins {
			set[title] = true
		}
		for title := range a.Weak {
			set[title] = true
		}
	}
	var out []string
	for _, title := range slices.Sorted(maps.Keys(set)) {
		if strings.HasPrefix(title, valuesOf) == values {
			out = append(out, title)
		}
	}
	return out
}

func (f alarmTable) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d models of %d structures in %d families, with random weights, batches of 1 to 4 and, where steps are free, 1 to 500 of them, each under three settings of TensorFlow. A margin is the largest |difference|/bound.\n\n", f.models, f.structures, len(f.families()))
	b.WriteString("| TensorFlow | comparison | models | false alarms | largest margin | median margin | judged by the fallback |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	f.each(false, func(s setting, title string, m *marginsOf) {
		largest, median := m.words()
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %d |\n", s.Name, title, len(m.margins), m.alarms, largest, median, m.weak)
	})
	b.WriteString("\nValues without steps, by what rounding typically does:\n\n")
	b.WriteString("| TensorFlow | values of | models | false alarms | largest margin | median margin | without a bound that tells | of these beyond the fallback |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	f.each(true, func(s setting, title string, m *marginsOf) {
		largest, median := m.words()
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %d | %d |\n", s.Name, strings.TrimPrefix(title, valuesOf), len(m.margins), m.alarms, largest, median, m.weak, m.blind)
	})
	f.telling(&b)
	f.refusals(&b)
	f.byFamily(&b)
	if alarms := f.alarms(); len(alarms) > 0 {
		fmt.Fprintf(&b, "\nFalse alarms: %d\n\n", len(alarms))
		for _, a := range alarms {
			fmt.Fprintf(&b, "- %s\n", a)
		}
	}
	return b.String()
}

func (f alarmTable) each(values bool, row func(s setting, title string, m *marginsOf)) {
	for i, s := range settings {
		for _, title := range titles(f.found[i], values) {
			m := &marginsOf{}
			for k := range f.found[i] {
				m.add(&f.found[i][k], title)
			}
			row(s, title, m)
		}
	}
}

func (f alarmTable) families() []string {
	var out []string
	for _, a := range f.found[0] {
		if !slices.Contains(out, a.Family) {
			out = append(out, a.Family)
		}
	}
	return out
}

// byFamily adds up the settings.
func (f alarmTable) byFamily(b *strings.Builder) {
	b.WriteString("\nBy family, all settings together:\n\n| family | checks | false alarms | single steps | single operations | outputs and states | by the fallback | values without steps | without a bound that tells | a change of 1e-5 found |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, family := range f.families() {
		checks, alarms, changed := 0, 0, map[string]int{}
		of := map[string]*marginsOf{}
		for _, title := range []string{"single steps", "single operations", "outputs and states", valuesOf} {
			of[title] = &marginsOf{}
		}
		for _, all := range f.found {
			for i := range all {
				a := &all[i]
				if a.Family != family || a.Skipped != "" {
					continue
				}
				checks++
				alarms += len(a.Diverged)
				changed[a.Changed]++
				for title, m := range of {
					if title != valuesOf {
						m.add(a, title)
					}
				}
				for _, title := range titles(all[i:i+1], true) {
					of[valuesOf].add(a, title)
				}
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d", family, checks, alarms)
		for _, title := range []string{"single steps", "single operations", "outputs and states"} {
			largest, _ := of[title].words()
			fmt.Fprintf(b, " | %s", largest)
		}
		largest, _ := of[valuesOf].words()
		fmt.Fprintf(b, " | %d | %s | %d | %d of %d |\n", of["outputs and states"].weak, largest, of[valuesOf].weak, changed["found"], changed["found"]+changed["missed"])
	}
}

// telling says of how many outputs and states the bound proves nothing, and why.
func (f alarmTable) telling(b *strings.Builder) {
	count := map[string]int{}
	for _, all := range f.found {
		for _, a := range all {
			why := a.Weak["outputs and states"]
			switch {
			case strings.Contains(why, "no bound of rounding is known"):
				count[a.Family+": no bound is known"]++
			case why != "":
				count[a.Family+": the bound is too wide"]++
			}
		}
	}
	b.WriteString("\nChecks with an output or a state whose bound proves nothing, all settings together:\n\n")
	for _, why := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(b, "- %d: %s\n", count[why], why)
	}
}

// refusals says how many models an engine did not compute.
func (f alarmTable) refusals(b *strings.Builder) {
	skipped := map[string]int{}
	for i, s := range settings {
		for _, a := range f.found[i] {
			if a.Skipped != "" {
				skipped[fmt.Sprintf("%s, %s: %s", s.Name, a.Family, a.Skipped)]++
			}
		}
	}
	b.WriteString("\nModels not checked:\n\n")
	for _, why := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Fprintf(b, "- %d: %s\n", skipped[why], strings.ReplaceAll(why, "\n", " "))
	}
	count := map[string]int{}
	for i := range f.found[0] {
		for engine, why := range f.found[0][i].Refused {
			kind, _, _ := strings.Cut(why, ":") // an error's, without the paths in it
			count[engine+": "+kind]++
		}
	}
	b.WriteString("\nModels without values to compare:\n\n")
	for _, why := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(b, "- %d: %s\n", count[why], why)
	}
}

// alarms says where each diverges first.
func (f alarmTable) alarms() []string {
	var out []string
	for i, s := range settings {
		for k := range f.found[i] {
			a := &f.found[i][k]
			for _, title := range slices.Sorted(maps.Keys(a.Diverged)) {
				out = append(out, fmt.Sprintf("%s: %s: %s: %s; %s", s.Name, a.where(), title, a.Diverged[title], strings.Join(a.Layers, ", ")))
			}
		}
	}
	return out
}
