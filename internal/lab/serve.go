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
	"strconv"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/lab/engine"
	"rollout/internal/lab/image"
)

// imageName is the machines' image as the cloud's users know it.
const imageName = "docker-base"

// closing is how long what is under way may take to end when the API is told to.
const closing = 15 * time.Second

// Serve answers as the API of the lab in a state folder until ctx ends. Up starts it in a process of its own.
func Serve(ctx context.Context, dir string) error {
	settings, err := readSettings(dir)
	if err != nil {
		return err
	}
	listeners, err := listen(settings)
	if err != nil {
		return fmt.Errorf("cannot serve the API: %w", err)
	}
	defer closeAll(listeners)
	// What goes on in the background ends by Close, in good order, not in the middle of a boot.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server, err := newServer(background, dir, settings)
	if err != nil {
		return fmt.Errorf("cannot serve the API: %w", err)
	}
	return serve(ctx, listeners, server)
}

// listen opens the API's port for this machine, and for the machines of the lab on an address that only they come by.
func listen(settings Settings) ([]net.Listener, error) {
	inside, err := settings.insideAddress()
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	for _, address := range []string{settings.API, inside} {
		listener, err := net.Listen("tcp4", address)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, listener := range listeners {
		listener.Close()
	}
}

func newServer(ctx context.Context, dir string, settings Settings) (*api.Server, error) {
	docker := engine.Engine{}
	b, err := newBackend(dir, settings, docker)
	if err != nil {
		return nil, err
	}
	config, err := apiConfig(ctx, dir, settings, docker)
	if err != nil {
		return nil, err
	}
	return api.New(ctx, config, b)
}

func apiConfig(ctx context.Context, dir string, settings Settings, docker engine.Engine) (api.Config, error) {
	external, err := settings.external()
	if err != nil {
		return api.Config{}, err
	}
	public, err := keyPair(filepath.Join(dir, KeyName))
	if err != nil {
		return api.Config{}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, apiDir), 0o700); err != nil {
		return api.Config{}, fmt.Errorf("cannot keep the API's state: %w", err)
	}
	seed := api.Seed{External: external, ImageName: imageName, ImageRef: image.Name, KeyName: KeyName, PublicKey: public}
	for _, network := range settings.Networks {
		seed.Networks = append(seed.Networks, api.SeedNetwork{Name: network.Name, CIDR: network.CIDR})
	}
	size, err := docker.Run(ctx, "image", "inspect", "-f", "{{.Size}}", settings.Image)
	if err != nil {
		return api.Config{}, err
	}
	if seed.ImageSize, err = strconv.ParseInt(size, 10, 64); err != nil {
		return api.Config{}, fmt.Errorf("cannot read the size of image %s: %w", settings.Image, err)
	}
	return api.Config{StateFile: filepath.Join(dir, apiDir, "state.json"), Password: settings.Password, Seed: seed,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}, nil
}

// serve answers requests until ctx ends, then lets what is under way end.
func serve(ctx context.Context, listeners []net.Listener, server *api.Server) error {
	web := &http.Server{Handler: server.Handler(), ReadHeaderTimeout: 30 * time.Second}
	ended := make(chan error, len(listeners))
	for _, listener := range listeners {
		go func() { ended <- web.Serve(listener) }()
	}
	var err error
	running := len(listeners)
	select {
	case err = <-ended:
		running--
	case <-ctx.Done():
	}
	err = errors.Join(err, shutdown(ctx, web))
	for range running {
		err = errors.Join(err, ignoreClosed(<-ended))
	}
	patient, stop := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer stop()
	return errors.Join(err, server.Close(patient))
}

func shutdown(ctx context.Context, web *http.Server) error {
	patient, stop := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer stop()
	return web.Shutdown(patient)
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
