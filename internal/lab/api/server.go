package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/compute"
	"rollout/internal/lab/api/hypervisor"
	"rollout/internal/lab/api/identity"
	"rollout/internal/lab/api/image"
	"rollout/internal/lab/api/network"
)

// Config says what a Server is made of.
type Config struct {
	StateFile string // made where it is missing
	Password  string // of the one user, student
	Seed      Seed
	Boots     int              // machines that boot at once; 3 where 0
	Log       *slog.Logger     // nil for silence
	Now       func() time.Time // nil for time.Now
}

// defaultBoots keeps the boots of a class from starving each other: the processor is the limit.
const defaultBoots = 3

// Server is the practice cloud's API.
type Server struct {
	handler http.Handler
	host    *hypervisor.Host
}

// New opens the state, or seeds a new one, and brings what the Backend runs in line with it. ctx bounds everything that
// goes on in the background; Close ends it.
func New(ctx context.Context, cfg Config, b Backend) (*Server, error) {
	if cfg.Boots == 0 {
		cfg.Boots = defaultBoots
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	store, err := cloud.Open(cfg.StateFile, cfg.Now())
	if err != nil {
		return nil, err
	}
	if err := store.Update(func(state *cloud.State) error { return cfg.Seed.plant(state, cfg.Now()) }); err != nil {
		return nil, err
	}
	rehearsal := &faults{}
	cfg.Now = rehearsal.clock(cfg.Now)
	host := hypervisor.New(ctx, store, b, cfg.Log, cfg.Now, rehearsal.spoil, cfg.Boots)
	if err := host.Resume(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot take up what the practice cloud was doing: %w", err), host.Close(ctx))
	}
	return &Server{handler: rehearsal.around(services(store, host, rehearsal, cfg), cfg.Now), host: host}, nil
}

func services(store *cloud.Store, host *hypervisor.Host, rehearsal *faults, cfg Config) http.Handler {
	keystone := identity.New(store, cfg.Password, cfg.Now)
	mux := http.NewServeMux()
	for root, service := range map[string]http.Handler{
		"/identity": keystone,
		"/compute":  compute.New(store, host, keystone.AuthenticateScoped, identity.Challenge, cfg.Now),
		"/network":  network.New(store, host, keystone.AuthenticateScoped, identity.Challenge, cfg.Now),
		"/image":    image.New(store, keystone.AuthenticateScoped, identity.Challenge, cfg.Now),
	} {
		mux.Handle(root+"/", http.StripPrefix(root, service))
		mux.Handle(root, http.StripPrefix(root, service))
	}
	mux.Handle(faultsPath, rehearsal.control(keystone.Authenticate))
	return mux
}

// Handler answers for all services: /identity, /compute, /network and /image.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends what is under way and waits for it until ctx is done. A next Server takes it up.
func (s *Server) Close(ctx context.Context) error { return s.host.Close(ctx) }
