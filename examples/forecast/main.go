// Forecast answers HTTP requests with a Keras model that is part of the program:
// a service to copy. It needs nothing but the standard library and native.
//
//	forecast [-addr localhost:8080]
//
//	POST /forecast   {"past": [5, 10, …, 50], "steps": 3}  →  {"forecast": [54.2, …]}
//	GET  /healthz    200 as soon as the model answers
//
// At startup it loads the model, verifies it against the golden that was
// recorded in TensorFlow, and warms it up: a model that was replaced, or that
// answers differently on this machine, ends the program before it serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], nil); err != nil {
		slog.Error("forecast", "error", err)
		os.Exit(1)
	}
}

// run serves until the context ends; then it lets running requests finish. It
// sends the address to ready, if that is not nil.
func run(ctx context.Context, args []string, ready chan<- net.Addr) error {
	begin := time.Now()
	flags := flag.NewFlagSet("forecast", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:8080", "the `address` to listen at")
	timeout := flags.Duration("timeout", 5*time.Second, "the longest that a request may take")
	body := flags.Int64("body", 64<<10, "the most `bytes` that a request may have")
	runners := flags.Int("runners", runtime.GOMAXPROCS(0), "the `number` of requests that are computed at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := loadModel()
	if err != nil {
		return err
	}
	s, err := newService(m.newRunner, *runners, *body, *timeout)
	if err != nil {
		return fmt.Errorf("the model does not answer: %w", err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: *timeout,
		ReadTimeout:       2 * *timeout,
		WriteTimeout:      3 * *timeout,
		IdleTimeout:       time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	slog.Info("serving", "address", listener.Addr().String(), "runners", *runners, "after", time.Since(begin).String())
	if ready != nil {
		ready <- listener.Addr()
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 2**timeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
