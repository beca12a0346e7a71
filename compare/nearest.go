package compare

import (
	"fmt"
	"math"
	"strings"
)

// How many names an error lists, and how much of a name it looks at.
const (
	maxNames     = 20
	maxNameRunes = 200
)

// suggestion says which name a pattern that matches none could have meant.
func suggestion(pattern string, names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	nearest, least := "", math.MaxInt
	for _, name := range names {
		if d := edits(pattern, name); d < least {
			nearest, least = name, d
		}
	}
	var listed []string
	for _, name := range names[:min(len(names), maxNames)] {
		listed = append(listed, fmt.Sprintf("%q", name))
	}
	all := strings.Join(listed, ", ")
	if more := len(names) - len(listed); more > 0 {
		all += fmt.Sprintf(" and %d more", more)
	}
	hint := ""
	if strings.Contains(pattern, "*") {
		hint = ", and * matches no /"
	}
	return fmt.Sprintf("there are %s; the nearest is %q%s", all, nearest, hint)
}

// edits counts the letters to insert, remove or change in a pattern so that it
// matches a name (Levenshtein's distance), * and ? standing for what they do in
// path.Match.
func edits(pattern, name string) int {
	p, n := []rune(pattern), []rune(name)
	p, n = p[:min(len(p), maxNameRunes)], n[:min(len(n), maxNameRunes)]
	above := make([]int, len(n)+1) // of the pattern without its last letter
	for j := range above {
		above[j] = j
	}
	for _, letter := range p {
		row := make([]int, len(n)+1)
		remove := 1
		if letter == '*' {
			remove = 0
		}
		row[0] = above[0] + remove
		for j, other := range n {
			change, insert := 1, 1
			if letter == other || letter == '?' && other != '/' {
				change = 0
			}
			if letter == '*' && other != '/' {
				insert = 0
			}
			row[j+1] = min(above[j]+change, above[j+1]+remove, row[j]+insert)
		}
		above = row
	}
	return above[len(n)]
}
