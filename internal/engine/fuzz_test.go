package engine

import (
	"context"
	"encoding/binary"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/lockstep-go/lockstep/internal/graphtest"
	"github.com/lockstep-go/lockstep/internal/value"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/recurrent"
	"github.com/lockstep-go/lockstep/native/savedmodel"
	"google.golang.org/protobuf/proto"
)

// fuzzed are the models that FuzzCompile changes.
var fuzzed = []string{
	"gru_masked_tfkeras", "cells_mixed_keras3", "embedding_mask_zero_keras3", "guide_attention_seq2seq_keras3",
	"guide_series_conv_lstm_keras3", "simplernn_masked_zero_keras3", "lstm_masked_unrolled_keras3", "module_autograph_lstm",
	"seed_keras3_broken", "seed_units1_tfkeras",
}

// FuzzCompile changes wires, attributes, constants and operations of models
// that Keras wrote, four bytes a change, compiles what comes out, and runs it
// twice where that goes. Nothing may panic, nor take memory or time that a few
// bytes have no right to.
func FuzzCompile(f *testing.F) {
	value.MaxElements = 1 << 20
	files := make([]fstest.MapFS, len(fuzzed))
	for i, name := range fuzzed {
		files[i] = fstest.MapFS{}
		from := fixture.FS(f, name)
		err := fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(from, path)
			files[i][path] = &fstest.MapFile{Data: b}
			return err
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), []byte{0, 0, 0, 0})
		f.Add(uint8(i), []byte{3, 7, 1, 4, 1, 60, 2, 3, 9, 9, 3, 200})
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		if len(edits) > 400 {
			return
		}
		from := files[int(which)%len(files)]
		model := &pb.SavedModel{}
		if err := proto.Unmarshal(from["saved_model.pb"].Data, model); err != nil {
			t.Fatal(err)
		}
		graph := model.GetMetaGraphs()[0].GetGraphDef()
		bodies := [][]*node_def_go_proto.NodeDef{graph.GetNode()}
		for _, fn := range graph.GetLibrary().GetFunction() {
			bodies = append(bodies, fn.GetNodeDef())
		}
		bodies = slices.DeleteFunc(bodies, func(nodes []*node_def_go_proto.NodeDef) bool { return len(nodes) == 0 })
		for ; len(edits) >= 4; edits = edits[4:] {
			nodes := bodies[int(edits[0])%len(bodies)]
			changeNode(nodes, int(edits[1]), int(edits[2]), edits[3])
		}
		b, err := proto.Marshal(model)
		if err != nil {
			return
		}
		changed := fstest.MapFS{}
		for path, file := range from {
			changed[path] = file
		}
		changed["saved_model.pb"] = &fstest.MapFile{Data: b}
		begin := time.Now()
		runChanged(t, changed)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// changeNode makes one change of a node.
func changeNode(nodes []*node_def_go_proto.NodeDef, at, kind int, value byte) {
	n := nodes[at%len(nodes)]
	other := nodes[int(value)%len(nodes)]
	switch kind % 5 {
	case 0: // a wire
		if len(n.Input) > 0 {
			n.Input[int(value)%len(n.Input)] = nodes[(at*7+int(value))%len(nodes)].GetName() + ":output:0"
		}
	case 1: // the wire of another node
		if len(n.Input) > 0 && len(other.Input) > 0 {
			n.Input[(kind/5)%len(n.Input)] = other.Input[(kind/7)%len(other.Input)]
		}
	case 2: // an attribute
		for name, a := range n.GetAttr() {
			switch v := a.GetValue().(type) {
			case *attr_value_go_proto.AttrValue_I:
				v.I = int64(int8(value))
			case *attr_value_go_proto.AttrValue_B:
				v.B = !v.B
			case *attr_value_go_proto.AttrValue_Type:
				if name != "dtype" {
					v.Type = graphtest.ProtoType(lockstep.DType(value % 9))
				}
			}
		}
	case 3: // a constant
		if t := n.GetAttr()["value"].GetTensor(); t != nil {
			if len(t.TensorContent) >= 4 {
				binary.LittleEndian.PutUint32(t.TensorContent[int(value)%(len(t.TensorContent)/4)*4:], uint32(int32(int8(value))))
			}
			for i := range t.IntVal {
				t.IntVal[i] = int32(int8(value)) << (kind % 24)
			}
		}
	case 4: // the operation
		n.Op = other.Op
	}
}

// runChanged compiles a model and runs it, if it can be.
func runChanged(t *testing.T, files fs.FS) {
	saved, err := savedmodel.OpenFS(files)
	if err != nil {
		return
	}
	m, err := saved.MetaGraph()
	if err != nil {
		return
	}
	g, err := m.Flatten("")
	if err != nil {
		return
	}
	found, err := recurrent.Find(m, g)
	if err != nil {
		return
	}
	read := func(r savedmodel.Ref) (*lockstep.Tensor, error) {
		v, ok, err := m.Variable(r)
		if err != nil {
			return nil, err
		}
		if !ok {
			return r.Through().Node.Const()
		}
		return m.Value(v)
	}
	p, err := Compile(g, Options{Variable: read, Weight: read, Recurrences: found.Recurrences, Slices: found.Slices})
	if err != nil {
		return
	}
	inputs := map[string]*lockstep.Tensor{}
	for _, spec := range g.Signature.Inputs {
		shape := slices.Clone(spec.Shape)
		for i, d := range shape {
			if d < 0 {
				shape[i] = 3 - i%2
			}
		}
		if inputs[spec.Name], err = value.Zeros(spec.DType, shape); err != nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for range 2 {
		if _, _, err := p.Run(ctx, inputs, true); err != nil {
			return
		}
	}
}
