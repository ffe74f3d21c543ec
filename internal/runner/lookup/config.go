package lookup

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/template"
	"rollout/internal/value"
)

// configError is a mistake in Ansible's words, which people match.
type configError string

func (e configError) Error() string { return string(e) }

// config is Ansible's lookup of that name: settings, and options of the plugins
// that reach a host.
func (d Deps) config(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	missing := optionText(kw, "on_missing", "error")
	if !slices.Contains([]string{"error", "skip", "warn"}, missing) {
		return nil, configError(fmt.Sprintf("Invalid value %q for configuration option \"on_missing\", valid values are: error, skip, warn", missing))
	}
	kind, plugin := optionText(kw, "plugin_type", ""), optionText(kw, "plugin_name", "")
	if (kind == "") != (plugin == "") {
		return nil, configError("Both plugin_type and plugin_name are required, cannot use one without the other")
	}
	out := []any{}
	for _, term := range terms {
		name, ok := term.(string)
		if !ok {
			return nil, configError(fmt.Sprintf("Invalid setting identifier, \"%v\" is not a string", term))
		}
		v, found, err := d.setting(name, kind, plugin, scope)
		switch {
		case err != nil:
			return nil, err
		case found:
			out = append(out, v)
		case missing == "error":
			return nil, configError(fmt.Sprintf("Unable to find setting %s", name))
		case missing == "warn" && d.Warn != nil:
			d.Warn("Skipping, did not find setting " + name)
		}
	}
	return out, nil
}

// setting is the value of a setting, or of a plugin's option.
func (d Deps) setting(name, kind, plugin string, scope template.Scope) (any, bool, error) {
	if kind != "" {
		return d.option(name, kind, plugin, scope)
	}
	if notASetting(name) {
		return nil, false, configError(fmt.Sprintf("Invalid setting %q attempted", name))
	}
	if d.Setting == nil {
		return nil, false, nil
	}
	v, ok := d.Setting(name)
	return v, ok, nil
}

// notASetting tells names of Python's classes, which Ansible finds beside its
// settings, from those of settings.
func notASetting(name string) bool {
	return len(name) > 1 && name[0] >= 'A' && name[0] <= 'Z' && name[1] >= 'a' && name[1] <= 'z'
}

// pluginOption is where an option of a plugin comes from: the first variable that
// is set, else a setting.
type pluginOption struct {
	variables []string
	setting   string
}

// pluginOptions are the options that decide how a host is reached.
func pluginOptions() map[string]map[string]pluginOption {
	ssh := map[string]pluginOption{
		"remote_user":      {[]string{"ansible_user", "ansible_ssh_user"}, "DEFAULT_REMOTE_USER"},
		"port":             {[]string{"ansible_port", "ansible_ssh_port"}, "DEFAULT_REMOTE_PORT"},
		"private_key_file": {[]string{"ansible_private_key_file", "ansible_ssh_private_key_file"}, "DEFAULT_PRIVATE_KEY_FILE"},
		"timeout":          {[]string{"ansible_ssh_timeout"}, "DEFAULT_TIMEOUT"},
		"ssh_args":         {[]string{"ansible_ssh_args"}, "ssh_args"},
		"ssh_common_args":  {[]string{"ansible_ssh_common_args"}, "ssh_common_args"},
		"ssh_extra_args":   {[]string{"ansible_ssh_extra_args"}, "ssh_extra_args"},
	}
	shell := map[string]pluginOption{"remote_tmp": {[]string{"ansible_remote_tmp"}, "remote_tmp"}}
	return map[string]map[string]pluginOption{
		"connection ssh": ssh, "connection ansible.builtin.ssh": ssh, "shell sh": shell, "shell ansible.builtin.sh": shell,
	}
}

func (d Deps) option(name, kind, plugin string, scope template.Scope) (any, bool, error) {
	options, ok := pluginOptions()[kind+" "+plugin]
	if !ok {
		return nil, false, configError(fmt.Sprintf("Unable to load %s plugin %q (rollout knows the options of connection ssh and shell sh)", kind, plugin))
	}
	o, ok := options[name]
	if !ok {
		return nil, false, nil
	}
	for _, variable := range o.variables {
		if v, found, err := scope.Lookup(variable); found || err != nil {
			return v, found, err
		}
	}
	if d.Setting == nil {
		return nil, false, nil
	}
	v, ok := d.Setting(o.setting)
	return v, ok, nil
}
