package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// row is one measurement.
type row struct {
	What, Who string
	Count     int // servers
	Wall, CPU time.Duration
	Calls     int
	Peak      int // KiB
	Status    int // exit status
	spread    string
}

const form = "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n"

func (r row) append(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, form, r.What, r.Who, r.Count, r.Wall.Milliseconds(), r.Calls, r.CPU.Milliseconds(), r.Peak, r.Status)
	return errors.Join(err, file.Close())
}

func (r row) line() string {
	s := fmt.Sprintf("%-10s %-16s %3d servers %8.1f s wall %5d calls %7.2f s CPU %6.1f MB", r.What, r.Who, r.Count,
		r.Wall.Seconds(), r.Calls, r.CPU.Seconds(), float64(r.Peak)/1024)
	if r.Status != 0 {
		s += fmt.Sprintf("  FAILED (%d)", r.Status)
	}
	return s
}

// table prints the measurements of a file as Markdown, case by case: of several
// runs the one whose wall time is the median, the wall time also as a multiple
// of the floor's for as many servers.
func table(args []string) error {
	if len(args) != 1 {
		return errors.New("table needs the file with the results")
	}
	rows, err := readRows(args[0])
	if err != nil {
		return err
	}
	for _, runs := range grouped(rows, func(r row) string { return r.What }) {
		fmt.Printf("\n### %s\n\n| | servers | wall | × bare | API calls | CPU | memory |\n|---|---:|---:|---:|---:|---:|---:|\n", runs[0].What)
		var medians []row
		for _, same := range grouped(runs, func(r row) string { return fmt.Sprint(r.Who, r.Count, r.Status) }) {
			medians = append(medians, median(same))
		}
		for _, r := range medians {
			fmt.Println(r.markdown(medians))
		}
	}
	return nil
}

// grouped puts rows of one key together, in the order of their first.
func grouped(rows []row, key func(row) string) [][]row {
	var out [][]row
	place := map[string]int{}
	for _, r := range rows {
		i, ok := place[key(r)]
		if !ok {
			i = len(out)
			place[key(r)], out = i, append(out, nil)
		}
		out[i] = append(out[i], r)
	}
	return out
}

func median(runs []row) row {
	runs = slices.SortedFunc(slices.Values(runs), func(a, b row) int { return cmp.Compare(a.Wall, b.Wall) })
	out := runs[(len(runs)-1)/2]
	if len(runs) > 1 {
		out.spread = fmt.Sprintf(" (%.2f–%.2f)", runs[0].Wall.Seconds(), runs[len(runs)-1].Wall.Seconds())
	}
	return out
}

// bare is the name of the floor in the results.
const bare = "bare"

func (r row) markdown(all []row) string {
	times := ""
	for _, floor := range all {
		if floor.Who == bare && floor.Status == 0 && r.Status == 0 && floor.Count > 0 && r.Count > 0 {
			times = fmt.Sprintf("%.2f", r.Wall.Seconds()/float64(r.Count)/(floor.Wall.Seconds()/float64(floor.Count)))
		}
	}
	who := r.Who
	if r.Status != 0 {
		who += fmt.Sprintf(" (failed: %d)", r.Status)
	}
	return fmt.Sprintf("| %s | %d | %.2f s%s | %s | %d | %.2f s | %.0f MB |", who, r.Count,
		r.Wall.Seconds(), r.spread, times, r.Calls, r.CPU.Seconds(), float64(r.Peak)/1024)
}

func readRows(path string) ([]row, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []row
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 8 {
			return nil, fmt.Errorf("cannot read %s: %q has not 8 fields", path, line)
		}
		var r row
		var wall, cpu int64
		if _, err := fmt.Sscan(strings.Join(f[2:], " "), &r.Count, &wall, &r.Calls, &cpu, &r.Peak, &r.Status); err != nil {
			return nil, fmt.Errorf("cannot read %s: %q: %w", path, line, err)
		}
		r.What, r.Who = f[0], f[1]
		r.Wall, r.CPU = time.Duration(wall)*time.Millisecond, time.Duration(cpu)*time.Millisecond
		rows = append(rows, r)
	}
	return rows, nil
}
