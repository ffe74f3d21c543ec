package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what goes on in the background.
const patience = 20 * time.Second

// client speaks to a lab as one user.
type client struct {
	t     testing.TB
	lab   *apitest.Lab
	token string
	names map[string]string // what {name} in paths and bodies stands for
}

func newClient(t testing.TB, lab *apitest.Lab) *client {
	return &client{t: t, lab: lab, token: lab.Token(t), names: map[string]string{}}
}

// open is a lab over a state file and machines that a test has, and the server, to close it ahead of the test's end.
func open(t testing.TB, config api.Config, machines *apitest.Machines) (*client, *api.Server) {
	t.Helper()
	server, err := api.New(context.WithoutCancel(t.Context()), config, machines)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, apitest.Serve(t, server, machines)), server
}

func closeNow(t testing.TB, server *api.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// reply is an answer with its body decoded, where that is JSON.
type reply struct {
	status int
	header http.Header
	text   string
	body   any
}

// at finds a value by a path such as servers.0.name.
func (r reply) at(path string) any {
	value := r.body
	for _, part := range strings.Split(path, ".") {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[part]
		case []any:
			i, err := strconv.Atoi(part)
			if part == "#" {
				return float64(len(inside))
			}
			if err != nil || i >= len(inside) {
				return nil
			}
			value = inside[i]
		default:
			return nil
		}
	}
	return value
}

func (c *client) fill(text string) string {
	for name, value := range c.names {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// try makes a request; headers are "Name: value". An error means that there was no answer.
func (c *client) try(method, path, body string, headers ...string) (reply, error) {
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.lab.URL+c.fill(path), bytes.NewReader([]byte(c.fill(body))))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("X-Auth-Token", c.token)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	r := reply{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &r.body) // Glance's errors are pages
	return r, err
}

// ask makes a request that must be answered with this status.
func (c *client) ask(status int, method, path, body string, headers ...string) reply {
	c.t.Helper()
	r, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if r.status != status {
		c.t.Fatalf("%s %s: %d, not %d: %s", method, path, r.status, status, r.text)
	}
	return r
}

// step is one request of a story.
type step struct {
	request string // method, path and body, one blank between them
	status  int
	want    string // "network.mtu=1500; network.tags=[]": paths and JSON
	keep    string // "net=network.id" for {net} in later steps
	headers []string
}

func (c *client) tell(story []step) {
	c.t.Helper()
	for _, s := range story {
		parts := strings.SplitN(s.request, " ", 3)
		r := c.ask(s.status, parts[0], parts[1], strings.Join(parts[2:], ""), s.headers...)
		if s.keep != "" {
			name, path, _ := strings.Cut(s.keep, "=")
			c.names[name] = fmt.Sprint(r.at(path))
		}
		if s.want == "" {
			continue
		}
		for _, want := range strings.Split(c.fill(s.want), "; ") {
			path, value, _ := strings.Cut(want, "=")
			have, err := json.Marshal(r.at(path))
			if err != nil || string(have) != value {
				c.t.Errorf("%s: %s is %s, not %s", s.request, path, have, value)
			}
		}
	}
}

// until asks for something again and again until it is so.
func (c *client) until(what string, so func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

const servers = "/compute/v2.1/servers"

// boot boots a server on dmz-net; more is further attributes in JSON, each after a comma.
func (c *client) boot(name, more string) (id string) {
	c.t.Helper()
	c.learn()
	return c.ask(202, "POST", servers, `{"server":{"name":"`+name+`","imageRef":"{image}","flavorRef":"1","networks":[{"uuid":"{dmz-net}"}]`+more+`}}`).at("server.id").(string)
}

// learn keeps the ids of the seeds under their names.
func (c *client) learn() {
	c.t.Helper()
	if c.names["image"] != "" {
		return
	}
	c.names["image"] = c.ask(200, "GET", "/image/v2/images", "").at("images.0.id").(string)
	for path, kind := range map[string]string{"networks": "networks", "security-groups": "security_groups", "routers": "routers", "subnets": "subnets"} {
		list := c.ask(200, "GET", "/network/v2.0/"+path, "").at(kind).([]any)
		for _, item := range list {
			item := item.(map[string]any)
			c.names[item["name"].(string)] = item["id"].(string)
		}
	}
}

// status waits for a server's status, and returns the server.
func (c *client) status(id, want string) reply {
	c.t.Helper()
	var last reply
	c.until(id+" to be "+want, func() bool {
		last = c.ask(200, "GET", servers+"/"+id, "")
		return last.at("server.status") == want && (last.at("server.OS-EXT-STS:task_state") == nil)
	})
	return last
}

func (c *client) gone(id string) {
	c.t.Helper()
	c.until(id+" to be gone", func() bool {
		r, err := c.try("GET", servers+"/"+id, "")
		return err == nil && r.status == 404
	})
}

// port is the id of a server's first port.
func (c *client) port(serverID string) string {
	c.t.Helper()
	return c.ask(200, "GET", "/network/v2.0/ports?device_id="+serverID, "").at("ports.0.id").(string)
}
