package value

import (
	"fmt"
	"time"
)

// Moment is Python's datetime, or its date: what YAML's timestamps and the
// filter to_datetime give.
type Moment struct {
	T     time.Time
	Day   bool // a date without a time
	Zoned bool // the zone was given, and is shown
}

// String is Python's str().
func (m Moment) String() string {
	if m.Day {
		return m.T.Format("2006-01-02")
	}
	layout := "2006-01-02 15:04:05"
	if m.T.Nanosecond() >= 1000 {
		layout += ".000000"
	}
	if m.Zoned {
		layout += "-07:00"
	}
	return m.T.Format(layout)
}

// ISO is Python's isoformat(), which JSON has for it.
func (m Moment) ISO() string {
	s := m.String()
	if m.Day {
		return s
	}
	return s[:10] + "T" + s[11:]
}

// Repr is Python's repr().
func (m Moment) Repr() string {
	t := m.T
	if m.Day {
		return fmt.Sprintf("datetime.date(%d, %d, %d)", t.Year(), t.Month(), t.Day())
	}
	s := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute())
	us := t.Nanosecond() / 1000
	if t.Second() > 0 || us > 0 {
		s += fmt.Sprintf(", %d", t.Second())
	}
	if us > 0 {
		s += fmt.Sprintf(", %d", us)
	}
	if m.Zoned {
		s += ", tzinfo=" + zoneRepr(t)
	}
	return s + ")"
}

func zoneRepr(t time.Time) string {
	_, offset := t.Zone()
	switch {
	case offset == 0:
		return "datetime.timezone.utc"
	case offset < 0:
		return fmt.Sprintf("datetime.timezone(datetime.timedelta(days=-1, seconds=%d))", offset+86400)
	}
	return fmt.Sprintf("datetime.timezone(datetime.timedelta(seconds=%d))", offset)
}

// Comparable reports whether two moments can be compared: Python refuses dates
// with times, and times with a zone with those without.
func (m Moment) Comparable(o Moment) bool { return m.Day == o.Day && m.Zoned == o.Zoned }
