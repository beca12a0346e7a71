package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const good = `{"past": [5,10,15,20,25,30,35,40,45,50], "steps": 3}`

func serve(t testing.TB, runners int, timeout time.Duration) (*service, *httptest.Server) {
	t.Helper()
	m, err := loadModel()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(m.newRunner, runners, 4000, timeout)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return s, server
}

func post(t testing.TB, url, body string) (status int, text string) {
	t.Helper()
	r, err := http.Post(url+"/forecast", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(b)
}

func TestAnswers(t *testing.T) {
	_, server := serve(t, 1, time.Minute)
	for what, c := range map[string]struct {
		body   string
		status int
		words  string
	}{
		"good":           {good, 200, `{"forecast":[`},
		"one step":       {`{"past": [5,10,15,20,25,30,35,40,45,50]}`, 200, `{"forecast":[`},
		"no JSON":        {`{`, 400, "unexpected EOF"},
		"another field":  {`{"instances": []}`, 400, "unknown field"},
		"nothing":        {`{}`, 400, "past has 0 numbers and steps is 1"},
		"a short past":   {`{"past": [1,2,3]}`, 400, "past has 3 numbers"},
		"no steps":       {strings.Replace(good, "3}", "0}", 1), 400, "steps is 0"},
		"too many steps": {strings.Replace(good, "3}", "1001}", 1), 400, "steps is 1001"},
		"a string":       {`{"past": ["5"]}`, 400, "cannot unmarshal string"},
		"too big":        {`{"past": [1e39]}`, 400, "cannot unmarshal number"},
		"too many bytes": {`{"past": [` + strings.Repeat(" ", 4000) + `1]}`, 413, "too large"},
	} {
		if status, text := post(t, server.URL, c.body); status != c.status || !strings.Contains(text, c.words) {
			t.Errorf("%s: status %d, %s, want %d and %q", what, status, text, c.status, c.words)
		}
	}
	for path, status := range map[string]int{"/forecast": 405, "/healthz": 200, "/": 404} {
		r, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != status {
			t.Errorf("GET %s: status %d, want %d", path, r.StatusCode, status)
		}
	}
}

// A request that waits longer than it may for a runner is told so; the service
// goes on.
func TestBusyRunners(t *testing.T) {
	s, server := serve(t, 1, 50*time.Millisecond)
	runner := <-s.runners
	if status, text := post(t, server.URL, good); status != http.StatusServiceUnavailable || !strings.Contains(text, "busy") {
		t.Errorf("status %d, %s, want 503", status, text)
	}
	s.runners <- runner
	s.timeout = time.Minute
	if status, text := post(t, server.URL, good); status != http.StatusOK {
		t.Errorf("status %d, %s", status, text)
	}
}

// A request that is running when the program is asked to end gets its answer.
func TestGracefulShutdown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ready, ended := make(chan net.Addr), make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "localhost:0"}, ready) }()
	var addr net.Addr
	select {
	case addr = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /forecast HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(good)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the handler reads the body
		t.Fatal(line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	for { // until nobody listens
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended during a request: %v", err)
	default:
	}
	if _, err := io.WriteString(conn, good); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || !strings.HasPrefix(string(b), `{"forecast":[`) {
		t.Errorf("status %d, %s, %v", r.StatusCode, b, err)
	}
	conn.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// broken is a runner whose model cannot answer, or answers with no number.
type broken struct {
	err error
	ctx bool
}

func (b *broken) forecast(ctx context.Context, _, dst []float32) error {
	if b.ctx {
		<-ctx.Done()
		return ctx.Err()
	}
	dst[0] = float32(math.NaN())
	return b.err
}

// What the model cannot do is an error, and so is what JSON does not have.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		runner *broken
		status int
		words  string
	}{
		{&broken{err: errors.New("out of luck")}, 500, "out of luck"},
		{&broken{ctx: true}, 503, "deadline exceeded"},
		{&broken{}, 500, "NaN"},
	} {
		s := &service{runners: make(chan forecaster, 1), body: 4000, timeout: time.Millisecond}
		s.runners <- c.runner
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequest("POST", "/forecast", strings.NewReader(good)))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("status %d, %s, want %d and %q", w.Code, w.Body, c.status, c.words)
		}
		if len(s.runners) != 1 {
			t.Error("the runner did not come back")
		}
	}
	if _, err := newService(func() (forecaster, error) { return &broken{err: errors.New("cold")}, nil }, 1, 1, 1); err == nil {
		t.Error("a model that does not answer was taken")
	}
}

// The program serves until its context ends, and then comes to an end itself.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan net.Addr), make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "localhost:0"}, ready) }()
	var addr net.Addr
	select {
	case addr = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	status, text := post(t, "http://"+addr.String(), good)
	var out answer
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&out); status != http.StatusOK || err != nil || len(out.Forecast) != 3 {
		t.Errorf("status %d, %s, %v", status, text, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + addr.String() + "/healthz"); err == nil {
		t.Error("it serves on")
	}
	for what, args := range map[string][]string{"an unknown flag": {"-x"}, "no such address": {"-addr", "localhost:no"}} {
		if err := run(t.Context(), args, nil); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
