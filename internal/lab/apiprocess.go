package lab

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"rollout/internal/lab/api/identity"
)

// apiStart is how long the API's process may take until it answers.
const apiStart = 30 * time.Second

// ensureAPI starts the API's process, or starts it anew when this program is another than the one that runs.
func (u *up) ensureAPI(ctx context.Context) error {
	running := u.settings.APIProcess
	// The image stands for the program, which is in it.
	if running.runs() && u.settings.APIImage == u.settings.Image && u.apiAnswers(ctx) == nil {
		return nil
	}
	if running.runs() {
		u.progress("restarting the API")
		if err := running.end(ctx, 20*time.Second); err != nil {
			return err
		}
	}
	if _, err := keyPair(filepath.Join(u.dir, KeyName)); err != nil {
		return err
	}
	return u.startAPI(ctx)
}

// startAPI starts the process on the lab's port, and on another one if somebody has taken that meanwhile.
func (u *up) startAPI(ctx context.Context) (err error) {
	if u.settings.API == "" || !free(u.settings.API) {
		if u.settings.API, err = freePort(); err != nil {
			return err
		}
		if err := u.settings.write(u.dir); err != nil {
			return err
		}
	}
	log := filepath.Join(u.dir, apiLog)
	if u.settings.APIProcess, err = spawn(log, u.program, "lab", "serve", "--state", u.dir); err != nil {
		return err
	}
	if err := u.settings.write(u.dir); err != nil {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, apiStart, fmt.Errorf("no answer within %v", apiStart))
	defer stop()
	for {
		err := u.apiAnswers(ctx)
		if err == nil {
			u.settings.APIImage = u.settings.Image
			return u.settings.write(u.dir)
		}
		if !u.settings.APIProcess.runs() {
			return fmt.Errorf("the API's process ended; the end of %s:\n%s", log, tail(log, 8))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API does not answer at %s: %w: %w (see %s)", u.settings.API, context.Cause(ctx), err, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func authURL(address string) string { return "http://" + address + "/identity/v3" }

func (u *up) apiAnswers(ctx context.Context) error { return apiAnswers(ctx, u.settings.API) }

// apiAnswers asks for Keystone's version document, which needs no token.
func apiAnswers(ctx context.Context, address string) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL(address), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", request.URL, response.Status)
	}
	return nil
}

// clouds is the text of clouds.yaml. The words are quoted as JSON, which is YAML too.
func (u *up) clouds() string {
	var b strings.Builder
	b.WriteString("# Written by rollout lab up.\nclouds:\n  " + CloudName + ":\n    auth:\n")
	for _, pair := range [][2]string{
		{"auth_url", authURL(u.settings.API)},
		{"username", identity.UserName}, {"password", u.settings.Password}, {"project_name", identity.ProjectName},
		{"user_domain_name", identity.DomainName}, {"project_domain_name", identity.DomainName},
	} {
		fmt.Fprintf(&b, "      %s: %q\n", pair[0], pair[1])
	}
	fmt.Fprintf(&b, "    region_name: %q\n    identity_api_version: 3\n", identity.Region)
	return b.String()
}

func (u *up) writeClouds(context.Context) error {
	return writeFile(filepath.Join(u.dir, cloudsFile), []byte(u.clouds()))
}
