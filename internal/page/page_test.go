package page

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// What is embedded is what the registry has: the files of uplot-1.6.32.tgz,
// whose own sha256 is
// 4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d.
func TestLibraryIsAsReleased(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"dist/uPlot.iife.min.js": {uplotScript, "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"},
		"dist/uPlot.min.css":     {uplotStyle, "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"},
	} {
		sum := sha256.Sum256([]byte(c.file))
		if got := hex.EncodeToString(sum[:]); got != c.want {
			t.Errorf("%s: sha256 %s, want %s", name, got, c.want)
		}
	}
}

// No part of it ends its element, or uses the network.
func TestScriptsStandInAPage(t *testing.T) {
	for _, text := range []string{string(Script()), string(Style())} {
		for _, bad := range []string{"</script", "</style", "<!--", "@import", "url(", "fetch(", "XMLHttpRequest"} {
			if strings.Contains(text, bad) {
				t.Errorf("it holds %q", bad)
			}
		}
	}
}
