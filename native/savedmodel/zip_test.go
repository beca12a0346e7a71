package savedmodel

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

// Every fixture reads from its zip as from the directory, by path and as a file
// system.
func TestZips(t *testing.T) {
	for _, name := range []string{"seed_keras3", "seed_units1_tfkeras", "gru_masked_keras3"} {
		want, err := readAll(os.DirFS(fixture.Dir(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		files, err := FS(fixture.Zip(name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.OpenReader(fixture.Zip(name))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for how, fsys := range map[string]fs.FS{"the path": files, "the file system": z, "its reader": &z.Reader} {
			if got, err := readAll(fsys); err != nil || got != want {
				t.Errorf("%s: by %s it reads otherwise: %v", name, how, err)
			}
		}
		if _, err := Open(fixture.Zip(name)); err != nil {
			t.Error(err)
		}
	}
}

func TestZipsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.zip")
	f, err := os.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if _, err := z.Create("../saved_model.pb"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other); !errors.Is(err, lockstep.ErrDamaged) || !strings.Contains(err.Error(), "savedmodel: "+other+": zip entry \"../saved_model.pb\"") {
		t.Errorf("a path out of it: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, lockstep.ErrNotSavedModel) || !strings.Contains(err.Error(), "it has other.zip") {
		t.Errorf("a directory with a zip: %v", err)
	}
}

// A variable that is restored from two entries, as Keras 2 tracks those of mixed
// precision, has their value where both have the same.
func TestVariableOfTwoEntries(t *testing.T) {
	entry := func(offset int64, crc uint32) []byte {
		b, err := proto.Marshal(&tfpb.BundleEntryProto{
			Dtype: tfpb.DataType_DT_FLOAT, Offset: offset, Size: 24, Crc32C: maskedCRC(crc),
			Shape: &tfpb.TensorShapeProto{Dim: []*tfpb.TensorShapeProto_Dim{{Size: 2}, {Size: 3}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	header, err := proto.Marshal(&tfpb.BundleHeaderProto{NumShards: 1})
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("abcdefghijklmnopqrstuvwxabcdefghijklmnopqrstuvwxABCDEFGHIJKLMNOPQRSTUVWX")
	for second, want := range map[int64]string{24: "", 48: `variable "a" is restored from "key of a" and from "key of b", whose values differ`, 60: "cut short"} {
		crc := uint32(0)
		if int(second)+24 <= len(data) {
			crc = crcOf(data[second:][:24])
		}
		index := table(t, map[string][]byte{"": header, "key of a": entry(0, crcOf(data[:24])), "key of b": entry(second, crc)})
		m := openGraph(t, restoring(func(n nodeMap) { n["assign_b"].Input[0] = "a" }))
		m.model.fsys = fstest.MapFS{indexFile: {Data: index}, dataFile: {Data: data}}
		v, ok, err := m.Variable(Ref{Node: &Node{Name: "a", Op: "VarHandleOp", def: m.nodes["a"]}})
		if err != nil || !ok || v.Key != "key of a" {
			t.Fatalf("%v, %v", v, err)
		}
		value, err := m.Value(v)
		if want != "" {
			wantError(t, want, err, want)
		} else if err != nil || value.Len() != 6 {
			t.Errorf("%v, %v", value, err)
		}
	}
}
