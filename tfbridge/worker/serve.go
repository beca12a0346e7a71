package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/tfbridge"
)

// Serve runs in the child: it answers requests from in until in ends, even in
// the middle of a request, since then the answer is no longer needed. If out is
// the process's standard output, other writes to it, such as a model's print
// operations, go to standard error.
func Serve(in io.Reader, out io.Writer) error {
	out, err := ownOutput(out)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	requests, ended := make(chan request), make(chan error, 1)
	go func() {
		from := newReceiver(in)
		for {
			var req request
			if err := from.receive(&req); err != nil {
				ended <- err
				return
			}
			requests <- req
		}
	}()
	s := server{models: map[int]*tfbridge.Model{}, loops: map[int]loopOf{}}
	to := newSender(out)
	for {
		var answered chan response
		select {
		case req := <-requests:
			answered = make(chan response, 1)
			go func() {
				res, err := s.answer(req)
				if err != nil {
					res = failure(err)
				}
				answered <- res
			}()
		case err := <-ended:
			s.closeAll()
			return whyEnded(err)
		}
		select {
		case res := <-answered:
			err := to.send(&res)
			if err != nil {
				return fmt.Errorf("worker: sending an answer: %w", err)
			}
			if res = (response{}); resident() > muchMemory {
				tfbridge.FreeMemory()
			}
		case err := <-ended:
			return whyEnded(err)
		}
	}
}

// muchMemory is from how many bytes of the process on memory is given back after an
// answer: libtensorflow alone takes some 350 MiB.
const muchMemory = 640 << 20

// resident is how many bytes of memory the process has, 0 where the system does not
// say it as Linux does.
func resident() (bytes int64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if n, _ := fmt.Sscan(string(b), &size, &pages); n < 2 {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

func whyEnded(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("worker: reading a request: %w", err)
}

type server struct {
	models map[int]*tfbridge.Model
	loops  map[int]loopOf
	next   int
}

// loopOf is a loop in progress in a model.
type loopOf struct {
	lockstep.LoopRun
	model int
}

func (s *server) answer(req request) (response, error) {
	switch req.Op {
	case opOpen:
		return s.open(req)
	case opVersion:
		return response{Version: tfbridge.Version()}, tfbridge.Available()
	}
	m, ok := s.models[req.Model]
	if !ok {
		return response{}, fmt.Errorf("worker: %w", tfbridge.ErrClosed)
	}
	switch req.Op {
	case opTrace:
		return trace(m, req)
	case opWeights:
		return weights(m)
	case opPrepare:
		return response{}, m.Prepare(context.Background(), req.Want)
	case opInner:
		return inner(m, req)
	case opLoop:
		return s.loop(m, req)
	case opIterate, opLoopResults, opEndLoop:
		return s.ofLoop(req)
	case opClose:
		delete(s.models, req.Model)
		maps.DeleteFunc(s.loops, func(_ int, l loopOf) bool { return l.model == req.Model })
		return response{}, m.Close()
	}
	return response{}, fmt.Errorf("worker: unknown request %d", req.Op)
}

func (s *server) open(req request) (response, error) {
	var options []tfbridge.Option
	if len(req.Options.Tags) > 0 {
		options = append(options, tfbridge.WithTags(req.Options.Tags...))
	}
	options = append(options, tfbridge.WithSignature(req.Options.Signature), tfbridge.WithThreads(req.Options.Threads))
	if req.Options.Unoptimized {
		options = append(options, tfbridge.WithoutOptimizer())
	}
	m, err := tfbridge.Open(req.Dir, options...)
	if err != nil {
		return response{}, err
	}
	s.next++
	s.models[s.next] = m
	return response{Model: s.next, Signature: m.Signature(), Version: tfbridge.Version()}, nil
}

func trace(m *tfbridge.Model, req request) (response, error) {
	inputs, err := fromWire(req.Inputs)
	if err != nil {
		return response{}, err
	}
	t, err := m.Trace(context.Background(), inputs, req.Detail)
	if err != nil {
		return response{}, err
	}
	res := response{Layers: t.Layers, Unshown: t.Unshown}
	if res.Outputs, err = toWire(t.Outputs); err != nil {
		return response{}, err
	}
	if res.States, err = toWire(t.States); err != nil {
		return response{}, err
	}
	if res.Steps, err = toWire(t.Steps); err != nil {
		return response{}, err
	}
	res.Traced, err = toWire(t.Traced)
	return res, err
}

func weights(m *tfbridge.Model) (response, error) {
	all, err := m.Weights()
	if err != nil {
		return response{}, err
	}
	var res response
	for _, nt := range all {
		w, err := wire(nt.Name, nt.Tensor)
		if err != nil {
			return response{}, err
		}
		res.Weights = append(res.Weights, w)
	}
	return res, nil
}

func inner(m *tfbridge.Model, req request) (response, error) {
	inputs, err := fromWire(req.Inputs)
	if err != nil {
		return response{}, err
	}
	given, err := req.given()
	if err != nil {
		return response{}, err
	}
	all, err := m.Inner(context.Background(), inputs, given, req.Want)
	if err != nil {
		return response{}, err
	}
	var res response
	res.Inner, err = listToWire(all)
	return res, err
}

// given are the inner tensors that a request gives.
func (r request) given() ([]lockstep.GivenTensor, error) {
	values, err := listFromWire(r.Values, len(r.Given))
	if err != nil {
		return nil, err
	}
	var given []lockstep.GivenTensor
	for i, g := range r.Given {
		given = append(given, lockstep.GivenTensor{InnerTensor: g, Value: values[i]})
	}
	return given, nil
}

func (s *server) loop(m *tfbridge.Model, req request) (response, error) {
	inputs, err := fromWire(req.Inputs)
	if err != nil {
		return response{}, err
	}
	given, err := req.given()
	if err != nil {
		return response{}, err
	}
	run, err := m.Loop(context.Background(), inputs, given, req.LoopWant)
	if err != nil {
		return response{}, err
	}
	s.next++
	s.loops[s.next] = loopOf{run, req.Model}
	return response{Loop: s.next}, nil
}

// ofLoop answers a request about a loop in progress.
func (s *server) ofLoop(req request) (res response, err error) {
	run, ok := s.loops[req.Loop]
	if !ok {
		return res, fmt.Errorf("worker: there is no loop %d in progress", req.Loop)
	}
	switch req.Op {
	case opEndLoop:
		delete(s.loops, req.Loop)
		return res, run.Close()
	case opLoopResults:
		all, err := run.Results(context.Background())
		if err == nil {
			res.Inner, err = listToWire(all)
		}
		return res, err
	}
	all, err := run.Next(context.Background(), req.BytesAbout)
	if err != nil {
		return res, err
	}
	for _, it := range all {
		w := wireIteration{Holds: it.Holds}
		if w.Condition, err = listToWire(it.Condition); err == nil {
			w.Body, err = listToWire(it.Body)
		}
		if err != nil {
			return res, err
		}
		res.Iterations = append(res.Iterations, w)
	}
	return res, nil
}

func (s *server) closeAll() {
	for _, m := range s.models {
		m.Close()
	}
}
