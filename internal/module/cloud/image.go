package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func imageSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true, Doc: "with state absent it may be the id"},
			{Name: "id", Doc: "of the image; a new one gets it"},
			{Name: "checksum", Doc: "MD5 of the image: of several of that name, the one that has it; a file that has another is not uploaded"},
			{Name: "disk_format", Default: "qcow2", Choices: []string{"ami", "ari", "aki", "vhd", "vmdk", "raw", "qcow2", "vdi", "iso", "vhdx", "ploop"}},
			{Name: "container_format", Default: "bare", Choices: []string{"ami", "aki", "ari", "bare", "ovf", "ova", "docker"}},
			{Name: "project", Aliases: []string{"owner"}, Doc: "project that a new image is to belong to: name or id; takes an administrator"},
			{Name: "project_domain", Aliases: []string{"owner_domain"}, Doc: "domain of that project: name or id"},
			{Name: "min_disk", Type: module.Int, Doc: "in GB"}, {Name: "min_ram", Type: module.Int, Doc: "in MB"},
			{Name: "is_public", Type: module.Bool, Doc: "the older spelling of visibility: public or private"},
			{Name: "visibility", Choices: []string{"public", "private", "shared", "community"}, Doc: "a new image is private unless said otherwise"},
			{Name: "protected", Aliases: []string{"is_protected"}, Type: module.Bool},
			{Name: "filename", Doc: "a file of the control machine; it is sent piece by piece"},
			{Name: "ramdisk", Doc: "image: name or id"}, {Name: "kernel", Doc: "image: name or id"},
			{Name: "properties", Type: module.Dict, Default: value.NewMap(), Doc: "further attributes; others that the image has are left alone"},
			{Name: "tags", Type: module.List, Elements: module.Str, Default: []any{}, Doc: "an empty list leaves the image's tags alone"},
			{Name: "volume", Doc: "refused: volumes are not supported yet"},
			{Name: "use_import", Type: module.Bool, Doc: "refused: give a filename"},
			{Name: "import_method", Choices: []string{"web-download", "glance-download"}, Doc: "refused: give a filename"},
			{Name: "uri", Doc: "refused: give a filename"},
			stateArg("inactive"),
		},
		MutuallyExclusive: [][]string{{"filename", "volume", "uri"}, {"visibility", "is_public"}},
	}
}

func runImage(ctx context.Context, t *task) (module.Result, error) {
	if err := refuseImports(t.Args); err != nil {
		return module.Result{}, err
	}
	have, there, err := wantedImage(ctx, t)
	if err != nil {
		return module.Result{}, err
	}
	what := "image " + t.text("name")
	switch {
	case t.absent() && !there, t.text("state") == "inactive" && !there:
		return module.Result{}, nil
	case t.absent():
		res := t.changed(what, change{"delete " + what, "state is absent"})
		if t.Check {
			return res, nil
		}
		return res, t.cloud.DeleteImage(ctx, have.ID)
	}
	plan, err := planImage(ctx, t, have, there)
	if err != nil || len(plan.changes) == 0 {
		return withImage(module.Result{}, have), err
	}
	res := t.changed(what, plan.changes...)
	if t.Check {
		return withImage(res, have), nil
	}
	have, err = plan.act(ctx, t, have)
	return withImage(res, have), err
}

// refuseImports says what is left out, rather than leaving it out in silence.
func refuseImports(args *value.Map) error {
	if _, given := args.Get("volume"); given {
		return errors.New(`argument "volume" is not supported: rollout makes images of files only (give a filename)`)
	}
	for _, name := range []string{"use_import", "import_method", "uri"} {
		if v, given := args.Get(name); given && v != false {
			return fmt.Errorf("argument %q is not supported: rollout uploads what an image holds itself (give a filename)", name)
		}
	}
	return nil
}

// wantedImage finds the image that the task is about: by id, else by name and,
// where it is given, checksum.
func wantedImage(ctx context.Context, t *task) (openstack.Image, bool, error) {
	if id := t.text("id"); id != "" {
		image, err := t.cloud.Image(ctx, id)
		none, err := missing(err)
		return image, !none && err == nil, err
	}
	name := t.text("name")
	named, err := t.cloud.ImagesNamed(ctx, name)
	if err != nil {
		return openstack.Image{}, false, err
	}
	if sum := t.text("checksum"); sum != "" {
		named = slices.DeleteFunc(named, func(i openstack.Image) bool { return i.Checksum != sum && i.Status != "queued" })
	}
	switch {
	case len(named) == 1:
		return named[0], true, nil
	case len(named) > 1:
		e := &openstack.AmbiguousError{Kind: "image", Name: name}
		for _, i := range named {
			e.IDs = append(e.IDs, i.ID)
		}
		return openstack.Image{}, false, e
	case !t.absent():
		return openstack.Image{}, false, nil
	}
	image, err := t.cloud.FindImage(ctx, name) // by id
	none, err := missing(err)
	return image, !none && err == nil, err
}

// imagePlan is what must be done to an image, in this order.
type imagePlan struct {
	create  attributes // nil where it is there
	update  attributes
	upload  string // a file; empty for none
	active  *bool  // nil: as it is
	changes []change
}

func planImage(ctx context.Context, t *task, have openstack.Image, there bool) (imagePlan, error) {
	var plan imagePlan
	what := "image " + t.text("name")
	attrs, err := imageAttributes(ctx, t)
	if err != nil {
		return plan, err
	}
	if !there {
		if plan.create, err = newImage(ctx, t, attrs); err != nil {
			return plan, err
		}
		plan.changes = append(plan.changes, change{"make " + what, "not found"})
	} else {
		plan.update, plan.changes = differingImage(what, have, attrs)
	}
	if file := t.text("filename"); file != "" && (!there || have.Status == "queued") {
		size, err := checkFile(ctx, file, t.text("checksum"))
		if err != nil {
			return plan, err
		}
		plan.upload = file
		plan.changes = append(plan.changes, change{fmt.Sprintf("upload %s to %s", file, what), fmt.Sprintf("it holds nothing yet; the file has %d bytes", size)})
	}
	on := t.text("state") == "present"
	if there && (on && have.Status == "deactivated" || !on && have.Status == "active") {
		word := map[bool]string{true: "activate ", false: "deactivate "}[on]
		plan.active = &on
		plan.changes = append(plan.changes, change{word + what, "it is " + have.Status})
	}
	return plan, nil
}

// imageAttributes are those that can be changed later too.
func imageAttributes(ctx context.Context, t *task) (attributes, error) {
	a := take(t, "min_disk", "min_disk", "min_ram", "min_ram", "protected", "protected", "visibility", "visibility")
	if public, given := t.Args.At("is_public").(bool); given {
		a.Set("visibility", map[bool]string{true: "public", false: "private"}[public])
	}
	for _, key := range []string{"kernel", "ramdisk"} {
		if name := t.text(key); name != "" {
			image, err := t.cloud.FindImage(ctx, name)
			if err != nil {
				return nil, err
			}
			a.Set(key+"_id", image.ID)
		}
	}
	for k, v := range t.Args.Map("properties").All() {
		a.Set(k, propertyText(v))
	}
	if tags := t.Args.List("tags"); len(tags) > 0 {
		sorted := value.Strings(tags)
		slices.Sort(sorted)
		a.Set("tags", value.List(slices.Compact(sorted)))
	}
	if t.text("id") != "" {
		a.Set("name", t.text("name"))
	}
	return a, nil
}

// propertyText is a property as Glance keeps it: a text.
func propertyText(v any) string {
	if b, ok := v.(bool); ok {
		return map[bool]string{true: "True", false: "False"}[b]
	}
	return fmt.Sprint(v)
}

func newImage(ctx context.Context, t *task, attrs attributes) (attributes, error) {
	a := value.NewMap("visibility", "private")
	a.Update(take(t, "name", "name", "disk_format", "disk_format", "container_format", "container_format", "id", "id"))
	a.Update(attrs)
	project := t.text("project")
	if project == "" {
		return a, nil
	}
	domain := t.text("project_domain")
	if domain != "" {
		id, err := t.cloud.FindDomain(ctx, domain)
		if err != nil {
			return nil, err
		}
		domain = id
	}
	owner, err := t.cloud.FindProject(ctx, project, domain)
	a.Set("owner", owner)
	return a, err
}

// differingImage is differing with tags taken for a set.
func differingImage(what string, have openstack.Image, want attributes) (attributes, []change) {
	now := have.Raw.Clone()
	tags := value.Strings(now.List("tags"))
	slices.Sort(tags)
	now.Set("tags", value.List(tags))
	return differing(what, now, want)
}

// act does what was decided. An image that was made for an upload that failed
// is deleted again.
func (p imagePlan) act(ctx context.Context, t *task, i openstack.Image) (openstack.Image, error) {
	var err error
	made := p.create != nil
	if made {
		if i, err = t.cloud.CreateImage(ctx, body(p.create)); err != nil {
			return i, err
		}
	}
	if p.upload != "" {
		if now, err := uploadFile(ctx, t, i, p.upload); err != nil {
			return i, undoImage(ctx, t, i, made, err)
		} else if !made || now.ID == i.ID {
			i = now
		}
	}
	if p.update.Len() > 0 {
		if i, err = t.cloud.UpdateImage(ctx, i, p.update); err != nil {
			return i, err
		}
	}
	if p.active != nil {
		if err := t.cloud.ActivateImage(ctx, i, *p.active); err != nil {
			return i, err
		}
		return t.cloud.Image(ctx, i.ID)
	}
	return i, nil
}

// undoImage deletes an image that holds nothing. It gets a deadline of its own,
// since the upload may have failed because the run ends.
func undoImage(ctx context.Context, t *task, i openstack.Image, made bool, why error) error {
	if !made {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := t.cloud.DeleteImage(ctx, i.ID); err != nil {
		return fmt.Errorf("%w; image %s is left behind without content: %w", why, i.ID, err)
	}
	return fmt.Errorf("%w; the image was deleted again", why)
}

func withImage(res module.Result, i openstack.Image) module.Result {
	if i.Raw == nil {
		return res
	}
	return res.Set("image", named(imageNames(), i.Raw)).Set("id", i.ID)
}
