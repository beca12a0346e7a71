// Serve answers HTTP requests with a SavedModel: a program to copy into a
// service of one's own. It needs nothing but the standard library and native.
//
//	serve -model path/to/saved_model [-addr localhost:8080]
//
//	GET  /model     what the model takes and returns
//	POST /predict   {"inputs": {"x": [[[0.1], [0.2]]]}}  →  {"outputs": {"y": …}}
//	GET  /healthz   200 as soon as the model answers
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

	"github.com/lockstep-go/lockstep/native"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], nil); err != nil {
		slog.Error("serve", "error", err)
		os.Exit(1)
	}
}

// run serves until the context ends; then it lets the requests that are under
// way finish. It tells ready the address, if that is not nil.
func run(ctx context.Context, args []string, ready chan<- net.Addr) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	dir := flags.String("model", "", "the SavedModel's `directory`")
	addr := flags.String("addr", "localhost:8080", "the `address` to listen at")
	timeout := flags.Duration("timeout", 5*time.Second, "the longest that a request may take")
	body := flags.Int64("body", 1<<20, "the most `bytes` that a request may have")
	runners := flags.Int("runners", runtime.GOMAXPROCS(0), "the `number` of requests that are computed at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := native.Load(*dir)
	if err != nil {
		return err
	}
	s := newService(m, *runners, *body, *timeout)
	if err := s.warmUp(ctx); err != nil {
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
	slog.Info("serving", "model", *dir, "address", listener.Addr().String(), "runners", *runners)
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
