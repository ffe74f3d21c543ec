package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/module"
	"rollout/internal/value"
)

func (f family) image() *module.Module {
	return &module.Module{
		Name: "community.docker.docker_image", Aliases: []string{"docker_image"},
		Summary: "Pull, load, tag, push or remove an image.", NeedsHost: true, Run: f.runImage,
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "name", Type: module.Str, Required: true, Doc: "name[:tag] or id"},
				{Name: "tag", Type: module.Str, Default: "latest", Doc: "tag, where the name has none"},
				{Name: "source", Type: module.Str, Choices: []string{"load", "pull", "local"}, Doc: "where it comes from; images are built elsewhere"},
				{Name: "load_path", Type: module.Path, Doc: "tar file on the host, as docker save writes it"},
				{Name: "pull", Type: module.Dict, Doc: "how it is pulled", Options: []module.Arg{arg("platform", module.Str, "os/architecture")}},
				{Name: "repository", Type: module.Str, Doc: "further name to give it"},
				{Name: "push", Type: module.Bool, Default: false, Doc: "push it to its registry"},
				{Name: "force_source", Type: module.Bool, Default: false, Doc: "pull or load it even if it is there"},
				{Name: "force_tag", Type: module.Bool, Default: false, Doc: "give repository even if it names another image"},
				{Name: "force_absent", Type: module.Bool, Default: false, Doc: "remove it even if containers or names use it"},
				{Name: "state", Type: module.Str, Default: "present", Choices: []string{"absent", "present"}, Doc: "whether it shall be there"},
			},
			RequiredIf: []module.RequiredIf{
				{Arg: "state", Value: "present", Need: []string{"source"}},
				{Arg: "source", Value: "load", Need: []string{"load_path"}},
			},
		},
	}
}

// imageJob is one run of docker_image.
type imageJob struct {
	call    *module.Call
	engine  *docker.Engine
	name    string
	have    *docker.Image
	actions []any
	result  module.Result
}

func (f family) runImage(ctx context.Context, call *module.Call) (module.Result, error) {
	e, err := f.engine(ctx, call)
	if err != nil {
		return module.Result{}, err
	}
	j := &imageJob{call: call, engine: e, name: fullName(call.Args.String("name"), call.Args.String("tag"))}
	if j.have, err = e.Image(ctx, j.name); err != nil {
		return j.result, err
	}
	steps := []func(context.Context) error{j.fetch, j.tag, j.push}
	if call.Args.String("state") == "absent" {
		steps = []func(context.Context) error{j.remove}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return j.result, err
		}
	}
	return j.result.Set("actions", append([]any{}, j.actions...)).Set("image", raw(j.have)), nil
}

func raw(i *docker.Image) any {
	if i == nil {
		return value.NewMap()
	}
	return i.Raw
}

// fullName adds the tag to a name that has none.
func fullName(name, tag string) string {
	last := name[strings.LastIndex(name, "/")+1:]
	if docker.IsImageID(name) || strings.ContainsAny(last, ":@") || tag == "" {
		return name
	}
	return name + ":" + tag
}

func (j *imageJob) note(format string, args ...any) {
	j.actions = append(j.actions, fmt.Sprintf(format, args...))
	j.result.Changed = true
}

// fetch brings the image to the engine from where source says.
func (j *imageJob) fetch(ctx context.Context) error {
	force := j.call.Args.Bool("force_source")
	source := j.call.Args.String("source")
	switch {
	case source == "local" && j.have == nil:
		return fmt.Errorf("cannot use image %s: it is not on %s (pull or load it first)", j.name, j.engine.HostName())
	case source == "local" || j.have != nil && !force:
		return nil
	}
	before := j.have
	if source == "load" {
		j.note("Loaded image %s from %s", j.name, j.call.Args.String("load_path"))
	} else {
		j.note("Pulled image %s", j.name)
	}
	if j.call.Check {
		return nil
	}
	if err := j.bring(ctx, source); err != nil {
		return err
	}
	var err error
	if j.have, err = j.engine.Image(ctx, j.name); err != nil {
		return err
	}
	if j.have != nil && before != nil && before.ID() == j.have.ID() {
		j.actions, j.result.Changed = nil, false
	}
	return nil
}

func (j *imageJob) bring(ctx context.Context, source string) error {
	if source == "load" {
		return j.load(ctx)
	}
	return j.engine.Pull(ctx, j.name, j.call.Args.Map("pull").String("platform"), j.call.Progress)
}

// load streams a tar file of the host to its engine.
func (j *imageJob) load(ctx context.Context) error {
	path := j.call.Args.String("load_path")
	from, to := io.Pipe()
	var names []string
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := j.read(ctx, path, to)
		return errors.Join(err, to.CloseWithError(err))
	})
	group.Go(func() (err error) {
		names, err = j.engine.Load(ctx, from, j.call.Progress)
		return errors.Join(err, from.Close())
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for _, n := range names {
		if docker.FamiliarName(n) == docker.FamiliarName(j.name) || n == j.name {
			return nil
		}
	}
	return fmt.Errorf("cannot find image %s in %s: it holds %s", j.name, path, strings.Join(names, ", "))
}

func (j *imageJob) read(ctx context.Context, path string, to io.Writer) error {
	out, err := j.call.Host.Run(ctx, connection.Command{Script: "cat < " + connection.Quote(path), Stdout: to, Become: j.call.Become})
	if err == nil && out.Code != 0 {
		return fmt.Errorf("cannot load image %s from %s on %s: %s", j.name, path, j.call.HostName, strings.TrimSpace(string(out.Stderr)))
	}
	return err
}

// tag gives the image the further name that repository says.
func (j *imageJob) tag(ctx context.Context) error {
	as := j.call.Args.String("repository")
	if as == "" {
		return nil
	}
	as = fullName(as, j.call.Args.String("tag"))
	there, err := j.engine.Image(ctx, as)
	if err != nil {
		return err
	}
	if there != nil && (!j.call.Args.Bool("force_tag") || j.have != nil && there.ID() == j.have.ID()) {
		return nil
	}
	j.note("Tagged image %s to %s", j.name, as)
	if j.call.Check {
		return nil
	}
	if err := j.engine.Tag(ctx, j.name, as); err != nil {
		return err
	}
	j.have, err = j.engine.Image(ctx, as)
	return err
}

// push sends the image to the registry that its (further) name says. The
// engine does not tell beforehand whether the registry has it already.
func (j *imageJob) push(ctx context.Context) error {
	if !j.call.Args.Bool("push") {
		return nil
	}
	name := j.name
	if as := j.call.Args.String("repository"); as != "" {
		name = fullName(as, j.call.Args.String("tag"))
	}
	if docker.IsImageID(name) {
		return fmt.Errorf("cannot push image %s: an id has no registry (give it a name with repository)", name)
	}
	j.note("Pushed image %s", name)
	if j.call.Check {
		return nil
	}
	return j.engine.Push(ctx, name, j.call.Progress)
}

func (j *imageJob) remove(ctx context.Context) error {
	if j.have == nil {
		return nil
	}
	j.note("Removed image %s", j.name)
	if j.call.Check {
		return nil
	}
	return j.engine.Untag(ctx, j.name, j.call.Args.Bool("force_absent"))
}
