// Command app is the board's REST server: GET /bbs lists the messages, newest
// first, POST /bbs adds one. It keeps them in the database that a Docker link
// calls db.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const address = ":5555"

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
	messages, err := openMessages(databaseFromEnv(os.LookupEnv))
	if err != nil {
		return err
	}
	defer messages.Close()
	server := &http.Server{Addr: address, Handler: handler(messages), ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		_ = server.Shutdown(ending) // what is still open then is cut off by the process's end
	}()
	log.Printf("app: listening on %s", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
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
