package savedmodel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/raw"
	"github.com/lockstep-go/lockstep/internal/tfpb"
)

const (
	pbFile    = "saved_model.pb"
	indexFile = "variables/variables.index"
	dataFile  = "variables/variables.data-00000-of-00001"
)

// memory reads a model's files into a file system that the test may change.
func memory(t testing.TB, fsys fs.FS) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, name := range []string{pbFile, indexFile, dataFile} {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

// small is the smallest fixture, in memory.
func small(t testing.TB) fstest.MapFS { return memory(t, fixture.FS(t, "seed_units1_keras3")) }

// own is a smaller one, which TensorFlow wrote without Keras.
func own(t testing.TB) fstest.MapFS { return memory(t, os.DirFS("testdata/own")) }

// with returns the files with one of them replaced.
func with(files fstest.MapFS, name string, b []byte) fstest.MapFS {
	files = maps.Clone(files)
	files[name] = &fstest.MapFile{Data: b}
	return files
}

// readAll reads everything there is to a model and describes it, so that two
// readings can be compared.
func readAll(fsys fs.FS) (string, error) {
	saved, err := OpenFS(fsys)
	if err != nil {
		return "", err
	}
	m, err := saved.MetaGraph()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range m.Signatures() {
		fmt.Fprintf(&b, "%v\n", s)
		if err := describe(&b, m, s.Name); err != nil {
			return "", err
		}
	}
	vars, err := m.Variables()
	if err != nil {
		return "", err
	}
	for _, v := range vars {
		if v.Err != nil {
			return "", v.Err
		}
		value, err := m.Value(v)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%v %s", *v, value)
		if value.DType() == lockstep.String {
			list, _ := lockstep.Data[string](value)
			fmt.Fprintf(&b, "%q\n", list)
			continue
		}
		bits, err := raw.Encode(value)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%x\n", bits)
	}
	return b.String(), nil
}

// describe flattens a signature and writes down its nodes, those of its loops,
// and its GraphDef.
func describe(b *strings.Builder, m *MetaGraph, signature string) error {
	g, err := m.Flatten(signature)
	if err != nil {
		return err
	}
	nodes := func(nodes []*Node) error {
		for _, n := range nodes {
			fmt.Fprintf(b, "%s %s %v %d\n", n.Name, n.Op, n.Inputs, n.NumOutputs)
			for i := range n.NumOutputs {
				Ref{n, i}.Through()
			}
			if n.Op == "Const" {
				value, err := n.Const()
				fmt.Fprintf(b, "%s %v\n", value, err)
			}
			if _, _, err := m.Variable(Ref{Node: n}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := nodes(g.Nodes); err != nil {
		return err
	}
	if err := g.CheckVariables(); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		for _, attr := range []string{"body", "cond"} {
			if name := n.AttrFunc(attr); name != "" {
				f, err := g.Function(name)
				if err != nil {
					return err
				}
				if err := nodes(f.Nodes); err != nil {
					return err
				}
				fmt.Fprintln(b, f.Rets)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.Outputs)) {
		def, main, err := g.GraphDef([]Ref{g.Outputs[name]})
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s %d %d\n", name, len(def), len(main))
	}
	return nil
}

// graph is a main graph in the making, with a signature whose one output is
// the node "out".
func graph(nodes []*node_def_go_proto.NodeDef, functions ...*function_go_proto.FunctionDef) *pb.MetaGraphDef {
	return &pb.MetaGraphDef{
		MetaInfoDef: &pb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}},
		GraphDef: &graph_go_proto.GraphDef{
			Node:    nodes,
			Library: &function_go_proto.FunctionDefLibrary{Function: functions},
		},
		SignatureDef: map[string]*pb.SignatureDef{"serving_default": {Outputs: map[string]*pb.TensorInfo{
			"out": {Encoding: &pb.TensorInfo_Name{Name: "out:0"}, Dtype: types_go_proto.DataType_DT_FLOAT},
		}}},
	}
}

// open makes the model of a graph, without a checkpoint.
func openGraph(t testing.TB, g *pb.MetaGraphDef) *MetaGraph {
	t.Helper()
	m, err := hostile(t, g).MetaGraph()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hostile makes the file of a graph.
func hostile(t testing.TB, g *pb.MetaGraphDef) *SavedModel {
	t.Helper()
	b, err := proto.Marshal(&pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{g}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(fstest.MapFS{"saved_model.pb": {Data: b}}, "hostile")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func node(name, op string, inputs ...string) *node_def_go_proto.NodeDef {
	return &node_def_go_proto.NodeDef{Name: name, Op: op, Input: inputs, Attr: map[string]*attr_value_go_proto.AttrValue{}}
}

func attr(n *node_def_go_proto.NodeDef, name string, value *attr_value_go_proto.AttrValue) *node_def_go_proto.NodeDef {
	n.Attr[name] = value
	return n
}

func intAttr(v int64) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: v}}
}

func funcAttr(name string) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: name}}}
}

// call is a call of a function with one result.
func call(name, function string, inputs ...string) *node_def_go_proto.NodeDef {
	return attr(node(name, "PartitionedCall", inputs...), "f", funcAttr(function))
}

// function makes a function of x to y, which is ret.
func fn(name, ret string, nodes ...*node_def_go_proto.NodeDef) *function_go_proto.FunctionDef {
	return &function_go_proto.FunctionDef{
		Signature: &op_def_go_proto.OpDef{
			Name:      name,
			InputArg:  []*op_def_go_proto.OpDef_ArgDef{{Name: "x", Type: types_go_proto.DataType_DT_FLOAT}},
			OutputArg: []*op_def_go_proto.OpDef_ArgDef{{Name: "y", Type: types_go_proto.DataType_DT_FLOAT}},
		},
		NodeDef: nodes,
		Ret:     map[string]string{"y": ret},
	}
}

// table writes a table of one block.
func table(t testing.TB, entries map[string][]byte) []byte {
	t.Helper()
	var block []byte
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		block = appendEntry(block, 0, key, entries[key])
	}
	block = binary.LittleEndian.AppendUint32(block, 0) // one restart, at 0
	block = binary.LittleEndian.AppendUint32(block, 1)
	return assemble(block, nil)
}

func appendEntry(block []byte, shared int, key string, value []byte) []byte {
	block = binary.AppendUvarint(block, uint64(shared))
	block = binary.AppendUvarint(block, uint64(len(key)))
	block = binary.AppendUvarint(block, uint64(len(value)))
	return append(append(block, key...), value...)
}

// assemble makes a table of a block; handles, if not nil, are what the index
// holds instead of the block's own handle.
func assemble(block []byte, handles [][]byte) []byte {
	var out bytes.Buffer
	add := func(b []byte) []byte {
		handle := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(out.Len())), uint64(len(b)))
		out.Write(b)
		out.WriteByte(noCompression)
		sum := maskedCRC(crc32.Checksum(append(slices.Clone(b), noCompression), castagnoli))
		out.Write(binary.LittleEndian.AppendUint32(nil, sum))
		return handle
	}
	ending := []byte{0, 0, 0, 0}
	data := add(block)
	if handles == nil {
		handles = [][]byte{data}
	}
	var index []byte
	for _, h := range handles {
		index = appendEntry(index, 0, "~", h)
	}
	meta, indexHandle := add(ending), add(append(index, 0, 0, 0, 0, 1, 0, 0, 0)) // one restart, at 0
	footer := make([]byte, footerBytes)
	copy(footer, append(meta, indexHandle...))
	binary.LittleEndian.PutUint64(footer[footerBytes-8:], tableMagic)
	out.Write(footer)
	return out.Bytes()
}

// editIndex changes an entry of an index and writes the table again.
func editIndex(t testing.TB, files fstest.MapFS, edit func(entries map[string][]byte)) fstest.MapFS {
	t.Helper()
	entries, err := readTable(files[indexFile].Data)
	if err != nil {
		t.Fatal(err)
	}
	edit(entries)
	return with(files, indexFile, table(t, entries))
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// translated returns a message as another type of the same fields: TensorFlow's
// as the one that is read here, or the other way.
func translated[M proto.Message](t testing.TB, m proto.Message, into M) M {
	t.Helper()
	if err := proto.Unmarshal(marshal(t, m), into); err != nil {
		t.Fatal(err)
	}
	return into
}

// defined makes a node of a definition.
func defined(t testing.TB, def *node_def_go_proto.NodeDef) *Node {
	t.Helper()
	return &Node{Name: def.GetName(), Op: def.GetOp(), def: translated(t, def, &tfpb.NodeDef{})}
}

// wantError fails unless err has all the words.
func wantError(t testing.TB, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one with %q", what, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %q lacks %q", what, err, w)
		}
	}
	if !strings.HasPrefix(err.Error(), "savedmodel: ") {
		t.Errorf("%s: error %q does not name the package", what, err)
	}
}

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// allocated is how many bytes have been allocated so far.
func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

// claims are files that say they are larger than they are, as an archive can.
type claims map[string]claim

type claim struct {
	size int64
	data string
}

func (c claims) Open(name string) (fs.File, error) {
	f, ok := c[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &claimed{f, strings.NewReader(f.data)}, nil
}

// claimed is an open one, which can be read from front to back alone.
type claimed struct {
	claim
	r *strings.Reader
}

func (c *claimed) Read(b []byte) (int, error) { return c.r.Read(b) }
func (c *claimed) Close() error               { return nil }
func (c *claimed) Stat() (fs.FileInfo, error) { return c, nil }
func (c *claimed) Name() string               { return "claimed" }
func (c *claimed) Size() int64                { return c.size }
func (c *claimed) Mode() fs.FileMode          { return 0o444 }
func (c *claimed) ModTime() time.Time         { return time.Time{} }
func (c *claimed) IsDir() bool                { return false }
func (c *claimed) Sys() any                   { return nil }

// saved makes a SavedModel of one graph.
func saved(g *pb.MetaGraphDef) *pb.SavedModel {
	return &pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{g}}
}
