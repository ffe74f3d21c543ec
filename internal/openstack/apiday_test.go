package openstack_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
)

// hasty is a session with waits short enough for tests.
func hasty(lab *apitest.Lab) clouds.Config {
	return clouds.Config{Cloud: apitest.Cloud, Further: map[string]string{apitest.Cloud: lab.Clouds}, Getenv: func(string) string { return "" },
		Timeout: 400 * time.Millisecond, Retry: clouds.Retry{First: 5 * time.Millisecond, Max: 20 * time.Millisecond, Tries: 4}}
}

func openHasty(t *testing.T, lab *apitest.Lab) *openstack.Cloud {
	t.Helper()
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), hasty(lab)))
	t.Cleanup(c.Close)
	return c
}

// misbehaviours are what a service can do to a look; the text is said when it
// does not end.
func misbehaviours() map[string]struct {
	fault api.AnswerFault
	says  string
} {
	return map[string]struct {
		fault api.AnswerFault
		says  string
	}{
		"500":               {api.AnswerFault{Status: 500}, "(HTTP 500; asked"},
		"502":               {api.AnswerFault{Status: 502}, "(HTTP 502; asked"},
		"503":               {api.AnswerFault{Status: 503}, "rerun when it is well again"},
		"504":               {api.AnswerFault{Status: 504}, "(HTTP 504; asked"},
		"429":               {api.AnswerFault{Status: 429, After: "0"}, "rerun later, or with fewer forks"},
		"a proxy's 502":     {api.AnswerFault{Status: 502, Page: "<html><body><h1>Bad Gateway</h1></body></html>"}, "says: Bad Gateway (HTTP 502"},
		"hanging":           {api.AnswerFault{Delay: 60_000}, "can't be reached: no answer within 400ms"},
		"cut off":           {api.AnswerFault{Cut: "before"}, "can't be reached: "},
		"cut in the middle": {api.AnswerFault{Cut: "middle"}, "can't be reached: unexpected EOF"},
		"breaking off":      {api.AnswerFault{Cut: "short"}, "the answer is JSON that breaks off"},
		"a proxy's page":    {api.AnswerFault{Page: "<html><body>Please log in</body></html>"}, `the answer is no JSON but "Please log in" (a proxy in between?)`},
	}
}

// What each service can do to a look, once or for good: it is got over, or the
// error says which service, what, and what to do.
func TestServicesThatMisbehave(t *testing.T) {
	for service, look := range map[string]struct {
		path string
		look func(t *testing.T, lab *apitest.Lab, c *openstack.Cloud) error
	}{
		"Nova": {"/compute/v2.1/servers/detail", func(t *testing.T, _ *apitest.Lab, c *openstack.Cloud) error {
			_, err := c.ListServers(t.Context(), openstack.Filter{})
			return err
		}},
		"Neutron": {"/network/v2.0/networks", func(t *testing.T, _ *apitest.Lab, c *openstack.Cloud) error {
			_, err := c.Networks(t.Context(), nil)
			return err
		}},
		"Glance": {"/image/v2/images*", func(t *testing.T, _ *apitest.Lab, c *openstack.Cloud) error {
			_, err := c.FindImage(t.Context(), "no-such-image")
			return unlessMissing(err)
		}},
		"Keystone": {"/identity/v3/auth/tokens", func(t *testing.T, lab *apitest.Lab, _ *openstack.Cloud) error {
			_, err := openstack.Open(t.Context(), hasty(lab))
			return err
		}},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			lab := apitest.Start(t)
			c := openHasty(t, lab)
			for name, tc := range misbehaviours() {
				fault := tc.fault
				fault.Path, fault.Count = look.path, 2
				lab.Order(t, api.Faults{Answers: []api.AnswerFault{fault}})
				if err := look.look(t, lab, c); err != nil {
					t.Errorf("%s twice: %v", name, err)
				}
				fault.Count = 0
				lab.Order(t, api.Faults{Answers: []api.AnswerFault{fault}})
				err := look.look(t, lab, c)
				if err == nil || !strings.Contains(err.Error(), service) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: %v", name, err)
				}
				lab.Heal(t)
			}
		})
	}
}

// unlessMissing is nil for what just isn't there.
func unlessMissing(err error) error {
	var none *openstack.NotFoundError
	if errors.As(err, &none) {
		return nil
	}
	return err
}

// A service that asks for more patience than a run has is not asked again.
func TestLongRetryAfter(t *testing.T) {
	lab := apitest.Start(t)
	c := openHasty(t, lab)
	for header, says := range map[string]string{"3600": "it wants to be asked again after 1h0m0s",
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): "it wants to be asked again after "} {
		lab.Order(t, api.Faults{Answers: []api.AnswerFault{{Path: "/network/*", Status: 429, After: header}}})
		before := c.Calls()
		_, err := c.Networks(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), says) || c.Calls() != before+1 {
			t.Errorf("%d calls: %v", c.Calls()-before, err)
		}
	}
}

// The cloud's clock may be wrong by hours: tokens are used until they are
// refused, and a date in Retry-After is one of that clock.
func TestClockSkew(t *testing.T) {
	for _, ahead := range []int{7200, -7200} {
		lab := apitest.Start(t)
		lab.Order(t, api.Faults{Clock: ahead})
		c := openHasty(t, lab)
		must[[]openstack.Network](t)(c.Networks(t.Context(), nil))
		skew := time.Until(c.Now()).Round(time.Minute)
		if skew != time.Duration(ahead)*time.Second {
			t.Errorf("the cloud's clock is seen %s ahead", skew)
		}
		soon := time.Now().Add(time.Duration(ahead)*time.Second + time.Second).UTC().Format(http.TimeFormat)
		lab.Order(t, api.Faults{Clock: ahead, Answers: []api.AnswerFault{{Path: "/network/*", Status: 429, After: soon, Count: 1}}})
		if _, err := c.Networks(t.Context(), nil); err != nil {
			t.Errorf("%d s ahead: %v", ahead, err)
		}
	}
}

// When a token ends, all who work with it get a new one by a single log-in.
func TestTokensEnd(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, lab *apitest.Lab, c *openstack.Cloud){
		"revoked": func(t *testing.T, _ *apitest.Lab, c *openstack.Cloud) { revoke(t, c) },
		"expired": func(t *testing.T, lab *apitest.Lab, _ *openstack.Cloud) { lab.Order(t, api.Faults{Clock: 25 * 3600}) },
	} {
		t.Run(name, func(t *testing.T) {
			lab := apitest.Start(t)
			c := openLab(t, lab)
			t.Cleanup(c.Close)
			end(t, lab, c)
			before := c.Calls()
			var g errgroup.Group
			for range 20 {
				g.Go(func() error { _, err := c.Networks(t.Context(), nil); return err })
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			// Each at most twice, and one log-in.
			if n := c.Calls() - before; n > 41 {
				t.Errorf("%d calls for 20 lists", n)
			}
		})
	}
}

// revoke ends the session's token by the API.
func revoke(t *testing.T, c *openstack.Cloud) {
	t.Helper()
	identity(t, c, http.MethodDelete, "/auth/tokens", nil, "X-Subject-Token", c.Token())
}

// One who gives up while logging in for all takes nobody along.
func TestOthersGetTheirToken(t *testing.T) {
	lab := apitest.Start(t)
	c := openLab(t, lab)
	t.Cleanup(c.Close)
	lab.Order(t, api.Faults{Answers: []api.AnswerFault{{Path: "/identity/v3/auth/tokens", Method: http.MethodPost, Delay: 300, Count: 1}}})
	revoke(t, c)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error {
		if _, err := c.Networks(short, nil); err == nil {
			return errors.New("the hasty one did not give up")
		}
		return nil
	})
	for range 5 {
		g.Go(func() error {
			time.Sleep(20 * time.Millisecond) // so that it is mostly the hasty one that logs in; right either way
			_, err := c.Networks(t.Context(), nil)
			return err
		})
	}
	if err := g.Wait(); err != nil && !strings.Contains(err.Error(), "did not give up") {
		t.Error(err)
	}
}

// A token that was handed in can't be had anew; that is said.
func TestTokenWithoutAPassword(t *testing.T) {
	lab := apitest.Start(t)
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Getenv: func(string) string { return "" },
		AuthType: "token", Auth: map[string]string{"auth_url": lab.URL + "/identity/v3", "token": lab.Token(t), "project_name": "lab"}}))
	t.Cleanup(c.Close)
	must[[]openstack.Network](t)(c.Networks(t.Context(), nil))
	revoke(t, c)
	_, err := c.Networks(t.Context(), nil)
	var ended *openstack.TokenError
	if !errors.As(err, &ended) || !strings.Contains(err.Error(), "can't be had anew without a password") {
		t.Errorf("%v", err)
	}
}
