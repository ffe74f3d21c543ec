package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/engine"
)

// pushesAtOnce: compressing layers is what takes the time.
const pushesAtOnce = 2

// Push gives Docker images of this machine to the lab's registry, where machines find them under the same names. Images
// that are there already are passed over.
func Push(ctx context.Context, options Options, images []string) error {
	dir, err := stateDir(options.Dir)
	if err != nil {
		return err
	}
	settings, err := readSettings(dir)
	if err != nil {
		return err
	}
	docker := engine.Engine{}
	backend, err := newBackend(dir, settings, docker)
	if err != nil {
		return err
	}
	registry, err := backend.RegistryAddress(ctx)
	if err != nil {
		return fmt.Errorf("cannot push: %w", err)
	}
	p := pusher{docker: docker, registry: registry, progress: options.Progress}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pushesAtOnce)
	for _, image := range images {
		group.Go(func() error {
			if err := p.push(ctx, image); err != nil {
				return fmt.Errorf("cannot push %s to the lab: %w", image, err)
			}
			return nil
		})
	}
	return group.Wait()
}

type pusher struct {
	docker   engine.Engine
	registry string // 127.0.0.1:PORT
	progress func(string)
}

func (p pusher) push(ctx context.Context, image string) error {
	name, tag := splitImage(image)
	id, err := p.docker.Run(ctx, "image", "inspect", "-f", "{{.Id}}", image)
	if err != nil {
		return err
	}
	there, err := p.configDigest(ctx, name, tag)
	if err != nil {
		return err
	}
	if there == id {
		p.say(image + " is in the lab's registry already")
		return nil
	}
	start := time.Now()
	remote := p.registry + "/" + name + ":" + tag
	if _, err := p.docker.Run(ctx, "tag", image, remote); err != nil {
		return err
	}
	_, err = p.docker.Run(ctx, "push", "-q", remote)
	if _, untagErr := p.docker.Run(context.WithoutCancel(ctx), "rmi", "--no-prune", remote); err == nil {
		err = untagErr
	}
	if err != nil {
		return err
	}
	p.say(fmt.Sprintf("pushed %s to the lab's registry in %.1f s", image, time.Since(start).Seconds()))
	return nil
}

func (p pusher) say(text string) {
	if p.progress != nil {
		p.progress(text)
	}
}

// configDigest is the digest of the configuration of an image in the registry, which is the image's id in the engine
// that pushed it; empty when the registry hasn't got it.
// (distribution.github.io/distribution/spec/manifest-v2-2)
func (p pusher) configDigest(ctx context.Context, name, tag string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.registry+"/v2/"+name+"/manifests/"+tag, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("the registry does not answer: %w (run: rollout lab up)", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return "", nil
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the registry answered %s", response.Status)
	}
	var manifest struct{ Config struct{ Digest string } }
	if err := json.NewDecoder(response.Body).Decode(&manifest); err != nil {
		return "", fmt.Errorf("cannot read the registry's answer: %w", err)
	}
	return manifest.Config.Digest, nil
}

// splitImage parts an image's name and tag as a machine's engine will ask the mirror for them: without Docker Hub's
// host, and with its "library/" for names of one word.
func splitImage(image string) (name, tag string) {
	name, tag = image, "latest"
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		name, tag = image[:at], image[at+1:]
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "index.docker.io/")
	if !strings.Contains(name, "/") {
		name = "library/" + name
	}
	return name, tag
}
