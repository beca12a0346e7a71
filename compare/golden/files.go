package golden

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/lockstep-go/lockstep/internal/regular"
)

// HashFiles returns the SHA-256 of every file of a SavedModel, in hexadecimal
// digits, by its path. What is neither a file nor a directory is refused.
func HashFiles(model fs.FS) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(model, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			if info, err := fs.Stat(model, path); err != nil || info.IsDir() {
				return err
			}
		}
		out[path], err = hashFile(model, path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	return out, nil
}

func hashFile(model fs.FS, path string) (string, error) {
	f, err := regular.OpenFS(model, path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// filesChanged says which files differ from the golden's.
func filesChanged(then, now map[string]string) []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(then)) {
		switch sum, ok := now[path]; {
		case !ok:
			out = append(out, path+" is gone")
		case sum != then[path]:
			out = append(out, path+" differs")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		if _, ok := then[path]; !ok {
			out = append(out, path+" is new")
		}
	}
	return out
}
