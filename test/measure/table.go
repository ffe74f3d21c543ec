package main

import (
	"errors"
	"fmt"
	"os"
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

// table prints the measurements of a file as Markdown, case by case, the wall
// time also as a multiple of the floor's for as many servers.
func table(args []string) error {
	if len(args) != 1 {
		return errors.New("table needs the file with the results")
	}
	rows, err := readRows(args[0])
	if err != nil {
		return err
	}
	var order []string
	cases := map[string][]row{}
	for _, r := range rows {
		if cases[r.What] == nil {
			order = append(order, r.What)
		}
		cases[r.What] = append(cases[r.What], r)
	}
	for _, what := range order {
		fmt.Printf("\n### %s\n\n| | servers | wall | × bare | API calls | CPU | memory |\n|---|---:|---:|---:|---:|---:|---:|\n", what)
		for _, r := range cases[what] {
			fmt.Println(r.markdown(cases[what]))
		}
	}
	return nil
}

// bare is the name of the floor in the results.
const bare = "bare"

func (r row) markdown(all []row) string {
	times := ""
	for _, floor := range all {
		if floor.Who == bare && floor.Count > 0 && r.Count > 0 && floor.Status == 0 {
			times = fmt.Sprintf("%.2f", r.Wall.Seconds()/float64(r.Count)/(floor.Wall.Seconds()/float64(floor.Count)))
		}
	}
	who := strings.ReplaceAll(r.Who, "|", `\|`)
	if r.Status != 0 {
		who += fmt.Sprintf(" (failed: %d)", r.Status)
	}
	return fmt.Sprintf("| %s | %d | %.2f s | %s | %d | %.2f s | %.0f MB |", who, r.Count,
		r.Wall.Seconds(), times, r.Calls, r.CPU.Seconds(), float64(r.Peak)/1024)
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
