package cloud

import (
	"context"
	"fmt"
	"os"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
)

func keypairSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true},
			{Name: "public_key", Doc: "the key itself; without one, Nova makes a pair and private_key is returned"},
			{Name: "public_key_file", Doc: "a file of the control machine that holds it"},
			stateArg("replace"),
		},
		MutuallyExclusive: [][]string{{"public_key", "public_key_file"}},
	}
}

func runKeypair(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("name")
	public, err := publicKey(t)
	if err != nil {
		return module.Result{}, err
	}
	have, err := t.cloud.FindKeyPair(ctx, name)
	none, err := missing(err)
	if err != nil {
		return module.Result{}, err
	}
	switch {
	case t.absent() && none:
		return module.Result{}, nil
	case t.absent():
		res := t.changed("key pair "+name, change{"delete key pair " + name, "state is absent"})
		if t.Check {
			return res, nil
		}
		return res, t.cloud.DeleteKeyPair(ctx, name)
	case none:
		return storeKey(ctx, t, public, change{"store key pair " + name, "not found"})
	case public == "" || sameKey(have.PublicKey, public):
		return withKey(module.Result{}, have), nil
	case t.text("state") == "replace":
		return replaceKey(ctx, t, public)
	}
	return module.Result{}, fmt.Errorf("key pair %s is there with another key (give it another name, or set state: replace)", name)
}

func publicKey(t *task) (string, error) {
	file := t.text("public_key_file")
	if file == "" {
		return strings.TrimSpace(t.text("public_key")), nil
	}
	return readPublicKey(file)
}

func readPublicKey(file string) (string, error) {
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cannot tell where %s is: %w", file, err)
		}
		file = home + "/" + rest
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("cannot read the public key: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// sameKey compares keys without their comments.
func sameKey(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) >= 2 && len(y) >= 2 && x[0] == y[0] && x[1] == y[1]
}

func storeKey(ctx context.Context, t *task, public string, why change) (module.Result, error) {
	res := t.changed("key pair "+t.text("name"), why)
	if t.Check {
		return res, nil
	}
	k, err := t.cloud.CreateKeyPair(ctx, t.text("name"), public)
	if err != nil {
		return res, err
	}
	return withKey(res, k), nil
}

func replaceKey(ctx context.Context, t *task, public string) (module.Result, error) {
	why := change{"replace key pair " + t.text("name"), "it holds another key"}
	if !t.Check {
		if err := t.cloud.DeleteKeyPair(ctx, t.text("name")); err != nil {
			return module.Result{}, err
		}
	}
	return storeKey(ctx, t, public, why)
}

func withKey(res module.Result, k openstack.KeyPair) module.Result {
	m := named(keyNames(), k.Raw)
	res = res.Set("key", m).Set("keypair", m).Set("id", k.Name)
	if k.PrivateKey != "" {
		res.Secret = append(res.Secret, k.PrivateKey)
	}
	return res
}
