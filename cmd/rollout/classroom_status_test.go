package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollout/internal/classroom"
	"rollout/internal/template"
	"rollout/internal/value"
)

// Two students' pages, one with an error of its own; a third listens nowhere.
func TestPagesAreAskedWhereTheTopologySays(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" || r.Host == "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer web.Close()
	address := strings.TrimPrefix(web.URL, "http://")
	closed := net.JoinHostPort("127.0.0.1", closedPort(t))
	for template, want := range map[string][]string{
		"http://{{ address }}/health": {"true 200 OK", "false no answer", "false "},
		"http://{{ adress }}/":        {"false cannot tell where: 'adress' is undefined", "false cannot tell where: 'adress' is undefined", "false "},
		"http://{{ address }}/":       {"false 500 Internal Server Error", "false no answer", "false "},
	} {
		all := []classroom.Progress{{Page: classroom.Page{Address: address}}, {Page: classroom.Page{Address: closed}}, {}}
		c := &class{layout: classroom.Layout{Page: template, PageStatus: 200}, engine: newEngine(), vars: value.NewMap("port", 80)}
		c.askPages(t.Context(), all)
		for i, p := range all {
			if got := map[bool]string{true: "true ", false: "false "}[p.Page.Answers] + p.Page.Text; got != want[i] {
				t.Errorf("%s of %q: %s, not %s", template, p.Page.Address, got, want[i])
			}
		}
	}
}

func newEngine() *template.Engine { return template.New(template.Options{}) }
