package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"rollout/internal/lab/api/hypervisor"
	"rollout/internal/lab/api/wire"
)

// faultsPath is where faults are ordered: POST the Faults that are to come, in place of those that were, with a token
// of the cloud's; GET shows what is left of them.
const faultsPath = "/lab/faults"

// Faults are what goes wrong on request, to rehearse bad days.
type Faults struct {
	Servers []ServerFault `json:"servers"`
	Answers []AnswerFault `json:"answers"`
	Clock   int           `json:"clock,omitempty"` // seconds that the cloud's clock is ahead; negative: behind
}

// ServerFault spoils the boots, or the ends, of servers whose name matches.
type ServerFault struct {
	Name    string `json:"name"`    // a glob: student07-web-*
	Zone    string `json:"zone"`    // only in this availability zone; any where empty
	Fault   string `json:"fault"`   // one of serverFaults
	Message string `json:"message"` // of error and crash: the server's fault; what Nova says of no valid host where empty
	Code    int    `json:"code"`    // of error and crash: the fault's code; 500 where 0
	Seconds int    `json:"seconds"` // of slow, 10 where 0; of deleting, for as long as the order stands where 0
	Count   int    `json:"count"`   // how many times; 0 is always
}

// serverFaults are the faults by the step that they spoil.
var serverFaults = map[string]hypervisor.Step{
	"error":    hypervisor.BeforeBoot, // ERROR, without a machine
	"stuck":    hypervisor.BeforeBoot, // BUILD until it is deleted
	"slow":     hypervisor.BeforeBoot,
	"crash":    hypervisor.AfterBoot, // ERROR, with a machine that had something to say
	"deleting": hypervisor.BeforeDelete,
}

func (f ServerFault) check() error {
	_, err := path.Match(f.Name, "")
	_, known := serverFaults[f.Fault]
	fails := f.Fault == "error" || f.Fault == "crash"
	switch {
	case f.Name == "" || err != nil:
		return fmt.Errorf("cannot spoil servers named %q: a glob such as student07-web-* is needed", f.Name)
	case !known:
		return fmt.Errorf("cannot spoil a server by %q: its fault is error, crash, stuck, slow or deleting", f.Fault)
	case f.Seconds < 0 || f.Count < 0:
		return errors.New("cannot spoil a server by a negative number of seconds or times")
	case f.Fault == "deleting" && f.Seconds == 0 && f.Count > 0:
		return errors.New("cannot hold up a deletion a number of times until the order ends: it needs seconds")
	case (f.Message != "" || f.Code != 0) && !fails:
		return fmt.Errorf("cannot give a message or a code to %q: they are of error and crash", f.Fault)
	case f.Code != 0 && (f.Code < 400 || f.Code > 599):
		return fmt.Errorf("cannot spoil a server by code %d: it is from 400 to 599", f.Code)
	}
	return nil
}

// AnswerFault spoils the API's answers to requests that match.
type AnswerFault struct {
	Method string `json:"method"`                // empty for any
	Path   string `json:"path"`                  // where * stands for anything: /compute/v2.1/servers*
	Status int    `json:"status"`                // answered in place of the request being handled; 0 for none
	After  string `json:"retry_after,omitempty"` // that answer's Retry-After
	Page   string `json:"page,omitempty"`        // answered in place of the request being handled, as a web page; 200 without Status
	Delay  int    `json:"delay"`                 // milliseconds, ahead of everything else
	// Cut closes the connection without an answer, "before" or "after" the request was handled, or in the "middle" of the
	// answer; "short" ends an answer half-way as if it were whole.
	Cut   string `json:"cut"`
	Count int    `json:"count"` // how many requests; 0 is all
}

func (f AnswerFault) check() error {
	switch {
	case !strings.HasPrefix(f.Path, "/") && !strings.HasPrefix(f.Path, "*"):
		return fmt.Errorf("cannot spoil answers for path %q: one such as /compute/v2.1/servers* is needed", f.Path)
	case !slices.Contains([]string{"", "before", "after", "middle", "short"}, f.Cut):
		return fmt.Errorf("cannot cut an answer %q: it is before or after the request was handled, in the middle, or short", f.Cut)
	case f.After != "" && f.Status == 0:
		return errors.New("cannot ask for another try without a status to answer")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("cannot spoil an answer by status %d: it is from 400 to 599", f.Status)
	case f.Delay < 0 || f.Count < 0:
		return errors.New("cannot spoil an answer by a negative delay or number of times")
	case f.Status == 0 && f.Delay == 0 && f.Cut == "" && f.Page == "":
		return errors.New("cannot spoil an answer without a status, a page, a delay or a cut")
	}
	return nil
}

// faults keeps what is still to go wrong. The zero value spoils nothing.
type faults struct {
	mu   sync.Mutex
	left Faults
}

func (f *faults) set(wanted Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = wanted
}

// pending is what is left.
func (f *faults) pending() Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Faults{Servers: append([]ServerFault{}, f.left.Servers...), Answers: append([]AnswerFault{}, f.left.Answers...), Clock: f.left.Clock}
}

// clock is the cloud's: as wrong as was ordered.
func (f *faults) clock(right func() time.Time) func() time.Time {
	return func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return right().Add(time.Duration(f.left.Clock) * time.Second)
	}
}

// spent counts one use down; it says whether that was the last.
func spent(count *int) bool {
	if *count == 0 {
		return false
	}
	*count--
	return *count == 0
}

func (f *faults) forServer(step hypervisor.Step, name, zone string) (ServerFault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.left.Servers {
		fault := f.left.Servers[i]
		if !fault.spoils(step, name, zone) {
			continue
		}
		if spent(&f.left.Servers[i].Count) {
			f.left.Servers = append(f.left.Servers[:i:i], f.left.Servers[i+1:]...)
		}
		return fault, true
	}
	return ServerFault{}, false
}

func (f ServerFault) spoils(step hypervisor.Step, name, zone string) bool {
	matches, err := path.Match(f.Name, name)
	return err == nil && matches && serverFaults[f.Fault] == step && (f.Zone == "" || f.Zone == zone)
}

// stands tells whether an order of this fault for a server is still there.
func (f *faults) stands(fault ServerFault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.left.Servers, fault)
}

func (f *faults) forRequest(r *http.Request) (AnswerFault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.left.Answers {
		fault := f.left.Answers[i]
		if fault.Method != "" && fault.Method != r.Method || !like(fault.Path, r.URL.Path) {
			continue
		}
		if spent(&f.left.Answers[i].Count) {
			f.left.Answers = append(f.left.Answers[:i:i], f.left.Answers[i+1:]...)
		}
		return fault, true
	}
	return AnswerFault{}, false
}

// like matches a path with a pattern in which * stands for anything, slashes too.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	ok, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", text)
	return ok && err == nil
}

// ordered is the fault of a server that was to fail.
type ordered struct{ fault ServerFault }

func (o ordered) Error() string {
	message := o.fault.Message
	if message == "" { // Nova's own words come first: clients are tried with them
		message = "No valid host was found. There are not enough hosts available."
	}
	return message + " (This was ordered at " + faultsPath + ".)"
}

// FaultCode is the code that Nova shows with a fault.
func (o ordered) FaultCode() int {
	if o.fault.Code == 0 {
		return http.StatusInternalServerError
	}
	return o.fault.Code
}

// lookAgain is how often a deletion that is held up looks whether it still is.
const lookAgain = 100 * time.Millisecond

// spoil implements hypervisor.Spoil.
func (f *faults) spoil(ctx context.Context, step hypervisor.Step, name, zone string) error {
	fault, found := f.forServer(step, name, zone)
	if !found {
		return nil
	}
	d := time.Duration(fault.Seconds) * time.Second
	switch {
	case fault.Fault == "error" || fault.Fault == "crash":
		return ordered{fault}
	case fault.Fault == "stuck":
		<-ctx.Done()
		return ctx.Err()
	case fault.Fault == "deleting" && d == 0:
		return f.holdUp(ctx, fault)
	case d == 0:
		d = 10 * time.Second
	}
	return pause(ctx, d)
}

// holdUp waits for as long as the order stands.
func (f *faults) holdUp(ctx context.Context, fault ServerFault) error {
	for f.stands(fault) {
		if err := pause(ctx, lookAgain); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// around spoils answers on their way to and from the services. Every answer says what time it is by the cloud's clock.
func (f *faults) around(services http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		fault, found := AnswerFault{}, false
		if r.URL.Path != faultsPath {
			fault, found = f.forRequest(r)
		}
		if !found {
			services.ServeHTTP(w, r)
			return
		}
		if fault.wait(r) != nil {
			return
		}
		fault.spoil(w, r, services)
	})
}

// wait is the delay. It ends when the caller goes, unless what was asked is to be done all the same: an API that is slow
// carries out what nobody waits for any more.
func (f AnswerFault) wait(r *http.Request) error {
	if f.Delay == 0 {
		return nil
	}
	if r.ContentLength > 0 && r.ContentLength <= wire.MaxBody {
		text, err := io.ReadAll(r.Body) // before that, net/http doesn't notice that the caller goes
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	ctx := r.Context()
	if f.Cut == "after" {
		ctx = context.WithoutCancel(ctx)
	}
	return pause(ctx, time.Duration(f.Delay)*time.Millisecond)
}

func (f AnswerFault) spoil(w http.ResponseWriter, r *http.Request, services http.Handler) {
	switch {
	case f.Cut == "before":
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	case f.Cut == "after":
		services.ServeHTTP(&keeper{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case f.Cut != "":
		f.half(w, r, services)
	case f.Page != "":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_, _ = io.WriteString(w, f.Page) // the caller has gone when this fails
	case f.Status != 0:
		if f.After != "" {
			w.Header().Set("Retry-After", f.After)
		}
		wire.WriteJSON(w, f.Status, wire.Object{"error": wire.Object{"code": f.Status,
			"title": http.StatusText(f.Status), "message": "This was ordered at " + faultsPath + "."}})
	default:
		services.ServeHTTP(w, r)
	}
}

// half sends the first half of an answer: as part of the whole, or as if it were whole.
func (f AnswerFault) half(w http.ResponseWriter, r *http.Request, services http.Handler) {
	kept := &keeper{header: http.Header{}, status: http.StatusOK}
	services.ServeHTTP(kept, r)
	text := kept.body.Bytes()
	maps.Copy(w.Header(), kept.header)
	if f.Cut == "short" {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(kept.status)
	_, _ = w.Write(text[:len(text)/2]) // the caller has gone when this fails
	if f.Cut == "middle" {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// keeper is an answer that does not go out as it is.
type keeper struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *keeper) Header() http.Header            { return k.header }
func (k *keeper) Write(text []byte) (int, error) { return k.body.Write(text) }
func (k *keeper) WriteHeader(status int)         { k.status = status }

// control takes and shows orders.
func (f *faults) control(authenticate func(*http.Request) (*http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := authenticate(r); err != nil {
			wire.WriteJSON(w, http.StatusUnauthorized, wire.Object{"error": err.Error()})
			return
		}
		switch r.Method {
		case http.MethodGet:
			wire.WriteJSON(w, http.StatusOK, f.pending())
		case http.MethodPost:
			f.order(w, r)
		default:
			w.Header().Set("Allow", "GET, POST")
			wire.WriteJSON(w, http.StatusMethodNotAllowed, wire.Object{"error": "GET or POST"})
		}
	})
}

func (f *faults) order(w http.ResponseWriter, r *http.Request) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	decoder.DisallowUnknownFields()
	var wanted Faults
	err := decoder.Decode(&wanted)
	var wrong []error
	for _, fault := range wanted.Servers {
		wrong = append(wrong, fault.check())
	}
	for _, fault := range wanted.Answers {
		wrong = append(wrong, fault.check())
	}
	if err = errors.Join(append(wrong, err)...); err != nil {
		wire.WriteJSON(w, http.StatusBadRequest, wire.Object{"error": err.Error()})
		return
	}
	f.set(wanted)
	w.WriteHeader(http.StatusNoContent)
}
