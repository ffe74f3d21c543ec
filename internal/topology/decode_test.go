package topology

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/value"
)

// plain renders {{ name }} from vars alone; the real engine is tested elsewhere.
func plain(text string, vars *value.Map) (any, error) {
	name := strings.TrimSpace(strings.Trim(text, "{} "))
	if v, ok := vars.Get(name); ok {
		return v, nil
	}
	return nil, fmt.Errorf("'%s' is undefined", name)
}

func parse(t *testing.T, text string) (*Topology, error) {
	t.Helper()
	return Parse("t.yml", []byte(text), Options{Render: plain, Owner: "me"})
}

const board = `app: board
owner: student07
vars: {n: 2}
defaults: {image: docker-base, flavor: xsmall, management_network: dmz-net}
networks:
  dmz-net: {cidr: 192.168.0.0/24, router: Ext-Router}
  app-net: {cidr: 172.16.10.0/24}
  dbs-net: {cidr: 172.16.20.0/24}
security_groups:
  sg-web: [{tcp: 80}, {tcp: 8000-8080, from: 10.0.0.0/8}, {all: true, from_group: sg-web}]
tiers:
  web:
    networks: [dmz-net, app-net]
    floating_ip: {pool: Ext-Net}
    containers:
      web: {image: "{{ docker_user }}/web:1", ports: ["80:80"], links: ["app:rest"], ready: {http: "http://{{ address }}/"}}
  app:
    count: "{{ n }}"
    networks: [dmz-net, app-net, dbs-net]
    containers:
      app: {image: app, ports: ["5555:5555"], links: ["dbs:db"]}
  dbs:
    networks: [dmz-net, dbs-net]
    containers:
      dbs: {image: dbs, ports: ["13306:3306"], healthcheck: {test: [CMD, healthcheck]}}
`

func TestTiersComeInLinkOrder(t *testing.T) {
	top, err := parse(t, board)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, tier := range top.Tiers {
		order = append(order, tier.Name)
	}
	if got := strings.Join(order, " "); got != "dbs app web" {
		t.Errorf("order = %s", got)
	}
	if top.Tier("app").Count != 2 || top.VMName("app", 2) != "student07-app-2" {
		t.Errorf("count %d, name %s", top.Tier("app").Count, top.VMName("app", 2))
	}
	rule := top.SecurityGroups[0].Rules[1]
	if rule.PortMin != 8000 || rule.PortMax != 8080 || rule.RemoteIPPrefix != "10.0.0.0/8" {
		t.Errorf("rule = %+v", rule)
	}
}

func TestMistakesAreFoundWhereTheyStand(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"unknown key", "app: board", "app: board\nteirs: {}", `t.yml:2:1: the topology has no key "teirs" (did you mean "tiers"?)`},
		{"unknown tier key", "    count: \"{{ n }}\"", "    cuont: 2", `t.yml:18:5: tier app has no key "cuont" (did you mean "count"?)`},
		{"unknown option", "{image: dbs,", "{imag: dbs,", `t.yml:25:13: container dbs has no key "imag" (did you mean "image"?)`},
		{"no image", "{image: dbs, ", "{", "t.yml:25:7: container dbs has no image"},
		{"no VM image", "image: docker-base, ", "", "tier dbs has no image"},
		{"link to nothing", "app:rest", "apq:rest", `container web links "apq", which is no container here (did you mean "app"?)`},
		{"itself", "dbs:db", "app:db", "container app links itself"},
		{"cycle", "{image: dbs, ", `{image: dbs, links: ["web:w"], `, "cycle: app → dbs → web → app"},
		{"port clash", "5555:5555", "80:5555", "containers web and app both claim host port 80/tcp"},
		{"bad port", "5555:5555", "x:5555", `"x:5555" does not publish a port`},
		{"bad cidr", "172.16.10.0/24", "172.16.10.1/24", "did you mean 172.16.10.0/24?"},
		{"no cidr", "172.16.10.0/24", "172.16.10/24", "is not a network in CIDR form"},
		{"overlap", "172.16.10.0/24", "172.16.20.128/25", "network dbs-net (172.16.20.0/24) overlaps network app-net"},
		{"undefined", "{{ n }}", "{{ m }}", "t.yml:18:12: cannot evaluate count: 'm' is undefined"},
		{"count", `"{{ n }}"`, "many", "count must be a whole number"},
		{"management", "[dmz-net, dbs-net]", "[dbs-net]", "tier dbs is not on its management network dmz-net"},
		{"no port to reach", `, ports: ["13306:3306"]`, "", "dbs publishes no port"},
		{"reserved", "  dbs:\n    net", "  all:\n    net", `a tier can't be called "all"`},
		{"ready", "http: \"http://{{ address }}/\"", "within: 1h1s", "ready has no http"},
		{"rule", "{tcp: 80}", "{tcp: 80, udp: 53}", "needs exactly one of tcp, udp, icmp, all"},
		{"reach_by", "count: \"{{ n }}\"", "reach_by: floating_ip", "tier app is to be reached by a floating IP and has none"},
		{"two kinds of zone", "count: \"{{ n }}\"", "availability_zone: az1\n    availability_zones: [az1, az2]", "tier app has two keys for zones"},
		{"zone twice", "count: \"{{ n }}\"", "availability_zones: [az1, az2, az1]", "availability_zones name az1 twice"},
		{"name", "owner: student07", "owner: stu dent", `owner "stu dent" holds " "`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(board, tt.from, tt.to, 1)
			if text == board {
				t.Fatal("the case changes nothing")
			}
			_, err := parse(t, text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var at *document.Error
			if err != nil && (!errors.As(err, &at) || at.Pos.Line == 0) {
				t.Errorf("no position: %v", err)
			}
		})
	}
}

// -e <tier>_count has the last word on how many VMs a tier has.
func TestCountFromOutside(t *testing.T) {
	for name, tt := range map[string]struct {
		extra *value.Map
		want  int
		says  string
	}{
		"text, as -e a=1 gives it": {value.NewMap("app_count", "50"), 50, ""},
		"a number":                 {value.NewMap("app_count", 3), 3, ""},
		"none":                     {value.NewMap("app_count", 0), 0, ""},
		"of another tier":          {value.NewMap("web_count", 9), 2, ""},
		"no number":                {value.NewMap("app_count", "many"), 0, "t.yml:17:3: app_count must be a whole number, at least 0, for it is how many VMs tier app has (such as -e app_count=3)"},
		"negative":                 {value.NewMap("app_count", "-1"), 0, "app_count must be a whole number"},
		"a fraction":               {value.NewMap("app_count", 1.5), 0, "app_count must be a whole number"},
		"a list":                   {value.NewMap("app_count", []any{1}), 0, "app_count must be a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			top, err := Parse("t.yml", []byte(board), Options{Render: plain, Owner: "me", Extra: tt.extra})
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got  %v\nwant %s", err, tt.says)
				}
				return
			}
			if err != nil || top.Tier("app").Count != tt.want {
				t.Errorf("%v, count %d, want %d", err, top.Tier("app").Count, tt.want)
			}
		})
	}
}

// A variable's name has no dashes, a tier's may.
func TestCountOfATierWithDashes(t *testing.T) {
	text := strings.Replace(board, "  dbs:\n    net", "  db-s.1:\n    net", 1)
	top, err := Parse("t.yml", []byte(text), Options{Render: plain, Owner: "me", Extra: value.NewMap("db_s_1_count", "2")})
	if err != nil || top.Tier("db-s.1").Count != 2 {
		t.Error(err)
	}
}

// A vaulted value would be taken for its text, and end up in a container.
func TestTagsAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		strings.Replace(board, "app: board", "app: !vault board", 1):  "!vault has no place in a topology (put the secret into group_vars",
		strings.Replace(board, "app: board", "app: !unsafe board", 1): "!unsafe has no place in a topology (leave the tag out)",
		"$ANSIBLE_VAULT;1.1;AES256\n3132\n":                           "t.yml:1:1: a topology is not read from a vault",
	} {
		if _, err := Parse("t.yml", []byte(text), Options{Render: plain, Owner: "me"}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got  %v\nwant %s", err, says)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	text := strings.NewReplacer("app: board", "ap: board", "5555:5555", "x", "tcp: 80}", "tpc: 80}").Replace(board)
	_, err := parse(t, text)
	if err == nil || strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("want at least four errors, got: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(board)
	f.Add("tiers: {a: {containers: {b: {links: [b]}}}}")
	f.Fuzz(func(t *testing.T, text string) {
		top, err := Parse("f.yml", []byte(text), Options{Render: plain, Owner: "me"})
		if err == nil {
			_, _ = top.Inventory(nil)
		}
	})
}
