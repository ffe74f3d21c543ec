package api_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
)

func openError(t *testing.T, file string) (*api.Server, error) {
	return api.New(context.WithoutCancel(t.Context()), apitest.Config(file), &apitest.Machines{})
}

const faults = "/lab/faults"

func TestServerFaults(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.ask(204, "POST", faults, `{"servers":[{"name":"bad-*","fault":"error","count":1},{"name":"stuck","fault":"stuck"},
		{"name":"slow","fault":"slow","seconds":1}]}`)
	bad := c.boot("bad-1", "")
	if fault := c.status(bad, "ERROR").at("server.fault.message"); !strings.HasPrefix(fmt.Sprint(fault), "No valid host was found.") {
		t.Errorf("the fault is %v", fault)
	}
	c.status(c.boot("bad-2", ""), "ACTIVE") // it was to fail once
	stuck := c.boot("stuck", "")
	start := time.Now()
	slow := c.boot("slow", "")
	c.status(slow, "ACTIVE")
	if took := time.Since(start); took < time.Second {
		t.Errorf("the slow one took %v", took)
	}
	r := c.ask(200, "GET", servers+"/"+stuck, "")
	if r.at("server.status") != "BUILD" || r.at("server.OS-EXT-STS:task_state") != "scheduling" {
		t.Errorf("the stuck one is %v", r.text)
	}
	c.ask(204, "DELETE", servers+"/"+stuck, "")
	c.gone(stuck)
	if left := c.ask(200, "GET", faults, ""); left.at("servers.#") != 2.0 || left.at("answers.#") != 0.0 {
		t.Errorf("what is left: %s", left.text)
	}
	c.ask(204, "POST", faults, `{}`)
	c.status(c.boot("stuck", ""), "ACTIVE")
}

func TestServerFaultsByZoneAndStep(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	c.ask(204, "POST", faults, `{"servers":[{"name":"*","zone":"az1","fault":"error","message":"Quota exceeded.","code":403},
		{"name":"crash","fault":"crash"},{"name":"held","fault":"deleting"}]}`)
	r := c.status(c.boot("a", `,"availability_zone":"az1"`), "ERROR")
	if code, text := r.at("server.fault.code"), r.at("server.fault.message"); code != 403.0 || !strings.HasPrefix(fmt.Sprint(text), "Quota exceeded.") {
		t.Errorf("the fault is %v %v", code, text)
	}
	c.status(c.boot("b", `,"availability_zone":"az2"`), "ACTIVE")
	crashed := c.boot("crash", `,"availability_zone":"az2"`)
	c.status(crashed, "ERROR")
	if said := c.ask(200, "POST", servers+"/"+crashed+"/action", `{"os-getConsoleOutput":{}}`); !strings.Contains(said.text, "booting crash") {
		t.Errorf("its console says %s", said.text)
	}
	held := c.boot("held", `,"availability_zone":"az2"`)
	c.status(held, "ACTIVE")
	c.ask(204, "DELETE", servers+"/"+held, "")
	time.Sleep(300 * time.Millisecond)
	if r := c.ask(200, "GET", servers+"/"+held, ""); r.at("server.OS-EXT-STS:task_state") != "deleting" {
		t.Errorf("the one whose end is held up is %s", r.text)
	}
	c.ask(204, "POST", faults, `{}`)
	c.gone(held)
}

func TestAnswerFaults(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	networks := func() (int, error) {
		r, err := c.try("GET", "/network/v2.0/networks", "")
		return r.status, err
	}
	order := func(fault string) { c.ask(204, "POST", faults, `{"answers":[`+fault+`]}`) }
	keyPair := func(name string) (reply, error) {
		return c.try("POST", "/compute/v2.1/os-keypairs", `{"keypair":{"name":"`+name+`"}}`)
	}

	order(`{"path":"/network/*","status":503,"count":2}`)
	for i, want := range []int{503, 503, 200} {
		if status, err := networks(); err != nil || status != want {
			t.Errorf("answer %d is %d %v, not %d", i, status, err, want)
		}
	}
	order(`{"path":"/network/*","method":"POST","status":500}`)
	if status, _ := networks(); status != 200 {
		t.Errorf("another method is answered %d", status)
	}
	order(`{"path":"/network/*","delay":300,"count":1}`)
	start := time.Now()
	if status, _ := networks(); status != 200 || time.Since(start) < 300*time.Millisecond {
		t.Errorf("a late answer is %d after %v", status, time.Since(start))
	}
	for cut, made := range map[string]int{"before": 404, "after": 200} {
		order(`{"path":"*os-keypairs","method":"POST","cut":"` + cut + `","count":1}`)
		if r, err := keyPair("k-" + cut); err == nil {
			t.Errorf("cut %s: answered %d", cut, r.status)
		}
		c.ask(made, "GET", "/compute/v2.1/os-keypairs/k-"+cut, "")
	}
	if r, err := keyPair("k-before"); err != nil || r.status != http.StatusOK {
		t.Errorf("when the faults are over: %d %v", r.status, err)
	}
}

// What answers other than a service's own look like.
func TestSpoiltAnswers(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	order := func(fault string) { c.ask(204, "POST", faults, `{"answers":[`+fault+`]}`) }
	networks := func() (reply, error) { return c.try("GET", "/network/v2.0/networks", "") }
	order(`{"path":"/network/*","status":429,"retry_after":"7","count":1}`)
	if r, err := networks(); err != nil || r.status != 429 || r.header.Get("Retry-After") != "7" {
		t.Errorf("%d %v %v", r.status, r.header, err)
	}
	order(`{"path":"/network/*","page":"<h1>Hello</h1>","count":1}`)
	if r, err := networks(); err != nil || r.status != 200 || r.text != "<h1>Hello</h1>" || r.header.Get("Content-Type") != "text/html" {
		t.Errorf("%d %q %v", r.status, r.text, err)
	}
	whole, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	order(`{"path":"/network/*","cut":"short","count":1}`)
	if r, err := networks(); err != nil || r.text == "" || len(r.text) >= len(whole.text) || !strings.HasPrefix(whole.text, r.text) {
		t.Errorf("%q %v", r.text, err)
	}
	order(`{"path":"/network/*","cut":"middle","count":1}`)
	if r, err := networks(); err == nil {
		t.Errorf("cut in the middle: %q", r.text)
	}
	c.ask(204, "POST", faults, `{"clock":7200}`)
	r, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	if at, err := http.ParseTime(r.header.Get("Date")); err != nil || time.Until(at) < 119*time.Minute {
		t.Errorf("the cloud's clock shows %s, %v", r.header.Get("Date"), err)
	}
	c.ask(204, "POST", faults, `{"clock":90000}`) // tokens last a day
	if r, err := networks(); err != nil || r.status != 401 {
		t.Errorf("a day later: %d %v", r.status, err)
	}
}

func TestFaultsRefused(t *testing.T) {
	c := newClient(t, apitest.Start(t))
	for _, wrong := range []string{`nothing`, `{"server":[]}`, `{"servers":[{"name":"a","fault":"fire"}]}`, `{"servers":[{"name":"[","fault":"error"}]}`,
		`{"servers":[{"fault":"error"}]}`, `{"servers":[{"name":"a","fault":"slow","seconds":-1}]}`, `{"answers":[{"path":"/x"}]}`,
		`{"answers":[{"status":500}]}`, `{"answers":[{"path":"/x","status":200}]}`, `{"answers":[{"path":"/x","cut":"off"}]}`,
		`{"answers":[{"path":"/x","delay":-1}]}`, `{"servers":[{"name":"a","fault":"stuck","message":"no"}]}`,
		`{"servers":[{"name":"a","fault":"error","code":200}]}`, `{"servers":[{"name":"a","fault":"deleting","count":1}]}`} {
		c.ask(400, "POST", faults, wrong)
	}
	c.ask(405, "DELETE", faults, "")
	if left := c.ask(200, "GET", faults, ""); left.text != `{"servers":[],"answers":[]}`+"\n" {
		t.Errorf("what is left: %s", left.text)
	}
}

// The orders that docs/lab.md shows are good ones.
func TestDocumentedFaults(t *testing.T) {
	text, err := os.ReadFile("../../../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, apitest.Start(t))
	orders := regexp.MustCompile(`faults '([^']+)'`).FindAllStringSubmatch(string(text), -1)
	if len(orders) < 5 {
		t.Fatalf("%d orders were found", len(orders))
	}
	for _, order := range orders {
		c.ask(204, "POST", faults, order[1])
	}
}
