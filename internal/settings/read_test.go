package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place is a folder with an ansible.cfg of that text and an environment.
func place(t *testing.T, text string, environ ...string) Place {
	t.Helper()
	dir := t.TempDir()
	if text != "" {
		if err := os.WriteFile(filepath.Join(dir, "ansible.cfg"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Place{Dir: dir, Home: t.TempDir(), Environ: environ}
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	s, err := Read(place(t, "[defaults]\nforks = 7 ; a few\nremote_user = admin\n# nothing\nroles_path = r:../s\ncallbacks_enabled = timer,\n  profile_tasks\n",
		"ANSIBLE_FORKS=9", "ANSIBLE_TIMEOUT=", "NO_COLOR=1"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(s.File)
	for _, c := range []struct{ got, want any }{
		{s.Forks, 9}, {s.RemoteUser, "admin"}, {s.Timeout, 10}, {s.NoColor, true}, {s.InjectFacts, true},
		{strings.Join(s.RolesPath, " "), dir + "/r " + filepath.Dir(dir) + "/s"},
		{strings.Join(s.CallbacksEnabled, " "), "timer profile_tasks"},
		{s.Given(&s.Forks), true}, {s.Given(&s.Timeout), false},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if v, _ := s.Value("DEFAULT_REMOTE_USER"); v.Origin != s.File+":3:1" {
		t.Errorf("the user comes from %s", v.Origin)
	}
}

func TestMistakesHaveAPlace(t *testing.T) {
	for _, c := range []struct{ name, text, env, want string }{
		{"no number", "[defaults]\nforks = many\n", "", `ansible.cfg:2:1: Invalid type for configuration option setting: DEFAULT_FORKS`},
		{"variable", "", "ANSIBLE_TIMEOUT=lola", "Invalid type for configuration option setting: DEFAULT_TIMEOUT (from env: ANSIBLE_TIMEOUT)"},
		{"choice", "[defaults]\ngathering = never\n", "", "valid values are: implicit, explicit, smart"},
		{"refused", "[defaults]\nallow_unsafe_lookups = true\n", "", "ansible.cfg:2:1: rollout cannot obey allow_unsafe_lookups = true"},
		{"twice", "[defaults]\nforks = 1\nforks = 2\n", "", "ansible.cfg:3:1: [defaults] forks is set twice"},
		{"no section", "forks = 1\n", "", "ansible.cfg:1:1: a setting stands before the first section"},
		{"no value", "[defaults]\nforks\n", "", "ansible.cfg:2:1: this is no setting"},
		{"section", "[defaults\n", "", "has no end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(place(t, c.text, c.env))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestWhatRefusedSettingsMaySay(t *testing.T) {
	for _, text := range []string{"jinja2_native = False", "jinja2_extensions = jinja2.ext.do", "executable = /bin/sh", "invalid_task_attribute_failed = yes"} {
		if _, err := Read(place(t, "[defaults]\n"+text+"\n")); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestIdleLines(t *testing.T) {
	s, err := Read(place(t, "[defaults]\nfilter_plugins = x\nfroks = 3\nforks = 3\n", "ANSIBLE_SCP_IF_SSH=1", "ANSIBLE_NOCOWS=1", "ANSIBLE_FORKS=1"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{s.File + ":2:1: [defaults] filter_plugins", s.File + ":3:1: [defaults] froks (no such setting)", "ANSIBLE_SCP_IF_SSH"}
	if strings.Join(s.Idle, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", s.Idle)
	}
}

func TestAFolderThatAnybodyMayWriteToIsPassedOver(t *testing.T) {
	p := place(t, "[defaults]\nforks = 3\n")
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s, err := Read(p)
	if err != nil || s.File != "" || s.Forks != 50 || len(s.Warnings) != 1 {
		t.Errorf("%v %q %d %q", err, s.File, s.Forks, s.Warnings)
	}
	p.Environ = []string{"ANSIBLE_CONFIG=" + p.Dir}
	if s, err = Read(p); err != nil || s.Forks != 3 || len(s.Warnings) != 0 {
		t.Errorf("%v %q %d %q", err, s.File, s.Forks, s.Warnings)
	}
}

// TestTheTable holds that every default can be read, that no field is filled
// twice and that every field has a kind that fits.
func TestTheTable(t *testing.T) {
	s := Default()
	names, fields := map[string]bool{}, map[any]string{}
	for _, d := range all() {
		if names[d.Name] {
			t.Errorf("%s is there twice", d.Name)
		}
		names[d.Name] = true
		if _, err := d.parse(d.Default, ""); err != nil {
			t.Errorf("the default of %s: %v", d.Name, err)
		}
		if d.Use == Used && (d.into == nil || d.Doc == "") {
			t.Errorf("%s is used by nobody", d.Name)
		}
		if d.into == nil {
			continue
		}
		field := d.into(s)
		if other := fields[field]; other != "" {
			t.Errorf("%s and %s fill the same field", d.Name, other)
		}
		fields[field] = d.Name
		if !d.fits(field) {
			t.Errorf("%s is a %T", d.Name, field)
		}
	}
}

func (d Setting) fits(field any) bool {
	switch field.(type) {
	case *bool:
		return d.Kind == Bool
	case *int:
		return d.Kind == Int
	case *string:
		return d.Kind == Text || d.Kind == Path
	case *[]string:
		return d.Kind == Words || d.Kind == Paths || d.Kind == Files
	}
	return false
}
