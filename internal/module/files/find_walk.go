package files

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	pathpkg "path"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/connection"
	"rollout/internal/value"
)

// found is one thing below a folder.
type found struct {
	path     string
	mode     uint64 // st_mode
	numbers  [6]int // uid, gid, size, inode, device, links
	times    [3]float64
	user     string
	group    string
	checksum string
	level    int // 1 is directly below the folder
}

// timeNames are the times in the order of found.times.
var timeNames = [3]string{"atime", "mtime", "ctime"}

func (f found) regular() bool { return f.mode&typeMask == typeFile }

// walked is what a folder holds, in the order in which Python walks it.
type walked struct {
	root     string
	now      float64 // seconds since 1970, by the host's clock
	examined int
	list     []found
	problem  string // why the folder was not looked at, or not to its end
}

// cleaned is a path without what is of no meaning in it; "~" stays.
func cleaned(p string) string {
	if p == "" {
		return p
	}
	return pathpkg.Clean(p)
}

var errGarbled = errors.New("the host's list of files cannot be read")

// readWalk reads what findProgram prints.
func readWalk(out string) (*walked, error) {
	head, records, _ := strings.Cut(out, "begin=1\n")
	w := &walked{}
	missing := false
	for line := range strings.SplitSeq(head, "\n") {
		switch k, v, _ := strings.Cut(line, "="); k {
		case "root":
			w.root = v
		case "now":
			w.now, _ = strconv.ParseFloat(v, 64)
		case "missing":
			missing = true
		}
	}
	if w.root == "" {
		return nil, errGarbled
	}
	if missing {
		w.problem = fmt.Sprintf("'%s' is not a directory", w.root)
		return w, nil
	}
	records, closed, _ := strings.Cut(records, "//\n")
	below := map[string][]found{}
	for record := range strings.SplitSeq(records, "//") {
		if record == "" {
			continue
		}
		item, err := readFound(strings.TrimSuffix(record, "\n"))
		if err != nil {
			return nil, err
		}
		below[pathpkg.Dir(item.path)] = append(below[pathpkg.Dir(item.path)], item)
	}
	locked := map[string]bool{}
	for name := range strings.SplitSeq(closed, "//") {
		if name != "" {
			locked[pathpkg.Clean(name)] = true
		}
	}
	w.into(below, locked, pathpkg.Clean(w.root), 1)
	return w, nil
}

// into lists a folder as os.walk does: its files, its folders, then each
// folder. A folder that may not be read ends the walk, as an error does there.
func (w *walked) into(below map[string][]found, locked map[string]bool, dir string, level int) bool {
	if locked[dir] {
		w.problem = fmt.Sprintf("[Errno 13] Permission denied: '%s'", dir)
		return false
	}
	var dirs []found
	for _, item := range below[dir] {
		item.level = level
		if w.examined++; item.mode&typeMask == typeFolder {
			dirs = append(dirs, item)
			continue
		}
		w.list = append(w.list, item)
	}
	w.list = append(w.list, dirs...)
	for _, item := range below[dir] {
		if (locked[item.path] || len(below[item.path]) > 0) && !w.into(below, locked, item.path, level+1) {
			return false
		}
	}
	return true
}

// foundFields is how many words stand before a name.
const foundFields = 12

func readFound(record string) (found, error) {
	words := strings.SplitN(record, " ", foundFields+1)
	if len(words) != foundFields+1 {
		return found{}, errGarbled
	}
	f := found{path: pathpkg.Clean(words[foundFields]), user: named(words[10]), group: named(words[11])}
	var err error
	if f.mode, err = strconv.ParseUint(words[0], 16, 32); err != nil {
		return found{}, errGarbled
	}
	for i := range f.numbers {
		f.numbers[i] = whole(words[1+i])
	}
	for i := range f.times {
		f.times[i], _ = strconv.ParseFloat(words[7+i], 64)
	}
	return f, nil
}

// named is a name as stat prints it; nobody has the one for an unknown number.
func named(s string) string {
	if s == "UNKNOWN" {
		return ""
	}
	return s
}

// matching are the things of a walk that meet the conditions, except for what
// can be said only by a file's content. An expression that is wrong ends it.
func (f *finding) matching(w *walked) []found {
	var out []found
	for _, item := range w.list {
		name := pathpkg.Base(item.path)
		if f.depth != 0 && item.level > f.depth || strings.HasPrefix(name, ".") && !f.call.Args.Bool("hidden") {
			continue
		}
		ok, err := f.wants(item, name, w.now)
		if err != nil {
			w.problem = err.Error()
			break
		}
		if ok {
			out = append(out, item)
		}
	}
	return out
}

func (f *finding) wants(item found, name string, now float64) (bool, error) {
	kinds := map[string]uint64{"file": typeFile, "directory": typeFolder, "link": typeLink}
	if kind, ok := kinds[f.call.Args.String("file_type")]; ok && item.mode&typeMask != kind {
		return false, nil
	}
	if in, err := anyMatches(f.patterns, name); err != nil || !in {
		return false, err
	}
	if out, err := anyMatches(f.excludes, name); err != nil || out {
		return false, err
	}
	for i, stamp := range timeNames {
		if stamp == f.call.Args.String("age_stamp") && !atLeast(now-item.times[i], f.age) {
			return false, nil
		}
	}
	if item.regular() && !atLeast(float64(item.numbers[2]), f.size) {
		return false, nil
	}
	if f.call.Args.String("file_type") == "file" {
		return true, f.contains.wrong
	}
	return true, nil
}

// atLeast holds a number against a bound; a negative one is an upper bound.
func atLeast(n float64, bound *int) bool {
	switch {
	case bound == nil:
		return true
	case *bound < 0:
		return n <= float64(-*bound)
	}
	return n >= float64(*bound)
}

func anyMatches(list []expression, name string) (bool, error) {
	for _, re := range list {
		if re.wrong != nil {
			return false, re.wrong
		}
		if m, err := re.Match(name); err != nil || m != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// contentAtOnce bounds how much is brought here in one go to be searched, in
// bytes; a larger file comes alone.
const contentAtOnce = 8 << 20

// read looks into the files where the conditions or the checksum ask for it.
func (f *finding) read(ctx context.Context, list []found) ([]found, error) {
	if f.contains.Regexp != nil && f.call.Args.String("file_type") == "file" {
		var err error
		if list, err = f.containing(ctx, list); err != nil {
			return nil, err
		}
	}
	if !f.call.Args.Bool("get_checksum") || f.call.Args.String("file_type") == "directory" || f.call.Args.String("file_type") == "link" {
		return list, nil
	}
	var files []int
	for i, item := range list {
		if item.regular() {
			files = append(files, i)
		}
	}
	sums, err := f.each(ctx, list, files, `s=$(sha1sum <"$f" 2>/dev/null); printf "%s\n" "${s%% *}"`)
	if err != nil {
		return nil, err
	}
	for n, i := range files {
		list[i].checksum = sums[n]
	}
	return list, nil
}

// containing are the files that contain the expression.
func (f *finding) containing(ctx context.Context, list []found) ([]found, error) {
	var out []found
	for from := 0; from < len(list); {
		var batch []int
		for size := 0; from < len(list) && (size == 0 || size+list[from].numbers[2] <= contentAtOnce); from++ {
			batch, size = append(batch, from), size+list[from].numbers[2]+1
		}
		texts, err := f.each(ctx, list, batch, `base64 <"$f" 2>/dev/null | tr -d "\n"; echo`)
		if err != nil {
			return nil, err
		}
		for n, i := range batch {
			data, err := base64.StdEncoding.DecodeString(texts[n])
			if err != nil {
				return nil, errGarbled
			}
			ok, err := f.inside(data)
			if err != nil {
				return nil, fmt.Errorf("cannot search %s: %w", list[i].path, err)
			}
			if ok {
				out = append(out, list[i])
			}
		}
	}
	return out, nil
}

// each runs a piece of sh for files, $f, which prints one line for each.
func (f *finding) each(ctx context.Context, list []found, files []int, piece string) ([]string, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var names bytes.Buffer
	for _, i := range files {
		names.WriteString(list[i].path)
		names.WriteByte(0)
	}
	script := "xargs -0 sh -c " + connection.Quote("for f do "+piece+"; done") + " sh"
	out, err := f.call.Host.Run(ctx, connection.Command{Script: script, Stdin: &names, Env: f.call.Env, Become: f.call.Become})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(out.Stdout), "\n"), "\n")
	if len(lines) != len(files) {
		return nil, errGarbled
	}
	return lines, nil
}

// decodedAtOnce is how much of a file Python decodes in one go, in bytes: lines
// of what comes before it are searched even where it is no UTF-8.
const decodedAtOnce = 8192

// inside searches a file's content as Python reads text: any line end is one,
// and from the first piece that is no UTF-8 on nothing is found.
func (f *finding) inside(data []byte) (bool, error) {
	whole := f.call.Args.Bool("read_whole_file")
	if bad := invalid(data); bad >= 0 {
		if whole {
			return false, nil
		}
		data = data[:bad/decodedAtOnce*decodedAtOnce]
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	if whole {
		m, err := f.contains.Search(text)
		return m != nil, err
	}
	for line := range strings.Lines(text) {
		if m, err := f.contains.Match(line); err != nil || m != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// invalid is where data stops to be UTF-8, -1 where it does not.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// result is a found file as Ansible returns it.
func (f found) result() *value.Map {
	m := value.NewMap("path", f.path, "mode", fmt.Sprintf("%04o", f.mode&0o7777))
	setKind(m, f.mode)
	for i, k := range []string{"uid", "gid", "size", "inode", "dev", "nlink"} {
		m.Set(k, f.numbers[i])
	}
	for i, k := range timeNames {
		m.Set(k, f.times[i])
	}
	m.Set("gr_name", f.group)
	m.Set("pw_name", f.user)
	setPermissions(m, f.mode)
	if f.checksum != "" {
		m.Set("checksum", f.checksum)
	}
	return m
}
