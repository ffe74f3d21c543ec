package node

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab/api/backend"
)

func TestHostname(t *testing.T) {
	for name, want := range map[string]string{
		"student07-web-1":       "student07-web-1",
		"Web_1.example.org":     "web-1-example-org",
		"--":                    "machine",
		"":                      "machine",
		"größe":                 "gr-e",
		strings.Repeat("a", 80): strings.Repeat("a", 63),
	} {
		if got := Hostname(name); got != want {
			t.Errorf("Hostname(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestReadSeedPrefersWhatChanged(t *testing.T) {
	dir := t.TempDir()
	seed := Seed{Machine: backend.Machine{ID: "1", Name: "web", UserData: []byte("#!/bin/sh\n"),
		NICs:  []backend.NIC{{IP: "10.0.0.1"}},
		Rules: []backend.Rule{{Direction: "egress"}}}}
	files, err := seed.Files()
	if err != nil {
		t.Fatal(err)
	}
	name, text, err := RulesFile([]backend.Rule{{Direction: "ingress"}})
	if err != nil {
		t.Fatal(err)
	}
	files[name] = text
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readSeed(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := seed
	want.Machine.Rules = []backend.Rule{{Direction: "ingress"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMetadata(t *testing.T) {
	seed := Seed{Machine: backend.Machine{ID: "0a1b2c3d-0000", Name: "Web_1", KeyName: "k", PublicKey: "ssh-ed25519 AAAA",
		UserData: []byte("#!/bin/bash\ntrue\n"), Metadata: map[string]string{"rollout_app": "board"}, AvailabilityZone: "az1",
		Created: time.Unix(0, 0),
		NICs: []backend.NIC{{PortID: "11112222-3333", NetworkID: "n", MAC: "fa:16:3e:00:00:01", IP: "192.168.0.11", PrefixLen: 24,
			Gateway: "192.168.0.1", DNS: []string{"9.9.9.9"}}}}}
	handler, err := metadataHandler(seed)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		return answer.Code, answer.Body.String()
	}
	for path, want := range map[string]string{
		"/openstack/2013-04-04/user_data":                     "#!/bin/bash\ntrue\n",
		"/openstack/latest/user_data":                         "#!/bin/bash\ntrue\n",
		"/latest/user-data":                                   "#!/bin/bash\ntrue\n",
		"/2009-04-04/meta-data/local-ipv4":                    "192.168.0.11",
		"/latest/meta-data/hostname":                          "web-1",
		"/1.0/meta-data/public-keys/0/openssh-key":            "ssh-ed25519 AAAA",
		"/latest/meta-data/placement/availability-zone/":      "az1",
		"/openstack/2018-08-27/vendor_data.json":              "{}",
		"/openstack":                                          strings.Join(metadataVersions, "\n"),
		"/latest/meta-data/placement/../../../etc/passwd":     "404 page not found\n",
		"/openstack/latest/no_such_thing":                     "404 page not found\n",
		"/openstack/latest/network_data.json/and/so/on/until": "404 page not found\n",
	} {
		if _, got := get(path); got != want {
			t.Errorf("GET %s answered %q, want %q", path, got, want)
		}
	}
	_, text := get("/openstack/latest/meta_data.json")
	var meta struct {
		UUID, Name, Hostname string
		Meta                 map[string]string
		PublicKeys           map[string]string `json:"public_keys"`
	}
	if err := json.Unmarshal([]byte(text), &meta); err != nil {
		t.Fatal(err)
	}
	if meta.UUID != seed.Machine.ID || meta.Name != "Web_1" || meta.Hostname != "web-1" || meta.Meta["rollout_app"] != "board" || meta.PublicKeys["k"] != "ssh-ed25519 AAAA" {
		t.Errorf("meta_data.json is %s", text)
	}
	_, text = get("/openstack/latest/network_data.json")
	for _, want := range []string{`"ip_address":"192.168.0.11"`, `"netmask":"255.255.255.0"`, `"gateway":"192.168.0.1"`, `"ethernet_mac_address":"fa:16:3e:00:00:01"`, `"address":"9.9.9.9"`} {
		if !strings.Contains(text, want) {
			t.Errorf("network_data.json lacks %s: %s", want, text)
		}
	}
}

func TestMetadataWithoutUserData(t *testing.T) {
	handler, err := metadataHandler(Seed{Machine: backend.Machine{ID: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openstack/latest/user_data", nil))
	if answer.Code != http.StatusNotFound {
		t.Errorf("without user data the answer is %d, want 404 as Nova's", answer.Code)
	}
}

func TestReadOnlyMounts(t *testing.T) {
	mounts := `overlay / overlay rw,relatime 0 0
sysfs /sys sysfs ro,nosuid 0 0
cgroup /sys/fs/cgroup/memory cgroup ro,nosuid,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
/dev/vda /etc/hosts ext4 ro 0 0
`
	want := []string{"/sys", "/sys/fs/cgroup/memory"}
	if got := readOnlyMounts(mounts); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDefaultRoute(t *testing.T) {
	table := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth1\t00024D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
		"eth0\t00000000\t01014D0A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	if gateway, device := defaultRoute(table); gateway != "10.77.1.1" || device != "eth0" {
		t.Errorf("got %s by %s", gateway, device)
	}
	if gateway, _ := defaultRoute(""); gateway != "" {
		t.Errorf("got %s out of nothing", gateway)
	}
}

func TestWithoutPriority(t *testing.T) {
	for message, want := range map[string]string{
		"<13>Jan  1 00:00:00 root: hello\n": "Jan  1 00:00:00 root: hello",
		"plain":                             "plain",
		"":                                  "",
		"<13":                               "<13",
	} {
		if got := string(withoutPriority([]byte(message))); got != want {
			t.Errorf("withoutPriority(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestServerFailure(t *testing.T) {
	question := []byte{0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0}
	got := serverFailure(question)
	if got[0] != 0xab || got[1] != 0xcd || got[2]&0x80 == 0 || got[3]&0x0f != 2 {
		t.Errorf("got % x", got)
	}
}

func TestForwarderAnswersAtOnceWhileUpstreamIsDead(t *testing.T) {
	f := &forwarder{upstream: "127.0.0.1:1", deadUntil: time.Now().Add(time.Hour)}
	if _, err := f.ask(t.Context(), "udp4", make([]byte, 12)); err != errUpstreamDead {
		t.Errorf("got %v, want %v", err, errUpstreamDead)
	}
}
