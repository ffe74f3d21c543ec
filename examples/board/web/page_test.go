package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// rest is a REST server that keeps messages in memory.
func rest(t *testing.T) (address string, posted *[]string) {
	t.Helper()
	posted = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var m message
			if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
				t.Error(err)
			}
			*posted = append([]string{m.Text}, *posted...)
			w.WriteHeader(http.StatusCreated)
			return
		}
		list := []message{}
		for _, text := range *posted {
			list = append(list, message{Text: text, Created: time.Unix(0, 0).UTC()})
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(server.Close)
	return server.URL, posted
}

func ask(t *testing.T, h http.Handler, method string, form url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	return w.Code, string(body)
}

func TestThePageShowsWhatWasPostedNewestFirstAndEscaped(t *testing.T) {
	address, posted := rest(t)
	h := handler(address, place{"c0ffee", "student07-web-1"})
	for _, text := range []string{"first", `日本 <script>alert("x")</script>`} {
		if code, body := ask(t, h, http.MethodPost, url.Values{"text": {text}}); code != http.StatusSeeOther {
			t.Fatalf("%d %s", code, body)
		}
	}
	if len(*posted) != 2 {
		t.Fatalf("posted %v", *posted)
	}
	code, body := ask(t, h, http.MethodGet, nil)
	newest, oldest := strings.Index(body, "日本 &lt;script&gt;"), strings.Index(body, "first</p>")
	if code != http.StatusOK || newest < 0 || oldest < newest || strings.Contains(body, "<script>") {
		t.Errorf("%d\n%s", code, body)
	}
	if !strings.Contains(body, "Served by container c0ffee on student07-web-1") {
		t.Error("the page does not say where it was served")
	}
}

func TestTroubleKeepsTheDraft(t *testing.T) {
	h := handler("http://127.0.0.1:1", place{})
	if code, body := ask(t, h, http.MethodGet, nil); code != http.StatusServiceUnavailable || !strings.Contains(body, `role="alert"`) {
		t.Errorf("%d %s", code, body)
	}
	code, body := ask(t, h, http.MethodPost, url.Values{"text": {`say "hi"`}})
	if code != http.StatusServiceUnavailable || !strings.Contains(body, `value="say &#34;hi&#34;"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := ask(t, h, http.MethodPost, url.Values{"text": {" "}}); code != http.StatusBadRequest {
		t.Errorf("a blank message: %d", code)
	}
}
