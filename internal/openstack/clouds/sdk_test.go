package clouds

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What openstacksdk makes of the same files and variables is what we make of
// them. Settings that only say how it goes about its work are left out.
const sdkProgram = `
import importlib, json, os, sys, warnings
warnings.simplefilter("ignore")
import openstack.config.loader

def answer(case):
    os.environ.clear()
    os.environ.update(case["env"])
    os.chdir(case["dir"])
    loader = importlib.reload(openstack.config.loader)  # it looks for the home when it is loaded
    try:
        c = loader.OpenStackConfig().get_one(validate=False, **case["given"])
    except Exception as e:
        return {"error": str(e) or repr(e)}
    verify, cert = c.get_requests_verify_args()
    flat = {k: str(v) for k, v in c.config.items() if isinstance(v, (str, int, bool))}
    auth = dict(c.config.get("auth") or {})
    for k in list(flat):  # a loader would move these below auth
        if k in ("username", "password", "auth_url", "user_id", "application_credential_id", "application_credential_secret",
                 "application_credential_name", "trust_id", "system_scope", "default_domain_id", "default_domain_name"):
            auth.setdefault(k, flat.pop(k))
    return {"auth": {k: str(v) for k, v in auth.items()}, "flat": flat, "verify": str(verify),
            "cert": list(cert) if isinstance(cert, tuple) else [cert] if cert else []}

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print(json.dumps(answer(json.loads(line))), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
`

type sdkAnswer struct {
	Auth, Flat    map[string]string
	Verify, Error string
	Cert          []string
}

// sdkPython finds a Python that has openstacksdk.
func sdkPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import openstack.config").Run() == nil {
			return python
		}
	}
	t.Skip("openstacksdk is not installed here (Debian: python3-openstacksdk)")
	return ""
}

type sdkCase struct {
	clouds, secure, public string
	env                    map[string]string
	cloud, region          string
	auth                   map[string]string
}

func sdkCases() map[string]sdkCase {
	const plain = "clouds: {one: {auth: {auth_url: 'http://c:5000/v3', username: u, password: '0123', project_name: p, user_domain_name: D, project_domain_name: E}, region_name: R}"
	v2 := map[string]string{"OS_AUTH_URL": "http://c:5000/v2.0/", "OS_USERNAME": "u", "OS_PASSWORD": "x", "OS_TENANT_NAME": "p",
		"OS_TENANT_ID": "1234", "OS_REGION_NAME": "R"}
	return map[string]sdkCase{
		"the only entry":                      {clouds: plain + "}"},
		"named":                               {clouds: plain + ", two: {auth: {auth_url: 'http://d'}}}", cloud: "one"},
		"OS_CLOUD":                            {clouds: plain + ", two: {auth: {auth_url: 'http://d'}}}", env: map[string]string{"OS_CLOUD": "two"}},
		"variables":                           {env: v2},
		"variables win over the only entry":   {clouds: plain + "}", env: v2},
		"the cloud of the variables by name":  {clouds: plain + "}", env: v2, cloud: "envvars"},
		"its other name":                      {clouds: plain + "}", env: with(v2, "OS_CLOUD_NAME", "mine"), cloud: "mine"},
		"an entry though there are variables": {clouds: plain + "}", env: v2, cloud: "one"},
		"v3 variables": {env: map[string]string{"OS_AUTH_URL": "http://c/identity", "OS_USERNAME": "u", "OS_PASSWORD": "x", "OS_PROJECT_NAME": "p",
			"OS_USER_DOMAIN_NAME": "D", "OS_PROJECT_DOMAIN_ID": "e", "OS_INTERFACE": "internal", "OS_CACERT": "~/ca.pem", "OS_AUTH_TYPE": "v3password"}},
		"token":             {env: map[string]string{"OS_AUTH_URL": "http://c", "OS_TOKEN": "t", "OS_AUTH_TYPE": "token", "OS_PROJECT_ID": "1"}},
		"older token":       {clouds: "clouds: {one: {auth_type: token, auth: {auth_url: 'http://c', auth_token: t}}}"},
		"domain once":       {clouds: "clouds: {one: {auth: {auth_url: 'http://c', username: u, project_name: p, domain_name: D}}}"},
		"domain by id":      {clouds: "clouds: {one: {auth: {auth_url: 'http://c', username: u, project_id: p, domain_id: d}}}"},
		"a domain's own":    {clouds: "clouds: {one: {auth: {auth_url: 'http://c', username: u, domain_name: D}}}"},
		"both nouns":        {clouds: "clouds: {one: {auth: {auth_url: 'http://c', tenant_name: old, project_name: new, tenant-id: '7'}}}"},
		"outside of auth":   {clouds: "clouds: {one: {username: u, project_name: p, user-domain-name: D, auth: {auth_url: 'http://c', password: x}}}"},
		"dashes":            {clouds: "clouds: {one: {auth: {auth_url: 'http://c', project-name: p}, region-name: R}}"},
		"secure":            {clouds: plain + "}", secure: "clouds: {one: {auth: {password: hush}, verify: false}}"},
		"regions":           {clouds: "clouds: {one: {auth: {auth_url: 'http://{region_name}.c'}, regions: [a, b]}}"},
		"the second region": {clouds: "clouds: {one: {auth: {auth_url: 'http://{region_name}.c'}, regions: [a, b]}}", region: "b"},
		"no such region":    {clouds: "clouds: {one: {auth: {auth_url: 'http://c'}, regions: [a, b]}}", region: "c"},
		"a region's values": {clouds: "clouds: {one: {auth: {auth_url: 'http://c', username: u}, interface: public, regions: [a, " +
			"{name: b, values: {interface: internal, compute_endpoint_override: 'http://b:8774/v2.1', auth: {username: v}}}]}}", region: "b"},
		"regions with a comma": {clouds: "clouds: {one: {auth: {auth_url: 'http://c'}, region_name: 'a,b'}}"},
		"profile in a file": {clouds: "clouds: {one: {profile: campus, auth: {username: u}, region_name: S}}",
			public: "public-clouds: {campus: {auth: {auth_url: 'https://campus', user_domain_name: C}, interface: internal, regions: [N, S]}}"},
		"profile that ships":       {clouds: "clouds: {one: {profile: elastx, auth: {username: u}}}"},
		"profile with a pattern":   {clouds: "clouds: {one: {profile: otc, auth: {username: u}}}", region: "eu-nl"},
		"profile by its old name":  {clouds: "clouds: {one: {cloud: switchengines, auth: {username: u}}}"},
		"profile without need":     {clouds: "clouds: {one: {profile: nowhere, auth: {auth_url: 'http://c'}}}"},
		"insecure":                 {clouds: "clouds: {one: {insecure: true, cacert: /ca.pem, auth: {auth_url: 'https://c'}}}"},
		"verify false":             {clouds: "clouds: {one: {verify: false, auth: {auth_url: 'https://c'}}}"},
		"ca and client's own":      {clouds: "clouds: {one: {cacert: ~/ca.pem, cert: ~/c.pem, key: ~/k.pem, auth: {auth_url: 'https://c'}}}"},
		"endpoint_type wins":       {clouds: "clouds: {one: {interface: public, endpoint_type: admin, compute_endpoint_type: internal, auth: {auth_url: 'https://c'}}}"},
		"overrides":                {clouds: "clouds: {one: {region_name: R, network_endpoint_override: 'http://{region_name}:9696', auth: {auth_url: 'https://c'}}}"},
		"auth above":               {clouds: plain + "}", cloud: "one", auth: map[string]string{"project_name": "q", "password": "y"}},
		"auth above the variables": {env: v2, auth: map[string]string{"password": "y"}},
		"application credential": {clouds: "clouds: {one: {auth_type: v3applicationcredential, auth: {auth_url: 'http://c', " +
			"application_credential_id: i, application_credential_secret: s}}}"},
		"no entry": {clouds: plain + "}", cloud: "two"},
	}
}

func with(m map[string]string, key, text string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, m)
	out[key] = text
	return out
}

func TestConfigurationAsTheSDKReadsIt(t *testing.T) {
	python := sdkPython(t)
	cases := sdkCases()
	names := sortedKeys(cases)
	dirs, envs := make([]string, len(names)), make([]map[string]string, len(names))
	var input bytes.Buffer
	for i, name := range names {
		tc := cases[name]
		dirs[i] = tc.write(t)
		envs[i] = with(tc.env, "HOME", dirs[i])
		given := map[string]any{}
		for key, text := range map[string]string{"cloud": tc.cloud, "region_name": tc.region} {
			if text != "" {
				given[key] = text
			}
		}
		if tc.auth != nil {
			given["auth"] = tc.auth
		}
		if err := json.NewEncoder(&input).Encode(map[string]any{"env": envs[i], "dir": dirs[i], "given": given}); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), python, "-c", sdkProgram)
	command.Stdin = &input
	text, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := json.NewDecoder(bytes.NewReader(text))
	for i, name := range names {
		var answer sdkAnswer
		if err := theirs.Decode(&answer); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			tc, getenv := cases[name], func(k string) string { return envs[i][k] }
			ours, err := Config{Cloud: tc.cloud, Region: tc.region, Auth: tc.auth, Getenv: getenv}.Credentials(t.Context())
			if (err != nil) != (answer.Error != "") {
				t.Fatalf("ours: %v; theirs: %s", err, answer.Error)
			}
			if err == nil {
				compare(t, ours, answer, getenv)
			}
		})
	}
}

// write puts the case's files where both look for them, and returns the home.
func (tc sdkCase) write(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, ".config", "openstack")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"clouds.yaml": tc.clouds, "secure.yaml": tc.secure, "clouds-public.yaml": tc.public} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(config, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func compare(t *testing.T, ours Credentials, theirs sdkAnswer, getenv func(string) string) {
	t.Helper()
	auth := map[string]string{}
	for k, v := range ours.values {
		if short, ok := strings.CutPrefix(k, "auth."); ok {
			auth[short] = v
		}
	}
	if !maps.Equal(auth, theirs.Auth) {
		t.Errorf("auth is %v, theirs %v", auth, theirs.Auth)
	}
	for _, key := range []string{"region_name", "compute_endpoint_override", "network_endpoint_override", "compute_interface"} {
		if ours.Get(key) != theirs.Flat[key] {
			t.Errorf("%s is %q, theirs %q", key, ours.Get(key), theirs.Flat[key])
		}
	}
	if got := ours.Interface(""); got != theirs.Flat["interface"] {
		t.Errorf("interface is %q, theirs %q", got, theirs.Flat["interface"])
	}
	verify := "True"
	if file := AtHome(ours.Get("cacert"), getenv); file != "" {
		verify = file
	}
	if ours.Insecure() {
		verify = "False"
	}
	var cert []string
	for _, key := range []string{"cert", "key"} {
		if file := AtHome(ours.Get(key), getenv); file != "" {
			cert = append(cert, file)
		}
	}
	if verify != theirs.Verify || !slices.Equal(cert, theirs.Cert) {
		t.Errorf("verify is %s %v, theirs %s %v", verify, cert, theirs.Verify, theirs.Cert)
	}
}
