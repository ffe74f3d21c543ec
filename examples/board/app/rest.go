package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// store is where messages are kept.
type store interface {
	List(ctx context.Context) ([]message, error)
	Add(ctx context.Context, text string) (message, error)
	Ping(ctx context.Context) error
}

// message is one entry of the board.
type message struct {
	ID      int64     `json:"id"`
	Text    string    `json:"text"`
	Created time.Time `json:"created"`
}

// The limits of a message and of a request's body.
const (
	maxRunes = 1000
	maxBody  = 64 << 10
)

var errText = errors.New("text must be UTF-8 of 1 to 1000 characters")

func handler(s store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bbs", func(w http.ResponseWriter, r *http.Request) {
		list, err := s.List(r.Context())
		answer(w, http.StatusOK, list, err)
	})
	mux.HandleFunc("POST /bbs", func(w http.ResponseWriter, r *http.Request) {
		text, err := readText(w, r)
		if err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()}, nil)
			return
		}
		added, err := s.Add(r.Context(), text)
		answer(w, http.StatusCreated, added, err)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"}, s.Ping(r.Context()))
	})
	return mux
}

func readText(w http.ResponseWriter, r *http.Request) (string, error) {
	var body struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		return "", errors.New("the body must be JSON: {\"text\": \"…\"}")
	}
	text := strings.TrimSpace(body.Text)
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxRunes {
		return "", errText
	}
	return text, nil
}

// answer writes JSON, or 503 when the database could not be asked.
func answer(w http.ResponseWriter, status int, body any, err error) {
	if err != nil {
		log.Printf("app: %v", err)
		status, body = http.StatusServiceUnavailable, map[string]string{"error": "the database does not answer"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller has gone when this fails
}
