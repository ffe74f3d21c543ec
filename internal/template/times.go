package template

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// momentField is an attribute of a date or time.
func momentField(d datetime, name string) (any, bool) {
	switch name {
	case "year":
		return d.T.Year(), true
	case "month":
		return int(d.T.Month()), true
	case "day":
		return d.T.Day(), true
	}
	if d.Day {
		return nil, false
	}
	switch name {
	case "hour":
		return d.T.Hour(), true
	case "minute":
		return d.T.Minute(), true
	case "second":
		return d.T.Second(), true
	case "microsecond":
		return d.T.Nanosecond() / 1000, true
	case "tzinfo":
		if !d.Zoned {
			return nil, true
		}
		name, offset := d.T.Zone()
		if name == "" || offset != 0 {
			name = "UTC" + d.T.Format("-07:00")
		}
		return name, true
	}
	return nil, false
}

// String is str(timedelta).
func (d timedelta) String() string {
	days, rest := d.split()
	s := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest/time.Minute%60, rest/time.Second%60)
	if us := rest % time.Second / time.Microsecond; us > 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	switch days {
	case 0:
		return s
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, s)
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

// split gives whole days, rounded down, and what is left.
func (d timedelta) split() (int, time.Duration) {
	const day = 24 * time.Hour
	days := int(math.Floor(float64(d.d) / float64(day)))
	return days, d.d - time.Duration(days)*day
}

func (d timedelta) field(name string) (any, bool) {
	days, rest := d.split()
	switch name {
	case "days":
		return days, true
	case "seconds":
		return int(rest / time.Second), true
	case "microseconds":
		return int(rest % time.Second / time.Microsecond), true
	}
	return nil, false
}

func timeMethods() []*builtin {
	return []*builtin{
		def("strftime", "format", func(a *args) (any, error) {
			d, ok := a.in.(datetime)
			if !ok {
				return nil, failf("'timedelta' object has no attribute 'strftime'")
			}
			return strftime(a.str(0, ""), d), nil
		}),
		def("isoformat", "sep", func(a *args) (any, error) {
			d, ok := a.in.(datetime)
			if !ok {
				return nil, failf("'timedelta' object has no attribute 'isoformat'")
			}
			return strings.Replace(d.ISO(), "T", a.str(0, "T"), 1), nil
		}),
		def("date", "", func(a *args) (any, error) {
			d, err := a.moment()
			return datetime{T: d.T, Day: true}, err
		}),
		def("weekday", "", func(a *args) (any, error) {
			d, err := a.moment()
			return (int(d.T.Weekday()) + 6) % 7, err
		}),
		def("isoweekday", "", func(a *args) (any, error) {
			d, err := a.moment()
			return (int(d.T.Weekday())+6)%7 + 1, err
		}),
		def("toordinal", "", func(a *args) (any, error) {
			d, err := a.moment()
			return int(d.T.Unix()/86400) + 719163, err
		}),
		def("replace", "year month day hour minute second microsecond", methodReplaceTime),
		def("timestamp", "", func(a *args) (any, error) {
			d, ok := a.in.(datetime)
			if !ok {
				return nil, failf("'timedelta' object has no attribute 'timestamp'")
			}
			return float64(d.T.UnixMicro()) / 1e6, nil
		}),
		def("total_seconds", "", func(a *args) (any, error) {
			d, ok := a.in.(timedelta)
			if !ok {
				return nil, failf("'datetime' object has no attribute 'total_seconds'")
			}
			return d.d.Seconds(), nil
		}),
	}
}

func (a *args) moment() (datetime, error) {
	d, ok := a.in.(datetime)
	if !ok {
		return d, failf("'timedelta' object has no attribute '%s'", a.def.name)
	}
	return d, nil
}

// methodReplaceTime is a time with some of its fields set.
func methodReplaceTime(a *args) (any, error) {
	d, err := a.moment()
	if err != nil {
		return nil, err
	}
	t := d.T
	n := [...]int{a.int(0, t.Year()), a.int(1, int(t.Month())), a.int(2, t.Day()), a.int(3, t.Hour()), a.int(4, t.Minute()),
		a.int(5, t.Second()), a.int(6, t.Nanosecond()/1000)}
	if a.err != nil {
		return nil, a.err
	}
	for i, f := range [...]struct {
		least, most int
		wrong       string
	}{
		{1, 9999, fmt.Sprintf("year %d is out of range", n[0])}, {1, 12, "month must be in 1..12"}, {1, 31, "day is out of range for month"},
		{0, 23, "hour must be in 0..23"}, {0, 59, "minute must be in 0..59"}, {0, 59, "second must be in 0..59"},
		{0, 999999, "microsecond must be in 0..999999"},
	} {
		if n[i] < f.least || n[i] > f.most {
			return nil, failf("%s", f.wrong)
		}
	}
	out := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, t.Location())
	if out.Day() != n[2] {
		return nil, failf("day is out of range for month")
	}
	return datetime{T: out, Day: d.Day, Zoned: d.Zoned}, nil
}

func filterStrftime(a *args) (any, error) {
	e := a.frame.run.engine
	if e.opts.Now == nil {
		return nil, failf("strftime has no clock here")
	}
	t := e.opts.Now()
	if a.given(0) {
		f, err := toFloatLoose(a.p[0])
		if err != nil {
			return nil, failf("Invalid value for epoch value (%s)", text(a.p[0]))
		}
		t = time.Unix(int64(math.Floor(f)), 0).In(t.Location())
	}
	if a.bool(1, false) {
		t = t.In(time.FixedZone("GMT", 0)) // the name that C's gmtime gives
	}
	return a.sized(strftimeC(a.word(), t))
}

// strftimeLayouts are the directives that Go's time package can write.
var strftimeLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'd': "02", 'H': "15", 'I': "03", 'j': "002",
	'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
	'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'e': "_2", 'x': "01/02/06", 'X': "15:04:05",
	'c': "Mon Jan _2 15:04:05 2006", 'r': "03:04:05 PM",
}

// strftime is the method of dates and times: no zone is shown where none was
// given, and %f are microseconds.
func strftime(format string, d datetime) string {
	format = strings.ReplaceAll(format, "%f", fmt.Sprintf("%06d", d.T.Nanosecond()/1000))
	if !d.Zoned {
		format = strings.NewReplacer("%z", "", "%Z", "").Replace(format)
	}
	return strftimeC(format, d.T)
}

// Strftime formats a time as C's strftime does in the C locale.
func Strftime(format string, t time.Time) string { return strftimeC(format, t) }

// strftimeC formats as C's strftime in the C locale.
func strftimeC(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c := format[i]
		if c == '-' && i+1 < len(format) { // no padding
			i++
			s := strings.TrimLeft(directive(format[i], t), "0 ")
			if s == "" {
				s = "0"
			}
			b.WriteString(s)
			continue
		}
		b.WriteString(directive(c, t))
	}
	return b.String()
}

func directive(c byte, t time.Time) string {
	if layout, ok := strftimeLayouts[c]; ok {
		return t.Format(layout)
	}
	year, week := t.ISOWeek()
	switch c {
	case '%':
		return "%"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100)
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'G':
		return strconv.Itoa(year)
	case 'g':
		return fmt.Sprintf("%02d", year%100)
	case 'V':
		return fmt.Sprintf("%02d", week)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1)
	case 'P':
		return strings.ToLower(t.Format("PM"))
	}
	return "%" + string(c)
}

func filterToDatetime(a *args) (any, error) {
	s, format := a.input(), a.str(0, "%Y-%m-%d %H:%M:%S")
	t, err := strptime(s, format)
	if err != nil {
		return nil, err
	}
	return datetime{T: t, Zoned: strings.Contains(format, "%z")}, nil
}

// strptime reads a time; without a zone it is in UTC.
func strptime(s, format string) (time.Time, error) {
	fields := map[byte]int{'Y': 1900, 'm': 1, 'd': 1}
	zone := time.UTC
	bad := failf("time data %s does not match format %s", quoted(s), quoted(format))
	rest := s
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			trimmed := strings.TrimLeft(rest, " \t\n")
			if trimmed == rest {
				return time.Time{}, bad
			}
			rest = trimmed
			continue
		case c != '%' || i+1 >= len(format):
			if !strings.HasPrefix(rest, string(c)) {
				return time.Time{}, bad
			}
			rest = rest[1:]
			continue
		}
		i++
		if long, ok := map[byte]string{'T': "%H:%M:%S", 'F': "%Y-%m-%d", 'D': "%m/%d/%y", 'R': "%H:%M"}[format[i]]; ok {
			format = format[:i-1] + long + format[i+1:]
			i -= 2
			continue
		}
		n, ok := timeField(format[i], rest, fields, &zone)
		if !ok {
			return time.Time{}, bad
		}
		rest = rest[n:]
	}
	if rest != "" {
		return time.Time{}, failf("unconverted data remains: %s", rest)
	}
	return timeOf(fields, zone, bad)
}

func timeOf(f map[byte]int, zone *time.Location, bad error) (time.Time, error) {
	if h, ok := f['I']; ok {
		f['H'] = h%12 + f['p']
	}
	t := time.Date(f['Y'], time.Month(f['m']), f['d'], f['H'], f['M'], f['S'], f['f']*1000, zone)
	if day, ok := f['j']; ok {
		return time.Date(f['Y'], 1, day, f['H'], f['M'], f['S'], f['f']*1000, zone), nil
	}
	if t.Day() != f['d'] || int(t.Month()) != f['m'] || f['H'] > 23 || f['M'] > 59 || f['S'] > 61 {
		return time.Time{}, bad
	}
	return t, nil
}

// timeField reads one directive from s and returns how many bytes it took.
func timeField(c byte, s string, fields map[byte]int, zone **time.Location) (int, bool) {
	widths := map[byte]int{'Y': 4, 'm': 2, 'd': 2, 'H': 2, 'I': 2, 'M': 2, 'S': 2, 'y': 2, 'j': 3, 'f': 6, 's': 12}
	if width, ok := widths[c]; ok {
		n := 0
		for n < len(s) && n < width && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		v, err := strconv.Atoi(s[:n])
		switch {
		case err != nil || (c == 'Y' && n != 4):
			return 0, false
		case c == 'y':
			c, v = 'Y', v+1900
			if v < 1969 {
				v += 100
			}
		case c == 'f':
			for range 6 - n {
				v *= 10
			}
		}
		fields[c] = v
		return n, true
	}
	switch c {
	case 'b', 'B', 'h':
		return monthField(s, fields)
	case 'a', 'A':
		return dayField(s)
	case 'p':
		if len(s) < 2 || !strings.EqualFold(s[1:2], "m") {
			return 0, false
		}
		fields['p'] = map[byte]int{'p': 12}[s[0]|0x20]
		return 2, true
	case 'z':
		return zoneField(s, zone)
	case 'Z':
		n := 0
		for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
			n++
		}
		return n, n > 0
	case '%':
		return 1, strings.HasPrefix(s, "%")
	}
	return 0, false
}

func monthField(s string, fields map[byte]int) (int, bool) {
	for m := time.January; m <= time.December; m++ {
		for _, name := range []string{m.String(), m.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				fields['m'] = int(m)
				return len(name), true
			}
		}
	}
	return 0, false
}

func dayField(s string) (int, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		for _, name := range []string{d.String(), d.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				return len(name), true
			}
		}
	}
	return 0, false
}

func zoneField(s string, zone **time.Location) (int, bool) {
	if strings.HasPrefix(s, "Z") {
		return 1, true
	}
	for _, layout := range []string{"-07:00", "-0700"} {
		if len(s) >= len(layout) {
			if t, err := time.Parse(layout, s[:len(layout)]); err == nil {
				*zone = t.Location()
				return len(layout), true
			}
		}
	}
	return 0, false
}
