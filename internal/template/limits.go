package template

import "context"

// Limits on what one compilation or rendering may use. A stack overflow can't
// be recovered in Go, and templates come from files that others wrote, so every
// recursion and every growth is counted.
const (
	maxNesting    = 250        // nested expressions and blocks in a source
	maxOperators  = 8000       // operators in one expression
	maxCalls      = 120        // macros, includes and recursive loops in progress
	maxDataDepth  = 500        // lists within lists
	maxSteps      = 20_000_000 // nodes evaluated, plus what is built: 1 for 8 bytes, 3 for a list element, more for dicts
	maxOutput     = 32 << 20   // bytes of rendered text
	maxText       = 16 << 20   // bytes of one string
	maxItems      = 2_000_000  // elements of one list
	maxRange      = 100_000    // elements of range(), as jinja2's sandbox has it
	maxKeySize    = 1000       // elements of a tuple that is a key
	maxBits       = 1 << 18    // bits of one integer
	maxSource     = 16 << 20   // bytes of a template
	maxCached     = 4096       // compiled templates kept
	maxCachedSize = 16 << 20   // bytes of their sources
)

// run is the state of one rendering: what it may still use, and for whom.
type run struct {
	ctx     context.Context
	engine  *Engine
	steps   int
	calls   int
	mutable bool // lists may be changed, so each has an identity
	convert bool // macro results become lists and dicts, as set_fact has it
}

// step counts work done; the error is a limit or the context's end.
func (r *run) step(n int) error {
	if r == nil {
		return nil // outside a rendering: data of known size
	}
	before := r.steps
	r.steps += n
	if r.steps > maxSteps {
		return failf("the template does too much: more than %d steps (a loop without end?)", maxSteps)
	}
	if before>>12 != r.steps>>12 {
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// size counts n bytes about to be built, and refuses a string that is too long.
func (r *run) size(n int) error {
	if n > maxText || n < 0 {
		return failf("a string of %d bytes is too long: %d are allowed", n, maxText)
	}
	return r.step(n >> 3)
}

// items counts n list elements about to be made.
func (r *run) items(n int) error {
	if n > maxItems || n < 0 {
		return failf("a list of %d elements is too long: %d are allowed", n, maxItems)
	}
	return r.step(3 * n)
}

// dict counts a mapping of n keys about to be made.
func (r *run) dict(n int) error { return r.step(48 + 12*n) }

// enter counts a nested call; leave must follow.
func (r *run) enter() error {
	if r.calls >= maxCalls {
		return failf("too many nested calls: more than %d (a macro or include that calls itself without end?)", maxCalls)
	}
	r.calls++
	return nil
}

func (r *run) leave() { r.calls-- }
