package cloud_test

import (
	"net/http"

	"rollout/internal/lab/api"
	"rollout/internal/openstack"
)

// open is a session of the bench's own, for what no module returns.
func (b *bench) open() *openstack.Cloud {
	b.t.Helper()
	c, err := b.clouds.Open(b.t.Context(), openstack.Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// failUploads has the practice cloud refuse what images are to hold.
func (b *bench) failUploads() {
	b.t.Helper()
	b.lab.Order(b.t, api.Faults{Answers: []api.AnswerFault{{Method: http.MethodPut, Path: "/image/v2/images/*/file", Status: 500}}})
}
