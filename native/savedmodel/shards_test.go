package savedmodel

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep/internal/fixture"
)

const objectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH"

// A data file that lacks bytes of any entry is refused, wherever it ends: by
// every way that reads a value, and by the one that reads none.
func TestShortDataIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range fixture.Names(t) {
		files := memory(t, fixture.FS(t, name))
		whole := files[dataFile].Data
		if _, err := readAll(files); err != nil {
			continue // refused for another reason
		}
		for _, n := range []int{0, 1, len(whole) - 1, r.IntN(len(whole)), r.IntN(len(whole))} {
			refusesData(t, fmt.Sprintf("%s: %d of %d bytes", name, n, len(whole)), with(files, dataFile, whole[:n]), true, dataFile, "cut short", fmt.Sprintf("the file has %d", n))
		}
		// Bytes outside all entries do not matter.
		refusesData(t, name+": more bytes", with(files, dataFile, append(slices.Clone(whole), 1, 2, 3)), false)
	}
}

// refusesData fails unless all that looks at the checkpoint refuses it, or nothing
// does.
func refusesData(t *testing.T, what string, files fs.FS, refused bool, words ...string) {
	t.Helper()
	saved, err := OpenFS(files)
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]func(m *MetaGraph) error{
		"CheckData": (*MetaGraph).CheckData,
		"CheckVariables": func(m *MetaGraph) error {
			g, err := m.Flatten("")
			if err != nil { // nothing can be called: there is the data alone
				return m.CheckData()
			}
			return g.CheckVariables()
		},
		"Value": func(m *MetaGraph) error {
			all, err := m.Variables()
			if err == nil {
				_, err = m.Value(all[0])
			}
			return err
		},
	}
	for how, check := range checks {
		m, err := saved.MetaGraph()
		if err != nil {
			t.Fatal(err)
		}
		if err := check(m); refused {
			wantError(t, what+": "+how, err, words...)
		} else if err != nil {
			t.Errorf("%s: %s: %v", what, how, err)
		}
	}
}

// What the index says of entries that no variable takes: those that the restore
// operation reads must be there as libtensorflow wants them (which this follows:
// see tfbridge's TestDamagedCheckpoints); of others only the files' length
// matters.
func TestEntriesThatNoVariableTakes(t *testing.T) {
	files := small(t)
	for name, c := range map[string]struct {
		key   string
		edit  func(e *pb.BundleEntryProto)
		words []string // of the error; none means that it is taken
	}{
		"restored, beyond":        {objectGraphKey, func(e *pb.BundleEntryProto) { e.Offset = 1 << 30 }, []string{objectGraphKey, "2164 bytes at 1073741824, and the file has 2404"}},
		"restored, overflowing":   {objectGraphKey, func(e *pb.BundleEntryProto) { e.Offset, e.Size = math.MaxInt64, math.MaxInt64 }, []string{"cut short"}},
		"restored, before":        {objectGraphKey, func(e *pb.BundleEntryProto) { e.Offset = -1 }, []string{"2164 bytes at -1"}},
		"restored, negative":      {objectGraphKey, func(e *pb.BundleEntryProto) { e.Size = -1 }, []string{"-1 bytes at 240"}},
		"restored, nothing":       {objectGraphKey, func(e *pb.BundleEntryProto) { e.Size = 0 }, []string{"0 bytes for 1 strings"}},
		"restored, no such file":  {objectGraphKey, func(e *pb.BundleEntryProto) { e.ShardId = 7 }, []string{"variables.data-00007-of-00001", "no such file: there are 1"}},
		"restored, of a new type": {objectGraphKey, func(e *pb.BundleEntryProto) { e.Dtype = 999 }, nil},
		"other, as it should be":  {"zzz", func(e *pb.BundleEntryProto) {}, nil},
		"other, beyond":           {"zzz", func(e *pb.BundleEntryProto) { e.Offset = 2400 }, []string{"zzz", "16 bytes at 2400, and the file has 2404"}},
		"other, overflowing":      {"zzz", func(e *pb.BundleEntryProto) { e.Offset, e.Size = math.MaxInt64, math.MaxInt64 }, []string{"cut short"}},
		"other, before":           {"zzz", func(e *pb.BundleEntryProto) { e.Offset = -1 }, nil},
		"other, negative":         {"zzz", func(e *pb.BundleEntryProto) { e.Size = -1 }, nil},
		"other, nothing":          {"zzz", func(e *pb.BundleEntryProto) { e.Size = 0 }, nil},
		"other, not whole":        {"zzz", func(e *pb.BundleEntryProto) { e.Size = 15 }, nil},
		"other, no such file":     {"zzz", func(e *pb.BundleEntryProto) { e.ShardId = 7 }, nil},
		"other, of a new type":    {"zzz", func(e *pb.BundleEntryProto) { e.Dtype = 999 }, nil},
	} {
		changed := editIndex(t, files, func(entries map[string][]byte) {
			e := &pb.BundleEntryProto{Dtype: types_go_proto.DataType_DT_FLOAT, Size: 16, Shape: &tensor_shape_go_proto.TensorShapeProto{Dim: []*tensor_shape_go_proto.TensorShapeProto_Dim{{Size: 4}}}}
			if b, there := entries[c.key]; there {
				if err := proto.Unmarshal(b, e); err != nil {
					t.Fatal(err)
				}
			}
			c.edit(e)
			entries[c.key] = marshal(t, e)
		})
		refusesData(t, name, changed, c.words != nil, c.words...)
	}
	unreadable := editIndex(t, files, func(entries map[string][]byte) { entries["zzz"] = []byte{0xff} })
	refusesData(t, "other, no entry", unreadable, false)
}

// Entries of one size that lie in several files, one of which is short or not
// there.
func TestSeveralShards(t *testing.T) {
	files := small(t)
	data := files[dataFile].Data
	const second = "variables/variables.data-00001-of-00002"
	two := editIndex(t, files, func(entries map[string][]byte) {
		var h pb.BundleHeaderProto
		if err := proto.Unmarshal(entries[""], &h); err != nil {
			t.Fatal(err)
		}
		h.NumShards = 2
		entries[""] = marshal(t, &h)
		var e pb.BundleEntryProto
		if err := proto.Unmarshal(entries[objectGraphKey], &e); err != nil {
			t.Fatal(err)
		}
		e.ShardId = 1
		entries[objectGraphKey] = marshal(t, &e)
	})
	delete(two, dataFile)
	two["variables/variables.data-00000-of-00002"] = &fstest.MapFile{Data: data[:240]}
	refusesData(t, "without the second", two, true, second, objectGraphKey, "not exist")
	short := maps.Clone(two)
	short[second] = &fstest.MapFile{Data: data[:len(data)-1]}
	refusesData(t, "a short second", short, true, second, objectGraphKey, "the file has 2403")
	two[second] = &fstest.MapFile{Data: data}
	refusesData(t, "both", two, false)
	two[second] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	refusesData(t, "a pipe", two, true, second, "a named pipe")
}
