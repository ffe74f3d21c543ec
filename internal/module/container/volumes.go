package container

import (
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

// readVolumes tells binds, source:path[:mode], from anonymous volumes, path.
func readVolumes(list []any) (binds []any, anonymous *value.Map, err error) {
	anonymous = value.NewMap()
	binds = []any{}
	for _, e := range list {
		text := fmt.Sprint(e)
		parts := strings.Split(text, ":")
		switch {
		case len(parts) > 3:
			return nil, nil, fmt.Errorf("volume %q is not [source:]path[:mode]", text)
		case len(parts) == 1:
			anonymous.Set(text, value.NewMap())
			continue
		case len(parts) == 2 && isMode(parts[1]):
			return nil, nil, fmt.Errorf("volume %q: a mode needs a source (source:path:mode)", text)
		case strings.HasPrefix(parts[0], ".") || strings.HasPrefix(parts[0], "~"):
			return nil, nil, fmt.Errorf("volume %q: a path on the host must be absolute, for it is the engine's host that it is on", text)
		case len(parts) == 3 && !isMode(parts[2]):
			return nil, nil, fmt.Errorf("volume %q has an unknown mode %q (such as ro or rw)", text, parts[2])
		}
		binds = append(binds, withMode(text))
	}
	return binds, anonymous, nil
}

func isMode(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		switch part {
		case "rw", "ro", "z", "Z", "consistent", "delegated", "cached", "rprivate", "private",
			"rshared", "shared", "rslave", "slave", "nocopy":
		default:
			return false
		}
	}
	return true
}

func withMode(bind string) string {
	if strings.Count(bind, ":") == 1 {
		return bind + ":rw"
	}
	return bind
}

func sameBinds(v any) any {
	list, _ := v.([]any)
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = withMode(fmt.Sprint(e))
	}
	return out
}

func mountsArg() module.Arg {
	return module.Arg{Name: "mounts", Type: module.List, Elements: module.Dict, Doc: "mounts, in more detail than volumes", Options: []module.Arg{
		{Name: "target", Type: module.Path, Required: true, Doc: "path in the container"},
		{Name: "source", Type: module.Str, Doc: "path on the host, or a volume's name"},
		{Name: "type", Type: module.Str, Default: "volume", Choices: []string{"bind", "npipe", "tmpfs", "volume"}, Doc: "kind of mount"},
		{Name: "read_only", Type: module.Bool, Doc: "whether it cannot be written to"},
		{Name: "propagation", Type: module.Str, Choices: []string{"private", "rprivate", "shared", "rshared", "slave", "rslave"}, Doc: "of a bind mount"},
		{Name: "no_copy", Type: module.Bool, Doc: "leave a new volume empty"},
		{Name: "labels", Type: module.Dict, Doc: "labels of a new volume"},
		{Name: "volume_driver", Type: module.Str, Doc: "driver of a new volume"},
		{Name: "volume_options", Type: module.Dict, Doc: "options of that driver"},
		{Name: "tmpfs_size", Type: module.Str, Doc: "size of a memory file system"},
		{Name: "tmpfs_mode", Type: module.Str, Doc: "octal file mode of a memory file system"},
	}}
}

// readMounts writes mounts as the engine shows them, so that both compare.
func readMounts(list []any) ([]any, error) {
	out := []any{}
	for _, e := range list {
		m, _ := e.(*value.Map)
		mount := value.NewMap("Type", m.String("type"))
		if source := m.String("source"); source != "" {
			mount.Set("Source", source)
		}
		mount.Set("Target", m.String("target"))
		if m.Bool("read_only") {
			mount.Set("ReadOnly", true)
		}
		if err := mountOptions(mount, m); err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.String("target"), err)
		}
		out = append(out, mount)
	}
	return out, nil
}

func mountOptions(mount, m *value.Map) error {
	if p := m.String("propagation"); p != "" {
		mount.Set("BindOptions", value.NewMap("Propagation", p))
	}
	vol := value.NewMap()
	if m.Bool("no_copy") {
		vol.Set("NoCopy", true)
	}
	if labels := m.Map("labels"); labels != nil {
		vol.Set("Labels", labels)
	}
	if driver := m.String("volume_driver"); driver != "" {
		config := value.NewMap("Name", driver)
		if options := m.Map("volume_options"); options != nil {
			config.Set("Options", options)
		}
		vol.Set("DriverConfig", config)
	}
	if vol.Len() > 0 {
		mount.Set("VolumeOptions", vol)
	}
	return tmpfsOptions(mount, m)
}

func tmpfsOptions(mount, m *value.Map) error {
	tmp := value.NewMap()
	if text := m.String("tmpfs_size"); text != "" {
		bytes, err := size(text)
		if err != nil {
			return err
		}
		tmp.Set("SizeBytes", bytes)
	}
	if text := m.String("tmpfs_mode"); text != "" {
		var mode int
		if _, err := fmt.Sscanf(text, "%o", &mode); err != nil {
			return fmt.Errorf("tmpfs_mode %q is not an octal number", text)
		}
		tmp.Set("Mode", mode)
	}
	if tmp.Len() > 0 {
		mount.Set("TmpfsOptions", tmp)
	}
	return nil
}
