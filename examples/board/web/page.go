package main

import (
	"bytes"
	"context"
	_ "embed" // the page
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// message is one entry of the board, as the REST server gives it.
type message struct {
	Text    string    `json:"text"`
	Created time.Time `json:"created"`
}

// place is where a page was served.
type place struct{ Container, Host string }

// placeFromEnv reads the container's name from its host name, and the VM's from
// BOARD_HOST, which the topology sets.
func placeFromEnv() place {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	host := os.Getenv("BOARD_HOST")
	if host == "" {
		host = "the host of this container"
	}
	return place{name, host}
}

// view is what the page shows.
type view struct {
	Messages []message
	Trouble  string
	Draft    string
	Place    place
}

// site is the page over one REST server.
type site struct {
	rest   string
	place  place
	client *http.Client
}

const (
	maxRunes  = 1000
	maxForm   = 64 << 10
	maxAnswer = 4 << 20
)

func handler(rest string, p place) http.Handler {
	s := &site{rest: rest, place: p, client: &http.Client{Timeout: 8 * time.Second}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("POST /{$}", s.post)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

func (s *site) show(w http.ResponseWriter, r *http.Request) {
	list, err := s.messages(r.Context())
	if err != nil {
		s.trouble(w, http.StatusServiceUnavailable, "The REST server does not answer. Try again in a moment.", "", err)
		return
	}
	s.write(w, http.StatusOK, view{Messages: list})
}

// post adds the field text, and sends the browser back to the page, so that a
// reload does not post again.
func (s *site) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	text := strings.TrimSpace(r.FormValue("text"))
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxRunes {
		s.trouble(w, http.StatusBadRequest, fmt.Sprintf("A message has 1 to %d characters.", maxRunes), text, nil)
		return
	}
	if err := s.add(r.Context(), text); err != nil {
		s.trouble(w, http.StatusServiceUnavailable, "The message could not be kept. It is still in the field: try again.", text, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) trouble(w http.ResponseWriter, status int, text, draft string, err error) {
	if err != nil {
		log.Printf("web: %v", err)
	}
	s.write(w, status, view{Trouble: text, Draft: draft})
}

func (s *site) write(w http.ResponseWriter, status int, v view) {
	v.Place = s.place
	var body bytes.Buffer
	if err := page.Execute(&body, v); err != nil {
		http.Error(w, "cannot show the page", http.StatusInternalServerError)
		log.Printf("web: %v", err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the caller has gone when this fails
}

func (s *site) messages(ctx context.Context) ([]message, error) {
	var list []message
	err := s.call(ctx, http.MethodGet, nil, http.StatusOK, &list)
	return list, err
}

func (s *site) add(ctx context.Context, text string) error {
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	return s.call(ctx, http.MethodPost, body, http.StatusCreated, nil)
}

func (s *site) call(ctx context.Context, method string, body []byte, want int, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.rest+"/bbs", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return err
	case resp.StatusCode != want:
		return errors.New(method + " " + req.URL.String() + ": " + resp.Status)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}
