package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollout/internal/value"
)

// cacheOptions say whether what clouds answered is kept on disk, and for how
// long. Secrets are not kept.
type cacheOptions struct {
	dir     string // empty where nothing is kept
	prefix  string
	timeout time.Duration // 0 is for ever
}

// cache reads the options, which may stand in Ansible's variables too.
func (s *settings) cache(plugins *Plugins) cacheOptions {
	on := s.flag("cache", truths[strings.ToLower(plugins.env("ANSIBLE_INVENTORY_CACHE"))])
	kind := s.text("cache_plugin", or(plugins.env("ANSIBLE_INVENTORY_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN"), "memory"))
	dir := s.text("cache_connection", plugins.env("ANSIBLE_INVENTORY_CACHE_CONNECTION", "ANSIBLE_CACHE_PLUGIN_CONNECTION"))
	seconds := 3600
	if n, err := strconv.Atoi(plugins.env("ANSIBLE_INVENTORY_CACHE_TIMEOUT", "ANSIBLE_CACHE_PLUGIN_TIMEOUT")); err == nil {
		seconds = n
	}
	seconds = s.number("cache_timeout", seconds)
	prefix := s.text("cache_prefix", or(plugins.env("ANSIBLE_INVENTORY_CACHE_PLUGIN_PREFIX", "ANSIBLE_CACHE_PLUGIN_PREFIX"), "ansible_inventory_"))
	if !on {
		return cacheOptions{}
	}
	switch strings.TrimPrefix(kind, "ansible.builtin.") {
	case "memory":
		// Nothing outlives a run, and within one a refresh asks anew.
		return cacheOptions{}
	case "jsonfile":
	default:
		s.errs.Add(s.at("cache_plugin").Pos, "there is no cache plugin %s here (jsonfile keeps files, memory nothing)", kind)
		return cacheOptions{}
	}
	if dir == "" {
		s.errs.Add(s.at("cache_plugin").Pos, "the cache plugin jsonfile needs cache_connection, the directory for its files")
	}
	return cacheOptions{dir: expandHome(dir, plugins), prefix: prefix, timeout: time.Duration(seconds) * time.Second}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func expandHome(path string, plugins *Plugins) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && plugins.env("HOME") != "" {
		return filepath.Join(plugins.env("HOME"), rest)
	}
	return os.Expand(path, func(name string) string { return plugins.env(name) })
}

func (c cacheOptions) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, c.prefix+"rollout_"+hex.EncodeToString(sum[:8]))
}

// cacheFormat is told apart from what later versions may write.
const cacheFormat = 1

// read returns what was kept, if it is young enough. What cannot be read is as
// if it were not there; warn is told.
func (c cacheOptions) read(key string, now time.Time, fresh bool, warn func(string, ...any)) ([]*value.Map, bool) {
	if c.dir == "" || fresh {
		return nil, false
	}
	path := c.file(key)
	info, err := os.Stat(path)
	if err != nil || c.timeout > 0 && now.Sub(info.ModTime()) > c.timeout {
		return nil, false
	}
	data, err := os.ReadFile(path)
	if err == nil {
		var servers []*value.Map
		if servers, err = decodeCache(data); err == nil {
			return servers, true
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		warn("the inventory cache %s is ignored, and will be written anew: %v", path, err)
	}
	return nil, false
}

var errNoCache = errors.New("it is no cache of rollout's")

func decodeCache(data []byte) ([]*value.Map, error) {
	v, err := value.FromJSON(data)
	if err != nil {
		return nil, err
	}
	m, _ := v.(*value.Map)
	list, ok := m.At("servers").([]any)
	if m.Int("format") != cacheFormat || !ok {
		return nil, errNoCache
	}
	out := make([]*value.Map, len(list))
	for i, e := range list {
		if out[i], ok = e.(*value.Map); !ok {
			return nil, errNoCache
		}
	}
	return out, nil
}

// secrets are what servers may carry that does not belong into a file: user
// data, which administrators see, and passwords.
var secrets = []string{"user_data", "OS-EXT-SRV-ATTR:user_data", "admin_password", "adminPass"}

func withoutSecrets(server *value.Map) *value.Map {
	out := server.Clone()
	for _, name := range secrets {
		if out.At(name) != nil {
			out.Set(name, nil)
		}
	}
	if properties := server.Map("properties"); properties != nil {
		out.Set("properties", withoutSecrets(properties))
	}
	return out
}

// write keeps servers. That it cannot is no reason to fail; warn is told.
func (c cacheOptions) write(key string, servers []*value.Map, warn func(string, ...any)) {
	if c.dir == "" {
		return
	}
	list := make([]any, len(servers))
	for i, s := range servers {
		list[i] = withoutSecrets(s)
	}
	data, err := value.ToJSON(value.NewMap("format", cacheFormat, "servers", list))
	if err == nil {
		err = replaceFile(c.file(key), data)
	}
	if err != nil {
		warn("cannot keep the inventory in the cache %s: %v", c.dir, err)
	}
}

// replaceFile writes a file that only its owner may read, whole or not at all.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".rollout-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			return fmt.Errorf("%w (and %w)", err, gone)
		}
	}
	return err
}
