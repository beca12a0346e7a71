package html

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chromium returns the browser's path. Without one the test is skipped, but fails
// where CI is set.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("LOCKSTEP_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	const how = "no Chromium was found: on Debian apt-get install chromium, or name one with LOCKSTEP_CHROMIUM"
	if os.Getenv("CI") != "" {
		t.Fatal(how + "; CI is set, so that nothing may be skipped")
	}
	t.Skip(how)
	return ""
}

// browse opens a page without a screen and returns what the flag, --dump-dom,
// writes to standard output.
func browse(t *testing.T, browser, page string, flags ...string) string {
	t.Helper()
	args := append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + t.TempDir(),
		"--virtual-time-budget=5000", "--window-size=1240,4200",
	}, flags...)
	cmd := exec.Command(browser, append(args, "file://"+page)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, errs.String())
	}
	return out.String()
}

// countPixels is a script that writes into the page how many pixels of each
// canvas are painted, and how many in colour: axes and grids are grey.
const countPixels = `<script>setTimeout(() => {
  document.documentElement.dataset.pixels = [...document.querySelectorAll("canvas")].map(c => {
    const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let ink = 0, colour = 0;
    for (let i = 0; i < d.length; i += 4) if (d[i+3] > 0) { ink++; if (Math.max(d[i], d[i+1], d[i+2]) - Math.min(d[i], d[i+1], d[i+2]) > 60) colour++; }
    return ink + ":" + colour;
  }).join(" ");
}, 1000);</script>`

var rootAttribute = regexp.MustCompile(`\bdata-(\w+)="([^"]*)"`)

// opened opens a page and returns what its root element says after a second.
func opened(t *testing.T, browser, page string, flags ...string) (dom string, root map[string]string) {
	t.Helper()
	dom = browse(t, browser, page, append(flags, "--dump-dom")...)
	head, _, _ := strings.Cut(dom[strings.Index(dom, "<html"):], ">")
	root = map[string]string{}
	for _, m := range rootAttribute.FindAllStringSubmatch(head, -1) {
		root[m[1]] = html.UnescapeString(m[2])
	}
	return dom, root
}

// The page of a planted fault opens in a browser without an error of its
// scripts, and every chart is drawn, in light and in dark, in short and in long
// sequences. LOCKSTEP_SCREENSHOTS names a folder to look at them.
func TestPageInChromium(t *testing.T) {
	browser := chromium(t)
	for _, c := range []struct {
		name  string
		steps int
		flags []string
	}{{"light", 30, nil}, {"dark", 30, []string{"--blink-settings=preferredColorScheme=0"}}, {"long", 3000, nil}} {
		var b bytes.Buffer
		if err := Write(&b, planted(t, c.steps)); err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(t.TempDir(), c.name+".html")
		if err := os.WriteFile(page, append(b.Bytes(), countPixels...), 0o644); err != nil {
			t.Fatal(err)
		}
		dom, root := opened(t, browser, page, c.flags...)
		if root["errors"] != "0" || root["drawn"] != "1" {
			t.Errorf("%s: %s errors of scripts (%s), %s reports drawn", c.name, root["errors"], root["error"], root["drawn"])
		}
		canvases, coloured := strings.Fields(root["pixels"]), 0
		for i, p := range canvases {
			ink, colour, _ := strings.Cut(p, ":")
			if n, err := strconv.Atoi(ink); err != nil || n == 0 {
				t.Errorf("%s: canvas %d of %d is empty", c.name, i+1, len(canvases))
			}
			if n, err := strconv.Atoi(colour); err == nil && n > 200 {
				coloured++
			}
		}
		// three overviews, two errors, a heat map, and the values of c, h, i, f, g, o, Σf
		if len(canvases) < 13 || coloured < 12 {
			t.Errorf("%s: %d charts, %d of them with something drawn: want 13 and 12; pixels %s", c.name, len(canvases), coloured, root["pixels"])
		}
		if want := fmt.Sprintf("first part: step %d", faultStep); strings.Contains(dom, want) {
			t.Errorf("%s: the text of a canvas is in the document", c.name) // it would hide that the facts are missing
		}
		if dir := os.Getenv("LOCKSTEP_SCREENSHOTS"); dir != "" {
			browse(t, browser, page, append(c.flags, "--screenshot="+filepath.Join(dir, c.name+".png"))...)
		}
	}
}

// What is not a divergence, or nothing at all, opens without errors too.
func TestOtherPagesInChromium(t *testing.T) {
	browser := chromium(t)
	for name, reports := range otherReports(t) {
		var b bytes.Buffer
		if err := Write(&b, reports...); err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, root := opened(t, browser, page); root["errors"] != "0" {
			t.Errorf("%s: %s errors of scripts: %s", name, root["errors"], root["error"])
		}
	}
}
