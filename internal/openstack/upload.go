package openstack

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rollout/internal/value"
)

// An upload whose bytes, or whose answer after the last one, make no progress
// for this long is given up.
const uploadStall = 2 * time.Minute

// A Source opens what is to be uploaded, from its beginning, and says how many
// bytes it has. It is opened anew for each try.
type Source func() (io.ReadCloser, int64, error)

// UploadImage sends what a new image is to hold, piece by piece: what is kept in
// memory does not grow with the file. An upload that broke off is begun anew
// while the image still awaits one. sent is told about progress; it may be nil.
func (c *Cloud) UploadImage(ctx context.Context, i Image, open Source, sent func(bytes, of int64)) (Image, error) {
	defer c.cache.forget("image")
	const tries = 3
	for try := 1; ; try++ {
		sum, err := c.sendImage(ctx, i.ID, open, sent)
		if err == nil {
			return c.checkUpload(ctx, i, sum)
		}
		now, lookErr := c.Image(ctx, i.ID)
		switch {
		case lookErr == nil && now.Status == "active" && now.Checksum == sum && sum != "":
			return now, nil // only the answer was lost
		case lookErr != nil || now.Status != "queued" || try == tries || !again(err) || ctx.Err() != nil:
			return i, fmt.Errorf("cannot upload image %s: %w", i.Name, err)
		}
	}
}

// again reports whether a failed upload may be begun anew.
func again(err error) bool {
	var api *APIError
	return !errors.As(err, &api) || api.Status >= 500 || api.Status == http.StatusUnauthorized
}

func (c *Cloud) checkUpload(ctx context.Context, i Image, sum string) (Image, error) {
	now, err := c.AwaitImage(ctx, i, uploadStall, "active")
	if err != nil {
		return i, err
	}
	if now.Checksum != "" && now.Checksum != sum {
		return now, fmt.Errorf("image %s did not arrive whole: its checksum is %s, that of what was sent %s", i.Name, now.Checksum, sum)
	}
	return now, nil
}

// sendImage sends one upload and returns the MD5 of what was sent. It goes
// around the transport's repetition, which keeps bodies in memory.
func (c *Cloud) sendImage(ctx context.Context, id string, open Source, sent func(bytes, of int64)) (string, error) {
	file, size, err := open()
	if err != nil {
		return "", err
	}
	defer file.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(uploadStall, func() {
		cancel(fmt.Errorf("it made no progress for %s", uploadStall))
	})
	defer stalled.Stop()
	hash := md5.New()
	body := &watchedReader{from: io.TeeReader(file, hash), step: func(total int64) {
		stalled.Reset(uploadStall)
		if sent != nil {
			sent(total, size)
		}
	}}
	token := c.provider.Token()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.image.client.Endpoint+"images/"+id+"/file", body)
	if err != nil {
		return "", err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-Auth-Token", token)
	err = c.put(req, token)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}

func (c *Cloud) put(req *http.Request, token string) error {
	c.transport.calls.Add(1)
	resp, err := c.transport.base.RoundTrip(req)
	if err != nil {
		return &LostError{Method: req.Method, URL: req.URL.String(), Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return &LostError{Method: req.Method, URL: req.URL.String(), Err: err}
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		if err := c.provider.Reauthenticate(req.Context(), token); err != nil {
			return tidy("identity", err)
		}
	}
	e := &APIError{Service: c.image.kind, Method: req.Method, URL: req.URL.String(), Status: resp.StatusCode}
	if e.Kind, e.Message = apiMessage(answer); e.Message == "" {
		e.Message = resp.Status
	}
	return e
}

// watchedReader tells how far reading has come.
type watchedReader struct {
	from  io.Reader
	total int64
	step  func(total int64)
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.total += int64(n)
	r.step(r.total)
	return n, err
}

// ImageMembers returns the projects that a shared image is offered to.
func (c *Cloud) ImageMembers(ctx context.Context, id string) ([]*value.Map, error) {
	list, err := c.image.list(ctx, "images/"+id+"/members", nil, "members")
	if err != nil {
		return nil, fmt.Errorf("cannot list the members of image %s: %w", id, err)
	}
	return list, nil
}
