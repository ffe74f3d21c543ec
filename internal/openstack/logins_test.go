package openstack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
)

// These are part of the conformance suite: the ways to log in, on any cloud
// whose entry has a user name and a password.

// testEntry is the cloud's entry of clouds.yaml, flat for who tests with it.
type testEntry struct {
	authURL, username, password, project, region string
	userDomain, projectDomain                    string
}

func entryOfTestCloud(t *testing.T) testEntry {
	t.Helper()
	name, file := os.Getenv("ROLLOUT_TEST_CLOUD"), os.Getenv("OS_CLIENT_CONFIG_FILE")
	if name == "" {
		name, file = apitest.Cloud, apitest.Start(t).Clouds
	}
	if file == "" {
		file = filepath.Join(os.Getenv("HOME"), ".config", "openstack", "clouds.yaml")
	}
	text := must[[]byte](t)(os.ReadFile(file))
	entry := must[*document.Node](t)(document.Parse(file, text)).Get("clouds").Get(name)
	get := func(key string) string {
		for _, n := range []*document.Node{entry.Get("auth").Get(key), entry.Get(key)} {
			if n != nil {
				return n.Text
			}
		}
		return ""
	}
	e := testEntry{get("auth_url"), get("username"), get("password"), get("project_name"), get("region_name"),
		get("user_domain_name"), get("project_domain_name")}
	if e.username == "" || e.password == "" || e.project == "" {
		t.Skipf("the entry %s has no username, password and project_name to log in with in several ways", name)
	}
	if e.userDomain == "" {
		e.userDomain, e.projectDomain = "Default", "Default"
	}
	return e
}

// unversioned is the address of Keystone, its version left out.
func (e testEntry) unversioned() string {
	return strings.TrimSuffix(strings.TrimRight(e.authURL, "/"), "/v3")
}

// identity makes a request of Keystone's that the package has no words for.
func identity(t *testing.T, c *openstack.Cloud, method, path string, body any, headers ...string) []byte {
	t.Helper()
	status, text := askIdentity(t, c, method, path, body, headers...)
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// askIdentity also returns the answer's status, for who can go on from a refusal.
func askIdentity(t *testing.T, c *openstack.Cloud, method, path string, body any, headers ...string) (int, []byte) {
	t.Helper()
	base := ""
	for _, e := range c.Catalog() {
		for _, p := range e.Endpoints {
			if e.Type == "identity" && p.Interface == "public" {
				base = strings.TrimSuffix(strings.TrimRight(p.URL, "/"), "/v3") + "/v3"
			}
		}
	}
	var text []byte // none where there is no body: Keystone minds
	if body != nil {
		text = must[[]byte](t)(json.Marshal(body))
	}
	request := must[*http.Request](t)(http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, base+path, bytes.NewReader(text)))
	request.Header.Set("X-Auth-Token", c.Token())
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response := must[*http.Response](t)(http.DefaultClient.Do(request))
	defer response.Body.Close()
	var answer bytes.Buffer
	_ = must[int64](t)(answer.ReadFrom(response.Body))
	return response.StatusCode, answer.Bytes()
}

// logIn opens the cloud, and looks around with what it got.
func logIn(t *testing.T, cfg clouds.Config, env map[string]string) (*openstack.Cloud, error) {
	t.Helper()
	cfg.Getenv = func(k string) string { return env[k] }
	c, err := openstack.Open(t.Context(), cfg)
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	_, err = c.FindNetwork(t.Context(), "dmz-net")
	return c, err
}

func TestLogIns(t *testing.T) {
	e := entryOfTestCloud(t)
	v3 := map[string]string{"OS_AUTH_URL": e.authURL, "OS_USERNAME": e.username, "OS_PASSWORD": e.password, "OS_PROJECT_NAME": e.project,
		"OS_USER_DOMAIN_NAME": e.userDomain, "OS_PROJECT_DOMAIN_NAME": e.projectDomain, "OS_REGION_NAME": e.region}
	v2 := map[string]string{"OS_AUTH_URL": e.unversioned() + "/v2.0/", "OS_USERNAME": e.username, "OS_PASSWORD": e.password,
		"OS_TENANT_NAME": e.project, "OS_ENDPOINT_TYPE": "publicURL"}
	first := must[*openstack.Cloud](t)(logIn(t, clouds.Config{}, v3))
	project := first.ProjectID()
	for name, tc := range map[string]struct {
		cfg clouds.Config
		env map[string]string
	}{
		"variables of the v2 days": {env: v2},
		"their tenant by id":       {env: map[string]string{"OS_AUTH_URL": v2["OS_AUTH_URL"], "OS_USERNAME": e.username, "OS_PASSWORD": e.password, "OS_TENANT_ID": project}},
		"an address without a version": {cfg: clouds.Config{Auth: map[string]string{"auth_url": e.unversioned(), "username": e.username,
			"password": e.password, "project_name": e.project}}},
		"the project by id": {cfg: clouds.Config{Auth: map[string]string{"auth_url": e.authURL, "username": e.username,
			"password": e.password, "project_id": project}}},
		"a token": {cfg: clouds.Config{AuthType: "token", Auth: map[string]string{"auth_url": e.authURL, "token": first.Token(), "project_name": e.project,
			"project_domain_name": e.projectDomain}}},
		"a token alone":     {env: map[string]string{"OS_AUTH_URL": e.authURL, "OS_AUTH_TYPE": "v3token", "OS_TOKEN": first.Token()}},
		"another interface": {cfg: clouds.Config{Interface: "internal"}, env: v3},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := logIn(t, tc.cfg, tc.env)
			if err != nil || c.ProjectID() != project {
				t.Error(err)
			}
		})
	}
}

func TestRefusedLogIns(t *testing.T) {
	e := entryOfTestCloud(t)
	good := func(key, text string) map[string]string {
		m := map[string]string{"auth_url": e.authURL, "username": e.username, "password": e.password, "project_name": e.project,
			"user_domain_name": e.userDomain, "project_domain_name": e.projectDomain}
		m[key] = text
		return m
	}
	for name, tc := range map[string]struct {
		cfg  clouds.Config
		says string
	}{
		"wrong password":  {clouds.Config{Auth: good("password", "hush-hush")}, "Keystone says: "},
		"wrong project":   {clouds.Config{Auth: good("project_name", "no-such-project")}, "Keystone says: "},
		"wrong path":      {clouds.Config{Auth: good("auth_url", e.unversioned()+"/nowhere/v3")}, "there is no Keystone v3 at"},
		"wrong region":    {clouds.Config{Auth: good("x", ""), Region: "Nowhere"}, "in region Nowhere (there is one in: "},
		"wrong interface": {clouds.Config{Auth: good("x", ""), Interface: "sideways"}, "the catalog has no sideways endpoint"},
		"system scope":    {clouds.Config{Auth: good("system_scope", "all")}, "is for who runs the cloud"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := logIn(t, tc.cfg, nil)
			var login *clouds.LoginError
			if !errors.As(err, &login) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v", err)
			}
			if err != nil && (strings.Contains(err.Error(), e.password) || strings.Contains(err.Error(), "hush-hush")) {
				t.Errorf("a password in %v", err)
			}
		})
	}
}

func TestApplicationCredentials(t *testing.T) {
	e := entryOfTestCloud(t)
	password := clouds.Config{Auth: map[string]string{"auth_url": e.authURL, "username": e.username, "password": e.password,
		"project_name": e.project, "user_domain_name": e.userDomain, "project_domain_name": e.projectDomain}}
	c := must[*openstack.Cloud](t)(logIn(t, password, nil))
	var whose struct {
		Token struct{ User struct{ ID string } }
	}
	about := identity(t, c, http.MethodGet, "/auth/tokens", nil, "X-Subject-Token", c.Token())
	if err := json.Unmarshal(about, &whose); err != nil {
		t.Fatal(err)
	}
	name, path := prefix(t)+"cred", "/users/"+whose.Token.User.ID+"/application_credentials"
	var made struct {
		Credential struct{ ID, Secret string } `json:"application_credential"`
	}
	answer := identity(t, c, http.MethodPost, path, map[string]any{"application_credential": map[string]any{"name": name}})
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	gone := false
	t.Cleanup(func() {
		if !gone {
			identity(t, c, http.MethodDelete, path+"/"+made.Credential.ID, nil)
		}
	})
	byID := map[string]string{"auth_url": e.authURL, "application_credential_id": made.Credential.ID, "application_credential_secret": made.Credential.Secret}
	byName := map[string]string{"auth_url": e.authURL, "application_credential_name": name, "application_credential_secret": made.Credential.Secret,
		"username": e.username, "user_domain_name": e.userDomain}
	in := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Auth: byID, AuthType: "v3applicationcredential"}))
	unused := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Auth: byID}))
	t.Cleanup(in.Close)
	t.Cleanup(unused.Close)
	must[*openstack.Cloud](t)(logIn(t, clouds.Config{Auth: byName}, nil))
	if in.ProjectID() != c.ProjectID() {
		t.Errorf("it leads to project %s, not %s", in.ProjectID(), c.ProjectID())
	}
	// A token that ends is got anew by it, too. Services remember for minutes
	// that a token was good: only one that none of them has seen is refused.
	before := in.Token()
	identity(t, c, http.MethodDelete, "/auth/tokens", nil, "X-Subject-Token", before)
	must[[]openstack.Server](t)(in.ListServers(t.Context(), openstack.Filter{NamePrefix: "no-such-prefix"}))
	if in.Token() == before {
		t.Error("the token is the one that was revoked")
	}
	byID["application_credential_secret"] = "wrong"
	if _, err := logIn(t, clouds.Config{Auth: byID}, nil); err == nil {
		t.Error("logged in with a wrong secret")
	}
	identity(t, c, http.MethodDelete, path+"/"+made.Credential.ID, nil)
	gone = true
	if _, err := unused.FindImage(t.Context(), testImage); err == nil {
		t.Error("it is deleted, and still lets in")
	}
}

// A token that is revoked while it is worked with costs one more log-in.
func TestRevokedToken(t *testing.T) {
	e := entryOfTestCloud(t)
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Auth: map[string]string{"auth_url": e.authURL, "username": e.username,
		"password": e.password, "project_name": e.project, "user_domain_name": e.userDomain, "project_domain_name": e.projectDomain}}))
	t.Cleanup(c.Close)
	before := c.Token()
	identity(t, c, http.MethodDelete, "/auth/tokens", nil, "X-Subject-Token", before)
	must[[]openstack.Network](t)(c.Networks(t.Context(), nil))
	must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: "no-such-prefix"}))
	if c.Token() == before {
		t.Error("the token is the one that was revoked")
	}
}
