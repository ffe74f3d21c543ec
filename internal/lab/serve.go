package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/lab/engine"
)

// closeLimit is how long the API's process takes at most to end what it is doing.
const closeLimit = 15 * time.Second

// Serve answers as the API of the lab in dir until ctx ends. What it was doing then is taken up by the next one.
func Serve(ctx context.Context, dir string) error {
	settings, err := readSettings(dir)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", settings.API)
	if err != nil {
		return fmt.Errorf("cannot listen for the practice cloud's API: %w", err)
	}
	server, err := openAPI(ctx, dir, settings, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	web := &http.Server{Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		err = nil
	}
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer stop()
	return errors.Join(err, web.Shutdown(ending), server.Close(ending))
}

func openAPI(ctx context.Context, dir string, s Settings, log *slog.Logger) (*api.Server, error) {
	backend, err := newBackend(dir, s, engine.Engine{})
	if err != nil {
		return nil, err
	}
	external, err := s.external()
	if err != nil {
		return nil, err
	}
	public, err := keyPair(filepath.Join(dir, KeyName))
	if err != nil {
		return nil, err
	}
	seed := api.Seed{External: external, ImageName: "docker-base", ImageRef: s.Image, KeyName: KeyName, PublicKey: public}
	for _, n := range s.Networks {
		seed.Networks = append(seed.Networks, api.SeedNetwork{Name: n.Name, CIDR: n.CIDR})
	}
	if err := os.MkdirAll(filepath.Join(dir, apiDir), 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep the practice cloud's state: %w", err)
	}
	return api.New(ctx, api.Config{StateFile: filepath.Join(dir, apiDir, "state.json"), Password: s.Password, Seed: seed, Log: log}, backend)
}
