package diagnose

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fault"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/internal/rename"
	"github.com/lockstep-go/lockstep/native"
)

// called is a fixture with other names of its inputs.
func called(t *testing.T, name string, names map[string]string) *native.Model {
	t.Helper()
	files := fstest.MapFS{}
	for _, file := range []string{"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"} {
		b, err := fs.ReadFile(fixture.FS(t, name), file)
		if err != nil {
			t.Fatal(err)
		}
		files[file] = &fstest.MapFile{Data: b}
	}
	var saved pb.SavedModel
	if err := proto.Unmarshal(files["saved_model.pb"].Data, &saved); err != nil {
		t.Fatal(err)
	}
	for _, g := range saved.MetaGraphs {
		in := g.SignatureDef["serving_default"].Inputs
		for own, other := range names {
			in[other] = in[own]
			delete(in, own)
		}
	}
	b, err := proto.Marshal(&saved)
	if err != nil {
		t.Fatal(err)
	}
	files["saved_model.pb"].Data = b
	m, err := native.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What a layer reads over a sequence is supposed in either model by its own names,
// where the candidate's are others.
func TestFaultsOfAModelOfOtherNames(t *testing.T) {
	names := rename.Names{Inputs: map[string]string{"decoder_input": "targets", "encoder_input": "sources"}}
	m, other := model(t, "seed_keras3"), called(t, "seed_keras3", names.Inputs)
	in := fixture.Tensors(t, "seed_keras3", "inputs.npz")
	for _, side := range []Side{InCandidate, InReference} {
		reference, candidate := m, other
		var err error
		if side == InCandidate {
			candidate, err = other.Edit(fault.Fault{Kind: fault.InputShifted, Input: "targets", Steps: 1}.Plant)
		} else {
			reference, err = m.Edit(fault.Fault{Kind: fault.InputShifted, Input: "decoder_input", Steps: 1}.Plant)
		}
		if err != nil {
			t.Fatal(err)
		}
		p := Problem{Inputs: in, ReferenceModel: reference, CandidateModel: candidate, Names: names}
		if side == InCandidate {
			p.CandidateModel = other // the engine alone has the fault
		} else {
			p.ReferenceModel = m
		}
		if p.Reference, err = reference.Trace(context.Background(), in, lockstep.Steps); err != nil {
			t.Fatal(err)
		}
		if p.Candidate, err = (rename.Engine{Of: candidate, Names: names}).Trace(context.Background(), in, lockstep.Steps); err != nil {
			t.Fatal(err)
		}
		found, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := "decoder_input off by one step"
		if side == InReference {
			want = "targets off by one step" // supposed in the candidate's model
		}
		words := strings.Join(found.Words("reference", "candidate"), "\n")
		if len(found.Causes) == 0 || found.Causes[0].Side != side || !found.Causes[0].WholeRun || !found.Causes[0].Vanishes() || !strings.Contains(found.Causes[0].String(), want) {
			t.Errorf("a fault in the %s: %s", side, words)
		}
		if found.First == nil || found.First.Quantity != "x" || found.First.Layer != "decoder" || len(found.Suspects) > 0 {
			t.Errorf("a fault in the %s: first in %v, suspects %q", side, found.First, found.Suspects)
		}
	}
}
