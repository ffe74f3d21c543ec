package lock

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"time"
)

// lockTag is one lock as it is written: all of it fits into the 60 letters that
// older clouds allow.
type lockTag struct {
	key            string // of the owner
	expires, since time.Time
	pid            int64
	nonce          string
	who            string
}

const (
	lockMark   = "rollout:"
	maxLockTag = 60
)

func lockKey(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	return lettersOf(sum[:], 7)
}

func lettersOf(random []byte, n int) string {
	return strings.ToLower(base32.HexEncoding.EncodeToString(random))[:n]
}

// A nonce is machineLetters of what tells the machine, then some of chance.
const machineLetters = 3

func newNonce(machine string) string {
	sum := sha256.Sum256([]byte(machine))
	random := make([]byte, 5)
	_, _ = rand.Read(random) // never fails
	return lettersOf(sum[:], machineLetters) + lettersOf(random, machineLetters)
}

func newLockTag(req Request, nonce string, now time.Time) lockTag {
	return lockTag{key: lockKey(req.Owner), since: now, expires: now.Add(req.Life), pid: int64(req.PID),
		nonce: nonce, who: tagLetters(req.Who)}.cut()
}

// tagLetters keeps to letters that no server, proxy or filter takes amiss.
func tagLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@_-", r) {
			return r
		}
		return '-'
	}, s)
}

// cut shortens the name, so that a tag and the text it is read from are equal.
func (t lockTag) cut() lockTag {
	t.since, t.expires = t.since.Truncate(time.Second), t.expires.Truncate(time.Second)
	if over := len(t.String()) + 1 - maxLockTag; over > 0 { // 1: the time gets a digit in 2038
		t.who = t.who[:max(0, len(t.who)-over)]
	}
	return t
}

func (t lockTag) String() string {
	return lockMark + strings.Join([]string{t.key, strconv.FormatInt(t.expires.Unix(), 36),
		strconv.FormatInt(t.since.Unix(), 36), strconv.FormatInt(t.pid, 36), t.nonce, t.who}, ".")
}

func parseLockTag(text string) (lockTag, bool) {
	rest, ours := strings.CutPrefix(text, lockMark)
	parts := strings.SplitN(rest, ".", 6)
	if !ours || len(parts) < 6 {
		return lockTag{}, false
	}
	var numbers [3]int64
	for i := range numbers {
		n, err := strconv.ParseInt(parts[i+1], 36, 64)
		if err != nil {
			return lockTag{}, false
		}
		numbers[i] = n
	}
	return lockTag{key: parts[0], expires: time.Unix(numbers[0], 0), since: time.Unix(numbers[1], 0),
		pid: numbers[2], nonce: parts[4], who: parts[5]}, true
}

// sameHolder reports whether two tags are one holder's, before and after a
// renewal.
func (t lockTag) sameHolder(o lockTag) bool {
	return t.nonce == o.nonce && t.pid == o.pid && t.who == o.who
}

// sameMachine reports whether two tags were written on one machine, as far as a
// few letters tell.
func (t lockTag) sameMachine(o lockTag) bool {
	return len(t.nonce) > machineLetters && len(o.nonce) > machineLetters && t.nonce[:machineLetters] == o.nonce[:machineLetters]
}

// compare puts who came first first; of those in one second, any order will do
// that all see alike.
func (t lockTag) compare(o lockTag) int {
	return cmp.Or(t.since.Compare(o.since), strings.Compare(t.nonce, o.nonce), cmp.Compare(t.pid, o.pid), strings.Compare(t.who, o.who))
}

func (t lockTag) before(o lockTag) bool { return t.compare(o) < 0 }

func (t lockTag) heldError(what string) *HeldError {
	return &HeldError{What: what, Who: t.who, PID: int(t.pid), Since: t.since, Expires: t.expires}
}
