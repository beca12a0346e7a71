package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const connections = 64

// engines are who the service can be on: the native engine, and libtensorflow
// in a build with the tag tensorflow.
var engines = map[string]func(testing.TB) func() (forecaster, error){
	"native": func(t testing.TB) func() (forecaster, error) {
		m, err := loadModel()
		if err != nil {
			t.Fatal(err)
		}
		return m.newRunner
	},
}

// start serves one of engines on the loopback.
func start(t testing.TB, engine string) string {
	t.Helper()
	s, err := newService(engines[engine](t), runtime.GOMAXPROCS(0), 64<<10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return server.URL
}

// load sends n requests from 64 connections and returns how long each took. The
// k-th asks for the k-th of the series, and wants the answer that it is given.
func load(t testing.TB, client *http.Client, url string, n int, bodies, want [][]byte) []time.Duration {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			var answer bytes.Buffer
			for {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				begin := time.Now()
				r, err := client.Post(url+"/forecast", "application/json", bytes.NewReader(bodies[k%len(bodies)]))
				if err != nil {
					t.Error(err)
					return
				}
				answer.Reset()
				_, err = io.Copy(&answer, r.Body)
				r.Body.Close()
				took[k] = time.Since(begin)
				if err != nil || r.StatusCode != http.StatusOK || want != nil && !bytes.Equal(answer.Bytes(), want[k%len(want)]) {
					t.Errorf("request %d: status %d, %s, %v", k, r.StatusCode, &answer, err)
					return
				}
			}
		})
	}
	group.Wait()
	return took
}

// series are requests that differ, and what a lone one is answered.
func series(t testing.TB, client *http.Client, url string, steps int) (bodies, want [][]byte) {
	t.Helper()
	for k := range 32 {
		in := request{Steps: steps}
		for i := range window {
			in.Past = append(in.Past, float32(5*(i+1)+k))
		}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.Post(url+"/forecast", "application/json", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %s, %v", r.StatusCode, answer, err)
		}
		bodies, want = append(bodies, b), append(want, answer)
	}
	return bodies, want
}

func newClient(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// heap returns what is in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool held until the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// rss returns what the process has in memory, 0 where Linux does not tell it.
func rss() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// Requests from 64 connections all get the answer that a lone one gets, and
// leave no memory behind. The race detector watches it in make test-race.
func TestLoad(t *testing.T) {
	client, url := newClient(t), start(t, "native")
	bodies, want := series(t, client, url, 4)
	const n = 4000
	load(t, client, url, n, bodies, want) // connections, pools, buffers
	before := heap()
	load(t, client, url, n, bodies, want)
	load(t, client, url, n, bodies, want)
	// A leak of 128 bytes a request would be a megabyte.
	if grew := heap() - before; grew > 1<<20 {
		t.Errorf("%d requests left %d bytes behind", 2*n, grew)
	}
}

// BenchmarkLoad prints p50, p99, requests a second, and what the heap and the
// process grew by while they were answered:
//
//	go test -run xxx -bench Load -benchtime 100000x
func BenchmarkLoad(b *testing.B) {
	for _, engine := range []string{"native", "tensorflow"} {
		if engines[engine] == nil {
			continue
		}
		for _, steps := range []int{1, 10} {
			b.Run(fmt.Sprintf("engine=%s/steps=%d", engine, steps), func(b *testing.B) {
				client, url := newClient(b), start(b, engine)
				bodies, want := series(b, client, url, steps)
				load(b, client, url, 10_000, bodies, want)
				before, resident := heap(), rss()
				b.ResetTimer()
				took := load(b, client, url, b.N, bodies, want)
				b.StopTimer()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
				b.ReportMetric(float64(heap()-before-int64(8*len(took)))/1024, "heap-grown-KiB")
				if resident > 0 {
					b.ReportMetric(float64(rss()-resident-int64(8*len(took)))/1024, "resident-grown-KiB")
				}
				runtime.KeepAlive(took)
			})
		}
	}
}
