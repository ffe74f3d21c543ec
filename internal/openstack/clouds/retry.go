package clouds

import "time"

// Retry says how requests are repeated. Zero fields take the defaults.
type Retry struct {
	First time.Duration // wait before the first repeat; doubled each time; 250 ms
	Max   time.Duration // longest wait between two tries; 8 s
	Tries int           // how often at most; 12, which is about a minute
}

// OrDefaults fills in what is not set.
func (r Retry) OrDefaults() Retry {
	if r.First <= 0 {
		r.First = 250 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 8 * time.Second
	}
	if r.Tries <= 0 {
		r.Tries = 12
	}
	return r
}
