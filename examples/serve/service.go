package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/native"
)

// service answers requests with a model. One Model serves any number of
// goroutines; a Runner has memory that it uses again and belongs to one request
// at a time, so that the pool of them also bounds what is computed at once.
type service struct {
	model   *native.Model
	runners chan *native.Runner
	body    int64         // the most bytes that a request may have
	timeout time.Duration // the longest that it may take
}

func newService(m *native.Model, runners int, body int64, timeout time.Duration) *service {
	s := &service{model: m, runners: make(chan *native.Runner, max(runners, 1)), body: body, timeout: timeout}
	for range cap(s.runners) {
		s.runners <- m.NewRunner()
	}
	return s
}

// warmUp runs the model once on zeros, so that what cannot work fails before the
// first request. The first call with inputs of new shapes takes longer; give
// the shapes that your requests have.
func (s *service) warmUp(ctx context.Context) error {
	inputs := map[string]*lockstep.Tensor{}
	for _, in := range s.model.Signature().Inputs {
		shape := make([]int, len(in.Shape))
		for i, d := range in.Shape {
			shape[i] = max(d, 1) // 1 for an axis of any length
		}
		var err error
		if inputs[in.Name], err = lockstep.Zeros(in.DType, shape...); err != nil {
			return err
		}
	}
	_, err := s.model.Run(ctx, inputs)
	return err
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /model", s.describe)
	mux.HandleFunc("POST /predict", s.predict)
	return mux
}

// spec is what a request or an answer has of a tensor.
type spec struct {
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // -1 is an axis of any length
}

func (s *service) describe(w http.ResponseWriter, _ *http.Request) {
	specs := func(from []lockstep.TensorSpec) map[string]spec {
		out := map[string]spec{}
		for _, t := range from {
			out[t.Name] = spec{t.DType.String(), t.Shape}
		}
		return out
	}
	sig := s.model.Signature()
	reply(w, http.StatusOK, map[string]any{"inputs": specs(sig.Inputs), "outputs": specs(sig.Outputs)})
}

func (s *service) predict(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	var request struct {
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, status, err)
		return
	}
	inputs := map[string]*lockstep.Tensor{}
	for name, raw := range request.Inputs {
		in, ok := s.model.Signature().Input(name)
		if !ok {
			refuse(w, http.StatusBadRequest, fmt.Errorf("the model has no input %q", name))
			return
		}
		t, err := decode(raw, in.DType)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("input %q: %w", name, err))
			return
		}
		inputs[name] = t
	}
	if err := s.model.Signature().CheckInputs(inputs); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}

	select {
	case runner := <-s.runners:
		defer func() { s.runners <- runner }()
		runner.Reset() // a stateful layer begins anew in each request
		outputs, err := runner.Run(ctx, inputs)
		switch {
		case err == nil:
			answer(w, outputs) // before the runner, whose the outputs are, goes back
		case ctx.Err() != nil:
			refuse(w, http.StatusServiceUnavailable, err)
		default: // the inputs fit the signature and not each other
			refuse(w, http.StatusUnprocessableEntity, err)
		}
	case <-ctx.Done():
		refuse(w, http.StatusServiceUnavailable, errors.New("every runner is busy"))
	}
}

func answer(w http.ResponseWriter, outputs map[string]*lockstep.Tensor) {
	out := map[string]any{}
	for name, t := range outputs {
		nested, err := encode(t)
		if err != nil {
			refuse(w, http.StatusInternalServerError, fmt.Errorf("output %q: %w", name, err))
			return
		}
		out[name] = nested
	}
	reply(w, http.StatusOK, map[string]any{"outputs": out})
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // NaN and the infinities, which JSON does not have
		status = http.StatusInternalServerError
		b, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
