package savedmodel

import (
	"os"
	"strings"
	"testing"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

// What a fuzz target reads must end in a description or in an error that names
// the package, and use no more memory than a service could afford.
func readFuzzed(t *testing.T, what string, read func() (string, error)) (string, error) {
	before := allocated()
	s, err := read()
	if used := allocated() - before; used > 1<<30 {
		t.Errorf("%s: %d MiB were allocated", what, used>>20)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "savedmodel: ") {
		t.Errorf("%s: error %q does not name the package", what, err)
	}
	return s, err
}

// FuzzSavedModel reads a saved_model.pb beside a checkpoint that may not fit it.
func FuzzSavedModel(f *testing.F) {
	files := own(f)
	f.Add(files[pbFile].Data)
	f.Add(memory(f, fixture.FS(f, "not_recurrent"))[pbFile].Data)
	f.Add(marshal(f, saved(graph(chain(3), doubling(3, fn("leaf", "x"))...))))
	f.Add(marshal(f, saved(restoring(nil))))
	f.Fuzz(func(t *testing.T, b []byte) {
		readFuzzed(t, pbFile, func() (string, error) { return readAll(with(files, pbFile, b)) })
	})
}

// FuzzIndex reads a variables.index, as it is and with its blocks' checksums
// put right, without which a fuzzer would not get far.
func FuzzIndex(f *testing.F) {
	files := own(f)
	whole, err := readAll(files)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files[indexFile].Data)
	f.Add(small(f)[indexFile].Data)
	f.Add(manyKeys()[:2000])
	for _, name := range []string{"blocks.table", "restarts.table", "snappy.table"} {
		b, err := os.ReadFile("testdata/tables/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readFuzzed(t, indexFile, func() (string, error) { return readAll(with(files, indexFile, b)) })
		if err == nil && s != whole {
			t.Errorf("another index reads as another model:\n%s", s)
		}
		readFuzzed(t, "a block", func() (string, error) { return readAll(with(files, indexFile, assemble(b, nil))) })
	})
}

// FuzzData reads a data file that a valid index describes.
func FuzzData(f *testing.F) {
	files := memory(f, os.DirFS("testdata/dtypes"))
	whole, err := readAll(files)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files[dataFile].Data)
	f.Add(files[dataFile].Data[:700])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readFuzzed(t, dataFile, func() (string, error) { return readAll(with(files, dataFile, b)) })
		if err == nil && s != whole {
			t.Errorf("other data read as the same model:\n%s", s)
		}
		// A tensor of strings, whose lengths come from the data.
		_, _ = readStrings(b, 6, []int{2, 3}, 0)
	})
}
