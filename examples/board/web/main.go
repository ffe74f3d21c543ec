// Command web is the board's page: a form, and the messages newest first. It
// gets them from the REST server that a Docker link calls rest.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const address = ":80"

func main() {
	if filepath.Base(os.Args[0]) == "healthcheck" {
		os.Exit(healthcheck())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context) error {
	server := &http.Server{Addr: address, Handler: handler(restFromEnv(os.LookupEnv), placeFromEnv()),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		_ = server.Shutdown(ending) // what is still open then is cut off by the process's end
	}()
	log.Printf("web: listening on %s", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// restFromEnv finds the REST server as a Docker link named rest tells it.
func restFromEnv(lookup func(string) (string, bool)) string {
	host, port := "rest", "5555"
	if v, ok := lookup("REST_PORT_5555_TCP_ADDR"); ok && v != "" {
		host = v
	}
	if v, ok := lookup("REST_PORT_5555_TCP_PORT"); ok && v != "" {
		port = v
	}
	return "http://" + net.JoinHostPort(host, port)
}

// healthcheck asks the server in this container, as Docker's HEALTHCHECK does.
func healthcheck() int {
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://127.0.0.1" + address + "/health")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		log.Printf("health: %s", resp.Status)
		return 1
	}
	return 0
}
