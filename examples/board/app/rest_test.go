package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// memory is a store without a database.
type memory struct {
	list []message
	err  error
}

func (m *memory) List(context.Context) ([]message, error) { return m.list, m.err }
func (m *memory) Ping(context.Context) error              { return m.err }
func (m *memory) Add(_ context.Context, text string) (message, error) {
	added := message{ID: int64(len(m.list) + 1), Text: text}
	m.list = append([]message{added}, m.list...)
	return added, m.err
}

func TestREST(t *testing.T) {
	broken := errors.New("no database")
	tests := []struct {
		name, method, path, body string
		err                      error
		status                   int
		want                     string
	}{
		{"empty list", "GET", "/bbs", "", nil, 200, "[]"},
		{"add", "POST", "/bbs", `{"text": " 日本 <b> "}`, nil, 201, `"text":"日本 \u003cb\u003e"`},
		{"blank", "POST", "/bbs", `{"text": "  "}`, nil, 400, "1 to 1000 characters"},
		{"too long", "POST", "/bbs", `{"text": "` + strings.Repeat("日", 1001) + `"}`, nil, 400, "1 to 1000 characters"},
		{"no JSON", "POST", "/bbs", "text=hello", nil, 400, "must be JSON"},
		{"too large", "POST", "/bbs", `{"text": "` + strings.Repeat("a", 70<<10) + `"}`, nil, 400, "must be JSON"},
		{"database away", "GET", "/bbs", "", broken, 503, "database does not answer"},
		{"unhealthy", "GET", "/health", "", broken, 503, "database does not answer"},
		{"healthy", "GET", "/health", "", nil, 200, "ok"},
		{"method", "DELETE", "/bbs", "", nil, 405, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler(&memory{list: []message{}, err: tt.err}).ServeHTTP(w,
				httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Code != http.StatusMethodNotAllowed && !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("type %s", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestTheLinkSaysWhereTheDatabaseIs(t *testing.T) {
	env := func(pairs ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1], true
				}
			}
			return "", false
		}
	}
	cfg := databaseFromEnv(env("DB_PORT_3306_TCP_ADDR", "10.0.0.7", "DB_PORT_3306_TCP_PORT", "13306",
		"DB_ENV_MYSQL_USER", "u", "DB_ENV_MYSQL_PASSWORD", "p", "DB_ENV_MYSQL_DATABASE", "d"))
	if cfg.Addr != "10.0.0.7:13306" || cfg.User != "u" || cfg.Passwd != "p" || cfg.DBName != "d" {
		t.Errorf("%s as %s to %s", cfg.Addr, cfg.User, cfg.DBName)
	}
	if cfg := databaseFromEnv(env()); cfg.Addr != "db:3306" {
		t.Errorf("without a link's variables, its alias: %s", cfg.Addr)
	}
}
