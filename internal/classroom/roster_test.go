package classroom

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollout/internal/value"
)

const step = "\nstep_server: {image: i, flavor: f, ssh_from: [203.0.113.0/24]}\n"

func parse(t *testing.T, text string) *Roster {
	t.Helper()
	r, err := Parse("class/classroom.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStudents(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"students: [ada, grace]", "ada/ grace/"},
		{"students: {count: 3, pattern: student%02d}", "student01/ student02/ student03/"},
		{"students: {count: 2, pattern: s%d, first: 9}", "s9/ s10/"},
		{"cloud: c\nstudents: [ada, {name: grace, cloud: g}]", "ada/c grace/g"},
		{"cloud: c\nstudents: {count: 2, pattern: s%d}", "s1/c s2/c"},
		{"students: {count: 2, pattern: s%d, cloud: class-%03d}", "s1/class-001 s2/class-002"},
		{"students: [student1, student10, student100]", "student1/ student10/ student100/"},
	} {
		var got []string
		for _, s := range parse(t, c.text+step).Students {
			got = append(got, s.Name+"/"+s.Cloud)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s gave %v", c.text, got)
		}
	}
}

// What is student10's begins with student1, but not with student1's prefix.
func TestPrefixesTellStudentsApart(t *testing.T) {
	r := parse(t, "students: [student1, student10]"+step)
	for name, want := range map[string]string{
		"student1-web-1": "student1", "student10-web-1": "student10", "student1-step": "student1", "student10-step": "student10",
		"student100-web-1": "", "student1": "", "x-student1-web-1": "",
	} {
		got := ""
		if s := r.Of(name); s != nil {
			got = s.Name
		}
		if got != want {
			t.Errorf("%s counts as %q's, not %q's", name, got, want)
		}
	}
}

func TestMistakesAreToldAllAtOnceWithTheirPlaces(t *testing.T) {
	_, err := Parse("classroom.yml", []byte(`students:
  - ada
  - ada-lovelace
  - ada
  - a b
  - -x
  - {cloud: c}
clod: x
step_server:
  image: i
  ssh_from: [203.0.113.0/24, everywhere]
  floating_ip: maybe
  boot_timeout: soon
  user: "a b"
  rollout: {url: ftp://x, sha256: 123}
`))
	if err == nil {
		t.Fatal("no mistake was found")
	}
	for _, want := range []string{
		"classroom.yml:3:5: what is ada-lovelace's would count as ada's too: all of it begins with ada-",
		"classroom.yml:4:5: the student ada stands twice, first in line 2",
		`classroom.yml:5:5: "a b" can't be a student's name`,
		`classroom.yml:6:5: "-x" can't be a student's name`,
		"classroom.yml:7:5: a student has no name",
		`classroom.yml:8:1: the roster has no key "clod"`,
		"classroom.yml:10:3: step_server has no flavor",
		`classroom.yml:11:30: ssh_from "everywhere" is no network`,
		"classroom.yml:12:16: floating_ip must say whether there is one",
		"classroom.yml:13:17: boot_timeout must be a duration",
		`classroom.yml:14:9: user "a b" can't be a login name`,
		"classroom.yml:15:12: rollout must say where the program is fetched from",
		"classroom.yml:15:12: rollout needs the sha256",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("this was not said: %s\n%v", want, err)
		}
	}
}

func TestMoreMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"[]":                          "a roster must be a mapping",
		"students: [a]":               "the roster has no step_server",
		"students: []" + step:         "the class has no students",
		"students: 30" + step:         "students must say who is in the class",
		"students: {count: 3}" + step: "students need a count and a pattern",
		"students: {count: 0, pattern: s%d}" + step:             "count must be a whole number, at least 1",
		"students: {count: 9999, pattern: s%d}" + step:          "a class has 1000 students at most",
		"students: {count: 3, pattern: s}" + step:               "must hold one %d",
		"students: {count: 3, pattern: s%s}" + step:             "must hold one %d",
		"students: {count: 3, pattern: s%d-%d}" + step:          "must hold one %d",
		"students: {count: 3, pattern: s%d, cloud: c%s}" + step: `the cloud "c%s" must hold one %d`,
		"students: [a, B, b]" + step:                            "the student b stands twice",
		"students: [classroom]" + step:                          `"classroom" can't be a student's name`,
		"students: [" + strings.Repeat("x", 41) + "]" + step:    "has more than 40 characters",
		"students: [a]\nstep_server: {image: i, flavor: f}":     "step_server has no ssh_from",
		"students: [a]\ntopology: [x]" + step:                   "topology must be a single value",
	} {
		if _, err := Parse("classroom.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngave %v, not %q", text, err, want)
		}
	}
}

func TestChoose(t *testing.T) {
	r := parse(t, "students: [ada, grace, alan]"+step)
	some, err := r.Choose([]string{"alan", "ada"})
	if err != nil || len(some) != 2 || some[0].Name != "ada" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := r.Choose([]string{"adaa", "nobody"}); err == nil || !strings.Contains(err.Error(), `adaa is no student of class/classroom.yml (did you mean "ada"?)`) ||
		!strings.Contains(err.Error(), "nobody is no student") {
		t.Error(err)
	}
}

func kitOf(s Student) Kit {
	return Kit{Student: s, PublicKey: "ssh-ed25519 AAAA x", PrivateKey: "PRIVATE", Cloud: "c", Files: []File{
		{Path: "openrc", Mode: "0600", Content: "export OS_PASSWORD='geheim'\n", Secret: true},
		{Path: "board/playbooks/site.yml", Mode: "0644", Content: "{{ no template here }}\n"}}}
}

func TestInventory(t *testing.T) {
	r := parse(t, "students: [ada, {name: grace, cloud: g}]\nstep_server: {image: i, flavor: f, user: debian, ssh_from: [203.0.113.7, '2001:db8::/32']}")
	inv, err := r.Inventory([]Kit{kitOf(r.Students[0]), kitOf(r.Students[1])}, value.NewMap("networks", []any{}), "/bin/rollout")
	if err != nil {
		t.Fatal(err)
	}
	var clouds, students []string
	for _, h := range inv.HostsOf(inv.Group(Clouds)) {
		clouds = append(clouds, h.Name)
	}
	for _, h := range inv.HostsOf(inv.Group(Students)) {
		students = append(students, h.Name)
	}
	if !slices.Equal(clouds, []string{"cloud-default", "cloud-g"}) || !slices.Equal(students, []string{"ada", "grace"}) {
		t.Errorf("clouds %v, students %v", clouds, students)
	}
	vars := inv.VarsOf(inv.Host("ada"), nil)
	if got := value.Strings(vars.List("step_dirs")); !slices.Equal(got, []string{"/home/debian/.ssh", "/home/debian/board", "/home/debian/board/playbooks"}) {
		t.Errorf("folders %v", got)
	}
	if n := len(vars.List("step_secrets")); n != 2 {
		t.Errorf("%d secrets: the key and openrc are two", n)
	}
	text, err := value.ToJSON(vars.List("step_ssh_from"))
	if want := `[{"cidr": "203.0.113.7/32", "ethertype": "IPv4"}, {"cidr": "2001:db8::/32", "ethertype": "IPv6"}]`; err != nil || string(text) != want {
		t.Errorf("ssh_from %s, %v", text, err)
	}
	if doc := vars.String("step_user_data"); strings.Contains(doc, "geheim") || strings.Contains(doc, "PRIVATE") || !strings.Contains(doc, "SSH HOST KEY KEYS") {
		t.Errorf("user data where files are pushed: %s", doc)
	}
}

func TestUserDataWhereTheProgramIsFetched(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	r := parse(t, "students: [ada]\nstep_server: {image: i, flavor: f, ssh_from: [203.0.113.7], rollout: {url: 'http://x/y', sha256: "+sum+"}}")
	doc, err := r.userData(kitOf(r.Students[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"program 'http://x/y' " + sum + " /usr/local/bin/rollout", "put '/root/openrc' 0600", "chown -R root: '/root/openrc'",
		"echo 'rollout is ready for ada'"} {
		if !strings.Contains(doc, want) {
			t.Errorf("the user data lacks %q:\n%s", want, doc)
		}
	}
	if again, _ := r.userData(kitOf(r.Students[0])); again != doc {
		t.Error("the same kit gave different user data: a rerun would see a change")
	}
	big := kitOf(r.Students[0])
	random := make([]byte, 60000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	big.Files = append(big.Files, File{Path: "big", Mode: "0600", Content: string(random)})
	if _, err := r.userData(big); err == nil {
		t.Error("more than Nova takes was let through")
	}
}

// The install script is run by a shell, with a curl that gives a file.
func TestInstallScript(t *testing.T) {
	home := t.TempDir()
	script := installHead + "program 'http://x/y' 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae " + home + "/bin\n" +
		"put '" + home + "/a b/c' 0640 <<'END'\n" + packed("日本 {{ x }}\n") + "\nEND\n"
	tools := t.TempDir()
	write(t, filepath.Join(tools, "curl"), "#!/bin/sh\nwhile [ $# -gt 2 ]; do [ \"$1\" = -o ] && f=$2; shift; done\nprintf foo >\"$f\"\n")
	runShell(t, tools, script, true)
	if text, err := os.ReadFile(home + "/a b/c"); string(text) != "日本 {{ x }}\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if st, err := os.Stat(home + "/a b/c"); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", st, err)
	}
	if text, err := os.ReadFile(home + "/bin"); string(text) != "foo" {
		t.Errorf("the program is %q, %v", text, err)
	}
	write(t, filepath.Join(tools, "curl"), "#!/bin/sh\nwhile [ $# -gt 2 ]; do [ \"$1\" = -o ] && f=$2; shift; done\nprintf bad >\"$f\"\n")
	runShell(t, tools, script, false)
	if text, _ := os.ReadFile(home + "/bin"); string(text) != "foo" {
		t.Errorf("a program with another sum was taken: %q", text)
	}
}

func TestTheExampleIsARoster(t *testing.T) {
	r, err := Load("../../examples/classroom/classroom.yml")
	if err != nil || len(r.Students) != 3 || !r.Step.Pushed() {
		t.Errorf("%+v, %v", r, err)
	}
}
