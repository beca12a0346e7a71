package archive_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/archive"
	"github.com/lockstep-go/lockstep/internal/memory"
)

// part is an entry of a zip that a test writes.
type part struct {
	name, content string
	method        uint16
	mode          fs.FileMode
}

// pack writes a zip, and lets a test damage its bytes.
func pack(t testing.TB, parts []part, damage func([]byte) []byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		h := &zip.FileHeader{Name: p.name, Method: p.method}
		if p.mode != 0 {
			h.SetMode(p.mode)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	if damage != nil {
		out = damage(out)
	}
	path := filepath.Join(t.TempDir(), "model.zip")
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// model is an archive's entries of a model in a folder, "" for the root.
func model(folder string, method uint16) []part {
	return []part{
		{name: folder + "saved_model.pb", content: strings.Repeat("graph ", 1000), method: method},
		{name: folder + "variables/variables.index", content: "index", method: method},
		{name: folder + "variables/variables.data-00000-of-00001", content: "0123456789", method: method},
	}
}

var methods = map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate}

// A model is found at the root and in a folder, and its files are those of a
// directory, read from the beginning and at any place.
func TestOpen(t *testing.T) {
	for how, method := range methods {
		for _, folder := range []string{"", "my model/"} {
			parts := model(folder, method)
			if folder != "" {
				parts = append(parts, part{name: folder}, part{name: "__MACOSX/", content: ""}, part{name: "__MACOSX/my model/._saved_model.pb", content: "?"})
			}
			a, err := archive.Open(pack(t, parts, nil))
			if err != nil {
				t.Fatalf("%s, %q: %v", how, folder, err)
			}
			if err := fstest.TestFS(a, "saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"); err != nil {
				t.Errorf("%s, %q: %v", how, folder, err)
			}
			f, err := a.Open("variables/variables.data-00000-of-00001")
			if err != nil {
				t.Fatal(err)
			}
			at, ok := f.(io.ReaderAt)
			if !ok {
				t.Fatalf("%s: a file cannot be read at a place", how)
			}
			b := make([]byte, 3)
			if _, err := at.ReadAt(b, 4); err != nil || string(b) != "456" {
				t.Errorf("%s, %q: at 4 stands %q, %v", how, folder, b, err)
			}
			f.Close()
			if _, err := fs.Stat(a, "__MACOSX"); err == nil {
				t.Errorf("%s: what is beside the model is a file of it", how)
			}
		}
	}
}

// What was unpacked is kept only as long as it is used, and unpacked again.
func TestUnpacksAgain(t *testing.T) {
	a, err := archive.Open(pack(t, model("", zip.Deflate), nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b, err := fs.ReadFile(a, "saved_model.pb")
		if err != nil || len(b) != 6000 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		runtime.GC()
	}
}

// TestRefuses: each archive holds a model and one entry, or one damage, that
// refuses it.
func TestRefuses(t *testing.T) {
	sound := model("", zip.Deflate)
	with := func(p ...part) []part { return append(slices.Clone(sound), p...) }
	huge := strings.Repeat("\x00", 17<<20)
	for name, c := range map[string]struct {
		parts  []part
		damage func([]byte) []byte
		want   string
		is     error
	}{
		"a path out of it":        {with(part{name: "../evil"}), nil, "not a path below the root", lockstep.ErrDamaged},
		"a path out of a folder":  {with(part{name: "variables/../../evil"}), nil, "not a path below the root", lockstep.ErrDamaged},
		"an absolute path":        {with(part{name: "/etc/evil"}), nil, "not a path below the root", lockstep.ErrDamaged},
		"a drive":                 {with(part{name: "C:/evil"}), nil, "not a path below the root", lockstep.ErrDamaged},
		"backslashes":             {with(part{name: `variables\evil`}), nil, "not a path below the root", lockstep.ErrDamaged},
		"an empty name":           {with(part{name: ""}), nil, "not a path below the root", lockstep.ErrDamaged},
		"a long name":             {with(part{name: strings.Repeat("a", 5000)}), nil, "want at most 1024", lockstep.ErrDamaged},
		"a deep name":             {with(part{name: strings.Repeat("a/", 50) + "b"}), nil, "50 folders", lockstep.ErrDamaged},
		"a file twice":            {with(part{name: "saved_model.pb", content: "other"}), nil, "is there twice", lockstep.ErrDamaged},
		"a file and folder":       {with(part{name: "variables"}), nil, "lies in a file", lockstep.ErrDamaged},
		"a link":                  {with(part{name: "variables/link", content: "/etc/passwd", mode: fs.ModeSymlink | 0o777}), nil, "want a file or a folder", lockstep.ErrDamaged},
		"a pipe":                  {with(part{name: "pipe", mode: fs.ModeNamedPipe | 0o777}), nil, "want a file or a folder", lockstep.ErrDamaged},
		"a bomb":                  {with(part{name: "variables/zeros", content: huge, method: zip.Deflate}), nil, "more than 200 times as much", lockstep.ErrDamaged},
		"encrypted":               {sound, inDirectory(8, 1), "it is encrypted", lockstep.ErrDamaged},
		"another method":          {sound, inDirectory(10, 93), "method 93", lockstep.ErrDamaged},
		"stored of other size":    {model("", zip.Store), inDirectory(24, 200), "it is stored, with", lockstep.ErrDamaged},
		"entries that share":      {sound, shareBytes, "share bytes", lockstep.ErrDamaged},
		"several models":          {append(model("a/", zip.Store), model("b/", zip.Store)...), nil, "several models, in a, b", lockstep.ErrNotSavedModel},
		"a model too deep":        {model("a/b/", zip.Store), nil, `has "a/b/saved_model.pb"`, lockstep.ErrNotSavedModel},
		"no model":                {[]part{{name: "readme"}}, nil, "no saved_model.pb, at its root", lockstep.ErrNotSavedModel},
		"a .keras archive":        {[]part{{name: "config.json"}}, nil, "looks like a .keras archive", lockstep.ErrNotSavedModel},
		"no zip":                  {sound, func([]byte) []byte { return []byte("PK but no zip") }, "not a valid zip file", zip.ErrFormat},
		"cut short":               {sound, func(b []byte) []byte { return b[:len(b)-30] }, "not a valid zip file", zip.ErrFormat},
		"an endless directory":    {many(90_000), nil, "list of entries takes over", nil},
		"a folder that has bytes": {with(part{name: "folder"}), folderOfBytes, "want a file or a folder", lockstep.ErrDamaged},
	} {
		path := pack(t, c.parts, c.damage)
		_, err := archive.Open(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
		if is, want := archive.Is(path), c.is != zip.ErrFormat && c.is != lockstep.ErrNotSavedModel; is != want {
			t.Errorf("%s: it is a model's zip: %v, want %v", name, is, want)
		}
	}
	if archive.Is(t.TempDir()) || archive.Is(filepath.Join(t.TempDir(), "none")) {
		t.Error("a directory, or nothing, is a zip")
	}
}

// many are a model and n empty files.
func many(n int) []part {
	parts := model("", zip.Store)
	for i := range n {
		parts = append(parts, part{name: strings.Repeat("0", i%10) + string(rune('a'+i%26)) + filepath.Base(os.TempDir())})
	}
	return parts
}

// header returns where the i-th entry of the directory at a zip's end begins.
func header(b []byte, i int) int {
	const signature = "PK\x01\x02"
	at := 0
	for range i + 1 {
		at += bytes.Index(b[at:], []byte(signature)) + 1
	}
	return at - 1
}

// inDirectory sets a field of the directory's first entry.
func inDirectory(offset int, value uint16) func([]byte) []byte {
	return func(b []byte) []byte {
		binary.LittleEndian.PutUint16(b[header(b, 0)+offset:], value)
		return b
	}
}

// shareBytes makes the second entry lie where the first does.
func shareBytes(b []byte) []byte {
	first, second := header(b, 0), header(b, 1)
	copy(b[second+42:second+46], b[first+42:first+46])
	return b
}

// folderOfBytes gives the last entry's attributes to be a folder's.
func folderOfBytes(b []byte) []byte {
	last := header(b, 3)
	b[last+5] = 3 // Unix
	binary.LittleEndian.PutUint32(b[last+38:], 0o040755<<16)
	return b
}

// An entry whose content is not what the directory says is an error when it is
// read, for whatever reader.
func TestDamagedContent(t *testing.T) {
	for how, method := range methods {
		for what, damage := range map[string]func([]byte) []byte{
			"another sum":  inDirectory(16, 0xabcd),
			"fewer bytes":  inDirectory(24, 7000),
			"more bytes":   inDirectory(24, 5000),
			"other bytes":  func(b []byte) []byte { b[60] ^= 0x55; return b },
			"fewer packed": inDirectory(20, 3),
		} {
			a, err := archive.Open(pack(t, model("", method), damage))
			if err != nil {
				continue // refused at once
			}
			if b, err := fs.ReadFile(a, "saved_model.pb"); err == nil {
				t.Errorf("%s, %s: it reads %d bytes", how, what, len(b))
			}
		}
	}
}

// What the entries claim to hold must fit the budget before anything is
// unpacked, and a file that is replaced is not read on.
func TestBudgetAndReplacement(t *testing.T) {
	path := pack(t, model("", zip.Deflate), nil)
	a, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	was := memory.Budget()
	memory.Set(5000)
	_, err = archive.Open(path)
	memory.Set(was)
	if !errors.Is(err, lockstep.ErrMemory) {
		t.Errorf("a budget of 5000 bytes: %v", err)
	}
	if err := os.WriteFile(path, []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(a, "saved_model.pb"); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("replaced: %v", err)
	}
}

// FuzzOpen opens any bytes: what is accepted has only files below its root, of
// the bytes that they claim, and stays within what is allowed.
func FuzzOpen(f *testing.F) {
	for _, method := range methods {
		b, err := os.ReadFile(pack(f, model("a/", method), nil))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(shareBytes(bytes.Clone(b)))
		f.Add(inDirectory(24, 60000)(bytes.Clone(b)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			return
		}
		a, err := archive.Of(z)
		if err != nil {
			return
		}
		all := 0
		if err := fs.WalkDir(a, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := fs.Stat(a, path)
			if err != nil || !info.Mode().IsRegular() || !fs.ValidPath(path) {
				t.Errorf("%q: %v, %v", path, info, err)
			}
			content, err := fs.ReadFile(a, path)
			if err == nil && int64(len(content)) != info.Size() {
				t.Errorf("%q: %d bytes of %d", path, len(content), info.Size())
			}
			all += len(content)
			return nil
		}); err != nil {
			t.Error(err)
		}
		if all > 1100*len(b) {
			t.Errorf("%d bytes unpack to %d", len(b), all)
		}
	})
}
