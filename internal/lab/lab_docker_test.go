package lab_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab"
)

// The networks of this test are its own, so that it can run beside a lab with the default ones.
const (
	testExternal = "10.88.30.0/24"
	testNetwork  = "10.88.1.0/24"
	testSecond   = "10.88.2.0/24"
)

// world is a lab that was brought up by the program as a person would.
type world struct {
	t       *testing.T
	program string
	state   string
	token   string
	catalog map[string]string // service type → URL
}

// newWorld builds the program and brings a lab up, or skips.
func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker Engine and a minute")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to build the machines' image")
	}
	if err := exec.Command("docker", "version").Run(); err != nil {
		t.Skipf("no Docker Engine answers: %v", err)
	}
	w := &world{t: t, program: filepath.Join(t.TempDir(), "rollout"), state: filepath.Join(t.TempDir(), "state")}
	build := exec.Command("go", "build", "-o", w.program, "rollout/cmd/rollout")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(w.state, "api.log")); t.Failed() && err == nil {
			t.Logf("the API's log:\n%s", log)
		}
		if out, err := w.try("lab", "down"); err != nil {
			t.Errorf("lab down: %v\n%s", err, out)
		}
	})
	w.up()
	return w
}

func (w *world) up() {
	w.t.Helper()
	w.run("lab", "up", "--ext-cidr", testExternal, "--network", "dmz-net="+testNetwork, "--network", "app-net="+testSecond)
	w.login()
}

// try runs the program.
func (w *world) try(args ...string) (string, error) {
	cmd := exec.Command(w.program, args...)
	cmd.Env = append(os.Environ(), "ROLLOUT_LAB_STATE="+w.state)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w *world) run(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("rollout %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// settings reads what the lab keeps about itself.
func (w *world) settings() lab.Settings {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.state, "lab.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var s lab.Settings
	if err := json.Unmarshal(text, &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// call sends a request and decodes the answer; it fails the test unless the answer is a success.
func (w *world) call(method, url string, body any) map[string]any {
	w.t.Helper()
	status, answer, _ := w.send(method, url, body)
	if status >= 300 {
		w.t.Fatalf("%s %s answered %d: %v", method, url, status, answer)
	}
	return answer
}

func (w *world) send(method, url string, body any) (int, map[string]any, http.Header) {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(w.t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", w.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	answer := map[string]any{}
	_ = json.Unmarshal(read, &answer) // a 204 has no body
	return response.StatusCode, answer, response.Header
}

// login takes a token and the catalog.
func (w *world) login() {
	w.t.Helper()
	s := w.settings()
	domain := map[string]any{"name": "Default"}
	_, answer, header := w.send(http.MethodPost, "http://"+s.API+"/identity/v3/auth/tokens", map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
			"user": map[string]any{"name": "student", "domain": domain, "password": s.Password}}},
		"scope": map[string]any{"project": map[string]any{"name": "lab", "domain": domain}},
	}})
	if w.token = header.Get("X-Subject-Token"); w.token == "" {
		w.t.Fatalf("no token: %v", answer)
	}
	w.catalog = map[string]string{}
	for _, service := range list(dig(answer, "token"), "catalog") {
		for _, endpoint := range list(service, "endpoints") {
			w.catalog[service["type"].(string)] = endpoint["url"].(string)
		}
	}
}

func (w *world) compute(path string) string { return w.catalog["compute"] + path }
func (w *world) network(path string) string { return w.catalog["network"] + "/v2.0" + path }

// dig and list walk a decoded answer.
func dig(m map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		m, _ = m[key].(map[string]any)
	}
	return m
}

func list(m map[string]any, key string) []map[string]any {
	items, _ := m[key].([]any)
	var out []map[string]any
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// named finds the id of a thing by its name in a list.
func (w *world) named(url, key, name string) string {
	w.t.Helper()
	for _, item := range list(w.call(http.MethodGet, url, nil), key) {
		if item["name"] == name {
			return item["id"].(string)
		}
	}
	w.t.Fatalf("there is no %q at %s", name, url)
	return ""
}

// boot boots a server on both networks and returns its id.
func (w *world) boot(name string, userData []byte) string {
	w.t.Helper()
	networks := w.network("/networks")
	server := map[string]any{
		"name": name, "imageRef": w.named(w.catalog["image"]+"/v2/images", "images", "docker-base"),
		"flavorRef": w.named(w.compute("/flavors"), "flavors", "standard.xsmall"), "key_name": lab.KeyName,
		"user_data": base64.StdEncoding.EncodeToString(userData), "metadata": map[string]string{"rollout_app": "test"},
		"networks": []any{
			map[string]string{"uuid": w.named(networks, "networks", "dmz-net")},
			map[string]string{"uuid": w.named(networks, "networks", "app-net")},
		},
		"security_groups": []any{map[string]string{"name": "sg-all-from-console"}, map[string]string{"name": "sg-ssh"}},
	}
	return dig(w.call(http.MethodPost, w.compute("/servers"), map[string]any{"server": server}), "server")["id"].(string)
}

// openSSH makes a security group that lets SSH in from anywhere: whoever comes by a floating IP is not on dmz-net.
func (w *world) openSSH() {
	w.t.Helper()
	group := dig(w.call(http.MethodPost, w.network("/security-groups"), map[string]any{"security_group": map[string]any{"name": "sg-ssh"}}), "security_group")
	w.call(http.MethodPost, w.network("/security-group-rules"), map[string]any{"security_group_rule": map[string]any{
		"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
		"port_range_min": 22, "port_range_max": 22}})
}

// await asks again and again until ask is satisfied; what it saw last is shown when the time is up.
func (w *world) await(what string, limit time.Duration, ask func() (done bool, seen string)) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), limit)
	defer stop()
	for {
		done, seen := ask()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited %v for %s; seen last:\n%s", limit, what, seen)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *world) status(id string) (string, map[string]any) {
	w.t.Helper()
	server := dig(w.call(http.MethodGet, w.compute("/servers/"+id), nil), "server")
	status, _ := server["status"].(string)
	return status, server
}

func (w *world) console(id string) string {
	w.t.Helper()
	answer := w.call(http.MethodPost, w.compute("/servers/"+id+"/action"), map[string]any{"os-getConsoleOutput": map[string]any{}})
	text, _ := answer["output"].(string)
	return text
}

// awaitBoot waits until cloud-init has said count times that it is done.
func (w *world) awaitBoot(id string, count int) string {
	w.t.Helper()
	w.await("ACTIVE", 3*time.Minute, func() (bool, string) {
		status, server := w.status(id)
		if status == "ERROR" {
			w.t.Fatalf("the server is in ERROR: %v", server["fault"])
		}
		return status == "ACTIVE", status
	})
	var console string
	w.await("the end of cloud-init", 3*time.Minute, func() (bool, string) {
		console = w.console(id)
		return strings.Count(console, "login: \n") >= count, console
	})
	return console
}

// floatingIP gives a server a floating IP and returns its address.
func (w *world) floatingIP(server string) string {
	w.t.Helper()
	ports := list(w.call(http.MethodGet, w.network("/ports?device_id="+server+"&network_id="+w.named(w.network("/networks"), "networks", "dmz-net")), nil), "ports")
	if len(ports) != 1 {
		w.t.Fatalf("the server has %d ports on dmz-net", len(ports))
	}
	answer := w.call(http.MethodPost, w.network("/floatingips"), map[string]any{"floatingip": map[string]any{
		"floating_network_id": w.named(w.network("/networks"), "networks", "Ext-Net"), "port_id": ports[0]["id"]}})
	return dig(answer, "floatingip")["floating_ip_address"].(string)
}

// ssh runs a command on a machine, with the host key that its console log told.
func (w *world) ssh(address, console, command string) string {
	w.t.Helper()
	_, after, _ := strings.Cut(console, "-----BEGIN SSH HOST KEY KEYS-----\n")
	keys, _, found := strings.Cut(after, "-----END SSH HOST KEY KEYS-----")
	if !found {
		w.t.Fatalf("the console tells no host keys:\n%s", console)
	}
	var known strings.Builder
	for line := range strings.Lines(keys) {
		fmt.Fprintf(&known, "%s %s", address, line)
	}
	file := filepath.Join(w.t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(known.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), "ssh", "-i", filepath.Join(w.state, lab.KeyName), "-o", "UserKnownHostsFile="+file,
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "root@"+address, command)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("ssh root@%s %s: %v\n%s", address, command, err, out)
	}
	return string(out)
}

// objects are the Docker objects of this lab.
func (w *world) objects(id string) []string {
	w.t.Helper()
	var all []string
	for _, kind := range [][]string{{"container", "ls", "-a", "--format", "{{.Names}}"}, {"network", "ls", "--format", "{{.Name}}"}, {"volume", "ls", "--format", "{{.Name}}"}} {
		out, err := exec.Command("docker", append(kind, "--filter", "label=rollout.lab="+id)...).Output()
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, strings.Fields(string(out))...)
	}
	slices.Sort(all)
	return all
}
