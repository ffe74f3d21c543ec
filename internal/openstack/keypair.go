package openstack

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// KeyPair is an SSH key of the user's that Nova puts into servers.
type KeyPair struct {
	Name, PublicKey, Fingerprint string
	PrivateKey                   string // a secret; only from CreateKeyPair without a public key
	Raw                          *value.Map
}

func keyPairFrom(m *value.Map) KeyPair {
	return KeyPair{Name: m.String("name"), PublicKey: m.String("public_key"), Fingerprint: m.String("fingerprint"),
		PrivateKey: m.String("private_key"), Raw: m}
}

// KeyPairs returns the user's key pairs.
func (c *Cloud) KeyPairs(ctx context.Context) ([]KeyPair, error) {
	return cached(ctx, &c.cache, "keypair/", func(ctx context.Context) ([]KeyPair, error) {
		list, err := c.compute.list(ctx, "os-keypairs", nil, "keypairs")
		if err != nil {
			return nil, fmt.Errorf("cannot list key pairs: %w", err)
		}
		out := make([]KeyPair, 0, len(list))
		for _, m := range list {
			out = append(out, keyPairFrom(m.Map("keypair")))
		}
		return out, nil
	})
}

// KeyPairFilter says which key pairs to list. The zero value is the user's own,
// all of them.
type KeyPairFilter struct {
	UserID string
	Limit  int
	Marker string // the name of the last one of the page before
}

// The first microversion with pages of key pairs, and other users' too.
const pagedKeyPairs = "2.35"

// FilterKeyPairs lists key pairs. A limit is kept: further pages are not asked for.
func (c *Cloud) FilterKeyPairs(ctx context.Context, f KeyPairFilter) ([]KeyPair, error) {
	if f == (KeyPairFilter{}) {
		return c.KeyPairs(ctx)
	}
	q := query("user_id", f.UserID, "marker", f.Marker)
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	m, err := c.compute.call(ctx, http.MethodGet, "os-keypairs?"+q.Encode(), nil, computeVersion(pagedKeyPairs))
	if err != nil {
		return nil, fmt.Errorf("cannot list key pairs: %w", err)
	}
	var out []KeyPair
	for _, e := range m.List("keypairs") {
		if pair, ok := e.(*value.Map); ok {
			out = append(out, keyPairFrom(pair.Map("keypair")))
		}
	}
	return out, nil
}

// FindKeyPair returns the key pair of that name.
func (c *Cloud) FindKeyPair(ctx context.Context, name string) (KeyPair, error) {
	all, err := c.KeyPairs(ctx)
	if err != nil {
		return KeyPair{}, err
	}
	for _, k := range all {
		if k.Name == name {
			return k, nil
		}
	}
	return KeyPair{}, &NotFoundError{Kind: "key pair", Name: name,
		Hint: hintFrom(name, all, nil, func(k KeyPair) string { return k.Name })}
}

// CreateKeyPair stores a public key, or, where it is empty, has Nova make a
// pair. Names are unique, so that a repeated request is refused, not doubled.
func (c *Cloud) CreateKeyPair(ctx context.Context, name, publicKey string) (KeyPair, error) {
	defer c.cache.forget("keypair")
	attrs := map[string]any{"name": name}
	setText(attrs, "public_key", publicKey)
	if publicKey != "" {
		ctx = repeatable(ctx)
	}
	m, err := c.compute.create(ctx, "os-keypairs", "keypair", attrs)
	if IsStatus(err, http.StatusConflict) && publicKey != "" {
		c.cache.forget("keypair")
		if have, findErr := c.FindKeyPair(ctx, name); findErr == nil && strings.TrimSpace(have.PublicKey) == strings.TrimSpace(publicKey) {
			return have, nil
		}
	}
	if unsure(err) {
		return KeyPair{}, fmt.Errorf("cannot create key pair %s: %w (if there is one of that name now, its private key is lost: delete it first)", name, err)
	}
	if err != nil {
		return KeyPair{}, fmt.Errorf("cannot create key pair %s: %w", name, err)
	}
	return keyPairFrom(m), nil
}

// DeleteKeyPair deletes a key pair.
func (c *Cloud) DeleteKeyPair(ctx context.Context, name string) error {
	defer c.cache.forget("keypair")
	if err := c.compute.delete(ctx, "os-keypairs/"+name); err != nil {
		return fmt.Errorf("cannot delete key pair %s: %w", name, err)
	}
	return nil
}
