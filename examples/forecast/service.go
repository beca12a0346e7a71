package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxSteps is the farthest that a request may look ahead.
const maxSteps = 1000

// service answers requests. A runner reuses its memory and belongs to one
// request at a time, so that the pool of runners also bounds how many requests
// are computed at once.
type service struct {
	runners chan forecaster
	body    int64         // the most bytes that a request may have
	timeout time.Duration // the longest that it may take
}

// newService makes the runners and warms each up, so that failures come before
// the first request.
func newService(newRunner func() (forecaster, error), runners int, body int64, timeout time.Duration) (*service, error) {
	s := &service{runners: make(chan forecaster, max(runners, 1)), body: body, timeout: timeout}
	for range cap(s.runners) {
		r, err := newRunner()
		if err != nil {
			return nil, err
		}
		if err := r.forecast(context.Background(), make([]float32, window), make([]float32, 1)); err != nil {
			return nil, err
		}
		s.runners <- r
	}
	return s, nil
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /forecast", s.forecast)
	return mux
}

type request struct {
	Past  []float32 `json:"past"`
	Steps int       `json:"steps"`
}

type answer struct {
	Forecast []float32 `json:"forecast"`
}

func (s *service) forecast(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	in := request{Steps: 1}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, status, err)
		return
	}
	if len(in.Past) != window || in.Steps < 1 || in.Steps > maxSteps {
		refuse(w, http.StatusBadRequest, fmt.Errorf("past has %d numbers and steps is %d, want %d numbers and 1 to %d steps", len(in.Past), in.Steps, window, maxSteps))
		return
	}
	out := answer{make([]float32, in.Steps)}
	select {
	case runner := <-s.runners:
		err := runner.forecast(ctx, in.Past, out.Forecast)
		s.runners <- runner
		switch {
		case err == nil:
			reply(w, http.StatusOK, out)
		case ctx.Err() != nil:
			refuse(w, http.StatusServiceUnavailable, err)
		default:
			refuse(w, http.StatusInternalServerError, err)
		}
	case <-ctx.Done():
		refuse(w, http.StatusServiceUnavailable, errors.New("every runner is busy"))
	}
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
