package connection

import (
	"bytes"
	"io"
	"sync"
)

// maxOutput bounds what is collected of one stream of a command, in bytes.
const maxOutput = 64 << 20

// capture collects a stream up to a limit, or passes it on. Where it cannot
// go on it calls stop, once, with the reason: a writer that only failed would
// leave the command blocked for ever.
type capture struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	to      io.Writer // nil collects
	limit   int
	stop    func(error)
	stopped bool
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return len(p), nil
	}
	if c.to != nil {
		if _, err := c.to.Write(p); err != nil {
			c.halt(err)
		}
		return len(p), nil
	}
	if c.buf.Len()+len(p) > c.limit {
		c.halt(&OutputError{Limit: c.limit})
		return len(p), nil
	}
	return c.buf.Write(p)
}

func (c *capture) halt(err error) {
	c.stopped = true
	c.stop(err)
}

// bytes returns what was collected so far.
func (c *capture) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.buf.Bytes())
}
