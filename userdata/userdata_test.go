package userdata

import (
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/template"
	"rollout/internal/value"
)

func TestJoin(t *testing.T) {
	if doc, err := Join(); doc != "" || err != nil {
		t.Errorf("no documents gave %q, %v", doc, err)
	}
	if doc, _ := Join("#!/bin/sh\n"); doc != "#!/bin/sh\n" {
		t.Errorf("one document became %q", doc)
	}
	if _, err := Join("#cloud-config\n", "hello"); err == nil || !strings.Contains(err.Error(), `"hello" (part 2)`) {
		t.Errorf("an unknown document: %v", err)
	}
	if err := CheckSize(strings.Repeat("x", 50000)); err == nil {
		t.Error("50,000 bytes are more than Nova takes after base64")
	}
}

func TestMultipartIsReadBackWhole(t *testing.T) {
	docs := []string{"#cloud-config\ndisable_root: false\n", "#!/bin/sh\necho 日本\n", "#cloud-boothook\n"}
	doc, err := Join(docs...)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Join(docs...); again != doc {
		t.Error("the same documents gave different bytes: a rerun would see a change")
	}
	msg, err := mail.ReadMessage(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for i, want := range docs {
		part, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(part)
		if string(body) != want || !strings.HasPrefix(part.Header.Get("Content-Type"), Type(want)) {
			t.Errorf("part %d: %s %q", i, part.Header.Get("Content-Type"), body)
		}
	}
}

// container is one of all_in_one.containers.
func container(name string, options *value.Map, pairs ...any) *value.Map {
	c := value.NewMap("name", name, "image", "me/"+name+":1", "links", []any{}, "ports", []any{}, "env", value.NewMap(), "options", options)
	c.Update(value.NewMap(pairs...))
	return c
}

func render(t *testing.T, containers ...any) string {
	t.Helper()
	script, err := template.New(template.Options{}).Value(t.Context(), AllInOne, template.MapScope{Vars: value.NewMap(
		"rollout_app", "board", "all_in_one", value.NewMap("containers", containers))})
	if err != nil {
		t.Fatal(err)
	}
	return script.(string)
}

func TestTheAllInOneScriptIsTheExercises(t *testing.T) {
	script := render(t,
		container("dbs", value.NewMap()),
		container("app", value.NewMap(), "links", []any{"dbs:db"}),
		container("web", value.NewMap(), "links", []any{"app:rest"}, "ports", []any{"80:80"}))
	for _, want := range []string{
		"\ndocker run -itd --name dbs --restart unless-stopped me/dbs:1\n",
		"\ndocker run -itd --name app --link dbs:db --restart unless-stopped me/app:1\n",
		"\ndocker run -itd --name web --link app:rest -p 80:80 --restart unless-stopped me/web:1\n",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %q:\n%s", want, script)
		}
	}
}

// The script is run with a docker that prints its arguments, a line each.
func TestTheAllInOneScriptPassesOptionsOnAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\n[ \"$1\" = info ] && exit\nprintf '%s\\n' \"$@\"\n"
	for _, name := range []string{"docker", "service", "systemctl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(fake), 0o700); err != nil { //nolint:gosec // it must run
			t.Fatal(err)
		}
	}
	script := render(t, container("x", value.NewMap(
		"healthcheck", value.NewMap("test", []any{"CMD", "healthcheck"}, "interval", "2s"),
		"command", []any{"two words", "it's"}, "volumes", []any{"a b:/c"}, "ulimits", []any{"nofile:1:2"},
		"privileged", true, "labels", value.NewMap("k", "v w")), "env", value.NewMap("A", "$HOME `id`")))
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=/home"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	for _, want := range []string{"-e\nA=$HOME `id`\n", "-v\na b:/c\n", "--label\nk=v w\n", "--ulimit\nnofile=1:2\n",
		"--privileged\n", "--health-cmd\nhealthcheck\n--health-interval\n2s\n", "me/x:1\ntwo words\nit's\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("docker was not given %q:\n%s", want, out)
		}
	}
}
