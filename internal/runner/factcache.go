package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollout/internal/settings"
	"rollout/internal/value"
)

// factCache keeps the facts of hosts for later runs: one JSON file per host, as
// Ansible's jsonfile does.
type factCache struct {
	dir, prefix string
	lifetime    time.Duration // 0 is for ever
	now         func() time.Time
}

// newFactCache opens the folder that the settings name; nil where facts are kept
// in memory.
func newFactCache(s *settings.Settings) (*factCache, error) {
	if s.FactCaching != "jsonfile" {
		return nil, nil
	}
	if s.FactCachingConnection == "" {
		return nil, errors.New("cannot keep facts: fact_caching = jsonfile needs fact_caching_connection, a folder")
	}
	dir := settings.Resolve(s.FactCachingConnection)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("cannot keep facts: %w", err)
	}
	return &factCache{dir: dir, prefix: s.FactCachingPrefix, lifetime: time.Duration(s.FactCachingTimeout) * time.Second, now: time.Now}, nil
}

// file is a host's. A name of the inventory is no path: it stays in the folder.
func (c *factCache) file(host string) string {
	return filepath.Join(c.dir, strings.ReplaceAll(c.prefix+host, "/", "_"))
}

// load returns what is kept of a host; nil where nothing is, or it is too old.
func (c *factCache) load(host string) (*value.Map, error) {
	info, err := os.Stat(c.file(host))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && c.lifetime > 0 && c.now().Sub(info.ModTime()) > c.lifetime {
		return nil, nil
	}
	data, err := os.ReadFile(c.file(host))
	if err != nil {
		return nil, fmt.Errorf("cannot read the facts of %s: %w", host, err)
	}
	v, err := value.FromJSON(data)
	facts, ok := v.(*value.Map)
	if err != nil || !ok {
		return nil, fmt.Errorf("cannot read the facts of %s: %s holds no JSON object (delete the file, or use --flush-cache)", host, c.file(host))
	}
	return facts, nil
}

// keep writes a host's facts; a reader sees the old file or the new one.
func (c *factCache) keep(host string, facts *value.Map) error {
	data, err := value.ToJSONIndent(facts, "    ")
	if err != nil {
		return fmt.Errorf("cannot keep the facts of %s: %w", host, err)
	}
	tmp, err := os.CreateTemp(c.dir, ".rollout-")
	if err != nil {
		return fmt.Errorf("cannot keep the facts of %s: %w", host, err)
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), c.file(host))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("cannot keep the facts of %s: %w", host, err)
	}
	return nil
}

func (c *factCache) forget(host string) {
	_ = os.Remove(c.file(host)) // there may be none
}

// recall takes the facts that earlier runs kept into this one, or, with
// --flush-cache, forgets them.
func (r *Run) recall(hosts []string) error {
	if r.state.cache == nil {
		return nil
	}
	for _, host := range hosts {
		if r.opt.FlushCache {
			r.state.clearFacts(host)
			continue
		}
		facts, err := r.state.cache.load(host)
		if err != nil {
			return err
		}
		r.state.recall(host, facts)
	}
	return nil
}
