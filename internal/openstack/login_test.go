package openstack_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// place is a cloud's front, with what a test changes of the configuration.
type place struct {
	fake   *faulty
	server *httptest.Server
}

func newPlace(t *testing.T, wrap func(http.Handler) http.Handler, start func(*httptest.Server)) *place {
	t.Helper()
	p := &place{fake: &faulty{requests: map[string]int{}}}
	var h http.Handler = http.HandlerFunc(p.fake.serve)
	if wrap != nil {
		h = wrap(h)
	}
	p.server = httptest.NewUnstartedServer(h)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail on purpose
	start(p.server)
	t.Cleanup(p.server.Close)
	p.fake.url = p.server.URL
	return p
}

func (p *place) open(t *testing.T, more ...any) error {
	t.Helper()
	entry := value.NewMap(append([]any{"auth", value.NewMap("auth_url", p.server.URL+"/v3", "username", "u", "password", "hush", "project_name", "p")}, more...)...)
	c, err := openstack.Open(t.Context(), clouds.Config{Entry: entry, Getenv: func(string) string { return "" },
		Retry: clouds.Retry{First: time.Millisecond, Max: 5 * time.Millisecond, Tries: 3}})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.ListServers(t.Context(), openstack.Filter{})
	return err
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSelfSignedCertificate(t *testing.T) {
	p := newPlace(t, nil, (*httptest.Server).StartTLS)
	ca := writePEM(t, "ca.pem", "CERTIFICATE", p.server.Certificate().Raw)
	for name, tc := range map[string]struct {
		more []any
		says string
	}{
		"unknown":          {nil, "give the authority that signed its certificate as cacert, or accept any with verify: false"},
		"cacert":           {[]any{"cacert", ca}, ""},
		"verify: false":    {[]any{"verify", false}, ""},
		"insecure: true":   {[]any{"insecure", true}, ""},
		"insecure: 'True'": {[]any{"insecure", "True", "cacert", ca}, ""},
		"no file":          {[]any{"cacert", ca + "x"}, "cannot read the CA certificates"},
	} {
		t.Run(name, func(t *testing.T) {
			before := p.fake.count("POST /v3/auth/tokens")
			err := p.open(t, tc.more...)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v", err)
			}
			if tc.says != "" && p.fake.count("POST /v3/auth/tokens") != before {
				t.Error("the password was sent to who was not known")
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	p := newPlace(t, nil, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
		s.StartTLS()
	})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "u"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := writePEM(t, "cert.pem", "CERTIFICATE", cert), writePEM(t, "key.pem", "EC PRIVATE KEY", der)
	if err := p.open(t, "verify", false, "cert", certFile, "key", keyFile); err != nil {
		t.Error(err)
	}
	if err := p.open(t, "verify", false); err == nil {
		t.Error("logged in without the certificate")
	}
}

func TestPlainServerTakenForTLS(t *testing.T) {
	p := newPlace(t, nil, (*httptest.Server).Start)
	err := p.open(t, "auth", value.NewMap("auth_url", strings.Replace(p.server.URL, "http", "https", 1), "username", "u", "password", "hush", "project_name", "p"))
	if err == nil || !strings.Contains(err.Error(), "is its address one of http://?") {
		t.Errorf("%v", err)
	}
}

// Wherever auth_url points at in a cloud, version 3 is found.
func TestAuthURLs(t *testing.T) {
	below := func(root string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/" || r.URL.Path == "/moved/":
					answer(w, 300, map[string]any{"versions": map[string]any{"values": []any{
						map[string]any{"id": "v2.0", "links": []any{map[string]any{"rel": "self", "href": "http://inside" + root + "/v2.0/"}}},
						map[string]any{"id": "v3.14", "links": []any{map[string]any{"rel": "self", "href": "http://inside" + root + "/v3/"}}}}}})
				case strings.HasPrefix(r.URL.Path, root+"/v3/"):
					r.URL.Path = strings.TrimPrefix(r.URL.Path, root)
					h.ServeHTTP(w, r)
				case strings.HasPrefix(r.URL.Path, "/servers"), strings.HasPrefix(r.URL.Path, "/v2.1/servers"):
					h.ServeHTTP(w, r)
				default:
					http.NotFound(w, r)
				}
			})
		}
	}
	for name, tc := range map[string]struct{ root, path, says string }{
		"v3":                        {"", "/v3", ""},
		"v3 with a slash":           {"", "/v3/", ""},
		"v2.0":                      {"", "/v2.0/", ""},
		"without a version":         {"", "", ""},
		"below a path":              {"/identity", "/identity", ""},
		"below a path, v2.0":        {"/identity", "/identity/v2.0", ""},
		"elsewhere, by discovery":   {"/keystone/main", "/moved", ""},
		"elsewhere, v3 by mistake":  {"/keystone/main", "/v3", ""},
		"elsewhere, v2.0 till then": {"/keystone/main", "/v2.0/", ""},
		"not there":                 {"/identity", "/nowhere/v3", "there is no Keystone v3 at"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, below(tc.root), (*httptest.Server).Start)
			err := p.open(t, "auth", value.NewMap("auth_url", p.server.URL+tc.path, "username", "u", "password", "hush", "project_name", "p"))
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v", err)
			}
		})
	}
	for _, odd := range []string{"cloud.example:5000/v3", "ftp://cloud.example", "://"} {
		_, err := openstack.Open(t.Context(), clouds.Config{Getenv: func(string) string { return "" },
			Auth: map[string]string{"auth_url": odd, "username": "u", "password": "hush", "project_name": "p"}})
		if err == nil || !strings.Contains(err.Error(), "is no address") {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

// What the configuration says of a service comes before the catalog.
func TestServiceSettings(t *testing.T) {
	p := newPlace(t, nil, (*httptest.Server).Start)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2.1/servers/detail" && r.URL.Path != "/v2/p1/servers/detail" {
			http.NotFound(w, r)
			return
		}
		answer(w, 200, map[string]any{"servers": []any{}})
	}))
	t.Cleanup(other.Close)
	for name, tc := range map[string]struct {
		more []any
		says string
	}{
		"another address":             {[]any{"compute_endpoint_override", other.URL}, ""},
		"another address, version":    {[]any{"compute_endpoint_override", other.URL + "/v2.1"}, ""},
		"with a place of the project": {[]any{"compute_endpoint_override", other.URL + "/v2/%(project_id)s"}, ""},
		"a region that is not there":  {[]any{"region_name", "Nowhere"}, "endpoint of the compute service in region Nowhere (there is one in: R)"},
		"one service's own region":    {[]any{"region_name", "Nowhere", "compute_region_name", "R", "network_region_name", "R", "image_region_name", "R"}, ""},
		"an interface not there":      {[]any{"interface", "internal"}, "the catalog has no internal endpoint"},
		"older spelling":              {[]any{"endpoint_type", "publicURL"}, ""},
		"one service's interface":     {[]any{"network_interface", "admin"}, "the catalog has no admin endpoint of the network service"},
		"another name":                {[]any{"compute_service_name", "nova2"}, "the catalog has no public endpoint of the compute service"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "another address") || strings.HasPrefix(name, "with a place") {
				p.fake.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
					if strings.HasPrefix(r.URL.Path, "/servers") {
						t.Error("the catalog's address was used")
					}
					return false
				}
				defer func() { p.fake.before = nil }()
			}
			err := p.open(t, tc.more...)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A vendor's own profile is fetched, and what the entry says is above it.
func TestProfileThatIsPublished(t *testing.T) {
	p := newPlace(t, nil, (*httptest.Server).Start)
	asked := 0
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/.well-known/openstack/api" || r.Header.Get("Authorization") != "" {
			http.NotFound(w, r)
			return
		}
		answer(w, 200, map[string]any{"name": "v", "profile": map[string]any{"auth": map[string]any{"auth_url": p.server.URL, "user_domain_name": "D"}, "regions": []any{"R", "S"}}})
	}))
	t.Cleanup(vendor.Close)
	auth := value.NewMap("username", "u", "password", "hush", "project_name", "p")
	if err := p.open(t, "auth", auth, "profile", vendor.URL+"/some/page"); err != nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if err := p.open(t, "auth", auth, "profile", p.server.URL); err == nil || !strings.Contains(err.Error(), "cannot fetch the profile of") {
		t.Errorf("%v", err)
	}
}

// Of a catalog with two regions, the services of the wanted one are used.
func TestTwoRegions(t *testing.T) {
	p := newPlace(t, nil, (*httptest.Server).Start)
	var asked []string
	p.fake.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Path != "/v3/auth/tokens" {
			asked = append(asked, strings.Split(r.URL.Path, "/")[1])
			answer(w, 200, map[string]any{"servers": []any{}})
			return true
		}
		var catalog []any
		for _, typ := range []string{"compute", "network", "image"} {
			var endpoints []any
			for _, region := range []string{"north", "south"} {
				endpoints = append(endpoints, map[string]any{"interface": "public", "region_id": region, "url": p.server.URL + "/" + region + "/v2.1"})
			}
			catalog = append(catalog, map[string]any{"type": typ, "name": typ, "endpoints": endpoints})
		}
		w.Header().Set("X-Subject-Token", "t")
		answer(w, 201, map[string]any{"token": map[string]any{"expires_at": "2099-01-01T00:00:00.000000Z",
			"project": map[string]any{"id": "p1", "name": "p"}, "catalog": catalog}})
		return true
	}
	regions := []any{"south", value.NewMap("name", "north", "values", value.NewMap("api_timeout", 5))}
	for _, more := range [][]any{{"regions", regions}, {"region_name", "north"}, {}, {"region_name", "south", "compute_region_name", "north"}} {
		if err := p.open(t, more...); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(asked, " "); got != "south north north north" {
		t.Errorf("asked were %s", got)
	}
}
