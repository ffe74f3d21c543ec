package clouds

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

func nothingSet(string) string { return "" }

// A project named by a task takes the place of the one that the entry has by
// its id.
func TestNamesTakeThePlaceOfIDs(t *testing.T) {
	cred, err := Config{Entry: value.NewMap("auth", value.NewMap("auth_url", "http://c", "username", "u", "project_id", "8")),
		Auth: map[string]string{"project_name": "other"}, Getenv: nothingSet}.Credentials(t.Context())
	if err != nil || cred.Get("auth.project_id") != "" || cred.Get("auth.project_name") != "other" {
		t.Errorf("%v %v", cred.values, err)
	}
}

func TestEntryAsAnArgument(t *testing.T) {
	entry := value.NewMap("auth", value.NewMap("username", "u", "password", "hush", "project-name", "p", "user_domain_id", nil),
		"profile", "citycloud", "regions", []any{"Fra1", value.NewMap("name", "Sto2", "values", value.NewMap("interface", "internalURL"))},
		"verify", false, "api_timeout", 7)
	cfg := Config{Entry: entry, Region: "Sto2", Getenv: func(k string) string { return map[string]string{"OS_CLOUD": "another"}[k] }}
	cred, err := cfg.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cred.Get("auth.auth_url") != "https://Sto2.citycloud.com:5000/v3/" || cred.Get("auth.project_name") != "p" ||
		cred.Interface("compute") != "internal" || !cred.Insecure() || cfg.TimeoutOf(cred).Seconds() != 7 {
		t.Errorf("%v", cred.values)
	}
	cfg.Region = "Nowhere"
	if _, err := cfg.Credentials(t.Context()); err == nil || !strings.Contains(err.Error(), `it has no region "Nowhere"; it has: Fra1, Sto2`) {
		t.Errorf("%v", err)
	}
}

// Every profile that ships can be read, and leads somewhere.
func TestShippedProfiles(t *testing.T) {
	file, err := parseClouds("profiles.yaml", []byte(shippedProfiles), "public-clouds")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range file.entries {
		if e.values["auth.auth_url"] == "" && e.values["profile"] == "" && e.values["gone"] == "" && name != "bluebox" {
			t.Errorf("%s leads nowhere: %v", name, e)
		}
	}
	for name, says := range map[string]string{"betacloud": "is of a cloud that is no more: betacloud.de", "elastxx": `did you mean "elastx"?`} {
		_, err := Config{Entry: value.NewMap("profile", name), Getenv: nothingSet}.Credentials(t.Context())
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
