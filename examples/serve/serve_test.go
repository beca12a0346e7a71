package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/fixture"
	"github.com/lockstep-go/lockstep/native"
)

func load(t *testing.T, name string) *native.Model {
	t.Helper()
	m, err := native.LoadFS(fixture.FS(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// post sends a request and reads the answer.
func post(t *testing.T, url, body string) (status int, answer map[string]any) {
	t.Helper()
	r, err := http.Post(url+"/predict", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		t.Error(err)
	}
	return r.StatusCode, answer
}

// request writes tensors as a request.
func request(t *testing.T, inputs map[string]*lockstep.Tensor) string {
	t.Helper()
	lists := map[string]any{}
	for name, x := range inputs {
		var err error
		if lists[name], err = encode(x); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"inputs": lists})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Many clients at once get what the model computes, for models with float,
// integer and boolean inputs.
func TestPredict(t *testing.T) {
	for _, name := range []string{"seed_keras3", "gru_masked_keras3", "embedding_mask_zero_keras3", "signature_two"} {
		m := load(t, name)
		server := httptest.NewServer(newService(m, 3, 1<<20, time.Minute).handler())
		defer server.Close()
		inputs := fixture.Tensors(t, name, "inputs.npz")
		out, err := m.Run(t.Context(), inputs)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{}
		for key, x := range out {
			if want[key], err = encode(x); err != nil {
				t.Fatal(err)
			}
		}
		text, err := json.Marshal(map[string]any{"outputs": want})
		if err != nil {
			t.Fatal(err)
		}
		body := request(t, inputs)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 5 {
					status, answer := post(t, server.URL, body)
					got, err := json.Marshal(answer)
					if status != http.StatusOK || err != nil || !equalJSON(got, text) {
						t.Errorf("%s: status %d, %.200s, want %.200s", name, status, got, text)
					}
				}
			})
		}
		group.Wait()
	}
}

// equalJSON compares numbers as float32 holds them.
func equalJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func TestBadRequests(t *testing.T) {
	server := httptest.NewServer(newService(load(t, "seed_keras3"), 1, 4000, time.Minute).handler())
	defer server.Close()
	good := `"encoder_input": [[[1],[2],[3],[4],[5],[6],[7],[8],[9],[10]]]`
	for what, c := range map[string]struct {
		body   string
		status int
		words  string
	}{
		"no JSON":         {`{`, 400, "unexpected EOF"},
		"another field":   {`{"instances": []}`, 400, "unknown field"},
		"nothing":         {`{}`, 400, "no input decoder_input"},
		"unknown input":   {`{"inputs": {"x": [1]}}`, 400, `no input \"x\"`},
		"one missing":     {`{"inputs": {` + good + `}}`, 400, "no input decoder_input"},
		"a string":        {`{"inputs": {` + good + `, "decoder_input": [[["1"]]]}}`, 400, "element 0 is 1, want float32"},
		"ragged":          {`{"inputs": {` + good + `, "decoder_input": [[[1],[2,3]]]}}`, 400, "not all of the same length"},
		"rank":            {`{"inputs": {` + good + `, "decoder_input": [[1]]}}`, 400, "of rank 2"},
		"a null":          {`{"inputs": {` + good + `, "decoder_input": null}}`, 400, "want float32"},
		"too big":         {`{"inputs": {` + good + `, "decoder_input": [[[1e39]]]}}`, 400, "out of range"},
		"other batches":   {`{"inputs": {` + good + `, "decoder_input": [[[1]],[[2]]]}}`, 422, "a batch of 1"},
		"too many bytes":  {`{"inputs": {"x": "` + strings.Repeat("x", 4000) + `"}}`, 413, "too large"},
		"no steps at all": {`{"inputs": {` + good + `, "decoder_input": [[]]}}`, 400, "rank"},
		"and the good":    {`{"inputs": {` + good + `, "decoder_input": [[[1],[2]]]}}`, 200, "outputs"},
	} {
		status, answer := post(t, server.URL, c.body)
		text, _ := json.Marshal(answer)
		if status != c.status || !strings.Contains(string(text), c.words) {
			t.Errorf("%s: status %d, %s, want %d and %q", what, status, text, c.status, c.words)
		}
	}
	for path, status := range map[string]int{"/predict": 405, "/healthz": 200, "/model": 200, "/": 404} {
		r, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != status {
			t.Errorf("GET %s: status %d, want %d", path, r.StatusCode, status)
		}
		if path == "/model" && !bytes.Contains(b, []byte(`"decoder_input":{"type":"float32","shape":[-1,-1,1]}`)) {
			t.Errorf("GET /model: %s", b)
		}
	}
}

// A request that waits longer than it may for a runner is told so; the service
// goes on.
func TestBusyRunnersAndTimeouts(t *testing.T) {
	m := load(t, "seed_keras3")
	s := newService(m, 1, 1<<20, 50*time.Millisecond)
	server := httptest.NewServer(s.handler())
	defer server.Close()
	body := request(t, fixture.Tensors(t, "seed_keras3", "inputs_ones.npz"))
	runner := <-s.runners
	if status, answer := post(t, server.URL, body); status != http.StatusServiceUnavailable || !strings.Contains(fmt.Sprint(answer), "busy") {
		t.Errorf("status %d, %v, want 503", status, answer)
	}
	s.runners <- runner
	s.timeout = time.Minute
	if status, answer := post(t, server.URL, body); status != http.StatusOK {
		t.Errorf("status %d, %v", status, answer)
	}
	s.timeout = time.Nanosecond
	for range 20 { // by the wait or by the model, whichever sees it
		if status, answer := post(t, server.URL, body); status != http.StatusServiceUnavailable {
			t.Errorf("status %d, %v, want 503", status, answer)
		}
	}
	s.timeout = time.Minute
	if status, answer := post(t, server.URL, body); status != http.StatusOK {
		t.Errorf("after time-outs: status %d, %v", status, answer)
	}
}

// What JSON does not have is an error, and no empty answer.
func TestAnswersWithoutNumbers(t *testing.T) {
	nan, err := lockstep.New([]float32{float32(math.NaN())}, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	answer(w, map[string]*lockstep.Tensor{"y": nan})
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "NaN") {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

// The program serves until its context ends, and then comes to an end itself.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan net.Addr), make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-model", fixture.Dir(t, "seed_keras3"), "-addr", "localhost:0"}, ready)
	}()
	var addr net.Addr
	select {
	case addr = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	status, answer := post(t, "http://"+addr.String(), request(t, fixture.Tensors(t, "seed_keras3", "inputs_ones.npz")))
	if status != http.StatusOK || answer["outputs"] == nil {
		t.Errorf("status %d, %v", status, answer)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + addr.String() + "/healthz"); err == nil {
		t.Error("it serves on")
	}
	for what, args := range map[string][]string{
		"no model": nil, "an unknown flag": {"-x"}, "no such model": {"-model", t.TempDir()},
		"no such address": {"-model", fixture.Dir(t, "seed_keras3"), "-addr", "localhost:no"},
	} {
		if err := run(t.Context(), args, nil); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// Numbers come back as they went in.
func TestTensorsAsJSON(t *testing.T) {
	for name, x := range map[string]func() (*lockstep.Tensor, error){
		"float32": func() (*lockstep.Tensor, error) {
			return lockstep.New([]float32{0.1, -2, 16777216, 1e-30, 3, 4}, 2, 3, 1)
		},
		"float64": func() (*lockstep.Tensor, error) { return lockstep.New([]float64{0.1, math.MaxFloat64}, 2) },
		"int32":   func() (*lockstep.Tensor, error) { return lockstep.New([]int32{math.MinInt32, math.MaxInt32}, 1, 2) },
		"int64":   func() (*lockstep.Tensor, error) { return lockstep.New([]int64{math.MinInt64, math.MaxInt64}, 2, 1) },
		"bool":    func() (*lockstep.Tensor, error) { return lockstep.New([]bool{true, false}, 2) },
		"string":  func() (*lockstep.Tensor, error) { return lockstep.New([]string{"a", ""}, 2) },
		"scalar":  func() (*lockstep.Tensor, error) { return lockstep.New([]float32{7}) },
		"empty":   func() (*lockstep.Tensor, error) { return lockstep.New([]float32{}, 0) },
	} {
		in, err := x()
		if err != nil {
			t.Fatal(err)
		}
		lists, err := encode(in)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(lists)
		if err != nil {
			t.Fatal(err)
		}
		out, err := decode(text, in.DType())
		if err != nil || !out.BitEqual(in) {
			t.Errorf("%s: %v became %s and then %v, %v", name, in, text, out, err)
		}
	}
	for text, dtype := range map[string]lockstep.DType{`[1.5]`: lockstep.Int32, `[3000000000]`: lockstep.Int32, `[1]`: lockstep.Bool, `{}`: lockstep.Float32, `[[1],2]`: lockstep.Float32, `[1, 2`: lockstep.Float32, `[1] `: lockstep.Float16} {
		if x, err := decode(json.RawMessage(text), dtype); err == nil {
			t.Errorf("%s as %s: %v", text, dtype, x)
		}
	}
}
