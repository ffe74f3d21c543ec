package clouds

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"sort"
	"strings"
)

// Handout is how another machine logs in to a cloud: the credentials of one
// entry as the files that OpenStack's clients read. All of it is secret.
type Handout struct {
	Entry      string // the name of the entry in CloudsYAML
	AuthURL    string
	CloudsYAML string
	OpenRC     string // for the shell: export OS_…
	CACert     string // the file that cacert names; "" where none does
}

// Loopback reports whether the address means the machine itself, so that
// another one would not find the cloud there.
func (h Handout) Loopback() bool {
	u, err := url.Parse(h.AuthURL)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// Handout collects the credentials that cfg means. authURL stands in for the
// entry's own where it is not empty; caFile is where CACert will be on the other
// machine. Nobody is asked: wrong credentials are found out by who uses them.
func (cfg Config) Handout(ctx context.Context, authURL, caFile string) (Handout, error) {
	cred, err := cfg.Credentials(ctx)
	if err != nil {
		return Handout{}, err
	}
	if cred.Get("cert") != "" {
		return Handout{}, &LoginError{Cloud: cred.Name, Source: cred.Source,
			Err: fmt.Errorf("it logs in with a client certificate, which can't be handed out")}
	}
	h := Handout{Entry: cred.Name}
	if strings.Contains(h.Entry, "/") {
		h.Entry = "openstack" // the OS_* variables have no name but the address
	}
	if authURL != "" {
		cred.values["auth.auth_url"] = authURL
	}
	h.AuthURL = cred.Get("auth.auth_url")
	if file := cred.Get("cacert"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return h, fmt.Errorf("cannot hand out the certificate of cloud %s: %w", cred.Name, err)
		}
		h.CACert, cred.values["cacert"] = string(text), caFile
	}
	h.CloudsYAML, h.OpenRC = cloudsText(h.Entry, cred), openRC(cred)
	return h, nil
}

// cloudsText is a clouds.yaml of one entry. JSON's strings are YAML's, too.
func cloudsText(entry string, cred Credentials) string {
	var auth, rest strings.Builder
	for _, key := range handedOut(cred) {
		short, isAuth := strings.CutPrefix(key, "auth.")
		if isAuth {
			fmt.Fprintf(&auth, "      %s: %s\n", short, jsonText(cred.Get(key)))
			continue
		}
		fmt.Fprintf(&rest, "    %s: %s\n", key, jsonText(cred.Get(key)))
	}
	return "clouds:\n  " + jsonText(entry) + ":\n    auth:\n" + auth.String() + rest.String()
}

func jsonText(s string) string {
	text, _ := json.Marshal(s) // a string can always be written
	return string(text)
}

// handedOut are the keys that another machine needs, sorted.
func handedOut(cred Credentials) []string {
	var keys []string
	for key, text := range cred.values {
		switch key {
		case "region_name", "interface", "endpoint_type", "auth_type", "identity_api_version", "verify", "insecure", "cacert":
		default:
			if !strings.HasPrefix(key, "auth.") {
				continue
			}
		}
		if text != "" {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// openRC is the file that a shell sources.
func openRC(cred Credentials) string {
	var b strings.Builder
	b.WriteString("export OS_IDENTITY_API_VERSION=3\n")
	for _, key := range handedOut(cred) {
		name := ""
		switch short, isAuth := strings.CutPrefix(key, "auth."); {
		case isAuth:
			name = "OS_" + strings.ToUpper(short)
		case key == "endpoint_type":
			name = "OS_ENDPOINT_TYPE"
		case key == "region_name" || key == "interface" || key == "auth_type" || key == "cacert":
			name = "OS_" + strings.ToUpper(key)
		default:
			continue
		}
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(cred.Get(key), "'", `'\''`))
	}
	if cred.Insecure() {
		b.WriteString("export OS_INSECURE=true\n")
	}
	return b.String()
}
