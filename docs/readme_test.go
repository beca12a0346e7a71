package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The README is one screen, and its transcript is of a page that is followed.
func TestReadme(t *testing.T) {
	const most = 120
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > most {
		t.Errorf("README.md has %d lines, want at most %d: move something to a page of docs", n, most)
	}
	report := ""
	for _, b := range blocks(t, "report.md") {
		if b.lang == "text" {
			report += b.text
		}
	}
	shown := 0
	for _, b := range blocks(t, filepath.Join("..", "README.md")) {
		if b.lang != "text" {
			continue
		}
		for line := range strings.Lines(b.text) {
			shown++
			if !strings.Contains(report, line) {
				t.Errorf("README.md:%d: docs/report.md does not show the line %q", b.line, line)
			}
		}
	}
	if shown == 0 {
		t.Error("README.md shows no report")
	}
}

var (
	link      = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fenced    = regexp.MustCompile("(?ms)^```.*?^```$")
)

// anchors returns how the headings of a page are linked to.
func anchors(page string) []string {
	var all []string
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		all = append(all, strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

// Every link of a page to a file here leads somewhere, also one to a heading.
func TestLinks(t *testing.T) {
	found := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "build" || name == "bin" || strings.HasPrefix(name, ".") && len(name) > 2 && name != ".github") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, l := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(l[1], "://") || strings.HasPrefix(l[1], "mailto:") {
				continue
			}
			found++
			checkLink(t, path, l[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("%d links, want more: are they looked for in the right place?", found)
	}
}

func checkLink(t *testing.T, page, to string) {
	t.Helper()
	file, anchor, _ := strings.Cut(to, "#")
	target := page
	if file != "" {
		target = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s: the link %s leads nowhere: %v", page, to, err)
		return
	}
	if anchor == "" {
		return
	}
	text, err := os.ReadFile(target)
	if err != nil {
		t.Errorf("%s: the link %s: %v", page, to, err)
		return
	}
	if have := anchors(string(text)); !slices.Contains(have, anchor) {
		t.Errorf("%s: the link %s leads to no heading; %s has %q", page, to, target, have)
	}
}
