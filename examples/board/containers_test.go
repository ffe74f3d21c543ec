// Package board runs the three images as the exercise does: linked, on one
// Docker Engine.
package board

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// images builds the images; a build after the first takes no time.
func images(t *testing.T) {
	t.Helper()
	if exec.CommandContext(t.Context(), "docker", "version").Run() != nil {
		t.Skip("no Docker Engine answers")
	}
	if os.Geteuid() != 0 {
		t.Skip("building the database's image needs root")
	}
	if out, err := exec.CommandContext(t.Context(), "./build").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

func TestLinkedContainersKeepMessages(t *testing.T) {
	images(t)
	id := fmt.Sprintf("boardtest%d", os.Getpid())
	dbs, app, web, volume := id+"-dbs", id+"-app", id+"-web", id+"-data"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		_ = exec.CommandContext(ctx, "docker", "rm", "-f", "-v", web, app, dbs).Run()
		_ = exec.CommandContext(ctx, "docker", "volume", "rm", "-f", volume).Run()
	})
	docker(t, "run", "-itd", "--name", dbs, "-v", volume+":/var/lib/mysql", "rollout/dbs:ver1.0")
	docker(t, "run", "-itd", "--name", app, "--link", dbs+":db", "rollout/app:ver1.0")
	docker(t, "run", "-itd", "--name", web, "--link", app+":rest", "-p", "127.0.0.1::80", "rollout/web:ver1.0")
	page := "http://" + docker(t, "port", web, "80/tcp") + "/"

	await(t, page, "No messages yet")
	post(t, page, "古い")
	post(t, page, `<b>"新しい"`)
	body := await(t, page, "古い")
	if newest := strings.Index(body, "&lt;b&gt;&#34;新しい&#34;"); newest < 0 || newest > strings.Index(body, "古い") {
		t.Errorf("not newest first and escaped:\n%s", body)
	}

	docker(t, "kill", dbs)
	docker(t, "start", dbs)
	await(t, page, "古い")
	docker(t, "exec", dbs, "healthcheck")
	docker(t, "exec", app, "healthcheck")
	docker(t, "exec", web, "healthcheck")
}

func post(t *testing.T, page, text string) {
	t.Helper()
	resp, err := http.PostForm(page, url.Values{"text": {text}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("posting: %s", resp.Status)
	}
}

// await asks for the page until it answers with the text.
func await(t *testing.T, page, text string) string {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		resp, err := http.Get(page)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		last = string(body)
		if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(last, text) {
			return last
		}
	}
	t.Fatalf("the page never said %q; it says:\n%s", text, last)
	return ""
}
