package topology

import (
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/document"
)

// keyPairs reads the key pairs that are to be stored where missing.
func (d *decoder) keyPairs(n *document.Node) {
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "key_pairs must be a mapping of names, not %s", n.Kind)
		return
	}
	for _, e := range n.Entries {
		k := KeyPair{Pos: e.Key.Pos, Name: e.Name()}
		d.mapping(e.Value, "key pair "+k.Name,
			d.textField("public_key", "public_key", &k.PublicKey),
			d.textField("public_key_file", "public_key_file", &k.PublicKeyFile))
		switch {
		case k.PublicKey != "" && k.PublicKeyFile != "":
			d.errs.Add(e.Key.Pos, "key pair %s has both a public_key and a public_key_file", k.Name)
		case k.PublicKey != "":
			d.publicKey(e.Value.Get("public_key"), k)
		case k.PublicKeyFile != "":
			k.PublicKeyFile = d.beside(k.PublicKeyFile)
		case strings.ContainsAny(k.Name, "/\\") || strings.HasPrefix(k.Name, "."):
			d.errs.AddHint(e.Key.Pos, "give it a public_key_file", "key pair %s can't be made: its name is no file's", k.Name)
		default:
			k.PrivateKeyFile = d.privateKeyFile(k.Name)
		}
		d.top.KeyPairs = append(d.top.KeyPairs, k)
	}
}

// publicKey refuses what Nova would, and a private key above all.
func (d *decoder) publicKey(n *document.Node, k KeyPair) {
	if fields := strings.Fields(k.PublicKey); len(fields) < 2 || strings.Contains(k.PublicKey, "PRIVATE") || strings.Contains(strings.TrimSpace(k.PublicKey), "\n") {
		d.errs.AddHint(n.Pos, "one line, such as ssh-ed25519 AAAA… me@here", "the public_key of %s is none", k.Name)
	}
}

// beside makes a path that the file gives one that is good from anywhere: ~ is
// the home directory, others stand beside the topology.
func (d *decoder) beside(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.top.Path), path)
	}
	return absolute(path)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// privateKeyFile is the private key that the person has under that name, else
// the place of the one that is to be made.
func (d *decoder) privateKeyFile(name string) string {
	if d.opts.KeyFile != nil {
		if file := d.opts.KeyFile(d.top.Cloud, name); file != "" {
			return absolute(file)
		}
	}
	return d.beside(filepath.Join(".rollout", "keys", name))
}

// keyFile is the private key of a key pair, as far as it is known.
func (d *decoder) keyFile(name string) string {
	for _, k := range d.top.KeyPairs {
		if k.Name == name && k.PrivateKeyFile != "" {
			return k.PrivateKeyFile
		}
		file, named := strings.CutSuffix(k.PublicKeyFile, ".pub")
		if _, err := os.Stat(file); k.Name == name && named && err == nil {
			return file
		}
	}
	if d.opts.KeyFile == nil {
		return ""
	}
	return d.opts.KeyFile(d.top.Cloud, name)
}
