package container

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

// readEnvFile lays env over the variables of the host's env_file.
func readEnvFile(ctx context.Context, call *module.Call, spec *docker.Spec) error {
	path := call.Args.String("env_file")
	if path == "" {
		return nil
	}
	out, err := call.Host.Run(ctx, connection.Command{Script: "cat < " + connection.Quote(path), Become: call.Become})
	if err != nil {
		return err
	}
	if out.Code != 0 {
		return fmt.Errorf("cannot read env_file %s on %s: %s", path, call.HostName, strings.TrimSpace(string(out.Stderr)))
	}
	base, err := parseEnvFile(string(out.Stdout))
	if err != nil {
		return fmt.Errorf("cannot read env_file %s on %s: %w", path, call.HostName, err)
	}
	for i, s := range spec.Settings {
		if s.Option == "env" { // readSpec sees to it that there is one
			over, _ := s.Want.([]any)
			spec.Settings[i].Want = docker.OverlayEnv(base, over)
		}
	}
	return nil
}

// parseEnvFile reads the lines of an env file as `docker run --env-file` does:
// NAME=VALUE, taken as they are; empty lines and those that begin with # are
// not variables.
func parseEnvFile(text string) ([]any, error) {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("line %d is not NAME=VALUE", i+1) // the line may hold a secret
		}
		out = append(out, line)
	}
	return value.List(out), nil
}
